/**
 * The latest accusation of a member, reconstructed from what several agents report: its accusers, their probes, and how
 * it ended.
 */
import type { Millis } from '../../base/time.ts';
import type { ProbeReason } from '../../swim/types.ts';
import type { AttributedEntry } from '../contract/evidence.ts';

/** The times of other agents are known no better than this. */
const SLACK: Millis = 3_000;
/** A stall of the accuser counts this long before the accusation. */
export const STALL_WINDOW: Millis = 10_000;

export interface Stall {
  readonly lateness: Millis;
  /** When the stall was over. */
  readonly at: Millis;
}

export interface Incident {
  /** The first accuser, as far as is known. */
  readonly initiator: string;
  readonly accusedAt: Millis;
  /** Accusers by name, without the initiator. */
  readonly confirmers: readonly string[];
  /** Which agent declared the member failed, and when; `undefined`: none did. */
  readonly death: { readonly by: string; readonly at: Millis } | undefined;
  /** The refutation, or the member's return. */
  readonly end: AttributedEntry | undefined;
  /** The last failed probe of each agent that reports one. */
  readonly probes: ReadonlyMap<string, ProbeReason>;
  /** For each agent that accused because of a push/pull: the peer that reported the member as down. */
  readonly pushPullSources: ReadonlyMap<string, string>;
  /** The worst stall of each agent around that time. */
  readonly stalls: ReadonlyMap<string, Stall>;
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
  const narrator = narratorOf(entries, node, self);
  if (narrator === undefined) return undefined;
  const narrated = entries.filter(({ by }) => by === narrator);
  const last = narrated.findLastIndex(isAccusation);
  let first = last;
  while (first > 0 && !isEnd(narrated[first - 1] as AttributedEntry)) first -= 1;
  const begin = narrated.slice(first, last + 1).find(isAccusation) as AttributedEntry;
  const end = narrated.slice(last + 1).find(isEnd) ?? (isEnd(begin) ? begin : undefined);
  const until = end?.lastAt ?? Number.POSITIVE_INFINITY;
  const around = entries.filter(({ at, lastAt }) => lastAt >= begin.at - SLACK && at <= until + SLACK);
  const deaths = around.filter(({ fact }) => fact.kind === 'memberDeclaredDead' && !fact.left);
  const death = deaths.find(({ by }) => by === narrator) ?? deaths[0];
  const accusers = accusersIn(narrated.slice(first, last + 1), around);
  const initiator = accusers[0] ?? narrator;
  const probes = probesIn(around);
  return {
    initiator,
    accusedAt: begin.at,
    confirmers: [...new Set([...accusers, ...probes.keys()])].filter((name) => name !== initiator),
    death: death === undefined ? undefined : deathIn(death),
    end,
    probes,
    pushPullSources: pushPullSourcesIn(around),
    stalls: stallsIn(entries, begin.at - STALL_WINDOW, Math.min(until, (death ?? begin).lastAt) + SLACK),
    startTimes: new Map(
      entries.flatMap(({ by, at, fact }) => (fact.kind === 'agentStarted' ? [[by, at]] : [])),
    ),
    source: sourceIn(begin),
  };
}

/** The agent whose order of events is followed: this one, unless others know more. */
function narratorOf(entries: readonly AttributedEntry[], node: string, self: string): string | undefined {
  const accusing = entries.filter(isAccusation);
  const isOwn = ({ by }: AttributedEntry): boolean => by === self;
  const asWitness = accusing.filter(({ fact }) => fact.kind !== 'suspicionRefuted');
  if (self !== node && asWitness.some(isOwn)) return self;
  return (asWitness.at(-1) ?? accusing.findLast(isOwn) ?? accusing.at(-1))?.by;
}

const isAccusation = ({ fact }: AttributedEntry): boolean =>
  fact.kind === 'memberSuspected' ||
  fact.kind === 'suspicionRefuted' ||
  (fact.kind === 'memberDeclaredDead' && !fact.left);

const isEnd = ({ fact }: AttributedEntry): boolean =>
  fact.kind === 'suspicionCleared' || fact.kind === 'memberReturned' || fact.kind === 'suspicionRefuted';

const deathIn = ({ at, fact, by }: AttributedEntry): { by: string; at: Millis } => ({
  by: 'by' in fact && typeof fact.by === 'string' ? fact.by : by,
  at,
});

/** The initiator first. The agent whose suspicion ran out has counted all accusers. */
function accusersIn(
  narrated: readonly AttributedEntry[],
  around: readonly AttributedEntry[],
): readonly string[] {
  for (const { fact } of around)
    if (
      fact.kind === 'memberDeclaredDead' &&
      fact.reason.kind === 'timeout' &&
      fact.reason.accusers.length > 0
    )
      return fact.reason.accusers;
  return [
    ...new Set(
      narrated.flatMap(({ fact }) =>
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

/** A probe that led to an accusation counts more than a later one that did not. */
function probesIn(around: readonly AttributedEntry[]): ReadonlyMap<string, ProbeReason> {
  const probes = new Map<string, ProbeReason>();
  for (const { by, fact } of around)
    if (fact.kind === 'probeFailed' && !probes.has(by)) probes.set(by, fact.reason);
  for (const { by, fact } of around)
    if (
      (fact.kind === 'memberSuspected' || fact.kind === 'suspicionConfirmed') &&
      fact.reason.kind === 'probe' &&
      fact.by === by
    )
      probes.set(by, fact.reason);
  return probes;
}

function pushPullSourcesIn(around: readonly AttributedEntry[]): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const { by, fact } of around)
    if (fact.kind === 'memberSuspected' && fact.reason.kind === 'pushPull' && fact.by === by)
      sources.set(by, fact.reason.source);
  return sources;
}

function stallsIn(
  entries: readonly AttributedEntry[],
  from: Millis,
  until: Millis,
): ReadonlyMap<string, Stall> {
  const stalls = new Map<string, Stall>();
  for (const { by, at, fact } of entries)
    if (
      fact.kind === 'stalled' &&
      at >= from &&
      at <= until &&
      fact.latenessMs > (stalls.get(by)?.lateness ?? 0)
    )
      stalls.set(by, { lateness: fact.latenessMs, at });
  return stalls;
}

function sourceIn({ fact }: AttributedEntry): string | undefined {
  if (fact.kind === 'suspicionRefuted') return fact.source;
  if (fact.kind !== 'memberSuspected' && fact.kind !== 'memberDeclaredDead') return undefined;
  return fact.reason.kind === 'message' ? fact.reason.source : undefined;
}
