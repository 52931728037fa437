/**
 * An agent that is recorded: what it was born with, each input with its instant, what was in the bytes of the wire, and
 * what it decided. Where the lines go is the caller's business. Keys and nonces are not among them (docs/adr/0013-recordings.md).
 */
import { createAgent } from '../agent/agent.ts';
import { WIRE, type Wrapping } from '../agent/contract/codec.ts';
import type { Agent, Effect, Input } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import type { View } from '../agent/contract/view.ts';
import { WireError } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import { VERSION } from '../base/version.ts';
import type { StreamMessage } from '../wire/memberlist.ts';
import { documentOf, lineBytes, TapeWriter } from './format.ts';
import { Masks } from './masks.ts';
import { hideBirth, hideInput } from './redact-inputs.ts';
import { hideMessage, hideStream } from './redact-messages.ts';
import { effectWords, packetWords, streamWords } from './transcript.ts';

/** Grows when a replayer of before would misread what is written. */
export const FORMAT = 1;
export const WHAT = 'hearsay recording';

/** The first line. */
export interface Header {
  readonly what: typeof WHAT;
  readonly format: number;
  /** Of the program. */
  readonly version: string;
  readonly node: string;
  readonly redacted: boolean;
  /** Of `AgentOptions.rng`. */
  readonly seed: number;
  readonly birth: Readonly<Record<string, unknown>>;
}

/** What came out of the bytes of one datagram, or of one piece of a stream; in order. */
export type Opened =
  | { readonly packet: readonly Uint8Array[]; readonly torn?: true }
  | { readonly stream: StreamMessage }
  /** Not complete yet. */
  | { readonly waits: true }
  | { readonly refused: string; readonly detail: string };

/** Every line between the first and the last. */
export interface Step {
  readonly now: Millis;
  readonly input: Readonly<{ kind: string }>;
  readonly opened?: readonly Opened[];
  /** What it decided, in order. */
  readonly out: readonly string[];
  /** When it next wants a tick. */
  readonly wakes: Millis;
}

/** The last line, unless the process was killed. */
export interface Last {
  readonly end: EndOf;
}
/** `full`: the limit was reached, and the agent went on. */
export type EndOf = 'stopped' | 'full';

export interface Sink {
  /** Takes one line. False: it was not taken, nor will any other be. */
  write(line: string): boolean;
  /** Likewise, and then no more. There is always room for it. */
  last(line: string, why: EndOf): void;
  /** For another line of so many octets. */
  hasRoom(bytes: number): boolean;
}

export interface RecordOptions {
  /** With which `options.rng` was made. */
  readonly seed: number;
  readonly redact: boolean;
  /** At least 16 random octets, which go nowhere else. */
  readonly salt: Uint8Array;
  readonly sink: Sink;
}

export interface Recorded extends Agent {
  /** Nothing is recorded any more; the agent goes on. */
  end(why: EndOf): void;
}

/** As `createAgent`, of an agent that is recorded from its birth. */
export const createRecorded = (options: AgentOptions, how: RecordOptions): Recorded =>
  new Recorder(options, how);

class Recorder implements Recorded {
  readonly #agent: Agent;
  readonly #masks: Masks;
  readonly #sink: Sink;
  readonly #tape = new TapeWriter();
  readonly #wire: Listening;
  #on = true;

  constructor(options: AgentOptions, { seed, redact, salt, sink }: RecordOptions) {
    this.#masks = new Masks(salt, redact);
    this.#sink = sink;
    this.#wire = new Listening(this.#masks);
    const header: Header = {
      ...{ what: WHAT, format: FORMAT, version: VERSION, node: options.name, redacted: redact, seed },
      birth: hideBirth(options, this.#masks),
    };
    this.#write(header);
    // What it shares with others of its process would be missing when it is played.
    const { intern, internEntries, ...own } = options;
    this.#agent = createAgent({ ...own, wrapping: this.#wire });
  }

  get deadline(): Millis {
    return this.#agent.deadline;
  }

  get view(): View {
    return this.#agent.view;
  }

  handle(input: Input, now: Millis, out: Effect[]): void {
    if (!this.#on) return this.#agent.handle(input, now, out);
    const from = out.length;
    this.#wire.begin();
    try {
      this.#agent.handle(input, now, out);
    } catch (error) {
      this.#step(input, now, out, from, [crashWords(error)]);
      throw error;
    }
    this.#step(input, now, out, from, []);
  }

  end(why: EndOf): void {
    if (!this.#on) return;
    this.#stop();
    const last: Last = { end: why };
    this.#sink.last(this.#tape.line(documentOf(last)), why);
  }

  #step(input: Input, now: Millis, out: readonly Effect[], from: number, more: readonly string[]): void {
    const { opened, sealed } = this.#wire;
    const step: Step = {
      now,
      input: hideInput(input, this.#masks) as Step['input'],
      ...(opened.length === 0 ? {} : { opened }),
      out: [...stepWords(out, from, sealed, this.#masks.redacts), ...more],
      wakes: this.#agent.deadline,
    };
    this.#write(step);
  }

  #write(value: Header | Step): void {
    const document = documentOf(value);
    if (!this.#sink.hasRoom(lineBytes(document))) return this.end('full');
    if (!this.#sink.write(this.#tape.line(document))) this.#stop();
  }

  #stop(): void {
    this.#on = false;
    this.#wire.on = false;
  }
}

/** The words of all effects from `from` on. */
export function stepWords(
  out: readonly Effect[],
  from: number,
  sealed: readonly string[],
  redacted: boolean,
): string[] {
  let next = 0;
  const words: string[] = [];
  for (let i = from; i < out.length; i++)
    words.push(effectWords(out[i] as Effect, () => sealed[next++] ?? '?', redacted));
  return words;
}

export const crashWords = (error: unknown): string =>
  `crash ${error instanceof Error ? error.message : String(error)}`;

/** The wire itself, and notes of what went through. */
class Listening implements Wrapping {
  on = true;
  opened: Opened[] = [];
  sealed: string[] = [];
  readonly #masks: Masks;

  constructor(masks: Masks) {
    this.#masks = masks;
  }

  begin(): void {
    this.opened = [];
    this.sealed = [];
  }

  readonly openPacket: Wrapping['openPacket'] = (bytes, envelope) =>
    this.#noted(
      () => WIRE.openPacket(bytes, envelope),
      ({ messages, torn }) => ({
        packet: messages.map((message) => hideMessage(message, this.#masks)),
        ...(torn ? { torn } : {}),
      }),
    );

  readonly sealPacket: Wrapping['sealPacket'] = (messages, envelope, options) => {
    if (this.on) {
      const hidden = messages.map((message) => hideMessage(message, this.#masks));
      this.sealed.push(packetWords(hidden, this.#masks.redacts));
    }
    return WIRE.sealPacket(messages, envelope, options);
  };

  readonly sealStream: Wrapping['sealStream'] = (body, envelope, options) => {
    if (this.on) this.sealed.push(streamWords(body, this.#masks.redacts));
    return WIRE.sealStream(body, envelope, options);
  };

  readonly opener: Wrapping['opener'] = (envelope, role) => {
    const opener = WIRE.opener(envelope, role);
    return {
      push: (chunk) =>
        this.#noted(
          () => opener.push(chunk),
          (message) =>
            message === undefined ? { waits: true } : { stream: hideStream(message, this.#masks) },
        ),
    };
  };

  #noted<T>(open: () => T, note: (opened: T) => Opened): T {
    if (!this.on) return open();
    try {
      const opened = open();
      this.opened.push(note(opened));
      return opened;
    } catch (error) {
      if (error instanceof WireError) this.opened.push({ refused: error.code, detail: error.message });
      throw error;
    }
  }
}
