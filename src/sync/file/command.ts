/** Runs the commands that test a file, and that tell a program to read it. */
import { type ChildProcess, spawn } from 'node:child_process';

/** A line for the shell, or a program with its arguments. */
export type FileCommand = string | readonly string[];

/** Milliseconds: whoever waits longer would serve what was right a minute ago. */
const TIMEOUT = 30_000;
/** How long to read output after the exit: a reload may leave a process behind that never closes it. */
const REST = 100;
const MAX_SAID = 2000;
/** The agent's own secrets. */
const HIDDEN = ['HEARSAY_HTTP_TOKEN', 'HEARSAY_GOSSIP_KEY'];

/** Resolves to an empty text if it ended with 0; else to how it ended and what it said last. */
export function runFileCommand(
  command: FileCommand,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const [program = '', ...args] = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const shown = typeof command === 'string' ? command : command.join(' ');
  const env = { ...process.env, ...variables };
  for (const name of HIDDEN) delete env[name];
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let said = '';
    const onData = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-MAX_SAID);
    };
    child.stdout.on('data', onData).on('error', () => undefined);
    child.stderr.on('data', onData).on('error', () => undefined);
    let how = '';
    const timer = setTimeout(() => {
      how = `did not end within ${TIMEOUT / 1000} s`;
      killGroup(child);
    }, TIMEOUT);
    const end = (): void => {
      clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(how === '' ? '' : `"${shown}" ${how}: ${said.trim() || 'it said nothing'}`);
    };
    child.on('error', (error) => {
      how = `cannot be run (${error.message})`;
      end();
    });
    child.on('exit', (code, signal) => {
      if (how === '' && code !== 0) how = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
      setTimeout(end, REST);
    });
    child.on('close', end);
  });
}

/** Kills it and the processes that it started. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is empty already.
  }
}
