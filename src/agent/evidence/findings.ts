/** The input of a diagnosis, and the findings beside the accusation: names, links, refused messages. */
import type { Millis } from '../../base/time.ts';
import type {
  AttributedEntry,
  Diagnosis,
  EvidenceEntry,
  EvidenceFact,
  EvidenceKind,
  Finding,
  Investigation,
} from '../contract/evidence.ts';
import type { MemberView, View } from '../contract/view.ts';
import { formatList } from './wording.ts';

/** Members that failed this close to each other may have been lost with their network. */
const TOGETHER: Millis = 15_000;
/** Messages about a former life travel no longer than this. */
const OLD_CLAIMS: Millis = 30_000;

export interface DiagnosisInput {
  readonly node: string;
  /** This agent's own name. */
  readonly self: string;
  /** As readers see the node; `undefined`: it is no member. */
  readonly status: MemberView['status'] | undefined;
  /** When the member's state last changed. */
  readonly since: Millis | undefined;
  /** Oldest first. */
  readonly entries: readonly AttributedEntry[];
  /** Agents whose report could be read, also if it was empty. */
  readonly witnesses: ReadonlySet<string>;
  /** All members that this agent knows. */
  readonly members: readonly MemberView[];
  /** Writes an instant as wall-clock time. */
  formatTime(at: Millis): string;
}

/**
 * Our own evidence and that of the witnesses. The start of this agent is part of it: it says since when we could see
 * anything.
 */
export function buildDiagnosisInput(
  view: View,
  node: string,
  reports: Pick<Investigation, 'entries' | 'answered'>,
  formatTime: DiagnosisInput['formatTime'],
): DiagnosisInput {
  const entriesOf = (name: string): readonly EvidenceEntry[] => view.evidence(name)?.entries ?? [];
  // Evicted entries may have been accusations of ours: nothing is concluded from what we know nothing of.
  const isComplete = view.evidence(node)?.isComplete ?? true;
  const boot = entriesOf(view.node).filter(({ fact }) => fact.kind === 'agentStarted' && isComplete);
  const own = node === view.node ? entriesOf(node) : [...boot, ...entriesOf(node)];
  const member = view.member(node);
  return {
    ...{ node, self: view.node, status: member?.status, since: member?.since, formatTime },
    entries: [...own.map((entry) => ({ ...entry, by: view.node })), ...reports.entries].sort(
      (a, b) => a.at - b.at,
    ),
    witnesses: new Set(reports.answered),
    members: view.members(),
  };
}

/** The member at `host:port`. */
export const memberNameAt = ({ members }: DiagnosisInput, address: string): string | undefined =>
  members.find((member) => member.address.key === address)?.name;

/** Other members that failed at about the same time; all of them if none is left, as one by one they are lost slowly. */
export function membersFailedTogether(
  { members, node, self }: DiagnosisInput,
  failedAt: Millis,
): readonly string[] {
  const others = members.filter(({ name, status }) => name !== node && name !== self && status !== 'left');
  const failed = others.filter(({ status }) => status === 'failed');
  return failed
    .filter(({ since }) => failed.length === others.length || Math.abs(since - failedAt) < TOGETHER)
    .map(({ name }) => name);
}

/** One clause of the sentence. */
export interface FindingClause {
  readonly finding: Finding;
  readonly clause: string;
  readonly accusation?: Diagnosis['accusation'];
  readonly cause?: Diagnosis['cause'];
  /** When that was over; absent: it is not. */
  readonly endedAt?: Millis;
}

/** Findings that are no accusation, in order of importance. */
export const secondaryFindings = (input: DiagnosisInput): readonly FindingClause[] =>
  [
    nameLostFinding(input),
    nameConflictFinding(input),
    linkFinding(input),
    longDatagramsFinding(input),
    rateLimitFinding(input),
    unverifiedFinding(input),
  ].filter((finding) => finding !== undefined);

function nameLostFinding({ entries, formatTime }: DiagnosisInput): FindingClause | undefined {
  const lost = lastOfKind(entries, 'nameConflictLost');
  if (lost === undefined) return undefined;
  return {
    finding: 'nameConflict',
    clause: `its name went to ${lost.fact.other}${formatAt(formatTime, lost.at)}`,
  };
}

/**
 * Old messages about the former life of a member that moved claim its name for a while. Only a claim that goes on, or of
 * another address, is another node's.
 */
function nameConflictFinding(input: DiagnosisInput): FindingClause | undefined {
  const { node, formatTime } = input;
  const move = lastMove(input);
  const isOfFormerLife = ({
    lastAt,
    fact,
  }: {
    readonly lastAt: Millis;
    readonly fact: NameConflict;
  }): boolean =>
    move !== undefined &&
    lastAt <= move.lastAt + OLD_CLAIMS &&
    [move.previous, move.claimed].includes(fact.claimed);
  const conflicts = input.entries.filter((entry) => entry.fact.kind === 'nameConflict');
  const conflict = lastOfKind(
    conflicts.filter((entry) => !isOfFormerLife({ ...entry, fact: entry.fact as NameConflict })),
    'nameConflict',
  );
  if (conflict === undefined) return undefined;
  const { current, claimed } = conflict.fact;
  const last = formatAt(formatTime, conflict.lastAt);
  return {
    finding: 'nameConflict',
    clause: `two nodes claim the name ${node}: ${current} has it, ${claimed} wants it (last${last})`,
  };
}

type NameConflict = Extract<EvidenceFact, { kind: 'nameConflict' }>;

/** A member's move to another address. */
export interface Move {
  readonly previous: string;
  readonly claimed: string;
  /** When the first agent noticed it, and the last one. */
  readonly at: Millis;
  readonly lastAt: Millis;
}

/** The last move that any agent has noticed, also if the row at the old address had been dropped before. */
export function lastMove({ entries }: Pick<DiagnosisInput, 'entries'>): Move | undefined {
  let last: Move | undefined;
  const droppedAt = new Map<string, string>();
  for (const { by, at, fact } of entries) {
    if (fact.kind === 'memberDropped') droppedAt.set(by, fact.address);
    if (fact.kind !== 'nameReclaimed' && fact.kind !== 'memberDiscovered') continue;
    const previous = fact.kind === 'nameReclaimed' ? fact.previous : droppedAt.get(by);
    const claimed = fact.kind === 'nameReclaimed' ? fact.claimed : fact.address;
    if (previous === undefined || claimed === previous) continue;
    const isSame = last?.previous === previous && last.claimed === claimed;
    last = { previous, claimed, at: isSame && last !== undefined ? last.at : at, lastAt: at };
  }
  return last;
}

/** It moved without being accused, or after its last accusation was over. */
export function movedFinding({ formatTime }: DiagnosisInput, { previous, claimed, at }: Move): FindingClause {
  return {
    finding: 'returned',
    cause: 'moved',
    endedAt: at,
    clause: `it moved from ${previous}, which no longer answered, to ${claimed}${formatAt(formatTime, at)}`,
  };
}

function rateLimitFinding({ entries, formatTime }: DiagnosisInput): FindingClause | undefined {
  const limited = lastOfKind(entries, 'accusationRateLimited');
  if (limited === undefined) return undefined;
  const last = formatAt(formatTime, limited.lastAt);
  return {
    finding: 'accusationsRateLimited',
    clause: `accusations from ${limited.fact.source} exceeded the rate limit (last${last})`,
  };
}

function unverifiedFinding({ node, status, entries, formatTime }: DiagnosisInput): FindingClause | undefined {
  const unverified = lastOfKind(entries, 'memberUnverified');
  if (unverified === undefined || status !== undefined) return undefined;
  const last = formatAt(formatTime, unverified.lastAt);
  return {
    finding: 'memberUnverified',
    clause: `a message placed ${node} at ${unverified.fact.address}, but nothing answered there (last${last})`,
  };
}

/** Links that are cut now, by their end that is not the node itself. */
export function linkFinding({
  node,
  self,
  entries,
  formatTime,
}: DiagnosisInput): (FindingClause & { readonly at: Millis }) | undefined {
  const cut = new Map<
    string,
    { readonly end: string; readonly by: 'relay' | 'stream'; readonly at: Millis }
  >();
  for (const { by: observer, at, fact } of entries) {
    if (fact.kind !== 'linkOneWay' && fact.kind !== 'linkRestored') continue;
    const end = fact.node === node ? observer : fact.node;
    const link = `${observer} ${end}`;
    if (fact.kind === 'linkRestored') cut.delete(link);
    else cut.set(link, { end, by: fact.by, at });
  }
  if (cut.size === 0) return undefined;
  const links = [...cut.values()];
  const at = Math.min(...links.map((link) => link.at));
  const since = formatAt(formatTime, at, 'since');
  const ends = formatList([...new Set(links.map(({ end }) => (end === self ? 'this agent' : end)))]);
  if (links.some(({ by }) => by === 'stream'))
    return {
      ...{ finding: 'streamsOnly', at },
      clause: `between it and ${ends} only TCP has worked${since}: it is alive, and UDP to or from it is lost`,
    };
  return {
    ...{ finding: 'linkOneWay', at },
    clause: `pings between it and ${ends} have failed${since}, and others succeed: it is alive, and that link is cut in one direction`,
  };
}

/** Ways on which long datagrams get lost now. */
function longDatagramsFinding({
  node,
  self,
  entries,
  formatTime,
}: DiagnosisInput): FindingClause | undefined {
  const short = new Map<string, { readonly way: string; readonly bytes: number; readonly at: Millis }>();
  for (const { by: observer, at, fact } of entries) {
    if (fact.kind === 'longDatagramsPass') short.delete(`${observer} ${fact.node}`);
    if (fact.kind !== 'longDatagramsLost') continue;
    const from = observer === self ? 'this agent' : observer;
    const way = fact.node === node ? `from ${from}` : `to ${fact.node}`;
    short.set(`${observer} ${fact.node}`, { way, bytes: fact.bytes, at });
  }
  if (short.size === 0) return undefined;
  const ways = [...short.values()];
  const bytes = Math.min(...ways.map((way) => way.bytes));
  const since = formatAt(formatTime, Math.min(...ways.map(({ at }) => at)), 'since');
  const named = formatList([...new Set(ways.map(({ way }) => way))]);
  return {
    finding: 'longDatagramsLost',
    clause: `datagrams of ${bytes} bytes and more do not pass ${named}${since}: news goes in shorter ones, and by TCP`,
  };
}

/** The latest entry of a kind that fulfills `matches`. */
export function lastOfKind<K extends EvidenceKind>(
  entries: readonly AttributedEntry[],
  kind: K,
  matches: (fact: Extract<EvidenceFact, { kind: K }>) => boolean = () => true,
): (AttributedEntry & { readonly fact: Extract<EvidenceFact, { kind: K }> }) | undefined {
  type Found = AttributedEntry & { readonly fact: Extract<EvidenceFact, { kind: K }> };
  const found = entries.findLast(
    ({ fact }) => fact.kind === kind && matches(fact as Extract<EvidenceFact, { kind: K }>),
  );
  return found as Found | undefined;
}

/** ` at 12:00:04Z`, with the space; empty if the instant is not known. */
export const formatAt = (
  formatTime: DiagnosisInput['formatTime'],
  at: Millis | undefined,
  preposition = 'at',
): string => (at === undefined ? '' : ` ${preposition} ${formatTime(at)}`);
