/** Recordings made in a world: the hosts of a story whose agents are recorded, and what was written of each life. */
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

/** A file in memory that takes so much. */
export class Paper implements RecordingSink {
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

  hasRoom(bytes: number): boolean {
    return this.size + bytes <= this.#limit;
  }

  write(line: string): boolean {
    this.#lines.push(line);
    this.size += Buffer.byteLength(line);
    return true;
  }

  last(line: string, why: RecordingEndReason): void {
    this.write(line);
    this.ended = why;
  }
}

export interface Life {
  readonly host: string;
  readonly paper: Paper;
  readonly agent: RecordedAgent;
}

/** `birth` for a story, and the lives that were recorded. */
export function recording(
  redact: boolean,
  limit?: number,
): { readonly lives: Life[]; birth(options: AgentOptions, host: { readonly label: string }): Agent } {
  const lives: Life[] = [];
  return {
    lives,
    birth: (options, { label }) => {
      const seed = 1000 + lives.length;
      const paper = new Paper(limit);
      const salt = new Uint8Array(16).fill(lives.length + 1);
      const agent = createRecordedAgent(
        { ...options, rng: createRng(seed) },
        { seed, redact, salt, sink: paper },
      );
      lives.push({ host: label, paper, agent });
      return agent;
    },
  };
}

/** The same lines with one document changed, and checksums that vouch for it. */
export function forgery(
  lines: readonly string[],
  at: number,
  change: (document: string) => string,
): Uint8Array {
  const tape = new RecordingEncoder();
  const forged = lines.map((line, i) => {
    const document = line.slice(line.indexOf(' ') + 1, -1);
    return tape.encodeLine(i === at ? change(document) : document);
  });
  return new Uint8Array(Buffer.from(forged.join('')));
}
