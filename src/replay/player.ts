/**
 * A recording played: an agent is born as that one was, gets the same inputs at the same instants, and what it decides is
 * held against what was decided then. No sockets, no clock, no keys.
 */
import { createAgent } from '../agent/agent.ts';
import type { Wrapping } from '../agent/contract/codec.ts';
import type { Agent, Effect, Input } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import { NO_BYTES } from '../base/bytes.ts';
import { AgentError, WireError, type WireErrorCode } from '../base/errors.ts';
import { createRng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { readTape, type TapeEnd } from './format.ts';
import {
  crashWords,
  type EndOf,
  FORMAT,
  type Header,
  type Last,
  type Opened,
  type Step,
  stepWords,
  WHAT,
} from './recorder.ts';
import { packetWords, streamWords } from './transcript.ts';

export interface PlayOptions {
  /** Another one than it was recorded with, to see what chance did. */
  readonly seed?: number;
  /** Each step as it is played; `after`: milliseconds since the agent was born. */
  onStep?(step: Step, after: Millis): void;
}

export interface Played {
  readonly header: Header;
  readonly inputs: number;
  readonly decisions: number;
  /** Milliseconds between the agent's birth and its last input. */
  readonly span: Millis;
  /** How the recording ends; `cut`: in the middle. */
  readonly end: EndOf | 'cut';
  readonly tape: TapeEnd;
  /** Where the decisions part, if they do; nothing is played after it. */
  readonly difference?: Difference;
}

export interface Difference {
  /** Counts from 1. */
  readonly step: number;
  /** Line of the file, from 1, and where it begins. */
  readonly line: number;
  readonly at: number;
  readonly after: Millis;
  readonly input: Step['input'];
  /** The first decision that is not the same; `undefined`: there was none any more. */
  readonly recorded: string | undefined;
  readonly replayed: string | undefined;
}

/**
 * Plays as much as is whole. Throws `AgentError` 'config' if nothing of it can be played: no recording, or of another
 * format, or damaged in its first line.
 */
export function play(bytes: Uint8Array, options: PlayOptions = {}): Played {
  const lines = readTape(bytes);
  const first = lines.next();
  const header = headerOf(first.done === true ? undefined : first.value.value, first.done === true);
  const wire = new Speaking(header.redacted);
  const born = header.birth['now'] as Millis;
  const agent = bornAgain(header, wire, options.seed ?? header.seed);
  const out: Effect[] = [];
  let [inputs, decisions, span]: number[] = [0, 0, 0];
  let end: EndOf | 'cut' = 'cut';
  const sofar = () => ({ header, inputs, decisions, span, end }) as Omit<Played, 'tape'>;
  for (;;) {
    const next = lines.next();
    if (next.done === true) return { ...sofar(), tape: next.value };
    const { value, line, at } = next.value;
    if (isLast(value)) {
      end = value.end;
      continue;
    }
    const step = value as Step;
    inputs = (inputs as number) + 1;
    span = step.now - born;
    options.onStep?.(step, span);
    const words = played(agent, wire, step, out, header.redacted);
    const difference = firstDifference([...step.out, wakesWords(step.wakes)], words);
    if (difference !== undefined) {
      const where = { step: inputs, line, at, after: span, input: step.input };
      return { ...sofar(), tape: { kind: 'whole' }, difference: { ...where, ...difference } };
    }
    decisions = (decisions as number) + step.out.length;
  }
}

/** The words of everything the agent decides at this step. */
function played(agent: Agent, wire: Speaking, step: Step, out: Effect[], redacted: boolean): string[] {
  out.length = 0;
  wire.begin(step.opened ?? []);
  const more: string[] = [];
  try {
    // Of packets and streams it sees nothing but what `wire` says was in them.
    agent.handle({ bytes: NO_BYTES, ...step.input } as unknown as Input, step.now, out);
  } catch (error) {
    more.push(crashWords(error));
  }
  return [...stepWords(out, 0, wire.sealed, redacted), ...more, wakesWords(agent.deadline)];
}

const wakesWords = (at: Millis): string => `wakes at ${at}`;

function firstDifference(
  recorded: readonly string[],
  replayed: readonly string[],
): Pick<Difference, 'recorded' | 'replayed'> | undefined {
  const length = Math.max(recorded.length, replayed.length);
  for (let i = 0; i < length; i++)
    if (recorded[i] !== replayed[i]) return { recorded: recorded[i], replayed: replayed[i] };
  return undefined;
}

function headerOf(value: unknown, unreadable: boolean): Header {
  if (unreadable)
    throw new AgentError('config', 'its first line is no recording of an agent, or it is damaged');
  const header = value as Partial<Header> | null;
  if (header?.what !== WHAT) throw new AgentError('config', 'it is no recording of an agent');
  if (header.format !== FORMAT)
    throw new AgentError(
      'config',
      `it is of format ${header.format}, and this is hearsay with format ${FORMAT}: use hearsay ${header.version}`,
    );
  return header as Header;
}

function bornAgain({ birth }: Header, wire: Speaking, seed: number): Agent {
  const options = birth as unknown as Omit<AgentOptions, 'rng' | 'nonce' | 'wrapping'>;
  try {
    return createAgent({ ...options, rng: createRng(seed), nonce: () => NO_BYTES, wrapping: wire });
  } catch {
    throw new AgentError('config', 'no agent can be born of what its first line says');
  }
}

const isLast = (value: unknown): value is Last =>
  typeof value === 'object' && value !== null && 'end' in value;

/** Says what was in the bytes of the wire, one after another, and notes what the agent would have sent. */
class Speaking implements Wrapping {
  readonly #redacted: boolean;
  #opened: readonly Opened[] = [];
  #next = 0;
  sealed: string[] = [];

  constructor(redacted: boolean) {
    this.#redacted = redacted;
  }

  begin(opened: readonly Opened[]): void {
    this.#opened = opened;
    this.#next = 0;
    this.sealed = [];
  }

  readonly openPacket: Wrapping['openPacket'] = () => {
    const opened = this.#take();
    if (!('packet' in opened)) throw new Error('a packet is opened where there was none');
    return { messages: [...opened.packet], torn: opened.torn === true };
  };

  readonly sealPacket: Wrapping['sealPacket'] = (messages, envelope, { nonce }) => {
    if (envelope.keys.length > 0) nonce(); // the agent counts them
    this.sealed.push(packetWords(messages, this.#redacted));
    return NO_BYTES;
  };

  readonly sealStream: Wrapping['sealStream'] = (body, envelope, { nonce }) => {
    if (envelope.keys.length > 0) nonce();
    this.sealed.push(streamWords(body, this.#redacted));
    return NO_BYTES;
  };

  readonly opener: Wrapping['opener'] = () => ({
    push: () => {
      const opened = this.#take();
      if ('waits' in opened) return undefined;
      if (!('stream' in opened)) throw new Error('a stream is read where there was none');
      return opened.stream;
    },
  });

  #take(): Exclude<Opened, { refused: string }> {
    const opened = this.#opened[this.#next++];
    if (opened === undefined) throw new Error('more bytes are opened than came');
    if ('refused' in opened) throw new WireError(opened.refused as WireErrorCode, opened.detail);
    return opened;
  }
}
