/** What a verdict is made of, and the clauses it has beside the accusation: names, links, what was refused. */
import type { Millis } from '../../base/time.ts';
import type { Evident, EvidentKind, Exhibit, Statement } from '../contract/evidence.ts';
import type { MemberView, View } from '../contract/view.ts';
import { listed } from './wording.ts';

export type Finding =
  | 'clean'
  | 'suspected'
  | 'failed'
  | 'refuted'
  | 'returned'
  | 'leaving'
  | 'left'
  | 'forgotten'
  | 'nameContested'
  | 'linkOneSided'
  | 'streamsOnly'
  | 'accusationsRefused'
  | 'newcomerSilent';

export interface Verdict {
  readonly finding: Finding;
  /** Without its full stop. */
  readonly sentence: string;
  /** Of the last accusation: was the member really gone? */
  readonly likely: 'true' | 'false' | 'unclear' | undefined;
}

export interface Matter {
  readonly node: string;
  /** Whose story it is. */
  readonly self: string;
  /** As readers see it; `undefined`: it is no member. */
  readonly status: MemberView['status'] | undefined;
  /** When the member's state last changed. */
  readonly since: Millis | undefined;
  /** In order. */
  readonly statements: readonly Statement[];
  /** Who has told its part, if it has one. */
  readonly answered: ReadonlySet<string>;
  /** All that are known. */
  readonly members: readonly MemberView[];
  /** Wall clock. */
  clock(at: Millis): string;
}

/** What others told when they were asked. */
export interface Heard {
  readonly statements: readonly Statement[];
  /** Also those with nothing to tell. */
  readonly answered: readonly string[];
}

/** Our own evidence and theirs, in order. That we ran at the time is part of it. */
export function matterOf(view: View, node: string, heard: Heard, clock: Matter['clock']): Matter {
  const kept = (name: string): readonly Exhibit[] => view.evidence(name)?.exhibits ?? [];
  const birth = kept(view.node).filter(({ fact }) => fact.kind === 'agentStarted');
  const own = node === view.node ? kept(node) : [...birth, ...kept(node)];
  const member = view.member(node);
  return {
    ...{ node, self: view.node, status: member?.status, since: member?.since, clock },
    statements: [...own.map((one) => ({ ...one, by: view.node })), ...heard.statements].sort(
      (a, b) => a.at - b.at,
    ),
    answered: new Set(heard.answered),
    members: view.members(),
  };
}

/** Who lives at `host:port`. */
export const nameAt = ({ members }: Matter, address: string): string | undefined =>
  members.find((one) => one.address.key === address)?.name;

/** Failed at about the same time: is it the network? */
const TOGETHER: Millis = 15_000;

export const fellows = ({ members, node }: Matter, failedAt: Millis): readonly string[] =>
  members
    .filter(
      ({ name, status, since }) =>
        status === 'failed' && name !== node && Math.abs(since - failedAt) < TOGETHER,
    )
    .map(({ name }) => name);

/** One clause of the sentence. */
export interface Part {
  readonly finding: Finding;
  readonly clause: string;
  readonly likely?: Verdict['likely'];
}

/** What else is worth knowing. */
export function besides(matter: Matter): (Part | undefined)[] {
  const { node, status, statements, clock } = matter;
  const contested = last(statements, 'nameContested');
  const lost = last(statements, 'nameLost');
  const moved = last(statements, 'nameReclaimed');
  const refused = last(statements, 'accusationRefused');
  const silent = last(statements, 'newcomerSilent');
  return [
    lost === undefined
      ? undefined
      : { finding: 'nameContested', clause: `its name went to ${lost.fact.other}${at(clock, lost.at)}` },
    contested === undefined
      ? undefined
      : {
          finding: 'nameContested',
          clause: `two nodes claim the name ${node}: ${contested.fact.held} has it, ${contested.fact.claimed} wants it (last${at(clock, contested.lastAt)})`,
        },
    moved === undefined || contested !== undefined
      ? undefined
      : {
          finding: 'returned',
          clause: `it moved from ${moved.fact.held}, where nobody answered, to ${moved.fact.claimed}${at(clock, moved.at)}`,
        },
    ...links(matter),
    refused === undefined
      ? undefined
      : {
          finding: 'accusationsRefused',
          clause: `accusations from ${refused.fact.source} were refused, as too many (last${at(clock, refused.lastAt)})`,
        },
    silent === undefined || status !== undefined
      ? undefined
      : {
          finding: 'newcomerSilent',
          clause: `somebody said that ${node} is at ${silent.fact.address}, and nobody answered there (last${at(clock, silent.lastAt)})`,
        },
  ];
}

/** Ways that are cut, each with the end that is not the member's. Its own word counts where nobody else's is there. */
function links(matter: Matter): Part[] {
  const cut = new Map<
    string,
    { readonly end: string; readonly by: 'relay' | 'stream'; readonly at: Millis }
  >();
  for (const { by: teller, at: when, fact } of matter.statements) {
    if (fact.kind !== 'linkOneSided' && fact.kind !== 'linkRestored') continue;
    const end = fact.node === matter.node ? teller : fact.node;
    if (fact.kind === 'linkRestored') cut.delete(`${teller} ${end}`);
    else cut.set(`${teller} ${end}`, { end, by: fact.by, at: when });
  }
  if (cut.size === 0) return [];
  const ways = [...cut.values()];
  const since = at(matter.clock, Math.min(...ways.map((way) => way.at)), 'since');
  const ends = listed([...new Set(ways.map(({ end }) => (end === matter.self ? 'this agent' : end)))]);
  const only = ways.some(({ by }) => by === 'stream');
  return [
    only
      ? {
          finding: 'streamsOnly',
          clause: `with ${ends} it exchanges streams only${since}: it is there, and UDP to it or from it is lost`,
        }
      : {
          finding: 'linkOneSided',
          clause: `with ${ends} it exchanges no direct answers${since}, with others it does: it is there, and that way is cut in one direction`,
        },
  ];
}

/** The latest of a kind. */
export function last<K extends EvidentKind>(
  statements: readonly Statement[],
  kind: K,
  is: (fact: Extract<Evident, { kind: K }>) => boolean = () => true,
): (Statement & { readonly fact: Extract<Evident, { kind: K }> }) | undefined {
  type Found = Statement & { readonly fact: Extract<Evident, { kind: K }> };
  const found = statements.findLast(
    ({ fact }) => fact.kind === kind && is(fact as Extract<Evident, { kind: K }>),
  );
  return found as Found | undefined;
}

export const at = (clock: Matter['clock'], when: Millis | undefined, word = 'at'): string =>
  when === undefined ? '' : ` ${word} ${clock(when)}`;
