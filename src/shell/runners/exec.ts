/**
 * A check by a program: exit code 0 is passing, 1 a warning, all else critical. How a program is run at all is
 * program.ts' business.
 *
 * Source: Consul agent/checks/check.go, CheckMonitor; S14.
 */

import { utf8Tail } from '../../checks/output.ts';
import type { CheckStatus } from '../../model/service.ts';
import { runProgram } from '../program.ts';
import type { Runner } from './runner.ts';

export const runExec: Runner<'exec'> = async ({ argv }, { signal, outputMaxBytes }) => {
  const said = new OutputTail(outputMaxBytes);
  const ended = await runProgram({ argv, signal, onOutput: (chunk) => said.append(chunk) });
  const without = ended.signal === null ? `exit code ${ended.code}` : `ended by ${ended.signal}`;
  return { status: statusOf(ended.code), output: said.text() || without };
};

function statusOf(code: number | null): CheckStatus {
  if (code === 0) return 'passing';
  return code === 1 ? 'warning' : 'critical';
}

/** The last bytes of all that was said. */
class OutputTail {
  readonly #maxBytes: number;
  #kept: Buffer = Buffer.alloc(0);
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  append(chunk: Buffer): void {
    this.#total += chunk.length;
    this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-2 * this.#maxBytes);
  }

  text(): string {
    if (this.#total <= this.#maxBytes) return utf8Tail(this.#kept, this.#maxBytes);
    const note = `Captured ${this.#maxBytes} of ${this.#total} bytes\n...\n`;
    return note + utf8Tail(this.#kept, this.#maxBytes - note.length);
  }
}
