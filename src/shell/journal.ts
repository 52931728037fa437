/**
 * Facts become log lines and counters here, from one table, so that the two cannot disagree. `info` is what an
 * operator would tell a colleague, `debug` one line per decision, `trace` one per packet.
 */
import type { Logger } from 'pino';
import type { Fact } from '../agent/types.ts';
import type { Address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import type { ShellFact } from './facts.ts';

export type Noted = Fact | ShellFact;

export interface Journal {
  note(fact: Noted): void;
  /** Counts a packet; a line at `trace`. */
  packet(direction: 'received' | 'sent', peer: Address, bytes: number): void;
  /** Since the start, by name; every counter of the table is there from the beginning. */
  readonly counters: ReadonlyMap<string, number>;
  /** What each counter counts, as a clause without a full stop. */
  readonly counterHelp: ReadonlyMap<string, string>;
}

/** `rarely`: a stranger could cause any number of these, so one in ten seconds is a warning, the rest is debug. */
type Level = 'fatal' | 'warn' | 'info' | 'debug' | 'rarely';
type Room = 'swim' | 'serf' | 'checks' | 'agent' | 'shell';
type Fields<F> = readonly Exclude<keyof F, 'kind'>[];
type Row<F> = readonly [room: Room, level: Level, sentence: string, counter: string, fields: Fields<F>];
type Table = { readonly [K in Noted['kind']]: Row<Extract<Noted, { kind: K }>> };

/** One line per fact: a new one does not compile without it. Only fields named here are ever logged. */
export const JOURNAL: Table = {
  probeFailed: ['swim', 'debug', 'probe failed', 'probes_failed', ['node', 'awareness']],
  probeSavedByStream: ['swim', 'debug', 'probe was saved by TCP', 'probes_saved_by_stream', ['node']],
  linkOneSided: [
    'swim',
    'warn',
    'member answers others but not our own pings: the way there is cut in one direction',
    'links_one_sided',
    ['node', 'rounds', 'by'],
  ],
  linkRestored: ['swim', 'info', 'member answers our own pings again', 'links_restored', ['node']],
  memberSuspected: ['swim', 'info', 'member suspected', 'members_suspected', ['node', 'by', 'incarnation']],
  suspicionConfirmed: [
    'swim',
    'debug',
    'suspicion confirmed',
    'suspicions_confirmed',
    ['node', 'by', 'confirmations'],
  ],
  suspicionLifted: ['swim', 'info', 'suspicion lifted', 'suspicions_lifted', ['node', 'incarnation']],
  suspicionRefuted: [
    'swim',
    'warn',
    'suspicion of this node refuted',
    'suspicions_refuted',
    ['by', 'incarnation'],
  ],
  memberDeclaredDead: [
    'swim',
    'debug',
    'member declared dead',
    'members_declared_dead',
    ['node', 'by', 'incarnation', 'left'],
  ],
  accusationRefused: [
    'swim',
    'rarely',
    'too many accusations from one address',
    'accusations_refused',
    ['node', 'by', 'source'],
  ],
  incarnationRaised: ['swim', 'debug', 'incarnation raised', 'incarnations_raised', ['node', 'incarnation']],
  memberReturned: ['swim', 'debug', 'member returned', 'members_returned', ['node', 'incarnation']],
  memberAppeared: ['swim', 'debug', 'member appeared', 'members_appeared', ['node', 'address']],
  memberForgotten: ['swim', 'debug', 'member forgotten', 'members_forgotten', ['node']],
  nameContested: [
    'swim',
    'rarely',
    'two nodes claimed one name',
    'names_contested',
    ['node', 'held', 'claimed'],
  ],
  nameReclaimed: [
    'swim',
    'info',
    'member moved: nobody answered at its old address',
    'names_reclaimed',
    ['node', 'held', 'claimed'],
  ],
  addressChanged: [
    'swim',
    'warn',
    'our address changed: the others are told',
    'addresses_changed',
    ['held', 'address'],
  ],
  newcomerSilent: [
    'swim',
    'rarely',
    'a newcomer does not answer: it is not announced',
    'newcomers_silent',
    ['node', 'address'],
  ],
  exiled: [
    'swim',
    'warn',
    'a peer took an accusation of this node that nothing can outbid: keeping quiet until it is forgotten',
    'exiles',
    ['incarnation', 'source'],
  ],
  exileEnded: ['swim', 'info', 'announced anew', 'exiles_ended', ['incarnation']],
  rumorRefused: ['swim', 'rarely', 'rumor refused', 'rumors_refused', ['node', 'why', 'source']],
  awarenessChanged: ['swim', 'debug', 'own health score changed', 'awareness_changes', ['score']],
  stalled: ['swim', 'warn', 'this process was stalled', 'stalls', ['lateness']],

  intentRefused: ['serf', 'debug', 'intent refused', 'intents_refused', ['node', 'why']],
  clockRefused: [
    'serf',
    'rarely',
    'implausible clock refused',
    'clocks_refused',
    ['clock', 'ltime', 'ours', 'source'],
  ],
  queryRefused: ['serf', 'rarely', 'query was not answered', 'queries_refused', ['name', 'from', 'why']],
  responseRefused: ['serf', 'debug', 'answer refused', 'responses_refused', ['from', 'why']],
  relayRefused: ['serf', 'rarely', 'nothing was sent on for another', 'relays_refused', ['to', 'why']],
  keysChanged: ['serf', 'warn', 'gossip keys changed', 'keys_changed', ['change', 'key', 'by']],
  keyChangeRefused: [
    'serf',
    'warn',
    'a change of the gossip keys was refused',
    'key_changes_refused',
    ['change', 'by', 'why'],
  ],
  keyWorn: [
    'serf',
    'warn',
    'the gossip key has sealed so much that a new one should be used: hearsay keys',
    'keys_worn',
    ['key', 'seals', 'members'],
  ],
  nameVote: [
    'serf',
    'warn',
    'members were asked whose our name is',
    'name_votes',
    ['node', 'ours', 'others'],
  ],
  eventsThrottled: [
    'serf',
    'rarely',
    'a peer brought more events than it should: dropped the rest',
    'events_throttled',
    ['from'],
  ],
  falseLeaveRefuted: ['serf', 'warn', 'a leave in our name was refuted', 'false_leaves_refuted', ['ltime']],
  memberReaped: ['serf', 'info', 'member reaped', 'members_reaped', ['node', 'status']],
  reconnecting: ['serf', 'debug', 'tried to reach a failed member', 'reconnects', ['node']],
  lanePruned: ['serf', 'rarely', 'lane was full, oldest dropped', 'lanes_pruned', ['lane', 'dropped']],

  serviceRegistered: [
    'checks',
    'info',
    'service registered',
    'services_registered',
    ['service', 'name', 'again'],
  ],
  serviceDeregistered: [
    'checks',
    'info',
    'service deregistered',
    'services_deregistered',
    ['service', 'name'],
  ],
  checkRegistered: ['checks', 'debug', 'check registered', 'checks_registered', ['check', 'service']],
  checkDeregistered: ['checks', 'debug', 'check deregistered', 'checks_deregistered', ['check', 'service']],
  checkRefused: [
    'checks',
    'rarely',
    'a registration was refused',
    'checks_refused',
    ['check', 'service', 'why'],
  ],
  checkChanged: ['checks', 'info', 'check changed', 'checks_changed', ['check', 'service', 'from', 'to']],
  checkExpired: ['checks', 'info', 'check was silent for too long', 'checks_expired', ['check', 'service']],
  checkOverdue: ['checks', 'info', 'check did not finish in time', 'checks_overdue', ['check', 'service']],
  serviceReaped: [
    'checks',
    'warn',
    'service removed: critical for too long',
    'services_reaped',
    ['service', 'name', 'check'],
  ],
  maintenanceChanged: [
    'checks',
    'info',
    'maintenance changed',
    'maintenance_changes',
    ['service', 'on', 'reason'],
  ],
  serviceDrained: ['checks', 'info', 'draining changed', 'drains', ['service', 'on']],
  rememberedRefused: [
    'checks',
    'warn',
    'something remembered could not be taken up again',
    'remembered_refused',
    ['what', 'why'],
  ],
  agentStarted: ['agent', 'info', 'agent started', 'starts', ['node', 'address', 'encrypted']],
  packetRejected: ['agent', 'rarely', 'packet rejected', 'packets_rejected', ['from', 'code', 'detail']],
  streamRejected: ['agent', 'rarely', 'stream rejected', 'streams_rejected', ['from', 'code', 'detail']],
  streamRefused: ['agent', 'rarely', 'stream refused', 'streams_refused', ['from', 'why']],
  syncFinished: ['agent', 'debug', 'push/pull finished', 'syncs_finished', ['peer', 'join', 'nodes']],
  syncFailed: ['agent', 'info', 'push/pull failed', 'syncs_failed', ['peer', 'join', 'why']],
  memberJoined: ['agent', 'info', 'member joined', 'members_joined', ['node', 'address']],
  memberUpdated: ['agent', 'info', 'member updated', 'members_updated', ['node']],
  memberLeaving: ['agent', 'debug', 'member announced its leave', 'members_leaving', ['node']],
  memberLeft: ['agent', 'info', 'member left', 'members_left', ['node']],
  memberFailed: ['agent', 'warn', 'member failed', 'members_failed', ['node']],
  eventHeard: ['agent', 'debug', 'user event heard', 'events_heard', ['name', 'ltime', 'bytes']],
  nameLost: [
    'agent',
    'fatal',
    'most members know another node by our name: stopped; choose another name',
    'names_lost',
    ['node', 'other'],
  ],
  outlookClouded: [
    'agent',
    'warn',
    'members are missing',
    'outlooks_clouded',
    ['says', 'known', 'visible', 'side', 'network', 'sentence'],
  ],
  outlookCleared: ['agent', 'info', 'no member is missing any more', 'outlooks_cleared', ['known']],
  leaveStarted: ['agent', 'info', 'leave started', 'leaves_started', []],
  leaveFinished: ['agent', 'info', 'leave finished', 'leaves_finished', ['spread']],

  packetUnsent: ['shell', 'rarely', 'packet could not be sent', 'packets_unsent', ['to', 'code']],
  socketFailed: ['shell', 'rarely', 'socket reported an error', 'sockets_failed', ['socket', 'code']],
  receiveBufferSmall: [
    'shell',
    'debug',
    'the kernel granted a smaller receive buffer',
    'receive_buffers_small',
    ['bytes', 'asked'],
  ],
  snapshotQuarantined: [
    'shell',
    'warn',
    'file of the data directory was damaged: set aside, started without it',
    'snapshots_quarantined',
    ['file', 'why'],
  ],
  storageFailed: [
    'shell',
    'warn',
    'data directory cannot be used, state is in memory only until it can',
    'storage_failures',
    ['why'],
  ],
  storageRecovered: ['shell', 'info', 'data directory can be used again', 'storage_recoveries', []],
  storageUnlocked: [
    'shell',
    'warn',
    'data directory cannot be locked: see to it that no other agent uses it',
    'storage_unlocked',
    ['why'],
  ],
  keyringExposed: [
    'shell',
    'warn',
    'keyring can be read by other users: chmod 600 it',
    'keyrings_exposed',
    ['file'],
  ],
  handlerRan: ['shell', 'debug', 'handler ran', 'handlers_run', ['handler', 'event', 'millis']],
  handlerFailed: ['shell', 'rarely', 'handler failed', 'handlers_failed', ['handler', 'event', 'why']],
  handlerDropped: [
    'shell',
    'rarely',
    'handler is slower than what it is told: dropped the oldest',
    'handler_news_dropped',
    ['handler', 'event'],
  ],
  recordingStarted: [
    'shell',
    'info',
    'everything this agent hears and decides is recorded',
    'recordings_started',
    ['file', 'redacted'],
  ],
  recordingFull: [
    'shell',
    'warn',
    'recording is full: what comes now is not in it',
    'recordings_full',
    ['file', 'bytes'],
  ],
  recordingFailed: [
    'shell',
    'warn',
    'recording ended: its file cannot be written',
    'recordings_failed',
    ['file', 'why'],
  ],
  httpFailed: [
    'shell',
    'rarely',
    'an HTTP request failed by our own fault',
    'http_failures',
    ['why', 'stack'],
  ],
  agentCrashed: ['shell', 'fatal', 'an impossible state ended the agent', 'crashes', ['why', 'stack']],
};

const RARELY: Millis = 10_000;
const TRAFFIC = [
  ['packets_received', 'Datagrams received'],
  ['packets_sent', 'Datagrams sent'],
  ['bytes_received', 'Bytes of datagrams received'],
  ['bytes_sent', 'Bytes of datagrams sent'],
] as const;
const COUNTER_HELP: ReadonlyMap<string, string> = new Map([
  ...Object.values(JOURNAL).map(([room, , sentence, counter]) => [counter, `${room}: ${sentence}`] as const),
  ...TRAFFIC,
]);
/** A field longer than this was not meant to be read. */
const LONGEST_FIELD = 1024;

export function createJournal(logger: Logger, now: () => Millis = () => performance.now()): Journal {
  const counters = new Map<string, number>();
  const count = (name: string, by = 1): void => void counters.set(name, (counters.get(name) ?? 0) + by);
  for (const counter of COUNTER_HELP.keys()) counters.set(counter, 0);
  const quiet = new Quiet(now);
  return {
    counters,
    counterHelp: COUNTER_HELP,
    note: (fact) => {
      const [room, loudness, sentence, counter, fields] = JOURNAL[fact.kind] as Row<Noted>;
      count(counter);
      const { level, unsaid } =
        loudness === 'rarely' ? quiet.next(fact.kind) : { level: loudness, unsaid: 0 };
      if (!logger.isLevelEnabled(level)) return;
      const line: Record<string, unknown> = { room, ...pick(fact, fields) };
      if (unsaid > 0) line['unsaid'] = unsaid;
      logger[level](line, sentence);
    },
    packet: (direction, peer, bytes) => {
      count(`packets_${direction}`);
      count(`bytes_${direction}`, bytes);
      if (logger.isLevelEnabled('trace'))
        logger.trace({ room: 'shell', peer: peer.key, bytes }, `packet ${direction}`);
    },
  };
}

/** Lets one line of a kind be loud, then keeps that kind down for a while and counts what was not said. */
class Quiet {
  readonly #now: () => Millis;
  readonly #kinds = new Map<string, { until: Millis; unsaid: number }>();

  constructor(now: () => Millis) {
    this.#now = now;
  }

  next(kind: string): { level: 'warn' | 'debug'; unsaid: number } {
    const now = this.#now();
    const held = this.#kinds.get(kind);
    if (held !== undefined && now < held.until) {
      held.unsaid += 1;
      return { level: 'debug', unsaid: 0 };
    }
    this.#kinds.set(kind, { until: now + RARELY, unsaid: 0 });
    return { level: 'warn', unsaid: held?.unsaid ?? 0 };
  }
}

function pick(fact: Noted, fields: readonly string[]): Record<string, unknown> {
  const source = fact as unknown as Readonly<Record<string, unknown>>;
  const picked: Record<string, unknown> = {};
  for (const field of fields) {
    const value = source[field];
    picked[field] = typeof value === 'string' ? printable(value) : value;
  }
  return picked;
}

/** Names come from strangers: nothing in them may move a cursor, end a line or turn writing round. */
export function printable(text: string): string {
  const short = text.length > LONGEST_FIELD ? `${text.slice(0, LONGEST_FIELD)}…` : text;
  return short.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
}
