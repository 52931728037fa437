/**
 * A check by a program: exit code 0 is passing, 1 a warning, all else critical. No shell, no environment but a few
 * harmless variables, a process group of its own that is killed when the run is over, and a limit on what it says.
 *
 * Source: Consul agent/checks/check.go, CheckMonitor; S14.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { lastBytes } from '../../checks/output.ts';
import type { CheckStatus } from '../../checks/types.ts';
import type { Result, Run, Runner } from './runner.ts';

/** Differs: Consul reads without end. More than this is a program gone wild. */
const MAX_SAID_BYTES = 1024 * 1024;
/** What it says in its last moment is still on its way when it has ended. */
const DRAIN_MS = 100;
const PASSED_ON = ['PATH', 'LANG', 'LC_ALL', 'TZ'] as const;

export const runExec: Runner<'exec'> = async ({ argv }, run) => {
  const [program = '', ...rest] = argv;
  run.signal.throwIfAborted();
  const child = spawn(program, rest, {
    shell: false,
    detached: true, // leader of a process group
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    env: environment(),
  });
  const kill = (): void => killGroup(child);
  run.signal.addEventListener('abort', kill, { once: true });
  try {
    return await resultOf(child, run);
  } finally {
    run.signal.removeEventListener('abort', kill);
    kill(); // what it left behind
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
};

function resultOf(child: ChildProcess, run: Run): Promise<Result> {
  return new Promise((resolve, reject) => {
    const said = new Tail(run.outputMaxBytes);
    const listen = (chunk: Buffer): void => {
      said.push(chunk);
      if (said.total > MAX_SAID_BYTES)
        reject(new Error(`it said more than ${MAX_SAID_BYTES} bytes and was stopped`));
    };
    child.stdout?.on('data', listen).on('error', reject);
    child.stderr?.on('data', listen).on('error', reject);
    child.on('error', reject);
    const end = (code: number | null, signal: NodeJS.Signals | null): void =>
      resolve({
        status: statusOf(code),
        output: said.text() || (signal === null ? `exit code ${code}` : `ended by ${signal}`),
      });
    child.on('exit', (code, signal) => setTimeout(() => end(code, signal), DRAIN_MS).unref());
    child.on('close', end);
  });
}

function statusOf(code: number | null): CheckStatus {
  if (code === 0) return 'passing';
  return code === 1 ? 'warning' : 'critical';
}

/** The whole group: the program and what it started. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nobody is left in it
  }
}

function environment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** The last bytes of all that was said. */
class Tail {
  readonly #maxBytes: number;
  #kept: Buffer = Buffer.alloc(0);
  total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    this.total += chunk.length;
    this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-2 * this.#maxBytes);
  }

  text(): string {
    if (this.total <= this.#maxBytes) return lastBytes(this.#kept, this.#maxBytes);
    const note = `Captured ${this.#maxBytes} of ${this.total} bytes\n...\n`;
    return note + lastBytes(this.#kept, this.#maxBytes - note.length);
  }
}
