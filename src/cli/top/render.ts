/** The picture of `hearsay top`: lines of text for a terminal of any size from 80 columns and 24 rows. Pure. */
import type { CliContext } from '../command.ts';
import { colorStatus, compareNames, formatAge } from '../output/table.ts';
import { sanitize } from '../sanitize.ts';
import { formatStatuses, severityOf, type TopState, worstOf } from './state.ts';

export type Pane = 'members' | 'services';

/** What the user has chosen. */
export interface Choice {
  readonly pane: Pane;
  /** The selected row of the pane. */
  readonly row: number;
  readonly filter: string;
  /** The filter is being typed. */
  readonly isTyping: boolean;
  /** What `why` said about the selected row; shown instead of the tables. */
  readonly why: readonly string[] | undefined;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

type Colors = CliContext['colors'];
/** All that a picture is made of. */
export interface Frame {
  readonly state: TopState;
  readonly choice: Choice;
  readonly size: Size;
  readonly colors: Colors;
  /** In milliseconds of `Date.now`. */
  readonly now: number;
}
/** A line in cells, before colors: cells are cut to the width, and colors take none. */
interface Line {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** One line of so many shows a finding, as long as there are any. */
const LINES_PER_FINDING = 8;
const MIN_NEWS = 3;

/** Names in the order of their rows, for the selection. */
export function namesOf(state: TopState, { pane, filter }: Choice): readonly string[] {
  const wanted = filter.toLowerCase();
  const rows =
    pane === 'members'
      ? [...state.members.values()].map(({ name, status }) => ({ name, status }))
      : [...state.services.values()].map(({ name, statuses }) => ({ name, status: worstOf(statuses) }));
  return rows
    .filter(({ name, status }) => `${name} ${status}`.toLowerCase().includes(wanted))
    .sort((a, b) => severityOf(a.status) - severityOf(b.status) || compareNames(a.name, b.name))
    .map(({ name }) => name);
}

/** Exactly `rows` lines, each of at most `columns` characters that take space. */
export function render(frame: Frame): string[] {
  const { choice, size, colors } = frame;
  const top = head(frame);
  const body: readonly Line[] = choice.why?.map((text) => ({ text })) ?? tables(frame, top.length);
  const lines: Line[] = [...top, ...body].slice(0, size.rows - 1);
  while (lines.length < size.rows - 1) lines.push({ text: '' });
  lines.push(keys(choice, colors));
  return lines.map(({ text, paint = (plain) => plain }) => paint(cut(sanitizeCells(text), size.columns)));
}

/** Blanks in a row are columns here, so each is kept. */
const sanitizeCells = (text: string): string => text.split(' ').map(sanitize).join(' ');
const cut = (text: string, columns: number): string => {
  const shown = [...text];
  return shown.length <= columns ? text : `${shown.slice(0, columns - 1).join('')}…`;
};

function head({ state, size, colors, now }: Frame): Line[] {
  const { figures, members, services, rates, outage } = state;
  const byStatus = new Map<string, number>();
  for (const { status } of members.values()) byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  const down = [...services.values()].filter(({ statuses }) => severityOf(worstOf(statuses)) < 4).length;
  const title = [
    `hearsay top   ${figures?.node ?? ''}`,
    `${members.size} members: ${formatStatuses(byStatus) || 'none yet'}`,
    `${services.size} services${down === 0 ? '' : `, ${down} in trouble`}`,
  ].join('   ');
  return [
    { text: title, paint: colors.bold },
    outage === undefined
      ? {
          text: figures?.sentence ?? 'waiting for the agent',
          paint: figures?.isWhole === false ? colors.red : colors.green,
        }
      : {
          text: `this picture is ${formatAge(now - outage.since)} old: ${outage.reason}`,
          paint: colors.red,
        },
    { text: figuresLine(figures, rates), paint: colors.dim },
    ...findingLines(figures?.findings ?? [], size, colors),
    ...schedulingLines(figures?.scheduling ?? [], size, colors),
    { text: '' },
  ];
}

/** What is wrong beside members and services that are down, which the tables show; the worst first. */
function findingLines(
  findings: NonNullable<TopState['figures']>['findings'],
  { rows }: Size,
  colors: Colors,
): Line[] {
  const most = Math.floor(rows / LINES_PER_FINDING);
  const more = findings.length - most;
  return findings.slice(0, most).map(({ severity, sentence }, i) => ({
    text: `${severity}: ${sentence}${more > 0 && i === most - 1 ? `   (${more} more: hearsay doctor)` : ''}`,
    paint:
      FINDING_COLORS.get(severity) === undefined ? colors.dim : colors[FINDING_COLORS.get(severity) ?? 'red'],
  }));
}

function schedulingLines(
  scheduling: NonNullable<TopState['figures']>['scheduling'],
  { rows }: Size,
  colors: Colors,
): Line[] {
  const most = Math.floor(rows / LINES_PER_FINDING);
  const more = scheduling.length - most;
  return scheduling.slice(0, most).map(({ text, status }, i) => ({
    text: `${text}${more > 0 && i === most - 1 ? `   (${more} more: hearsay jobs)` : ''}`,
    paint: (plain) => paintStatus(colors, status, plain),
  }));
}

const FINDING_COLORS: ReadonlyMap<string, 'red' | 'yellow'> = new Map([
  ['error', 'red'],
  ['warning', 'yellow'],
]);

function figuresLine(figures: TopState['figures'], rates: TopState['rates']): string {
  if (figures === undefined) return '';
  const { awareness, degraded, queued } = figures;
  return [
    ...(rates === undefined
      ? []
      : [
          `packets ${rates.packetsIn.toFixed(0)}/s in, ${rates.packetsOut.toFixed(0)}/s out`,
          `${formatBytes(rates.bytesIn)}/s in, ${formatBytes(rates.bytesOut)}/s out`,
        ]),
    `queued ${queued}`,
    `health ${awareness}`,
    ...(degraded.length === 0 ? [] : [`degraded: ${degraded.join('; ')}`]),
  ].join('   ');
}

const formatBytes = (bytes: number): string =>
  bytes < 1000 ? `${bytes.toFixed(0)} B` : `${(bytes / 1000).toFixed(1)} kB`;

function tables(frame: Frame, above: number): Line[] {
  const { state, size, colors } = frame;
  const space = size.rows - above - 1;
  const news = Math.max(MIN_NEWS, Math.floor(space / 5));
  const half = Math.floor((space - news - 1) / 2);
  return [
    ...pane(frame, 'members', half),
    ...pane(frame, 'services', space - news - 1 - half),
    { text: 'LATEST', paint: colors.dim },
    ...state.news.slice(-news).map(
      ({ at, text, status }): Line => ({
        text: `${new Date(at).toTimeString().slice(0, 8)}  ${text}`,
        paint: (plain) => paintStatus(colors, status, plain),
      }),
    ),
  ];
}

const HEADINGS: Readonly<Record<Pane, (width: number) => string>> = {
  members: (width) =>
    `${'MEMBER'.padEnd(width)}  ${'STATUS'.padEnd(8)}  ${'FOR'.padEnd(4)}  ${'ADDRESS'.padEnd(21)}  TAGS`,
  services: (width) => `${'SERVICE'.padEnd(width)}  ${'INSTANCES'.padEnd(30)}  NODES`,
};

/** A heading, and the rows around the selected one: `height` lines in all. */
function pane({ state, choice, size, colors, now }: Frame, which: Pane, height: number): Line[] {
  const names = namesOf(state, { ...choice, pane: which });
  const shown = height - 1;
  const selected = choice.pane === which ? Math.min(choice.row, names.length - 1) : undefined;
  const from = Math.max(0, Math.min((selected ?? 0) - Math.floor(shown / 2), names.length - shown));
  const width = Math.min(32, Math.max(8, ...names.map((name) => [...name].length)));
  const rows = names.slice(from, from + shown).map((name, i): Line => {
    const { text, status } =
      which === 'members' ? memberRow(state, name, width, now) : serviceRow(state, name, width);
    return selected === from + i
      ? { text: text.padEnd(size.columns), paint: colors.inverse }
      : { text, paint: (plain) => paintStatus(colors, status, plain) };
  });
  const more = names.length - shown;
  const heading = `${HEADINGS[which](width)}${more > 0 ? `   (${more} more)` : ''}`;
  const lines: Line[] = [{ text: heading, paint: colors.dim }, ...rows];
  while (lines.length < height) lines.push({ text: '' });
  return lines;
}

function memberRow({ members }: TopState, name: string, width: number, now: number) {
  const { status = '', since = now, address = '', tags = [] } = members.get(name) ?? {};
  const cells = [cut(name, width).padEnd(width), status.padEnd(8), formatAge(now - since).padEnd(4)];
  return { text: [...cells, address.padEnd(21), tags.join(',')].join('  '), status };
}

function serviceRow({ services }: TopState, name: string, width: number) {
  const { statuses = new Map<string, number>(), nodes = [] } = services.get(name) ?? {};
  const cells = [cut(name, width).padEnd(width), formatStatuses(statuses).padEnd(30), nodes.join(',')];
  return { text: cells.join('  '), status: worstOf(statuses) };
}

/** What is well is in the terminal's own color, so that trouble stands out. */
const paintStatus = (colors: Colors, status: string, text: string): string =>
  status === 'alive' || status === 'passing' ? text : text === '' ? '' : colorLine(colors, status, text);

const colorLine = (colors: Colors, status: string, text: string): string =>
  colorStatus(colors, status) === status ? text : colorStatus(colors, status).replace(status, () => text);

function keys({ filter, isTyping, why }: Choice, colors: Colors): Line {
  if (isTyping) return { text: `filter: ${filter}█   Enter keeps it, Esc clears it` };
  const shown = filter === '' ? '' : `   filter: ${filter}`;
  return why === undefined
    ? { text: `↑ ↓ select   Tab other table   / filter   w why   q quit${shown}`, paint: colors.dim }
    : { text: 'any key: back', paint: colors.dim };
}
