/**
 * Runs one program: no shell, no environment but a few harmless variables and what it is given, a process group of its
 * own that is killed when the run is over, and a limit on what it says.
 *
 * Source: S14.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export interface ProgramRun {
  readonly argv: readonly string[];
  /** Over the harmless variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absent: it has nothing to read. */
  readonly input?: Uint8Array;
  /** At its abort the whole group is killed. */
  readonly signal: AbortSignal;
  /** What it writes to stdout and stderr, as it comes. */
  onOutput(chunk: Buffer): void;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Differs: Consul and Serf read without end. More than this is a program gone wild. */
export const MAX_PROGRAM_OUTPUT_BYTES = 1024 * 1024;
/** What it says in its last moment is still on its way when it has ended. */
const DRAIN_MS = 100;
const PASSED_ON = ['PATH', 'LANG', 'LC_ALL', 'TZ'] as const;

/** Rejects if it could not be started, or said too much. However it ends, nothing of its group is left. */
export async function runProgram(run: ProgramRun): Promise<ExitStatus> {
  const [program = '', ...rest] = run.argv;
  run.signal.throwIfAborted();
  const child = spawn(program, rest, {
    shell: false,
    detached: true, // leader of a process group
    stdio: [run.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: { ...harmless(), ...run.env },
  });
  const kill = (): void => killGroup(child);
  run.signal.addEventListener('abort', kill, { once: true });
  try {
    child.stdin?.on('error', () => undefined).end(run.input); // it need not read
    return await endOf(child, run);
  } finally {
    run.signal.removeEventListener('abort', kill);
    kill(); // what it left behind
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function endOf(child: ChildProcess, run: ProgramRun): Promise<ExitStatus> {
  return new Promise((resolve, reject) => {
    let said = 0;
    const listen = (chunk: Buffer): void => {
      said += chunk.length;
      run.onOutput(chunk);
      if (said > MAX_PROGRAM_OUTPUT_BYTES)
        reject(new Error(`it said more than ${MAX_PROGRAM_OUTPUT_BYTES} bytes and was stopped`));
    };
    child.stdout?.on('data', listen).on('error', reject);
    child.stderr?.on('data', listen).on('error', reject);
    child.on('error', reject);
    const end = (code: number | null, signal: NodeJS.Signals | null): void => resolve({ code, signal });
    child.on('exit', (code, signal) => setTimeout(() => end(code, signal), DRAIN_MS).unref());
    child.on('close', end);
  });
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

function harmless(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
