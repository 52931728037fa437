/** The program that `exec` runs: started with the terminal of this process, signaled, and how it ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface Exit {
  /** As a shell gives it: the program's own, or 128 and the number of the signal. */
  readonly code: number;
  /** In words, for people; `''`: it ended in order. */
  readonly reason: string;
}

/** As a shell's: the program was not found, or may not be run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;

export class Child {
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;

  constructor(argv: readonly string[], env: Readonly<Record<string, string | undefined>>) {
    const [program = '', ...rest] = argv;
    const child = spawn(program, rest, { stdio: 'inherit', env });
    this.#process = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(toExit(code, signal)));
      child.once('error', (error: NodeJS.ErrnoException) => {
        if (child.pid !== undefined) return; // a signal could not be sent
        const reason = error.code === 'ENOENT' ? 'the program was not found' : 'the program may not be run';
        resolve({ code: error.code === 'ENOENT' ? NOT_FOUND : NOT_RUNNABLE, reason });
      });
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }
}

function toExit(code: number | null, signal: NodeJS.Signals | null): Exit {
  if (signal === null) return { code: code ?? 1, reason: code === 0 ? '' : `exit code ${code}` };
  const number = 128 + constants.signals[signal];
  const what = signal === 'SIGKILL' ? 'killed' : `ended by ${signal}`;
  return { code: number, reason: `${number}: ${what}` };
}
