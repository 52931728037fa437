/** The ways between agents for people: a matrix of few, and of many the ways that are not sound. */
import { joinHostPort } from '../../base/address.ts';
import type { LinkFact } from '../../doctor/finding.ts';
import type { CliContext } from '../command.ts';
import { sanitize } from '../sanitize.ts';
import { compareNames, formatTable } from './table.ts';

export interface PairsReport {
  /** Agents that were asked, those of them that have not reported, and members that are no agents of hearsay. */
  readonly asked: readonly string[];
  readonly silent: readonly string[];
  readonly outside: readonly string[];
  readonly pairs: readonly LinkFact[];
}

interface Located {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
}

/** More columns do not fit a terminal. */
const MAX_COLUMNS = 8;
const COLUMN = 10;
const MAX_LINES = 12;
/** As the doctor's rules have it: what gossip needs, and what may get lost. */
const LONGEST_GOSSIP = 1400;
const MAX_LOST = 0.15;

/** Empty if nothing was measured. */
export function formatPairs(
  { asked, silent, outside, pairs }: PairsReport,
  members: readonly Located[],
  colors: CliContext['colors'],
): string {
  const notes = [
    ...silent.map((name) => `${name} has not reported`),
    ...outside.map((name) => `${name} does not take part: it is an agent of Serf`),
    ...translated(pairs, members),
  ].slice(0, MAX_LINES);
  if (pairs.length === 0 && notes.length === 0) return '';
  const bad = pairs.filter((one) => !isSound(one)).length;
  const count = `${pairs.length} ways between ${asked.length} agents were measured`;
  const sum = `${count}, ${bad === 0 ? 'all are sound' : `${bad} of them ${bad === 1 ? 'is' : 'are'} not sound`}`;
  const table = asked.length <= MAX_COLUMNS ? matrix(asked, pairs, colors) : list(pairs);
  return `${[`${sum}\n`, table, ...notes.map((note) => `${sanitize(note)}\n`)].join('')}\n`;
}

const lossOf = ({ sent, answered }: LinkFact): number => (sent === 0 ? 0 : 1 - answered / sent);
const isShort = ({ blocked }: LinkFact): boolean => blocked > 0 && blocked <= LONGEST_GOSSIP;
const isSound = (link: LinkFact): boolean => lossOf(link) <= MAX_LOST && !isShort(link);

/** A round trip in milliseconds, or what is wrong. */
function cellOf(link: LinkFact | undefined): string {
  if (link === undefined) return '-';
  if (link.answered === 0) return link.tcp === 'acked' ? 'no UDP' : 'nothing';
  if (lossOf(link) > MAX_LOST) return `${Math.round(100 * lossOf(link))}% lost`;
  return isShort(link) ? `< ${link.blocked} B` : (link.roundTripMs ?? 0).toFixed(1);
}

function matrix(asked: readonly string[], pairs: readonly LinkFact[], colors: CliContext['colors']): string {
  const names = [...asked].sort(compareNames);
  const linkOf = (from: string, to: string): LinkFact | undefined =>
    pairs.find((one) => one.from === from && one.to === to);
  const rows = names.map((from) => [
    from,
    ...names.map((to) => (from === to ? '' : cellOf(linkOf(from, to)))),
  ]);
  const head = ['ms, to:', ...names.map((name) => name.slice(0, COLUMN))];
  return formatTable(head, rows, (cell, column, row) => {
    const link = linkOf(names[row] ?? '', names[column - 1] ?? '');
    return column === 0 || link === undefined || isSound(link) ? cell : colors.red(cell);
  });
}

function list(pairs: readonly LinkFact[]): string {
  const bad = pairs.filter((one) => !isSound(one));
  if (bad.length === 0) return '';
  const rows = bad.slice(0, MAX_LINES).map((one) => [one.from, one.to, cellOf(one)]);
  const more = bad.length - rows.length;
  return `${formatTable(['from', 'to', 'ms'], rows)}${more > 0 ? `and ${more} more: --json\n` : ''}`;
}

/** Agents that others see at another address than the one they advertise. */
function translated(pairs: readonly LinkFact[], members: readonly Located[]): string[] {
  const advertised = new Map(members.map(({ name, addr, port }) => [name, joinHostPort(addr, port)]));
  const lines = pairs.flatMap(({ from, to, seenFrom }) => {
    const own = advertised.get(from);
    return seenFrom === '' || own === undefined || seenFrom === own
      ? []
      : [
          `${from} advertises ${own}, and ${to} sees it come from ${seenFrom}: an address translation between them`,
        ];
  });
  return [...new Set(lines)];
}
