/** The story of a node, for `hearsay why`: what was seen, by whom, in order, and the verdict. */

import { type Client, Refused } from '../api/client.ts';
import { NodeWhy, shaped } from '../api/schemas.ts';
import { type Cli, printJson } from '../command.ts';
import { age, columns, paintStatus } from '../output/table.ts';
import { clean } from '../sanitize.ts';

/** Lines for people; all is in the JSON. */
const MAX_SHOWN = 40;
const NOT_FOUND = 404;

type Color = 'red' | 'yellow' | 'green' | 'dim';
const COLORS: ReadonlyMap<string, Color> = new Map<string, Color>([
  ['memberDeclaredDead', 'red'],
  ['memberFailed', 'red'],
  ['nameLost', 'red'],
  ['memberSuspected', 'yellow'],
  ['suspicionConfirmed', 'yellow'],
  ['probeFailed', 'yellow'],
  ['stalled', 'yellow'],
  ['linkOneSided', 'yellow'],
  ['probeSavedByStream', 'yellow'],
  ['nameContested', 'yellow'],
  ['accusationRefused', 'yellow'],
  ['suspicionLifted', 'green'],
  ['suspicionRefuted', 'green'],
  ['memberReturned', 'green'],
  ['linkRestored', 'green'],
]);
/** Of interest to those who look closer. */
const HIDDEN: ReadonlySet<string> = new Set(['awarenessChanged']);

/** False: nobody has ever seen a node of this name. */
export async function tellNode(
  { io, colors }: Cli,
  client: Client,
  name: string,
  options: { readonly json?: boolean; readonly ask: boolean },
): Promise<boolean> {
  const why = await ask(client, name, options.ask);
  if (why === undefined) return false;
  if (options.json === true) printJson(io, why);
  else io.out.write(page(colors, why));
  return true;
}

export const isNode = async (client: Client, name: string): Promise<boolean> =>
  (await ask(client, name, false)) !== undefined;

async function ask(client: Client, name: string, others: boolean): Promise<NodeWhy | undefined> {
  try {
    const path = `/v1/hearsay/why/${encodeURIComponent(name)}${others ? '' : '?ask=false'}`;
    return shaped(NodeWhy, await client.get(path), client);
  } catch (error) {
    if (error instanceof Refused && error.status === NOT_FOUND) return undefined;
    throw error;
  }
}

function page(colors: Cli['colors'], why: NodeWhy): string {
  const telling = why.events.filter(({ kind }) => !HIDDEN.has(kind));
  const shown = telling.slice(-MAX_SHOWN);
  const status = why.status ?? 'no member';
  const head = `${clean(why.node)}: ${paintStatus(colors, clean(status))}\n`;
  const rows = shown.map(({ at, agoMs, seenBy, says }) => [clockIn(at), age(agoMs), seenBy, says]);
  const table = columns(['AT', 'AGO', 'TOLD BY', 'WHAT'], rows, (cell, column, row) => {
    const color = column === 3 ? COLORS.get(shown[row]?.kind ?? '') : undefined;
    return color === undefined ? cell : colors[color](cell);
  });
  const unseen = why.events.length - shown.length;
  const notes = [
    ...(unseen > 0 ? [`${unseen} more in --json`] : []),
    ...(why.dropped > 0 ? [`${why.dropped} older ones are forgotten`] : []),
    ...askedOf(why),
  ];
  const body = rows.length === 0 ? '' : `${table}\n`;
  return `${head}\n${body}${colors.bold(clean(why.verdict))}\n${colors.dim(`(${clean(notes.join('; '))})`)}\n`;
}

function askedOf({ asked }: NodeWhy): readonly string[] {
  if (asked === null) return ['no other agent was asked'];
  if (asked.why !== null) return [`no other agent could be asked: ${asked.why}`];
  const count = asked.answered.length;
  const answered = count === 1 ? '1 other agent answered' : `${count} other agents answered`;
  const unreadable = asked.unreadable.map((name) => `the answer of ${name} cannot be read`);
  return [answered, ...unreadable];
}

/** `12:00:04Z` of an instant as the agent writes it. */
const clockIn = (at: string): string => at.replace(/^.*T(\d\d:\d\d:\d\d)\.\d+Z$/, '$1Z');
