/**
 * Runs a measurement in a network and a process namespace of its own: counters count one cluster only, and every
 * process in it ends with it. Linux only, with `unshare` (util-linux) and `ip` (iproute2), as root.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { installed } from './options.ts';

const RESULT_FD = 3;
const INSIDE = '--inside';

/** A benchmark: `run` runs outside and prints; `measure` runs inside, gets a job and returns figures, both as JSON. */
export interface Bench<Job, Figures> {
  run(): Promise<void>;
  measure(job: Job): Promise<Figures>;
}

/** Called at the end of each benchmark's module: runs it if it is the main module. */
export async function main<Job, Figures>(module: string, bench: Bench<Job, Figures>): Promise<void> {
  if (pathToFileURL(process.argv[1] ?? '').href !== module) return;
  const at = process.argv.indexOf(INSIDE);
  if (at < 0) return bench.run();
  endWithParent();
  spawnSync('ip', ['link', 'set', 'lo', 'up'], { stdio: 'inherit' });
  const figures = await bench.measure(JSON.parse(process.argv[at + 1] ?? '') as Job);
  const { writeSync } = await import('node:fs');
  writeSync(RESULT_FD, JSON.stringify(figures));
  process.exit(0); // Agents that still run end with the namespace.
}

/** Runs the `measure` of a module on a job in new namespaces. */
export async function isolated<Job, Figures>(module: string, job: Job): Promise<Figures> {
  if (!installed('unshare') || !installed('ip'))
    throw new Error('namespaces need Linux with unshare (util-linux) and ip (iproute2)');
  const words = [
    ...['--net', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...[process.execPath, ...process.execArgv, fileURLToPath(module), INSIDE, JSON.stringify(job)],
    ...process.argv.filter((word) => word === '--short'),
  ];
  // When this process ends, however it does, the inside reads the end of its stdin.
  const child = spawn('unshare', words, { stdio: ['pipe', 'inherit', 'inherit', 'pipe'] });
  const end = (): void => void child.kill('SIGKILL');
  const interrupted = (): void => process.exit(130);
  process.on('exit', end).on('SIGINT', interrupted).on('SIGTERM', interrupted);
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdio[RESULT_FD] as Readable) chunks.push(chunk as Buffer);
  process.off('exit', end).off('SIGINT', interrupted).off('SIGTERM', interrupted);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '')
    throw new Error(`no figures came out of the namespace: it needs root (${process.getuid?.()})`);
  return JSON.parse(text) as Figures;
}

/** The first process of its namespace: no signal ends it by default, and all others end with it. */
function endWithParent(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  process.stdin.on('end', () => process.exit(130)).resume();
}
