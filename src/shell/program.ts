/**
 * Runs one program: without a shell, with a minimal environment, in a process group of its own that is killed when the
 * run ends, and with a limit on its output.
 *
 * Source: S14.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** Another user than that of this process, by number. */
export interface ProgramUser {
  readonly uid: number;
  readonly gid: number;
}

export interface ProgramRun {
  readonly argv: readonly string[];
  /** Variables besides the inherited ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absent: the user of this process. Supplementary groups are dropped. */
  readonly user?: ProgramUser;
  /** Standard input; absent: /dev/null. */
  readonly input?: Uint8Array;
  /** When it aborts, the whole process group is killed. */
  readonly signal: AbortSignal;
  /** Gets what the program writes to stdout and stderr. */
  onOutput(chunk: Buffer): void;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that writes more is stopped. Differs: Consul and Serf have no limit. */
export const MAX_PROGRAM_OUTPUT_BYTES = 1024 * 1024;
/** How long to read output after the exit: the last of it may still be in the pipe. */
const DRAIN_MS = 100;
const INHERITED_VARIABLES = ['PATH', 'LANG', 'LC_ALL', 'TZ'] as const;

/** `exit code 2`, `ended by SIGKILL`. */
export const formatExit = ({ code, signal }: ExitStatus): string =>
  signal === null ? `exit code ${code}` : `ended by ${signal}`;

/** Rejects if the program cannot be started or writes too much. Its process group is killed in any case. */
export async function runProgram(run: ProgramRun): Promise<ExitStatus> {
  const [program = '', ...rest] = run.argv;
  run.signal.throwIfAborted();
  const child = spawn(program, rest, {
    shell: false,
    detached: true, // leader of a process group
    stdio: [run.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: { ...inheritedVariables(), ...run.env },
    ...run.user,
  });
  const kill = (): void => killGroup(child);
  run.signal.addEventListener('abort', kill, { once: true });
  try {
    child.stdin?.on('error', () => undefined).end(run.input); // the program need not read it
    return await waitForExit(child, run);
  } finally {
    run.signal.removeEventListener('abort', kill);
    kill(); // the processes that it left behind
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function waitForExit(child: ChildProcess, run: ProgramRun): Promise<ExitStatus> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      run.onOutput(chunk);
      if (bytes > MAX_PROGRAM_OUTPUT_BYTES)
        reject(new Error(`output exceeded ${MAX_PROGRAM_OUTPUT_BYTES} bytes: the program was stopped`));
    };
    child.stdout?.on('data', onData).on('error', reject);
    child.stderr?.on('data', onData).on('error', reject);
    child.on('error', reject);
    const end = (code: number | null, signal: NodeJS.Signals | null): void => resolve({ code, signal });
    child.on('exit', (code, signal) => setTimeout(() => end(code, signal), DRAIN_MS).unref());
    child.on('close', end);
  });
}

/** Kills the program and the processes that it started. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is empty already.
  }
}

function inheritedVariables(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of INHERITED_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
