/**
 * The last incident of a member: its latest accusation and how that ended, reconstructed from what several agents report.
 * It does not depend on the member's row, which may have been dropped and added again meanwhile.
 */
import type { Millis } from '../../base/time.ts';
import type { ClosedReason, ProbeReason, StreamFailure } from '../../swim/types.ts';
import type { AttributedEntry } from '../contract/evidence.ts';

/** The times of other agents are known no better than this. */
export const SLACK: Millis = 3_000;

/** Accounts that tell of one incident begin no further apart than this, while none tells of its end. */
const SAME_INCIDENT: Millis = 30_000;

/** How long before an accusation its probe began, where nothing is known of it. */
const ONE_PROBE: Millis = 1000;

export interface Stall {
  readonly lateness: Millis;
  /** When the stall was over. */
  readonly at: Millis;
}

/** A probe in vain, and when it was over. */
export interface SeenProbe {
  readonly reason: ProbeReason;
  readonly at: Millis;
}

export interface Incident {
  /** The first accuser, as far as is known. */
  readonly initiator: string;
  readonly accusedAt: Millis;
  /** When the first probe in vain began, as far as is known. */
  readonly probedFrom: Millis;
  /** Which agent declared the member failed, and when; `undefined`: none did. */
  readonly death: { readonly by: string; readonly at: Millis } | undefined;
  /** The refutation, or the member's return. */
  readonly end: AttributedEntry | undefined;
  /** The failed probe of each agent that reports one. */
  readonly probes: ReadonlyMap<string, SeenProbe>;
  /** Agents whose own suspicion ran out: they pinged the member themselves before they declared it failed. */
  readonly verifiers: ReadonlySet<string>;
  /** Agents that report that they held the member as down, also on the word of another. */
  readonly holders: ReadonlySet<string>;
  /** Agents that were told of an accusation in their own name which they did not make in this life. */
  readonly disowners: ReadonlySet<string>;
  /** What the stream pings met that says most about the member; `undefined`: there was none. */
  readonly contact: StreamFailure | undefined;
  /** What watchers found whose connections to the member closed; the account of most of them. */
  readonly closed: ClosedReason | undefined;
  /** For each agent that accused because of a push/pull: the peer that reported the member as down. */
  readonly pushPullSources: ReadonlyMap<string, string>;
  /** All stalls of each agent that are known. */
  readonly stalls: ReadonlyMap<string, readonly Stall[]>;
  /** When each agent was started. */
  readonly startTimes: ReadonlyMap<string, Millis>;
  /** The address that the first accusation came from, if it came as a message. */
  readonly source: string | undefined;
}

/** `undefined`: the member was not accused. `entries` are in order of time. */
export function lastIncident(
  entries: readonly AttributedEntry[],
  node: string,
  self: string,
): Incident | undefined {
  const accounts = concurrentAccounts(entries);
  const account = chooseAccount(accounts, node, self);
  if (account === undefined) return undefined;
  const root = rootOf(account, accounts);
  const { accusedAt, end } = account;
  const until = end?.lastAt ?? Number.POSITIVE_INFINITY;
  const around = entries.filter(({ at, lastAt }) => lastAt >= accusedAt - SLACK && at <= until + SLACK);
  const death = account.death ?? around.find(isDeath);
  const accusers = accusersIn(root.entries, around);
  const initiator = accusers[0] ?? root.observer;
  const probes = probesIn(around);
  const first = probes.get(initiator) ?? [...probes.values()].sort((a, b) => a.at - b.at)[0];
  return {
    initiator,
    accusedAt,
    probedFrom:
      first === undefined ? accusedAt - ONE_PROBE : Math.min(accusedAt, first.at - first.reason.durationMs),
    death: death === undefined ? undefined : deathIn(death),
    end,
    probes,
    verifiers: new Set(around.flatMap((one) => (isOwnTimeout(one) ? [one.by] : []))),
    holders: new Set(around.flatMap((one) => (one.by !== node && isHolding(one) ? [one.by] : []))),
    disowners: new Set(around.flatMap((one) => (one.by !== node && isDisowned(one) ? [one.by] : []))),
    contact: contactIn(around),
    closed: closedIn(around),
    pushPullSources: pushPullSourcesIn(around),
    stalls: stallsIn(entries),
    startTimes: new Map(
      entries.flatMap(({ by, at, fact }) => (fact.kind === 'agentStarted' ? [[by, at]] : [])),
    ),
    source: sourceIn(root.entries[0] as AttributedEntry),
  };
}

/** One incident, as one observer tells it. */
interface Account {
  readonly observer: string;
  /** From the first accusation on. */
  readonly entries: AttributedEntry[];
  readonly accusedAt: Millis;
  death?: AttributedEntry;
  end?: AttributedEntry;
}

/** The accounts of the latest incident. */
function concurrentAccounts(entries: readonly AttributedEntry[]): readonly Account[] {
  const observers = [...new Set(entries.map(({ by }) => by))];
  const accounts = observers.flatMap((observer) => accountsOf(entries, observer));
  const latest = Math.max(...accounts.map(({ accusedAt }) => accusedAt));
  return accounts.filter((account) => lastTold(account) >= latest);
}

/** Where the accusation of an account came from: one that rests on a push/pull began at another agent. */
function rootOf(account: Account, accounts: readonly Account[]): Account {
  const { fact } = account.entries[0] as AttributedEntry;
  const isDerived = 'reason' in fact && typeof fact.reason === 'object' && fact.reason.kind === 'pushPull';
  const [earliest] = [...accounts].sort((a, b) => a.accusedAt - b.accusedAt);
  return isDerived && earliest !== undefined ? earliest : account;
}

/**
 * The account of the latest incident: this agent's own if it is among those that tell of it, else that of an agent that
 * probed the member itself. The member's own comes last, as it knows of its refutation alone.
 */
function chooseAccount(accounts: readonly Account[], node: string, self: string): Account | undefined {
  const rankOf = ({ observer, entries: told }: Account): number => {
    if (observer === node) return 0;
    if (observer === self) return 3;
    return told.some(isFirstHand) ? 2 : 1;
  };
  return [...accounts].sort((a, b) => rankOf(b) - rankOf(a) || b.accusedAt - a.accusedAt)[0];
}

/** Until when an account may be of the same incident as another one. */
const lastTold = ({ end, entries }: Account): Millis =>
  end === undefined ? (entries.at(-1)?.lastAt ?? 0) + SAME_INCIDENT : end.lastAt + SLACK;

/** The incidents that one observer tells of, oldest first, but those that ended with the member's leave. */
function accountsOf(entries: readonly AttributedEntry[], observer: string): readonly Account[] {
  const accounts: Account[] = [];
  let open: Account | undefined;
  for (const entry of entries) {
    if (entry.by !== observer) continue;
    if (isAccusation(entry)) {
      // A row that is dead is accused no more: this one is of another life.
      if (open?.death !== undefined) open = undefined;
      if (open === undefined) {
        open = { observer, entries: [], accusedAt: entry.at };
        accounts.push(open);
      }
      if (isDeath(entry)) open.death = entry;
    }
    if (open === undefined) continue;
    open.entries.push(entry);
    if (!isEnd(entry)) continue;
    open.end = entry;
    open = undefined;
  }
  return mergeRefutations(accounts).filter(({ end }) => end?.fact.kind !== 'memberDeclaredDead');
}

/** The accused refutes each accuser by itself. */
function mergeRefutations(accounts: readonly Account[]): readonly Account[] {
  const merged: Account[] = [];
  for (const account of accounts) {
    const before = merged.at(-1);
    const follows =
      before?.end?.fact.kind === 'suspicionRefuted' && account.accusedAt - before.end.lastAt <= SLACK;
    if (before === undefined || !follows) merged.push(account);
    else {
      before.entries.push(...account.entries);
      if (account.end !== undefined) before.end = account.end;
    }
  }
  return merged;
}

const isDeath = ({ fact }: AttributedEntry): boolean => fact.kind === 'memberDeclaredDead' && !fact.left;

const isAccusation = (entry: AttributedEntry): boolean => {
  const { by, fact } = entry;
  // A member outbids what peers hold of its former life, too: then it names itself, or an address.
  if (fact.kind === 'suspicionRefuted') return fact.by !== by && fact.by !== fact.source;
  return fact.kind === 'memberSuspected' || isDeath(entry);
};

/** Its observer held the member as down, and not for a message in its own name that reached it from others. */
const isHolding = (entry: AttributedEntry): boolean =>
  isAccusation(entry) && entry.fact.kind !== 'suspicionRefuted' && !isDisowned(entry);

/** An accusation in the observer's own name reached it as a message. */
const isDisowned = ({ by, fact }: AttributedEntry): boolean =>
  (fact.kind === 'memberSuspected' || fact.kind === 'memberDeclaredDead') &&
  fact.reason.kind === 'message' &&
  fact.reason.by === by;

/** The member refuted, is back, or is known anew after its row was dropped; or it has left. */
const isEnd = ({ fact }: AttributedEntry): boolean =>
  fact.kind === 'suspicionCleared' ||
  fact.kind === 'memberReturned' ||
  fact.kind === 'memberDiscovered' ||
  fact.kind === 'suspicionRefuted' ||
  (fact.kind === 'memberDeclaredDead' && fact.left);

const isFirstHand = (entry: AttributedEntry): boolean => {
  const { fact } = entry;
  if (isOwnTimeout(entry)) return true;
  if (!('reason' in fact) || typeof fact.reason !== 'object') return false;
  return fact.reason.kind === 'probe' || fact.reason.kind === 'closed';
};

/** The observer itself declared the member failed. */
const isOwnTimeout = ({ by, fact }: AttributedEntry): boolean =>
  fact.kind === 'memberDeclaredDead' && fact.by === by && fact.reason.kind === 'timeout';

const deathIn = ({ at, fact, by }: AttributedEntry): { by: string; at: Millis } => ({
  by: 'by' in fact && typeof fact.by === 'string' ? fact.by : by,
  at,
});

/** The initiator first. The agent whose suspicion ran out has counted all accusers. */
function accusersIn(told: readonly AttributedEntry[], around: readonly AttributedEntry[]): readonly string[] {
  for (const { fact } of around)
    if (
      fact.kind === 'memberDeclaredDead' &&
      (fact.reason.kind === 'timeout' || fact.reason.kind === 'closed') &&
      fact.reason.accusers.length > 0
    )
      return fact.reason.accusers;
  return [
    ...new Set(
      told.flatMap(({ fact }) =>
        fact.kind === 'memberSuspected' ||
        fact.kind === 'suspicionConfirmed' ||
        fact.kind === 'suspicionRefuted' ||
        fact.kind === 'memberDeclaredDead'
          ? [fact.by]
          : [],
      ),
    ),
  ];
}

/** The failed probe that an entry tells of first-hand. */
function probeIn({ by, at, fact }: AttributedEntry): SeenProbe | undefined {
  if (fact.kind === 'probeFailed') return { reason: fact.reason, at };
  if (fact.kind !== 'memberSuspected' && fact.kind !== 'suspicionConfirmed') return undefined;
  return fact.by === by && fact.reason.kind === 'probe' ? { reason: fact.reason, at } : undefined;
}

/** A probe that led to an accusation counts more than a later one that did not. */
function probesIn(around: readonly AttributedEntry[]): ReadonlyMap<string, SeenProbe> {
  const probes = new Map<string, SeenProbe>();
  const led = around.filter(({ fact }) => fact.kind !== 'probeFailed');
  const idle = around.filter(({ fact }) => fact.kind === 'probeFailed');
  for (const entry of [...led, ...idle]) {
    const probe = probeIn(entry);
    if (probe !== undefined && !probes.has(entry.by)) probes.set(entry.by, probe);
  }
  return probes;
}

/** From what says most: a refusal proves that no process listened, a connection that the host is up. */
const CONTACTS: readonly StreamFailure[] = ['refused', 'unanswered', 'closed', 'unreachable', 'timeout'];

function contactIn(around: readonly AttributedEntry[]): StreamFailure | undefined {
  const met = around.map((entry) => {
    const { fact } = entry;
    if (fact.kind === 'memberDeclaredDead')
      return isOwnTimeout(entry) && fact.reason.kind === 'timeout' ? fact.reason.streamFailure : undefined;
    return probeIn(entry)?.reason.streamFailure;
  });
  return CONTACTS.find((one) => met.includes(one));
}

/** The account that names the most watchers, and of these the longest. */
function closedIn(around: readonly AttributedEntry[]): ClosedReason | undefined {
  const told = around.flatMap(({ fact }) =>
    'reason' in fact && typeof fact.reason === 'object' && fact.reason.kind === 'closed' ? [fact.reason] : [],
  );
  return told.sort((a, b) => b.accusers.length - a.accusers.length || b.durationMs - a.durationMs)[0];
}

function pushPullSourcesIn(around: readonly AttributedEntry[]): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const { by, fact } of around)
    if (fact.kind === 'memberSuspected' && fact.reason.kind === 'pushPull' && fact.by === by)
      sources.set(by, fact.reason.source);
  return sources;
}

function stallsIn(entries: readonly AttributedEntry[]): ReadonlyMap<string, readonly Stall[]> {
  const stalls = new Map<string, Stall[]>();
  for (const { by, at, fact } of entries)
    if (fact.kind === 'stalled')
      stalls.set(by, [...(stalls.get(by) ?? []), { lateness: fact.latenessMs, at }]);
  return stalls;
}

function sourceIn({ fact }: AttributedEntry): string | undefined {
  if (fact.kind === 'suspicionRefuted') return fact.source;
  if (fact.kind !== 'memberSuspected' && fact.kind !== 'memberDeclaredDead') return undefined;
  return fact.reason.kind === 'message' ? fact.reason.source : undefined;
}
