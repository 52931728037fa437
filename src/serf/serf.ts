/**
 * Serf's conductor: what swim saw, what others sent and what the operator wants, each to the mechanism that knows.
 * Membership, events, queries, coordinates and push/pull state keep what they know in their own files.
 */
import type { Address } from '../base/address.ts';
import { copyBytes, NO_BYTES } from '../base/bytes.ts';
import { AgentError, WireError } from '../base/errors.ts';
import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import type { SerfConfig } from '../config/protocol.ts';
import type { BroadcastQueue } from '../swim/broadcasts.ts';
import type { MemberEvent } from '../swim/types.ts';
import type { Keyring } from '../wire/keyring.ts';
import { decodeSerf, type SerfState, type UserEvent } from '../wire/serf.ts';
import { Coordinates } from './coordinates.ts';
import { MAX_EVENT_BYTES, UserEventBuffer } from './events.ts';
import type { LamportClock } from './lamport.ts';
import { type Intent, MAX_INTENT_BYTES } from './membership/intents.ts';
import { type BroadcastHandle, Membership } from './membership/membership.ts';
import { pruneLanes, QUEUE_CHECK_INTERVAL, reconnectCandidate } from './membership/reaper.ts';
import { NameConflictVote } from './name-conflict-vote.ts';
import { encodeLocalState, impliedIntents, readState } from './push-pull-state.ts';
import type { InternalQueryHandler } from './queries/internal.ts';
import { KeyQueryHandler } from './queries/keys.ts';
import { Queries } from './queries/queries.ts';
import { createSourceLimiter } from './source-limit.ts';
import type {
  PendingQuery,
  QueryDefinition,
  QueryId,
  QueryReport,
  ReceivedUserEvent,
  SerfEffect,
  SerfFact,
  SerfView,
} from './types.ts';

export interface SerfOptions {
  readonly name: string;
  /** What others dial: answers to our queries come there. */
  /** Where answers to queries go; it may change. */
  readonly address: () => Address;
  readonly config: SerfConfig;
  readonly gossipInterval: Millis;
  readonly keyring: Keyring;
  /** Each change of the keys is to be kept. */
  readonly persistsKeys: boolean;
  /** Answers internal queries that are not Serf's. */
  readonly handleInternalQuery?: InternalQueryHandler;
  readonly rng: Rng;
  readonly now: Millis;
  /** Bodies of user messages, without memberlist's type octet 8: the landing puts it in front. */
  readonly lanes: {
    readonly intents: BroadcastQueue;
    readonly queries: BroadcastQueue;
    readonly events: BroadcastQueue;
  };
  /** `Serf.clocks` of an earlier life: witnessed, and events and queries from before them are old news. */
  readonly clocks?: LamportTimes;
}

export interface LamportTimes {
  readonly member: number;
  readonly event: number;
  readonly query: number;
}

type LamportTimeRefused = Extract<SerfFact, { kind: 'lamportTimeRefused' }>;
type Timer = 'reap' | 'reconnect' | 'queues';

export class Serf {
  readonly coordinates: Coordinates;
  readonly #options: SerfOptions;
  readonly #membership: Membership;
  readonly #events: UserEventBuffer;
  readonly #queries: Queries;
  readonly #keys: KeyQueryHandler;
  readonly #nameConflictVote: NameConflictVote;
  readonly #sourceLimiter = createSourceLimiter();
  readonly #timers = new Timers<Timer>();

  constructor(options: SerfOptions) {
    const { name: self, address, config, lanes, clocks, now, gossipInterval } = options;
    this.#options = options;
    this.coordinates = new Coordinates(options.rng.fork());
    this.#membership = new Membership({
      self,
      config,
      intents: lanes.intents,
      coordinates: this.coordinates,
    });
    this.#events = new UserEventBuffer(config.eventBuffer);
    this.#keys = new KeyQueryHandler(options.keyring, options.persistsKeys);
    this.#queries = new Queries({
      self,
      address,
      statuses: this.#membership.statuses,
      rng: options.rng,
      buffer: config.eventBuffer,
      gossipInterval,
      keys: this.#keys,
      handleInternalQuery: options.handleInternalQuery ?? (() => undefined),
    });
    this.#nameConflictVote = new NameConflictVote(self, address);
    if (clocks !== undefined) this.#restore(clocks);
    this.#timers.set('reap', now + config.reapInterval);
    this.#timers.set('reconnect', now + config.reconnectInterval);
    this.#timers.set('queues', now + QUEUE_CHECK_INTERVAL);
  }

  get view(): SerfView {
    return this.#membership.statuses;
  }

  /** The next stamps. */
  get clocks(): LamportTimes {
    return {
      member: this.#membership.clock.time,
      event: this.#events.clock.time,
      query: this.#queries.clock.time,
    };
  }

  get deadline(): Millis {
    return Math.min(this.#timers.deadline, this.#membership.deadline, this.#queries.deadline);
  }

  /** User events heard lately, oldest first. */
  get recentEvents(): readonly ReceivedUserEvent[] {
    return this.#events.recent;
  }

  /** Queries of others that wait for an answer of a program here. */
  get pendingQueries(): readonly PendingQuery[] {
    return this.#queries.pending;
  }

  /** How long a query waits for answers unless told. */
  get defaultQueryTimeout(): Millis {
    return this.#queries.defaultTimeout;
  }

  /** A query of ours, for a minute after it was over. */
  queryReport(id: QueryId): QueryReport | undefined {
    return this.#queries.report(id);
  }

  /** What swim saw. Serf must hear of our own member before anything else. */
  handleMemberEvent(event: MemberEvent, now: Millis, out: SerfEffect[]): void {
    this.#membership.handleMemberEvent(event, now, out);
    const { name, config } = this.#options;
    if (config.nameVote && event.kind === 'nameConflict' && event.member.identity.name === name)
      this.#nameConflictVote.onConflict(event.other, now, (question) => this.query(question, now, out));
  }

  /**
   * The body of a user message, Serf's type octet first. Throws `WireError` if it is malformed or of a type that
   * is not Serf's; then nothing changed. News is passed on as the exact octets that came. `from` is who brought it.
   */
  receive(body: Uint8Array, now: Millis, out: SerfEffect[], from = ''): void {
    if (body.length === 0) return; // agents pass over it in silence
    const message = decodeSerf(body);
    const { events, queries } = this.#options.lanes;
    switch (message.kind) {
      case 'joinIntent':
      case 'leaveIntent':
        return this.#handleIntent(message, body, now, out, from);
      case 'userEvent':
        checkSize(body, MAX_EVENT_BYTES);
        if (!acceptStamp('event', this.#events.clock, message.ltime, recordWithSource(out, from))) return;
        if (
          this.#events.handleUserEvent(toReceivedUserEvent(message), out, () =>
            this.#canAccept(from, now, out),
          )
        )
          events.enqueue(copyBytes(body));
        return;
      case 'query':
        checkSize(body, MAX_EVENT_BYTES);
        if (!acceptStamp('query', this.#queries.clock, message.ltime, recordWithSource(out, from))) return;
        if (this.#queries.handleQuery(message, now, out, () => this.#canAccept(from, now, out)))
          queries.enqueue(copyBytes(body));
        return;
      case 'queryResponse':
        this.#queries.handleResponse(message, now, out);
        return this.#countVotes(out);
      case 'relay':
        return this.#queries.relay(message, out);
      case 'unknown':
        throw new WireError('unknownType', `Serf message type ${message.type}`);
    }
  }

  /** Our part of a push/pull: type octet, body. `summary` is the catalogue's word, carried along unread. */
  localState(summary: Uint8Array = NO_BYTES): Uint8Array {
    return encodeLocalState(this.#membership.statuses, this.clocks, this.#events, summary);
  }

  /**
   * Takes over what another's push/pull says, after swim has merged the members. `join`: we dialed in order to
   * join, so what happened there before is old news. Empty is fine. Returns the summary it carried, as a view.
   * Throws `WireError`; then nothing changed.
   *
   * Source: serf delegate.go, MergeRemoteState.
   */
  mergeRemoteState(userState: Uint8Array, join: boolean, now: Millis, out: SerfEffect[]): Uint8Array {
    const state = readState(userState);
    if (state === undefined) return NO_BYTES;
    const note = oncePerClock(out);
    this.#witnessState(state, note);
    for (const intent of impliedIntents(state, this.#membership.statuses))
      if (acceptStamp('member', this.#membership.clock, intent.ltime, note))
        this.#membership.handleIntent(intent, now, out);
    if (join && this.#events.clock.isPlausible(state.eventLTime)) this.#events.ignoreBefore(state.eventLTime);
    for (const bucket of state.events) {
      if (bucket === undefined || !acceptStamp('event', this.#events.clock, bucket.ltime, note)) continue;
      for (const { name, payload } of bucket.events)
        this.#events.handleUserEvent({ ltime: bucket.ltime, name, payload, coalesce: false }, out);
    }
    return state.summary;
  }

  /** The catalogue's word in another's state, as a view; empty if there is none, or nothing readable at all. */
  readSummary(userState: Uint8Array): Uint8Array {
    try {
      return readState(userState)?.summary ?? NO_BYTES;
    } catch (error) {
      if (error instanceof WireError) return NO_BYTES;
      throw error;
    }
  }

  /** A seed answered, and our clock has caught up with its: tell all that we are here. */
  broadcastJoin(now: Millis, out: SerfEffect[]): void {
    if (!this.#membership.leaving) this.#membership.broadcastJoin(now, out);
  }

  /** Tells all that we leave. `finished` once that was sent often enough, or at once if nobody is there to hear. */
  leave(now: Millis, out: SerfEffect[]): BroadcastHandle {
    return this.#membership.leave(now, out);
  }

  /**
   * The operator's force-leave: what failed becomes left, everywhere; with `prune` it is erased as well. A member
   * that is alive will object. Throws `AgentError`; then nothing changed.
   */
  forceLeave(node: string, prune: boolean, now: Millis, out: SerfEffect[]): void {
    if (this.view.get(node) === undefined)
      throw new AgentError('notFound', `no member is called ${node}: see the list of members`);
    if (node === this.#options.name)
      throw new AgentError('conflict', `${node} is this agent itself: let it leave instead`);
    this.#membership.broadcastLeave(node, prune, now, out);
  }

  /** Fires a user event; gives what was told here. Throws `AgentError`; then nothing changed. */
  fire(name: string, payload: Uint8Array, coalesce: boolean, out: SerfEffect[]): ReceivedUserEvent {
    const { lanes, config } = this.#options;
    const body = this.#events.fire(name, payload, coalesce, config.eventBytes, out);
    lanes.events.enqueue(body);
    return this.#events.recent.at(-1) as ReceivedUserEvent;
  }

  /**
   * Asks all members a query, ourselves included; `enough` ends it before its time. What comes of it is told by
   * `answered` effects. Throws `AgentError`; then nothing changed.
   */
  query(
    question: QueryDefinition,
    now: Millis,
    out: SerfEffect[],
    enough?: (question: QueryReport) => boolean,
  ): QueryReport {
    const { body, asked } = this.#queries.query(question, now, out, enough);
    this.#options.lanes.queries.enqueue(body);
    return this.queryReport(asked.id) ?? asked;
  }

  /** A program here answers a query. Throws `AgentError`; then nothing changed. */
  respond(id: QueryId, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    this.#queries.respond(id, payload, now, out);
  }

  /** The keys of a `keepKeys` effect are kept, or are not. */
  onKeysStored(ticket: number, error: string | undefined, now: Millis, out: SerfEffect[]): void {
    this.#keys.onStored(ticket, error, now, out);
  }

  tick(now: Millis, out: SerfEffect[]): void {
    this.#queries.tick(now, out);
    this.#countVotes(out);
    for (let due = this.#timers.pop(now); due !== undefined; due = this.#timers.pop(now))
      this.#onTimer(due, now, out);
    this.#membership.tick(now, out);
  }

  #onTimer(timer: Timer, now: Millis, out: SerfEffect[]): void {
    const { config, lanes } = this.#options;
    switch (timer) {
      case 'reap':
        this.#timers.set(timer, now + config.reapInterval);
        return this.#membership.reap(now, out);
      case 'reconnect':
        this.#timers.set(timer, now + config.reconnectInterval);
        return this.#reconnect(out);
      case 'queues':
        this.#timers.set(timer, now + QUEUE_CHECK_INTERVAL);
        for (const fact of pruneLanes(lanes, config.maxQueueDepth)) out.push({ kind: 'fact', fact });
        return;
    }
  }

  /** Has `from` brought no more news than an honest peer forwards? */
  #canAccept(from: string, now: Millis, out: SerfEffect[]): boolean {
    const acquisition = this.#sourceLimiter.acquire(from, now);
    if (acquisition === 'exhausted') out.push({ kind: 'fact', fact: { kind: 'eventsRateLimited', from } });
    return acquisition === 'granted';
  }

  #reconnect(out: SerfEffect[]): void {
    if (this.#membership.leaving) return;
    const held = reconnectCandidate(this.#membership.statuses, this.#options.name, this.#options.rng);
    if (held === undefined) return;
    out.push({ kind: 'fact', fact: { kind: 'reconnectAttempted', node: held.name } });
    out.push({ kind: 'reconnect', name: held.name, to: held.member.identity.address });
  }

  /** Is a vote about our own name among the queries that are over? */
  #countVotes(out: SerfEffect[]): void {
    for (const effect of [...out])
      if (effect.kind === 'queryUpdated') this.#nameConflictVote.countVotes(effect.report, out);
  }

  #handleIntent(intent: Intent, body: Uint8Array, now: Millis, out: SerfEffect[], from: string): void {
    checkSize(body, MAX_INTENT_BYTES);
    if (!acceptStamp('member', this.#membership.clock, intent.ltime, recordWithSource(out, from))) return;
    if (this.#membership.handleIntent(intent, now, out))
      // Differs: named, so a newer intent replaces an older one of the same member in our queue.
      this.#options.lanes.intents.enqueue(copyBytes(body), intent.node);
  }

  /** The clocks in a state are the next stamps, which nobody has given yet. */
  #witnessState(state: SerfState, note: RecordRefusal): void {
    const theirs = [
      ['member', this.#membership.clock, state.ltime],
      ['event', this.#events.clock, state.eventLTime],
      ['query', this.#queries.clock, state.queryLTime],
    ] as const;
    for (const [name, clock, next] of theirs)
      if (next > 0 && acceptStamp(name, clock, next - 1, note)) clock.witness(next - 1);
  }

  #restore(clocks: LamportTimes): void {
    this.#membership.clock.witness(clocks.member);
    this.#events.clock.witness(clocks.event);
    this.#events.ignoreBefore(clocks.event);
    this.#queries.clock.witness(clocks.query);
    this.#queries.ignoreBefore(clocks.query);
  }
}

const toReceivedUserEvent = ({ ltime, name, payload, cc }: UserEvent): ReceivedUserEvent => ({
  ltime,
  name,
  payload,
  coalesce: cc,
});

type RecordRefusal = (fact: LamportTimeRefused) => void;

/** May this stamp be believed? If not, a fact says so. */
function acceptStamp(
  name: keyof LamportTimes,
  clock: LamportClock,
  ltime: number,
  note: RecordRefusal,
): boolean {
  if (clock.isPlausible(ltime)) return true;
  note({ kind: 'lamportTimeRefused', clock: name, ltime, local: clock.time });
  return false;
}

const recordWithSource =
  (out: SerfEffect[], from: string): RecordRefusal =>
  (fact) => {
    out.push({ kind: 'fact', fact: from === '' ? fact : { ...fact, source: from } });
  };

/** A push/pull can hold a million wild stamps; the first of each clock is enough to tell of. */
function oncePerClock(out: SerfEffect[]): RecordRefusal {
  const seen = new Set<string>();
  return (fact) => {
    if (!seen.has(fact.clock)) out.push({ kind: 'fact', fact });
    seen.add(fact.clock);
  };
}

function checkSize(body: Uint8Array, bytes: number): void {
  if (body.length > bytes) throw new WireError('tooLarge', `${body.length} bytes where ${bytes} may stand`);
}
