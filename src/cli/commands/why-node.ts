/** The evidence about a node, for `hearsay why`: what was observed, by whom, in order, and the diagnosis. */
import { type Client, HttpStatusError } from '../api/client.ts';
import { type NodeWhy, NodeWhySchema, parseResponse } from '../api/schemas.ts';
import { type CliContext, printJson } from '../command.ts';
import { colorStatus, formatAge, formatTable } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';

/** Rows of the table; `--json` has all events. */
const MAX_SHOWN = 40;
const NOT_FOUND = 404;

type Color = 'red' | 'yellow' | 'green' | 'dim';
const COLORS: ReadonlyMap<string, Color> = new Map<string, Color>([
  ['memberDeclaredDead', 'red'],
  ['memberFailed', 'red'],
  ['nameConflictLost', 'red'],
  ['memberSuspected', 'yellow'],
  ['suspicionConfirmed', 'yellow'],
  ['probeFailed', 'yellow'],
  ['stalled', 'yellow'],
  ['linkOneWay', 'yellow'],
  ['longDatagramsLost', 'yellow'],
  ['probeSavedByTcp', 'yellow'],
  ['nameConflict', 'yellow'],
  ['accusationRateLimited', 'yellow'],
  ['suspicionCleared', 'green'],
  ['suspicionRefuted', 'green'],
  ['memberReturned', 'green'],
  ['linkRestored', 'green'],
  ['longDatagramsPass', 'green'],
]);
/** Events that only `--json` has. */
const HIDDEN: ReadonlySet<string> = new Set(['awarenessChanged']);

/** Resolves to false if no node of this name was ever seen. */
export async function printNodeWhy(
  { io, colors }: CliContext,
  client: Client,
  name: string,
  options: { readonly json?: boolean; readonly ask: boolean },
): Promise<boolean> {
  const why = await fetchNodeWhy(client, name, options.ask);
  if (why === undefined) return false;
  if (options.json === true) printJson(io, why);
  else io.out.write(formatNodeWhy(colors, why));
  return true;
}

export const isKnownNode = async (client: Client, name: string): Promise<boolean> =>
  (await fetchNodeWhy(client, name, false)) !== undefined;

async function fetchNodeWhy(client: Client, name: string, ask: boolean): Promise<NodeWhy | undefined> {
  try {
    const path = `/v1/hearsay/why/${encodeURIComponent(name)}${ask ? '' : '?ask=false'}`;
    return parseResponse(NodeWhySchema, await client.get(path, 'slow'), client);
  } catch (error) {
    if (error instanceof HttpStatusError && error.status === NOT_FOUND) return undefined;
    throw error;
  }
}

function formatNodeWhy(colors: CliContext['colors'], why: NodeWhy): string {
  const relevant = why.evidence.filter(({ kind }) => !HIDDEN.has(kind));
  const shown = relevant.slice(-MAX_SHOWN);
  const status = why.status ?? 'not a member';
  const head = `${sanitize(why.node)}: ${colorStatus(colors, sanitize(status))}\n`;
  const rows = shown.map(({ at, agoMs, observer, message }) => [
    formatTimeOfDay(at),
    formatAge(agoMs),
    observer,
    message,
  ]);
  const table = formatTable(['AT', 'AGO', 'OBSERVER', 'EVENT'], rows, (cell, column, row) => {
    const color = column === 3 ? COLORS.get(shown[row]?.kind ?? '') : undefined;
    return color === undefined ? cell : colors[color](cell);
  });
  const hidden = why.evidence.length - shown.length;
  const notes = [
    ...(hidden > 0 ? [`${hidden} more in --json`] : []),
    ...(why.dropped > 0 ? [`${why.dropped} older events evicted`] : []),
    ...witnessNotes(why),
  ];
  const body = rows.length === 0 ? '' : `${table}\n`;
  return `${head}\n${body}${colors.bold(sanitize(why.diagnosis))}\n${colors.dim(`(${sanitize(notes.join('; '))})`)}\n`;
}

function witnessNotes({ witnesses }: NodeWhy): readonly string[] {
  if (witnesses === null) return ['no witnesses queried'];
  if (witnesses.error !== null) return [`no witnesses could be queried: ${witnesses.error}`];
  const count = witnesses.answered.length;
  const answered = count === 1 ? '1 witness answered' : `${count} witnesses answered`;
  const unreadable = witnesses.unreadable.map((name) => `the answer of ${name} cannot be read`);
  return [answered, ...unreadable];
}

/** The time of day, `12:00:04Z`, of an ISO instant. */
const formatTimeOfDay = (at: string): string => at.replace(/^.*T(\d\d:\d\d:\d\d)\.\d+Z$/, '$1Z');
