/**
 * `hearsay replay`: plays what `hearsay agent --record` wrote. Exit code 0: the same decisions, as far as the file goes;
 * 1: they differ; 78: no recording, or damaged.
 */
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { AgentError } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import { formatDuration, parseDuration } from '../../config/setting.ts';
import { type ReplayDifference, type ReplayResult, replayRecording } from '../../replay/player.ts';
import type { RecordedStep } from '../../replay/recorder.ts';
import {
  addExample,
  type CliContext,
  CliError,
  type CommandBuilder,
  EXIT,
  printJson,
  printNotice,
  toAction,
} from '../command.ts';
import { sanitize } from '../sanitize.ts';

interface Options {
  readonly json?: boolean;
  readonly facts?: boolean;
  readonly from?: string;
  readonly until?: string;
  readonly seed?: string;
}

export const replayCommand: CommandBuilder = (command, cli) => {
  command
    .argument('<file>', 'as `hearsay agent --record` wrote it')
    .option('--facts', 'print what happened, a line each: seconds since its birth, ? asked, ! happened')
    .option('--from <span>', 'of the facts only those from then on, counted from its birth: 90s')
    .option('--until <span>', 'likewise up to then')
    .option('--seed <n>', 'with other chance than it had, to see where that matters')
    .option('--json', 'one JSON document on stdout')
    .action(toAction(cli, (file: string, options: Options, _self: Command) => replay(cli, file, options)));
  addExample(command, 'hearsay replay web-1.rec --facts --from 90s');
};

interface FactLine {
  readonly at: number;
  readonly sign: '?' | '!';
  readonly words: string;
}

async function replay({ io }: CliContext, file: string, options: Options): Promise<number> {
  const [from, until] = [spanOf(options.from, '--from', 0), spanOf(options.until, '--until', Infinity)];
  const bytes = await contents(file);
  const lines: FactLine[] = [];
  const wants = options.facts === true;
  let played: ReplayResult;
  try {
    played = replayRecording(bytes, {
      ...(options.seed === undefined ? {} : { seed: seedOf(options.seed) }),
      onStep: (step, at) => {
        if (wants && at >= from && at <= until) lines.push(...stepLines(step, at));
      },
    });
  } catch (error) {
    if (error instanceof AgentError) throw new CliError(error.exit, `${file}: ${error.message}`);
    throw error;
  }
  if (options.json === true) printJson(io, documentOf(file, played, wants ? lines : undefined));
  else {
    for (const line of lines) io.out.write(`${sanitize(formatLine(line, played.header.node))}\n`);
    for (const line of resultLines(file, played)) io.out.write(`${sanitize(line)}\n`);
  }
  if (played.header.version !== VERSION && played.difference !== undefined)
    printNotice(io, `it was recorded by hearsay ${played.header.version}, and this is ${VERSION}`);
  if (played.difference !== undefined) return EXIT.failed;
  return played.recordingEnd.kind === 'corrupt' ? EXIT.config : EXIT.done;
}

/** What was asked at a step, and the facts that came of it. */
function stepLines({ input, out }: RecordedStep, at: number): FactLine[] {
  const command = (input as { readonly command?: { readonly kind: string } }).command;
  const facts = out.filter((words) => words.startsWith('fact ') || words.startsWith('crash '));
  return [
    ...(command === undefined ? [] : [{ at, sign: '?', words: command.kind } as const]),
    ...facts.map((words) => ({ at, sign: '!', words: words.replace(/^fact /, '') }) as const),
  ];
}

const formatLine = ({ at, sign, words }: FactLine, node: string): string =>
  `${seconds(at)} ${node} ${sign} ${words}`;
const seconds = (millis: number): string => (millis / 1000).toFixed(3);

function resultLines(file: string, played: ReplayResult): string[] {
  const { header, span, inputs, decisions, recordingEnd: tape, end, difference } = played;
  const { node, version, redacted } = header;
  const whose = `${node} (hearsay ${version}${redacted ? ', redacted' : ''}), ${formatDuration(Math.round(span))}`;
  if (difference !== undefined)
    return [`${whose}: ${decisions} decisions were the same`, ...differenceLines(file, difference)];
  const lines = [`${whose}: ${inputs} inputs, ${decisions} decisions, all the same`];
  if (tape.kind === 'corrupt')
    lines.push(
      `damaged in line ${tape.line} (bytes ${tape.at} to ${tape.to}): it is not as it was written, and nothing after it was played`,
    );
  else if (tape.kind === 'truncated')
    lines.push(
      `it ends inside of line ${tape.line} (byte ${tape.at}): the agent was killed, or the file was cut`,
    );
  else if (end === 'cut') lines.push('it has no last line: the agent was killed, or the file was cut');
  else if (end === 'full') lines.push('it was full then, and the agent went on');
  return lines;
}

function differenceLines(
  file: string,
  { step, line, at, after, input, recorded, replayed }: ReplayDifference,
): string[] {
  const { kind, from } = input as { readonly kind: string; readonly from?: { readonly key?: string } };
  const what = from?.key === undefined ? kind : `${kind} from ${from.key}`;
  return [
    `they differ at input ${step} (${what}), ${seconds(after)} s after its birth, ${file} line ${line} (byte ${at}):`,
    `  recorded: ${recorded ?? 'nothing more'}`,
    `  replayed: ${replayed ?? 'nothing more'}`,
  ];
}

function documentOf(file: string, played: ReplayResult, lines: readonly FactLine[] | undefined): unknown {
  const { header, span, inputs, decisions, recordingEnd: tape, end, difference } = played;
  const { node, version, redacted } = header;
  return {
    ...{ file, node, version, redacted, seconds: span / 1000, inputs, decisions },
    same: difference === undefined,
    end,
    ...(tape.kind === 'corrupt' ? { damaged: { line: tape.line, from: tape.at, to: tape.to } } : {}),
    ...(tape.kind === 'truncated' ? { torn: { line: tape.line, at: tape.at } } : {}),
    ...(difference === undefined ? {} : { difference: toJsonDifference(difference) }),
    ...(lines === undefined
      ? {}
      : { facts: lines.map(({ at, sign, words }) => ({ seconds: at / 1000, asked: sign === '?', words })) }),
  };
}

function toJsonDifference({ step, line, at, after, input, recorded, replayed }: ReplayDifference): unknown {
  return {
    ...{ input: step, kind: input.kind, line, at, seconds: after / 1000 },
    ...{ recorded: recorded ?? null, replayed: replayed ?? null },
  };
}

/** More than any recording we write. */
const MAX_BYTES = 2 ** 30;

async function contents(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > MAX_BYTES) throw new AgentError('config', `${path}: is larger than 1 GiB`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new AgentError('config', `${path}: ${code === 'ENOENT' ? 'no such file' : code}`);
  }
}

function spanOf(text: string | undefined, flag: string, absent: number): number {
  if (text === undefined) return absent;
  try {
    return parseDuration(text);
  } catch (error) {
    throw new CliError(EXIT.usage, `${flag}: ${(error as Error).message}`);
  }
}

function seedOf(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new CliError(EXIT.usage, '--seed: must be a whole number');
  return Number(text);
}
