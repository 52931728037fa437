/**
 * The verdict about one record: from the versions that are asked for, the members, and what each of them has acknowledged. It
 * asks nobody, and has no state.
 */
import type { Millis } from '../../base/time.ts';
import type { Progress } from '../../catalog/types.ts';
import type { ApartMember, MissingCopy, SyncStatus } from '../contract/sync-status.ts';

/** A version that is asked for, and since when this agent knows it. */
export interface WantedVersion extends Progress {
  readonly since: Millis;
}

/** A member as the verdict needs it. */
export interface Witness {
  readonly name: string;
  readonly standing: 'up' | 'away' | 'leaving' | 'failed' | 'serf';
  /** When it failed. */
  readonly failedAt: Millis;
  /** When it last spoke, or since when it is known not to. */
  readonly spokeAt: Millis;
  /** It has acknowledged a question, and let its time pass without an answer. */
  readonly ignores: boolean;
  /** Readers of it that had not been sent what it holds when it last answered. */
  readonly waiting: number;
  /** It has answered since it was asked. */
  readonly hasAnswered: boolean;
  /** The last version of an owner that it serves to all its readers, and that it holds. */
  served(owner: string): Omit<Progress, 'owner'> | undefined;
  held(owner: string): Omit<Progress, 'owner'> | undefined;
}

/**
 * A member that failed longer ago is no witness: it has died, or it is in another partition, where what this agent publishes
 * turned critical when this agent was lost. One that failed just now may have stopped for a moment, and go on as it was.
 */
const FORGIVEN_AFTER: Millis = 60_000;
/** Missing members that the sentence names. */
const MAX_NAMED = 3;

export type SyncVerdict = Omit<SyncStatus, 'id' | 'finished'>;

export function judge(
  wanted: readonly WantedVersion[],
  witnesses: Iterable<Witness>,
  startedAt: Millis,
  now: Millis,
): SyncVerdict {
  const known: string[] = [];
  const missing: MissingCopy[] = [];
  const apart: ApartMember[] = [];
  for (const witness of witnesses) {
    const excused = excuse(witness, startedAt, now);
    if (excused !== undefined) apart.push(excused);
    else if (servesAll(wanted, witness)) known.push(witness.name);
    else missing.push(explain(wanted, witness, now));
  }
  missing.sort((a, b) => b.forMs - a.forMs);
  return { done: missing.length === 0, known, missing, apart, sentence: sentenceOf(known, missing, apart) };
}

export const servesAll = (wanted: readonly WantedVersion[], witness: Witness): boolean =>
  witness.standing === 'up' && wanted.every((one) => reaches(witness.served(one.owner), one));

/** Does a copy hold all that the owner had written by then? A later epoch begins with all of it. */
export const reaches = (
  copy: Omit<Progress, 'owner'> | undefined,
  { epoch, version }: Omit<Progress, 'owner'>,
): boolean => copy !== undefined && (copy.epoch > epoch || (copy.epoch === epoch && copy.version >= version));

function excuse(
  { name: node, standing, failedAt }: Witness,
  startedAt: Millis,
  now: Millis,
): ApartMember | undefined {
  if (standing === 'serf')
    return { node, reason: standing, message: `${node} is an agent of Serf and does not take part` };
  if (standing === 'leaving') return { node, reason: standing, message: `${node} is leaving` };
  if (standing === 'failed' && failedAt < startedAt - FORGIVEN_AFTER)
    return {
      node,
      reason: standing,
      message: `${node} failed ${formatAge(now - failedAt)} ago and was not asked`,
    };
  return undefined;
}

function explain(wanted: readonly WantedVersion[], witness: Witness, now: Millis): MissingCopy {
  const { name: node, standing, spokeAt, waiting, ignores, hasAnswered } = witness;
  const silence = Math.max(0, now - spokeAt);
  if (standing === 'away')
    return { node, reason: 'away', forMs: silence, message: `${node} is away, and will be back` };
  if (standing === 'failed' || !(hasAnswered || ignores))
    return {
      ...{ node, reason: 'silent', forMs: silence },
      message: `${node} has not spoken for ${formatAge(silence)}`,
    };
  const lacked = wanted.filter((one) => !reaches(witness.served(one.owner), one));
  const forMs = Math.max(0, now - Math.min(...lacked.map(({ since }) => since)));
  if (!hasAnswered)
    return {
      ...{ node, reason: 'unable', forMs },
      message: `${node} hears the question and does not answer it: its hearsay may be older`,
    };
  if (waiting > 0 && lacked.every((one) => reaches(witness.held(one.owner), one)))
    return {
      ...{ node, reason: 'readers', forMs },
      message: `${waiting} ${waiting === 1 ? 'reader' : 'readers'} of ${node} ${waiting === 1 ? 'has' : 'have'} not been sent it for ${formatAge(forMs)}`,
    };
  return {
    ...{ node, reason: 'behind', forMs },
    message: `${node} does not have it yet, after ${formatAge(forMs)}`,
  };
}

function sentenceOf(
  known: readonly string[],
  missing: readonly MissingCopy[],
  apart: readonly ApartMember[],
): string {
  const expected = known.length + missing.length;
  const head = `${known.length} of ${expected} ${expected === 1 ? 'knows' : 'know'}`;
  return [head, ...named(missing), ...named(apart)].join('; ');
}

function named(all: readonly { readonly message: string }[]): string[] {
  const rest = all.length - MAX_NAMED;
  const messages = all.slice(0, MAX_NAMED).map(({ message }) => message);
  return rest > 0 ? [...messages, `and ${rest} more`] : messages;
}

/** `0.4 s`, `41 s`, `12 min`, `3 h`. */
function formatAge(age: Millis): string {
  const seconds = age / 1000;
  if (seconds < 10) return `${Math.floor(seconds * 10) / 10} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}
