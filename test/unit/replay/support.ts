/** Recordings of simulated agents: one in memory for each run of each host of a story. */
import type { AgentOptions } from '../../../src/agent/agent.ts';
import type { Agent } from '../../../src/agent/contract/machine.ts';
import { createRng } from '../../../src/base/rng.ts';
import { RecordingEncoder } from '../../../src/replay/format.ts';
import {
  createRecordedAgent,
  type RecordedAgent,
  type RecordingEndReason,
  type RecordingSink,
} from '../../../src/replay/recorder.ts';

/** A recording in memory, with an optional limit in bytes. */
export class MemorySink implements RecordingSink {
  readonly #lines: string[] = [];
  readonly #limit: number;
  size = 0;
  ended: RecordingEndReason | undefined;

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  get text(): string {
    return this.#lines.join('');
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.from(this.text));
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  hasCapacity(bytes: number): boolean {
    return this.size + bytes <= this.#limit;
  }

  write(line: string): boolean {
    this.#lines.push(line);
    this.size += Buffer.byteLength(line);
    return true;
  }

  writeFooter(line: string, reason: RecordingEndReason): void {
    this.write(line);
    this.ended = reason;
  }
}

export interface RecordedRun {
  readonly host: string;
  readonly sink: MemorySink;
  readonly agent: RecordedAgent;
}

/** `makeAgent` for a story, and the runs that it recorded. */
export function recording(
  redact: boolean,
  limit?: number,
): {
  readonly runs: RecordedRun[];
  makeAgent(options: AgentOptions, host: { readonly label: string }): Agent;
} {
  const runs: RecordedRun[] = [];
  return {
    runs,
    makeAgent: (options, { label }) => {
      const seed = 1000 + runs.length;
      const sink = new MemorySink(limit);
      const salt = new Uint8Array(16).fill(runs.length + 1);
      const agent = createRecordedAgent({ ...options, rng: createRng(seed) }, { seed, redact, salt, sink });
      runs.push({ host: label, sink, agent });
      return agent;
    },
  };
}

/** The same lines with one document changed, and with valid checksums. */
export function forge(
  lines: readonly string[],
  at: number,
  change: (document: string) => string,
): Uint8Array {
  const encoder = new RecordingEncoder();
  const forged = lines.map((line, i) => {
    const document = line.slice(line.indexOf(' ') + 1, -1);
    return encoder.encodeLine(i === at ? change(document) : document);
  });
  return new Uint8Array(Buffer.from(forged.join('')));
}
