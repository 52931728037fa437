/**
 * The exec check: exit code 0 is passing, 1 is warning, everything else critical.
 *
 * Source: Consul agent/checks/check.go, CheckMonitor; S14.
 */
import { utf8Tail } from '../../checks/output.ts';
import type { CheckStatus } from '../../model/service.ts';
import { formatExit, runProgram } from '../program.ts';
import type { Runner } from './runner.ts';

export const runExec: Runner<'exec'> = async ({ argv }, { signal, outputMaxBytes, execUser }) => {
  const output = new OutputTail(outputMaxBytes);
  const user = execUser === undefined ? {} : { user: execUser };
  const exit = await runProgram({ argv, signal, onOutput: (chunk) => output.append(chunk), ...user });
  return { status: toStatus(exit.code), output: output.text() || formatExit(exit) };
};

function toStatus(code: number | null): CheckStatus {
  if (code === 0) return 'passing';
  return code === 1 ? 'warning' : 'critical';
}

/** Keeps the last bytes of a program's output. */
export class OutputTail {
  readonly #maxBytes: number;
  #tail: Buffer = Buffer.alloc(0);
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  append(chunk: Buffer): void {
    this.#total += chunk.length;
    this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-2 * this.#maxBytes);
  }

  text(): string {
    if (this.#total <= this.#maxBytes) return utf8Tail(this.#tail, this.#maxBytes);
    const note = `Captured ${this.#maxBytes} of ${this.#total} bytes\n...\n`;
    return note + utf8Tail(this.#tail, this.#maxBytes - note.length);
  }
}
