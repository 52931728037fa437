/** What a verdict is made of, and the clauses it has beside the accusation: names, links, what was refused. */
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

export interface DiagnosisInput {
  readonly node: string;
  /** Whose story it is. */
  readonly self: string;
  /** As readers see it; `undefined`: it is no member. */
  readonly status: MemberView['status'] | undefined;
  /** When the member's state last changed. */
  readonly since: Millis | undefined;
  /** In order. */
  readonly entries: readonly AttributedEntry[];
  /** Who has told its part, if it has one. */
  readonly witnesses: ReadonlySet<string>;
  /** All that are known. */
  readonly members: readonly MemberView[];
  /** Wall clock. */
  formatTime(at: Millis): string;
}

/** Our own evidence and theirs, in order. That we ran at the time is part of it. */
export function buildDiagnosisInput(
  view: View,
  node: string,
  reports: Pick<Investigation, 'entries' | 'answered'>,
  clock: DiagnosisInput['formatTime'],
): DiagnosisInput {
  const kept = (name: string): readonly EvidenceEntry[] => view.evidence(name)?.entries ?? [];
  const birth = kept(view.node).filter(({ fact }) => fact.kind === 'agentStarted');
  const own = node === view.node ? kept(node) : [...birth, ...kept(node)];
  const member = view.member(node);
  return {
    ...{ node, self: view.node, status: member?.status, since: member?.since, formatTime: clock },
    entries: [...own.map((one) => ({ ...one, by: view.node })), ...reports.entries].sort(
      (a, b) => a.at - b.at,
    ),
    witnesses: new Set(reports.answered),
    members: view.members(),
  };
}

/** Who lives at `host:port`. */
export const memberNameAt = ({ members }: DiagnosisInput, address: string): string | undefined =>
  members.find((one) => one.address.key === address)?.name;

/** Failed at about the same time: is it the network? */
const TOGETHER: Millis = 15_000;

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

/** What else is worth knowing. */
export function secondaryFindings(matter: DiagnosisInput): (FindingClause | undefined)[] {
  const { node, status, entries: statements, formatTime: clock } = matter;
  const contested = lastOfKind(statements, 'nameConflict');
  const lost = lastOfKind(statements, 'nameConflictLost');
  const moved = lastOfKind(statements, 'nameReclaimed');
  const refused = lastOfKind(statements, 'accusationRateLimited');
  const silent = lastOfKind(statements, 'memberUnverified');
  return [
    lost === undefined
      ? undefined
      : {
          finding: 'nameConflict',
          clause: `its name went to ${lost.fact.other}${formatAt(clock, lost.at)}`,
        },
    contested === undefined
      ? undefined
      : {
          finding: 'nameConflict',
          clause: `two nodes claim the name ${node}: ${contested.fact.current} has it, ${contested.fact.claimed} wants it (last${formatAt(clock, contested.lastAt)})`,
        },
    moved === undefined || contested !== undefined
      ? undefined
      : {
          finding: 'returned',
          clause: `it moved from ${moved.fact.previous}, where nobody answered, to ${moved.fact.claimed}${formatAt(clock, moved.at)}`,
        },
    ...links(matter),
    refused === undefined
      ? undefined
      : {
          finding: 'accusationsRateLimited',
          clause: `accusations from ${refused.fact.source} were refused, as too many (last${formatAt(clock, refused.lastAt)})`,
        },
    silent === undefined || status !== undefined
      ? undefined
      : {
          finding: 'memberUnverified',
          clause: `somebody said that ${node} is at ${silent.fact.address}, and nobody answered there (last${formatAt(clock, silent.lastAt)})`,
        },
  ];
}

/** Ways that are cut, each with the end that is not the member's. Its own word counts where nobody else's is there. */
function links(matter: DiagnosisInput): FindingClause[] {
  const cut = new Map<
    string,
    { readonly end: string; readonly by: 'relay' | 'stream'; readonly at: Millis }
  >();
  for (const { by: teller, at: when, fact } of matter.entries) {
    if (fact.kind !== 'linkOneWay' && fact.kind !== 'linkRestored') continue;
    const end = fact.node === matter.node ? teller : fact.node;
    if (fact.kind === 'linkRestored') cut.delete(`${teller} ${end}`);
    else cut.set(`${teller} ${end}`, { end, by: fact.by, at: when });
  }
  if (cut.size === 0) return [];
  const ways = [...cut.values()];
  const since = formatAt(matter.formatTime, Math.min(...ways.map((way) => way.at)), 'since');
  const ends = formatList([...new Set(ways.map(({ end }) => (end === matter.self ? 'this agent' : end)))]);
  const only = ways.some(({ by }) => by === 'stream');
  return [
    only
      ? {
          finding: 'streamsOnly',
          clause: `with ${ends} it exchanges streams only${since}: it is there, and UDP to it or from it is lost`,
        }
      : {
          finding: 'linkOneWay',
          clause: `with ${ends} it exchanges no direct answers${since}, with others it does: it is there, and that way is cut in one direction`,
        },
  ];
}

/** The latest of a kind. */
export function lastOfKind<K extends EvidenceKind>(
  statements: readonly AttributedEntry[],
  kind: K,
  is: (fact: Extract<EvidenceFact, { kind: K }>) => boolean = () => true,
): (AttributedEntry & { readonly fact: Extract<EvidenceFact, { kind: K }> }) | undefined {
  type Found = AttributedEntry & { readonly fact: Extract<EvidenceFact, { kind: K }> };
  const found = statements.findLast(
    ({ fact }) => fact.kind === kind && is(fact as Extract<EvidenceFact, { kind: K }>),
  );
  return found as Found | undefined;
}

export const formatAt = (
  clock: DiagnosisInput['formatTime'],
  when: Millis | undefined,
  word = 'at',
): string => (when === undefined ? '' : ` ${word} ${clock(when)}`);
