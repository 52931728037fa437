/**
 * `hearsay replay`: replays a recording of `hearsay agent --record`. Exit code 0: the same decisions, as far as the file
 * goes; 1: a decision differs; 78: not a recording, or corrupt.
 */
import { open } from 'node:fs/promises';
import { AgentError } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import { formatDuration, parseDuration } from '../../config/setting.ts';
import { type ReplayDifference, type ReplayResult, replayRecording } from '../../replay/player.ts';
import type { RecordedStep } from '../../replay/recorder.ts';
import {
  addExample,
  addJsonOption,
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
    .argument('<file>', 'Recording, as `hearsay agent --record` writes it')
    .option('--facts', 'Print each command (?) and each fact (!) with the seconds since the start')
    .option('--from <span>', 'Print facts only from this time after the start: 90s')
    .option('--until <span>', 'Print facts only up to this time after the start')
    .option('--seed <n>', 'Replay with another random seed, to see which decisions depend on it')
    .action(toAction(cli, (file: string, options: Options) => replay(cli, file, options)));
  addJsonOption(command);
  addExample(command, 'hearsay replay web-1.rec --facts --from 90s');
};

interface FactLine {
  /** Milliseconds since the start. */
  readonly at: number;
  readonly kind: 'command' | 'fact';
  readonly text: string;
}

async function replay({ io }: CliContext, file: string, options: Options): Promise<number> {
  const from = parseSpan(options.from, '--from') ?? 0;
  const until = parseSpan(options.until, '--until') ?? Infinity;
  const bytes = await readRecording(file);
  const lines: FactLine[] = [];
  const withFacts = options.facts === true;
  let played: ReplayResult;
  try {
    played = replayRecording(bytes, {
      ...(options.seed === undefined ? {} : { seed: parseSeed(options.seed) }),
      onStep: (step, at) => {
        if (withFacts && at >= from && at <= until) lines.push(...stepLines(step, at));
      },
    });
  } catch (error) {
    if (error instanceof AgentError) throw new CliError(error.exit, `${file}: ${error.message}`);
    throw error;
  }
  if (options.json === true) printJson(io, toJsonDocument(file, played, withFacts ? lines : undefined));
  else {
    for (const line of lines) io.out.write(`${sanitize(formatLine(line, played.header.node))}\n`);
    for (const line of formatResult(file, played)) io.out.write(`${sanitize(line)}\n`);
  }
  if (played.header.version !== VERSION && played.difference !== undefined)
    printNotice(
      io,
      `recorded by hearsay ${played.header.version}, replayed by ${VERSION}: replay it with the version that recorded it`,
    );
  if (played.difference !== undefined) return EXIT.failed;
  return played.recordingEnd.kind === 'corrupt' ? EXIT.config : EXIT.done;
}

/** The command of a step, and the facts that resulted from it. */
function stepLines({ input, effects }: RecordedStep, at: number): FactLine[] {
  const command = (input as { readonly command?: { readonly kind: string } }).command;
  const facts = effects.filter((decision) => decision.startsWith('fact ') || decision.startsWith('crash '));
  return [
    ...(command === undefined ? [] : [{ at, kind: 'command', text: command.kind } as const]),
    ...facts.map((decision) => ({ at, kind: 'fact', text: decision.replace(/^fact /, '') }) as const),
  ];
}

const SIGNS = { command: '?', fact: '!' } as const;

const formatLine = ({ at, kind, text }: FactLine, node: string): string =>
  `${seconds(at)} ${node} ${SIGNS[kind]} ${text}`;
const seconds = (millis: number): string => (millis / 1000).toFixed(3);

function formatResult(file: string, played: ReplayResult): string[] {
  const { header, span, inputs, decisions, recordingEnd, end, difference } = played;
  const { node, version, redacted } = header;
  const title = `${node} (hearsay ${version}${redacted ? ', redacted' : ''}), ${formatDuration(Math.round(span))}`;
  if (difference !== undefined)
    return [`${title}: ${decisions} decisions are the same`, ...formatDifference(file, difference)];
  const lines = [`${title}: ${inputs} inputs, ${decisions} decisions, all the same`];
  if (recordingEnd.kind === 'corrupt') {
    const { line, at, to } = recordingEnd;
    lines.push(`corrupt in line ${line} (bytes ${at} to ${to}): nothing after it was replayed`);
  } else if (recordingEnd.kind === 'truncated') {
    const { line, at } = recordingEnd;
    lines.push(`truncated in line ${line} (byte ${at}): the agent was killed, or the file was cut`);
  } else if (end === 'cut') lines.push('the last line is missing: the agent was killed, or the file was cut');
  else if (end === 'full') lines.push('the recording reached its size limit; the agent kept running');
  return lines;
}

function formatDifference(
  file: string,
  { step, line, at, elapsed, input, recorded, replayed }: ReplayDifference,
): string[] {
  const { kind, from } = input as { readonly kind: string; readonly from?: { readonly key?: string } };
  const source = from?.key === undefined ? kind : `${kind} from ${from.key}`;
  return [
    `first difference at input ${step} (${source}), ${seconds(elapsed)} s after the start, ${file} line ${line} (byte ${at}):`,
    `  recorded: ${recorded ?? 'nothing more'}`,
    `  replayed: ${replayed ?? 'nothing more'}`,
  ];
}

function toJsonDocument(file: string, played: ReplayResult, lines: readonly FactLine[] | undefined): object {
  const { header, span, inputs, decisions, recordingEnd, end, difference } = played;
  const { node, version, redacted } = header;
  return {
    ...{ file, node, version, redacted, seconds: span / 1000, inputs, decisions },
    same: difference === undefined,
    end,
    ...(recordingEnd.kind === 'corrupt'
      ? { damaged: { line: recordingEnd.line, from: recordingEnd.at, to: recordingEnd.to } }
      : {}),
    ...(recordingEnd.kind === 'truncated' ? { torn: { line: recordingEnd.line, at: recordingEnd.at } } : {}),
    ...(difference === undefined ? {} : { difference: toJsonDifference(difference) }),
    ...(lines === undefined
      ? {}
      : {
          facts: lines.map(({ at, kind, text }) => ({
            seconds: at / 1000,
            isCommand: kind === 'command',
            text,
          })),
        }),
  };
}

function toJsonDifference({ step, line, at, elapsed, input, recorded, replayed }: ReplayDifference): object {
  return {
    ...{ input: step, kind: input.kind, line, at, seconds: elapsed / 1000 },
    ...{ recorded: recorded ?? null, replayed: replayed ?? null },
  };
}

/** A limit above the size of any recording that an agent writes. */
const MAX_BYTES = 2 ** 30;

async function readRecording(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > MAX_BYTES)
        throw new AgentError('config', `${path} is larger than 1 GiB and cannot be replayed`);
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

/** Milliseconds, or `undefined` if the flag was not given. */
function parseSpan(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  try {
    return parseDuration(text);
  } catch (error) {
    throw new CliError(EXIT.usage, `${flag}: ${(error as Error).message}`);
  }
}

function parseSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new CliError(EXIT.usage, '--seed: must be a whole number');
  return Number(text);
}
