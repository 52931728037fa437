/** The last time a member was accused, out of what several agents tell: who began it, who saw the same, how it ended. */
import type { Millis } from '../../base/time.ts';
import type { ProbeReason } from '../../swim/types.ts';
import type { AttributedEntry } from '../contract/evidence.ts';

/** Clocks of others are known to this. */
const SLACK: Millis = 3_000;
/** How long before its accusation a stall of the accuser still counts. */
export const STALL_WINDOW: Millis = 10_000;

export interface Stall {
  readonly lateness: Millis;
  /** When it was over. */
  readonly at: Millis;
}

export interface Incident {
  /** Who accused it first, as far as is known. */
  readonly initiator: string;
  readonly accusedAt: Millis;
  /** Accusers by name, without the initiator. */
  readonly confirmers: readonly string[];
  /** Who declared it failed, if that came to pass, and when. */
  readonly death: { readonly by: string; readonly at: Millis } | undefined;
  /** It refuted, or came back. */
  readonly end: AttributedEntry | undefined;
  /** What each that told of its own failed probe saw last. */
  readonly probes: ReadonlyMap<string, ProbeReason>;
  /** Who accused it because of what a full exchange said, and whose. */
  readonly pushPullSources: ReadonlyMap<string, string>;
  /** The worst stall that each told of, around that time. */
  readonly stalls: ReadonlyMap<string, Stall>;
  /** When each was started that told of it. */
  readonly startTimes: ReadonlyMap<string, Millis>;
  /** From where the first word of the accusation came, if it came as a word. */
  readonly source: string | undefined;
}

/** `undefined`: it was not accused. `statements` are in order. */
export function lastIncident(
  statements: readonly AttributedEntry[],
  node: string,
  self: string,
): Incident | undefined {
  const narrator = narratorOf(statements, node, self);
  if (narrator === undefined) return undefined;
  const told = statements.filter(({ by }) => by === narrator);
  const last = told.findLastIndex(isAccusation);
  let first = last;
  while (first > 0 && !isEnd(told[first - 1] as AttributedEntry)) first -= 1;
  const begin = told.slice(first, last + 1).find(isAccusation) as AttributedEntry;
  const end = told.slice(last + 1).find(isEnd) ?? (isEnd(begin) ? begin : undefined);
  const until = end?.lastAt ?? Number.POSITIVE_INFINITY;
  const within = ({ at, lastAt }: AttributedEntry): boolean =>
    lastAt >= begin.at - SLACK && at <= until + SLACK;
  const around = statements.filter(within);
  const deaths = around.filter(({ fact }) => fact.kind === 'memberDeclaredDead' && !fact.left);
  const death = deaths.find(({ by }) => by === narrator) ?? deaths[0];
  const accusers = accusersIn(told.slice(first, last + 1), around);
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
    stalls: stallsIn(statements, begin.at - STALL_WINDOW, Math.min(until, (death ?? begin).lastAt) + SLACK),
    startTimes: new Map(
      statements.flatMap(({ by, at, fact }) => (fact.kind === 'agentStarted' ? [[by, at]] : [])),
    ),
    source: sourceIn(begin),
  };
}

/** Whose order of events we follow: our own, unless others know more. */
function narratorOf(statements: readonly AttributedEntry[], node: string, self: string): string | undefined {
  const accusing = statements.filter(isAccusation);
  const own = (one: AttributedEntry): boolean => one.by === self;
  const asWitness = accusing.filter(({ fact }) => fact.kind !== 'suspicionRefuted');
  if (self !== node && asWitness.some(own)) return self;
  return (asWitness.at(-1) ?? accusing.findLast(own) ?? accusing.at(-1))?.by;
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

/** The initiator first. Who counted the accusers to the end knows best. */
function accusersIn(
  chapter: readonly AttributedEntry[],
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
      chapter.flatMap(({ fact }) =>
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

/** A probe that made an accusation counts more than a later one that made none. */
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
  const tables = new Map<string, string>();
  for (const { by, fact } of around)
    if (fact.kind === 'memberSuspected' && fact.reason.kind === 'pushPull' && fact.by === by)
      tables.set(by, fact.reason.source);
  return tables;
}

function stallsIn(
  statements: readonly AttributedEntry[],
  from: Millis,
  until: Millis,
): ReadonlyMap<string, Stall> {
  const stalls = new Map<string, Stall>();
  for (const { by, at, fact } of statements)
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
