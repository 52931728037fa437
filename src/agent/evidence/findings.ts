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
  const boot = entriesOf(view.node).filter(({ fact }) => fact.kind === 'agentStarted');
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

/** Other members that failed at about the same time. */
export const membersFailedTogether = (
  { members, node }: DiagnosisInput,
  failedAt: Millis,
): readonly string[] =>
  members
    .filter(
      ({ name, status, since }) =>
        status === 'failed' && name !== node && Math.abs(since - failedAt) < TOGETHER,
    )
    .map(({ name }) => name);

/** One clause of the sentence. */
export interface FindingClause {
  readonly finding: Finding;
  readonly clause: string;
  readonly accusation?: Diagnosis['accusation'];
}

/** Findings that are no accusation, in order of importance. */
export const secondaryFindings = (input: DiagnosisInput): readonly FindingClause[] =>
  [
    nameLostFinding(input),
    nameConflictFinding(input),
    movedFinding(input),
    linkFinding(input),
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

function nameConflictFinding({ node, entries, formatTime }: DiagnosisInput): FindingClause | undefined {
  const conflict = lastOfKind(entries, 'nameConflict');
  if (conflict === undefined) return undefined;
  const { current, claimed } = conflict.fact;
  const last = formatAt(formatTime, conflict.lastAt);
  return {
    finding: 'nameConflict',
    clause: `two nodes claim the name ${node}: ${current} has it, ${claimed} wants it (last${last})`,
  };
}

function movedFinding({ entries, formatTime }: DiagnosisInput): FindingClause | undefined {
  const moved = lastOfKind(entries, 'nameReclaimed');
  if (moved === undefined || lastOfKind(entries, 'nameConflict') !== undefined) return undefined;
  const { previous, claimed } = moved.fact;
  const at = formatAt(formatTime, moved.at);
  return {
    finding: 'returned',
    clause: `it moved from ${previous}, which no longer answered, to ${claimed}${at}`,
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
function linkFinding({ node, self, entries, formatTime }: DiagnosisInput): FindingClause | undefined {
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
  const since = formatAt(formatTime, Math.min(...links.map(({ at }) => at)), 'since');
  const ends = formatList([...new Set(links.map(({ end }) => (end === self ? 'this agent' : end)))]);
  if (links.some(({ by }) => by === 'stream'))
    return {
      finding: 'streamsOnly',
      clause: `between it and ${ends} only TCP has worked${since}: it is alive, and UDP to or from it is lost`,
    };
  return {
    finding: 'linkOneWay',
    clause: `pings between it and ${ends} have failed${since}, and others succeed: it is alive, and that link is cut in one direction`,
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
