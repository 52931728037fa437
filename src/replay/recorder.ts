/**
 * An agent that is recorded: what it was born with, each input with its instant, what was in the bytes of the wire, and
 * what it decided. Where the lines go is the caller's business. Keys and nonces are not among them (docs/adr/0013-recordings.md).
 */
import { createAgent } from '../agent/agent.ts';
import { WIRE_CODEC, type WireCodec } from '../agent/contract/codec.ts';
import type { Agent, Effect, Input } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import type { View } from '../agent/contract/view.ts';
import { WireError } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import { VERSION } from '../base/version.ts';
import type { StreamMessage } from '../wire/memberlist.ts';
import { lineBytes, RecordingEncoder, toJsonDocument } from './format.ts';
import { Masker } from './masks.ts';
import { redactInput, redactOptions } from './redact-inputs.ts';
import { redactMessage, redactStream } from './redact-messages.ts';
import { formatEffect, formatPacket, formatStream } from './transcript.ts';

/** Grows when a replayer of before would misread what is written. */
export const RECORDING_FORMAT = 1;
export const RECORDING_MAGIC = 'hearsay recording';

/** The first line. */
export interface RecordingHeader {
  readonly what: typeof RECORDING_MAGIC;
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
export type OpenResult =
  | { readonly packet: readonly Uint8Array[]; readonly truncated?: true }
  | { readonly stream: StreamMessage }
  /** Not complete yet. */
  | { readonly waits: true }
  | { readonly refused: string; readonly detail: string };

/** Every line between the first and the last. */
export interface RecordedStep {
  readonly now: Millis;
  readonly input: Readonly<{ kind: string }>;
  readonly opened?: readonly OpenResult[];
  /** What it decided, in order. */
  readonly out: readonly string[];
  /** When it next wants a tick. */
  readonly wakes: Millis;
}

/** The last line, unless the process was killed. */
export interface RecordingFooter {
  readonly end: RecordingEndReason;
}
/** `full`: the limit was reached, and the agent went on. */
export type RecordingEndReason = 'stopped' | 'full';

export interface RecordingSink {
  /** Takes one line. False: it was not taken, nor will any other be. */
  write(line: string): boolean;
  /** Likewise, and then no more. There is always room for it. */
  last(line: string, why: RecordingEndReason): void;
  /** For another line of so many octets. */
  hasRoom(bytes: number): boolean;
}

export interface RecorderOptions {
  /** With which `options.rng` was made. */
  readonly seed: number;
  readonly redact: boolean;
  /** At least 16 random octets, which go nowhere else. */
  readonly salt: Uint8Array;
  readonly sink: RecordingSink;
}

export interface RecordedAgent extends Agent {
  /** Nothing is recorded any more; the agent goes on. */
  stopRecording(why: RecordingEndReason): void;
}

/** As `createAgent`, of an agent that is recorded from its birth. */
export const createRecordedAgent = (options: AgentOptions, how: RecorderOptions): RecordedAgent =>
  new Recorder(options, how);

class Recorder implements RecordedAgent {
  readonly #agent: Agent;
  readonly #masks: Masker;
  readonly #sink: RecordingSink;
  readonly #tape = new RecordingEncoder();
  readonly #wire: RecordingCodec;
  #on = true;

  constructor(options: AgentOptions, { seed, redact, salt, sink }: RecorderOptions) {
    this.#masks = new Masker(salt, redact);
    this.#sink = sink;
    this.#wire = new RecordingCodec(this.#masks);
    const header: RecordingHeader = {
      ...{
        what: RECORDING_MAGIC,
        format: RECORDING_FORMAT,
        version: VERSION,
        node: options.name,
        redacted: redact,
        seed,
      },
      birth: redactOptions(options, this.#masks),
    };
    this.#write(header);
    // What it shares with others of its process would be missing when it is played.
    const { intern, internEntries, ...own } = options;
    this.#agent = createAgent({ ...own, codec: this.#wire });
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
    this.#wire.startStep();
    try {
      this.#agent.handle(input, now, out);
    } catch (error) {
      this.#recordStep(input, now, out, from, [formatCrash(error)]);
      throw error;
    }
    this.#recordStep(input, now, out, from, []);
  }

  stopRecording(why: RecordingEndReason): void {
    if (!this.#on) return;
    this.#stop();
    const last: RecordingFooter = { end: why };
    this.#sink.last(this.#tape.encodeLine(toJsonDocument(last)), why);
  }

  #recordStep(
    input: Input,
    now: Millis,
    out: readonly Effect[],
    from: number,
    more: readonly string[],
  ): void {
    const { opened, sealed } = this.#wire;
    const step: RecordedStep = {
      now,
      input: redactInput(input, this.#masks) as RecordedStep['input'],
      ...(opened.length === 0 ? {} : { opened }),
      out: [...formatEffects(out, from, sealed, this.#masks.redacts), ...more],
      wakes: this.#agent.deadline,
    };
    this.#write(step);
  }

  #write(value: RecordingHeader | RecordedStep): void {
    const document = toJsonDocument(value);
    if (!this.#sink.hasRoom(lineBytes(document))) return this.stopRecording('full');
    if (!this.#sink.write(this.#tape.encodeLine(document))) this.#stop();
  }

  #stop(): void {
    this.#on = false;
    this.#wire.enabled = false;
  }
}

/** The words of all effects from `from` on. */
export function formatEffects(
  out: readonly Effect[],
  from: number,
  sealed: readonly string[],
  redacted: boolean,
): string[] {
  let next = 0;
  const words: string[] = [];
  for (let i = from; i < out.length; i++)
    words.push(formatEffect(out[i] as Effect, () => sealed[next++] ?? '?', redacted));
  return words;
}

export const formatCrash = (error: unknown): string =>
  `crash ${error instanceof Error ? error.message : String(error)}`;

/** The wire itself, and notes of what went through. */
class RecordingCodec implements WireCodec {
  enabled = true;
  opened: OpenResult[] = [];
  sealed: string[] = [];
  readonly #masks: Masker;

  constructor(masks: Masker) {
    this.#masks = masks;
  }

  startStep(): void {
    this.opened = [];
    this.sealed = [];
  }

  readonly openPacket: WireCodec['openPacket'] = (bytes, envelope) =>
    this.#record(
      () => WIRE_CODEC.openPacket(bytes, envelope),
      ({ messages, truncated }) => ({
        packet: messages.map((message) => redactMessage(message, this.#masks)),
        ...(truncated ? { truncated } : {}),
      }),
    );

  readonly sealPacket: WireCodec['sealPacket'] = (messages, envelope, options) => {
    if (this.enabled) {
      const hidden = messages.map((message) => redactMessage(message, this.#masks));
      this.sealed.push(formatPacket(hidden, this.#masks.redacts));
    }
    return WIRE_CODEC.sealPacket(messages, envelope, options);
  };

  readonly sealStream: WireCodec['sealStream'] = (body, envelope, options) => {
    if (this.enabled) this.sealed.push(formatStream(body, this.#masks.redacts));
    return WIRE_CODEC.sealStream(body, envelope, options);
  };

  readonly createStreamDecoder: WireCodec['createStreamDecoder'] = (envelope, role) => {
    const opener = WIRE_CODEC.createStreamDecoder(envelope, role);
    return {
      push: (chunk) =>
        this.#record(
          () => opener.push(chunk),
          (message) =>
            message === undefined ? { waits: true } : { stream: redactStream(message, this.#masks) },
        ),
    };
  };

  #record<T>(open: () => T, note: (opened: T) => OpenResult): T {
    if (!this.enabled) return open();
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
