/**
 * Replays a recording: an agent starts with the recorded options, gets the recorded inputs at the same times, and its
 * decisions are compared with the recorded ones. Needs no sockets, no clock and no keys.
 */
import { createAgent } from '../agent/agent.ts';
import type { WireCodec } from '../agent/contract/codec.ts';
import type { Agent, Effect, Input } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import { NO_BYTES } from '../base/bytes.ts';
import { AgentError, WireError } from '../base/errors.ts';
import { createRng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { VERSION } from '../base/version.ts';
import { type RecordingEnd, readRecording } from './format.ts';
import {
  formatCrash,
  formatEffects,
  type OpenResult,
  RECORDING_FORMAT,
  RECORDING_MAGIC,
  type RecordedStep,
  type RecordingEndReason,
  type RecordingFooter,
  type RecordingHeader,
} from './recorder.ts';
import { formatPacket, formatStream } from './transcript.ts';

export interface ReplayOptions {
  /** Replaces the recorded seed, to see which decisions depend on random numbers. */
  readonly seed?: number;
  /** Called for each step before it is replayed; `elapsed` is the time since the agent's start. */
  onStep?(step: RecordedStep, elapsed: Millis): void;
}

export interface ReplayResult {
  readonly header: RecordingHeader;
  readonly inputs: number;
  readonly decisions: number;
  /** Time between the agent's start and its last input. */
  readonly span: Millis;
  /** Reason in the footer; `cut`: there is no footer. */
  readonly end: RecordingEndReason | 'cut';
  readonly recordingEnd: RecordingEnd;
  /** The first difference between the decisions, if any. Nothing after it is replayed. */
  readonly difference?: ReplayDifference;
}

export interface ReplayDifference {
  /** Counts from 1. */
  readonly step: number;
  /** Line of the file, counting from 1, and its byte offset. */
  readonly line: number;
  readonly at: number;
  /** Since the agent's start. */
  readonly elapsed: Millis;
  readonly input: RecordedStep['input'];
  /** The first pair of decisions that differ; `undefined` on the side that has no more. */
  readonly recorded: string | undefined;
  readonly replayed: string | undefined;
}

/**
 * Replays up to the first line that is truncated or corrupt. Throws `AgentError` `config` if nothing can be replayed:
 * the file is no recording, has another format, or is damaged in its first line.
 */
export function replayRecording(bytes: Uint8Array, options: ReplayOptions = {}): ReplayResult {
  const lines = readRecording(bytes);
  const first = lines.next();
  const header = parseHeader(first.done === true ? undefined : first.value.value, first.done === true);
  const codec = new ReplayCodec(header.redacted);
  const startedAt = header.options['now'] as Millis;
  const agent = createReplayedAgent(header, codec, options.seed ?? header.seed);
  let [inputs, decisions, span] = [0, 0, 0];
  let end: ReplayResult['end'] = 'cut';
  const toResult = (recordingEnd: RecordingEnd, difference?: ReplayDifference): ReplayResult => ({
    header,
    inputs,
    decisions,
    span,
    end,
    recordingEnd,
    ...(difference === undefined ? {} : { difference }),
  });
  for (;;) {
    const next = lines.next();
    if (next.done === true) return toResult(next.value);
    const { value, line, at } = next.value;
    if (isFooter(value)) {
      end = value.end;
      continue;
    }
    const step = value as RecordedStep;
    inputs++;
    span = step.now - startedAt;
    options.onStep?.(step, span);
    const replayed = replayStep(agent, codec, step, header.redacted);
    const difference = firstDifference([...step.effects, formatDeadline(step.deadline)], replayed);
    if (difference !== undefined)
      return toResult(
        { kind: 'complete' },
        { step: inputs, line, at, elapsed: span, input: step.input, ...difference },
      );
    decisions += step.effects.length;
  }
}

/** Transcript lines of everything the agent decides at this step. */
function replayStep(agent: Agent, codec: ReplayCodec, step: RecordedStep, redacted: boolean): string[] {
  const out: Effect[] = [];
  codec.startStep(step.opened ?? []);
  const crash: string[] = [];
  try {
    // The codec supplies the recorded messages; of the bytes only their number counts.
    agent.handle({ bytes: blankBytes(step.input), ...step.input } as unknown as Input, step.now, out);
  } catch (error) {
    crash.push(formatCrash(error));
  }
  return [...formatEffects(out, 0, codec.sealed, redacted), ...crash, formatDeadline(agent.deadline)];
}

const MAX_PACKET_BYTES = 65_536;

function blankBytes({ kind, size }: RecordedStep['input']): Uint8Array {
  return kind === 'packet' && typeof size === 'number' && size > 0
    ? new Uint8Array(Math.min(MAX_PACKET_BYTES, size))
    : NO_BYTES;
}

const formatDeadline = (at: Millis): string => `deadline ${at}`;

function firstDifference(
  recorded: readonly string[],
  replayed: readonly string[],
): Pick<ReplayDifference, 'recorded' | 'replayed'> | undefined {
  const length = Math.max(recorded.length, replayed.length);
  for (let i = 0; i < length; i++)
    if (recorded[i] !== replayed[i]) return { recorded: recorded[i], replayed: replayed[i] };
  return undefined;
}

function parseHeader(value: unknown, unreadable: boolean): RecordingHeader {
  if (unreadable)
    throw new AgentError(
      'config',
      'its first line is damaged, or it is not a recording: give a file that `hearsay agent --record` wrote',
    );
  const header = value as Partial<RecordingHeader> | null;
  if (header?.what !== RECORDING_MAGIC)
    throw new AgentError('config', 'it is not a recording: give a file that `hearsay agent --record` wrote');
  if (header.format !== RECORDING_FORMAT)
    throw new AgentError(
      'config',
      `it has recording format ${header.format}, and this hearsay (${VERSION}) replays format ${RECORDING_FORMAT} only: ` +
        `replay it with the build that recorded it, hearsay ${header.version}`,
    );
  return header as RecordingHeader;
}

function createReplayedAgent(header: RecordingHeader, codec: ReplayCodec, seed: number): Agent {
  const options = header.options as unknown as Omit<AgentOptions, 'rng' | 'nonce' | 'codec'>;
  try {
    return createAgent({ ...options, rng: createRng(seed), nonce: () => NO_BYTES, codec });
  } catch {
    throw new AgentError(
      'config',
      'no agent can start with the options in its first line: replay it with the build that recorded it',
    );
  }
}

const isFooter = (value: unknown): value is RecordingFooter =>
  typeof value === 'object' && value !== null && 'end' in value;

/** Stands in for the wire: returns the recorded messages in order, and records what the agent seals. */
class ReplayCodec implements WireCodec {
  readonly #redacted: boolean;
  #opened: readonly OpenResult[] = [];
  #next = 0;
  sealed: string[] = [];

  constructor(redacted: boolean) {
    this.#redacted = redacted;
  }

  startStep(opened: readonly OpenResult[]): void {
    this.#opened = opened;
    this.#next = 0;
    this.sealed = [];
  }

  readonly openPacket: WireCodec['openPacket'] = () => {
    const opened = this.#nextOpened();
    if (!('packet' in opened)) throw new Error('the agent opens a packet where none was recorded');
    return { messages: [...opened.packet], truncated: opened.truncated === true };
  };

  readonly sealPacket: WireCodec['sealPacket'] = (messages, envelope, { nonce }) => {
    if (envelope.keys.length > 0) nonce(); // the agent counts its nonces
    this.sealed.push(formatPacket(messages, this.#redacted));
    return NO_BYTES;
  };

  readonly sealStream: WireCodec['sealStream'] = (body, envelope, { nonce }) => {
    if (envelope.keys.length > 0) nonce();
    this.sealed.push(formatStream(body, this.#redacted));
    return NO_BYTES;
  };

  readonly createStreamDecoder: WireCodec['createStreamDecoder'] = () => {
    let isBusy = false;
    return {
      get isBusy() {
        return isBusy;
      },
      push: () => {
        const opened = this.#nextOpened();
        isBusy = 'incomplete' in opened && opened.isBusy === true;
        if ('incomplete' in opened) return undefined;
        if (!('stream' in opened)) throw new Error('the agent reads a stream where none was recorded');
        return opened.stream;
      },
    };
  };

  #nextOpened(): Exclude<OpenResult, { error: string }> {
    const opened = this.#opened[this.#next++];
    if (opened === undefined) throw new Error('the agent opens more than was recorded');
    if ('error' in opened) throw new WireError(opened.error, opened.detail);
    return opened;
  }
}
