/**
 * Records an agent: its options, each input with its time, the messages that were in the bytes from the wire, and its
 * decisions. Keys and nonces are never recorded (docs/adr/0013-recordings.md). A sink takes the lines.
 */
import { createAgent } from '../agent/agent.ts';
import { WIRE_CODEC, type WireCodec } from '../agent/contract/codec.ts';
import type { Agent, Effect, Input } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import type { View } from '../agent/contract/view.ts';
import { assert } from '../base/assert.ts';
import { WireError, type WireErrorCode } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import { VERSION } from '../base/version.ts';
import type { StreamMessage } from '../wire/memberlist.ts';
import { lineBytes, RecordingEncoder, toJsonDocument } from './format.ts';
import { Masker } from './masks.ts';
import { redactInput, redactOptions } from './redact-inputs.ts';
import { redactMessage, redactStream } from './redact-messages.ts';
import { formatEffect, formatPacket, formatStream } from './transcript.ts';

/** Grows when an older player would misread a recording: also when inputs, options or effects are renamed. */
export const RECORDING_FORMAT = 2;
export const RECORDING_MAGIC = 'hearsay recording';

/** The first line. */
export interface RecordingHeader {
  readonly what: typeof RECORDING_MAGIC;
  readonly format: number;
  /** Version of hearsay. */
  readonly version: string;
  readonly node: string;
  readonly redacted: boolean;
  /** Seed of `AgentOptions.rng`. */
  readonly seed: number;
  /** The agent's options, as JSON can hold them. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What the codec returned or threw for one datagram, or for one chunk of a stream. */
export type OpenResult =
  | { readonly packet: readonly Uint8Array[]; readonly truncated?: true }
  | { readonly stream: StreamMessage }
  /** The message is not complete yet, or not read as far as it has come. */
  | { readonly incomplete: true; readonly isBusy?: true }
  /** A `WireError`. */
  | { readonly error: WireErrorCode; readonly detail: string };

/** Every line between the first and the last. */
export interface RecordedStep {
  readonly now: Millis;
  readonly input: Readonly<{ kind: string; size?: number }>;
  readonly opened?: readonly OpenResult[];
  /** The agent's decisions in order, as transcript lines. */
  readonly effects: readonly string[];
  /** `Agent.deadline` after the step. */
  readonly deadline: Millis;
}

/** The last line, unless the process was killed. */
export interface RecordingFooter {
  readonly end: RecordingEndReason;
}
/** `full`: the size limit was reached, and the agent kept running. */
export type RecordingEndReason = 'stopped' | 'full';

export interface RecordingSink {
  /** False: the line was not taken, and no later one will be. */
  write(line: string): boolean;
  /** Takes the last line, for which there is always room. */
  writeFooter(line: string, reason: RecordingEndReason): void;
  /** Is there room for another line of this size, besides the last one? */
  hasCapacity(bytes: number): boolean;
}

export interface RecorderOptions {
  /** The seed of `AgentOptions.rng`. */
  readonly seed: number;
  readonly redact: boolean;
  /** At least 16 random bytes that are not used or stored anywhere else. */
  readonly salt: Uint8Array;
  readonly sink: RecordingSink;
}

export interface RecordedAgent extends Agent {
  /** Ends the recording; the agent keeps running. */
  stopRecording(reason: RecordingEndReason): void;
}

/** Like `createAgent`, but the agent is recorded from its start. */
export const createRecordedAgent = (options: AgentOptions, recorder: RecorderOptions): RecordedAgent =>
  new Recorder(options, recorder);

class Recorder implements RecordedAgent {
  readonly #agent: Agent;
  readonly #masker: Masker;
  readonly #sink: RecordingSink;
  readonly #encoder = new RecordingEncoder();
  readonly #codec: RecordingCodec;
  #isRecording = true;

  constructor(options: AgentOptions, { seed, redact, salt, sink }: RecorderOptions) {
    this.#masker = new Masker(salt, redact);
    this.#sink = sink;
    this.#codec = new RecordingCodec(this.#masker);
    const header: RecordingHeader = {
      what: RECORDING_MAGIC,
      format: RECORDING_FORMAT,
      version: VERSION,
      node: options.name,
      redacted: redact,
      seed,
      options: redactOptions(options, this.#masker),
    };
    this.#write(header);
    // A replay has no other agents in its process to share objects with.
    const { intern, internEntries, ...unshared } = options;
    this.#agent = createAgent({ ...unshared, codec: this.#codec });
  }

  get deadline(): Millis {
    return this.#agent.deadline;
  }

  get view(): View {
    return this.#agent.view;
  }

  handle(input: Input, now: Millis, out: Effect[]): void {
    if (!this.#isRecording) return this.#agent.handle(input, now, out);
    const from = out.length;
    this.#codec.startStep();
    try {
      this.#agent.handle(input, now, out);
    } catch (error) {
      this.#recordStep(input, now, out, from, [formatCrash(error)]);
      throw error;
    }
    this.#recordStep(input, now, out, from, []);
  }

  stopRecording(reason: RecordingEndReason): void {
    if (!this.#isRecording) return;
    this.#stop();
    const footer: RecordingFooter = { end: reason };
    this.#sink.writeFooter(this.#encoder.encodeLine(toJsonDocument(footer)), reason);
  }

  #recordStep(
    input: Input,
    now: Millis,
    out: readonly Effect[],
    from: number,
    crash: readonly string[],
  ): void {
    const { opened, sealed } = this.#codec;
    // Invariant: after the footer nothing is recorded.
    assert(this.#isRecording, 'a step after the end of the recording');
    const step: RecordedStep = {
      now,
      input: redactInput(input, this.#masker) as RecordedStep['input'],
      ...(opened.length === 0 ? {} : { opened }),
      effects: [...formatEffects(out, from, sealed, this.#masker.redacts), ...crash],
      deadline: this.#agent.deadline,
    };
    this.#write(step);
  }

  #write(value: RecordingHeader | RecordedStep): void {
    const document = toJsonDocument(value);
    if (!this.#sink.hasCapacity(lineBytes(document))) return this.stopRecording('full');
    if (!this.#sink.write(this.#encoder.encodeLine(document))) this.#stop();
  }

  #stop(): void {
    this.#isRecording = false;
    this.#codec.enabled = false;
  }
}

/**
 * Transcript lines of the effects from index `from` on. `sealed` has the contents of the packets and streams among
 * them.
 */
export function formatEffects(
  out: readonly Effect[],
  from: number,
  sealed: readonly string[],
  redacted: boolean,
): string[] {
  let next = 0;
  const lines: string[] = [];
  for (let i = from; i < out.length; i++)
    lines.push(formatEffect(out[i] as Effect, () => sealed[next++] ?? '?', redacted));
  return lines;
}

export const formatCrash = (error: unknown): string =>
  `crash ${error instanceof Error ? error.message : String(error)}`;

/** The real codec, and a record of the messages that pass it in one step. */
class RecordingCodec implements WireCodec {
  enabled = true;
  opened: OpenResult[] = [];
  sealed: string[] = [];
  readonly #masker: Masker;

  constructor(masker: Masker) {
    this.#masker = masker;
  }

  startStep(): void {
    this.opened = [];
    this.sealed = [];
  }

  readonly openPacket: WireCodec['openPacket'] = (bytes, envelope) =>
    this.#record(
      () => WIRE_CODEC.openPacket(bytes, envelope),
      ({ messages, truncated }) => ({
        packet: messages.map((message) => redactMessage(message, this.#masker)),
        ...(truncated ? { truncated } : {}),
      }),
    );

  readonly sealPacket: WireCodec['sealPacket'] = (messages, envelope, options) => {
    if (this.enabled) {
      const redacted = messages.map((message) => redactMessage(message, this.#masker));
      this.sealed.push(formatPacket(redacted, this.#masker.redacts));
    }
    return WIRE_CODEC.sealPacket(messages, envelope, options);
  };

  readonly sealStream: WireCodec['sealStream'] = (body, envelope, options) => {
    if (this.enabled) this.sealed.push(formatStream(body, this.#masker.redacts));
    return WIRE_CODEC.sealStream(body, envelope, options);
  };

  readonly createStreamDecoder: WireCodec['createStreamDecoder'] = (envelope, role) => {
    const decoder = WIRE_CODEC.createStreamDecoder(envelope, role);
    return {
      get isBusy() {
        return decoder.isBusy;
      },
      push: (chunk) =>
        this.#record(
          () => decoder.push(chunk),
          (message) =>
            message === undefined
              ? { incomplete: true, ...(decoder.isBusy ? { isBusy: true } : {}) }
              : { stream: redactStream(message, this.#masker) },
        ),
    };
  };

  #record<T>(open: () => T, describe: (opened: T) => OpenResult): T {
    if (!this.enabled) return open();
    try {
      const opened = open();
      this.opened.push(describe(opened));
      return opened;
    } catch (error) {
      if (error instanceof WireError) this.opened.push({ error: error.code, detail: error.message });
      throw error;
    }
  }
}
