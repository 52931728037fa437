/**
 * A recording played: an agent is born as that one was, gets the same inputs at the same instants, and what it decides is
 * held against what was decided then. No sockets, no clock, no keys.
 */
import { createAgent } from '../agent/agent.ts';
import type { WireCodec } from '../agent/contract/codec.ts';
import type { Agent, Effect, Input } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import { NO_BYTES } from '../base/bytes.ts';
import { AgentError, WireError, type WireErrorCode } from '../base/errors.ts';
import { createRng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
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
  /** Another one than it was recorded with, to see what chance did. */
  readonly seed?: number;
  /** Each step as it is played; `after`: milliseconds since the agent was born. */
  onStep?(step: RecordedStep, after: Millis): void;
}

export interface ReplayResult {
  readonly header: RecordingHeader;
  readonly inputs: number;
  readonly decisions: number;
  /** Milliseconds between the agent's birth and its last input. */
  readonly span: Millis;
  /** How the recording ends; `cut`: in the middle. */
  readonly end: RecordingEndReason | 'cut';
  readonly recordingEnd: RecordingEnd;
  /** Where the decisions part, if they do; nothing is played after it. */
  readonly difference?: ReplayDifference;
}

export interface ReplayDifference {
  /** Counts from 1. */
  readonly step: number;
  /** Line of the file, from 1, and where it begins. */
  readonly line: number;
  readonly at: number;
  readonly after: Millis;
  readonly input: RecordedStep['input'];
  /** The first decision that is not the same; `undefined`: there was none any more. */
  readonly recorded: string | undefined;
  readonly replayed: string | undefined;
}

/**
 * Plays as much as is whole. Throws `AgentError` 'config' if nothing of it can be played: no recording, or of another
 * format, or damaged in its first line.
 */
export function replayRecording(bytes: Uint8Array, options: ReplayOptions = {}): ReplayResult {
  const lines = readRecording(bytes);
  const first = lines.next();
  const header = parseHeader(first.done === true ? undefined : first.value.value, first.done === true);
  const wire = new ReplayCodec(header.redacted);
  const born = header.birth['now'] as Millis;
  const agent = createReplayedAgent(header, wire, options.seed ?? header.seed);
  const out: Effect[] = [];
  let [inputs, decisions, span]: number[] = [0, 0, 0];
  let end: RecordingEndReason | 'cut' = 'cut';
  const sofar = () => ({ header, inputs, decisions, span, end }) as Omit<ReplayResult, 'tape'>;
  for (;;) {
    const next = lines.next();
    if (next.done === true) return { ...sofar(), recordingEnd: next.value };
    const { value, line, at } = next.value;
    if (isFooter(value)) {
      end = value.end;
      continue;
    }
    const step = value as RecordedStep;
    inputs = (inputs as number) + 1;
    span = step.now - born;
    options.onStep?.(step, span);
    const words = replayStep(agent, wire, step, out, header.redacted);
    const difference = firstDifference([...step.out, formatDeadline(step.wakes)], words);
    if (difference !== undefined) {
      const where = { step: inputs, line, at, after: span, input: step.input };
      return { ...sofar(), recordingEnd: { kind: 'complete' }, difference: { ...where, ...difference } };
    }
    decisions = (decisions as number) + step.out.length;
  }
}

/** The words of everything the agent decides at this step. */
function replayStep(
  agent: Agent,
  wire: ReplayCodec,
  step: RecordedStep,
  out: Effect[],
  redacted: boolean,
): string[] {
  out.length = 0;
  wire.startStep(step.opened ?? []);
  const more: string[] = [];
  try {
    // Of packets and streams it sees nothing but what `wire` says was in them.
    agent.handle({ bytes: NO_BYTES, ...step.input } as unknown as Input, step.now, out);
  } catch (error) {
    more.push(formatCrash(error));
  }
  return [...formatEffects(out, 0, wire.sealed, redacted), ...more, formatDeadline(agent.deadline)];
}

const formatDeadline = (at: Millis): string => `wakes at ${at}`;

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
    throw new AgentError('config', 'its first line is no recording of an agent, or it is damaged');
  const header = value as Partial<RecordingHeader> | null;
  if (header?.what !== RECORDING_MAGIC) throw new AgentError('config', 'it is no recording of an agent');
  if (header.format !== RECORDING_FORMAT)
    throw new AgentError(
      'config',
      `it is of format ${header.format}, and this is hearsay with format ${RECORDING_FORMAT}: use hearsay ${header.version}`,
    );
  return header as RecordingHeader;
}

function createReplayedAgent({ birth }: RecordingHeader, wire: ReplayCodec, seed: number): Agent {
  const options = birth as unknown as Omit<AgentOptions, 'rng' | 'nonce' | 'wrapping'>;
  try {
    return createAgent({ ...options, rng: createRng(seed), nonce: () => NO_BYTES, codec: wire });
  } catch {
    throw new AgentError('config', 'no agent can be born of what its first line says');
  }
}

const isFooter = (value: unknown): value is RecordingFooter =>
  typeof value === 'object' && value !== null && 'end' in value;

/** Says what was in the bytes of the wire, one after another, and notes what the agent would have sent. */
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
    if (!('packet' in opened)) throw new Error('a packet is opened where there was none');
    return { messages: [...opened.packet], truncated: opened.truncated === true };
  };

  readonly sealPacket: WireCodec['sealPacket'] = (messages, envelope, { nonce }) => {
    if (envelope.keys.length > 0) nonce(); // the agent counts them
    this.sealed.push(formatPacket(messages, this.#redacted));
    return NO_BYTES;
  };

  readonly sealStream: WireCodec['sealStream'] = (body, envelope, { nonce }) => {
    if (envelope.keys.length > 0) nonce();
    this.sealed.push(formatStream(body, this.#redacted));
    return NO_BYTES;
  };

  readonly createStreamDecoder: WireCodec['createStreamDecoder'] = () => ({
    push: () => {
      const opened = this.#nextOpened();
      if ('waits' in opened) return undefined;
      if (!('stream' in opened)) throw new Error('a stream is read where there was none');
      return opened.stream;
    },
  });

  #nextOpened(): Exclude<OpenResult, { refused: string }> {
    const opened = this.#opened[this.#next++];
    if (opened === undefined) throw new Error('more bytes are opened than came');
    if ('refused' in opened) throw new WireError(opened.refused as WireErrorCode, opened.detail);
    return opened;
  }
}
