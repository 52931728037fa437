/** Command line and environment of the benchmarks. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `--short`: fewer runs and shorter windows, for a first impression. */
export const SHORT = process.argv.includes('--short');

/** What follows a word of the command line; `''` if nothing does. */
export function optionOf(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : (process.argv[at + 1] ?? '');
}

/** The program that is measured. `BENCH_BIN` names another build of it, to compare two. */
export const HEARSAY =
  process.env['BENCH_BIN'] ?? fileURLToPath(new URL('../../../bin/hearsay.js', import.meta.url));

/** Whether a program is installed. */
export const installed = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

export type Kind = 'hearsay' | 'serf';

/** The kinds of agent to measure: hearsay, and Serf if it is installed, with a note if it is not. */
export function kinds(): readonly Kind[] {
  if (installed('serf')) return ['hearsay', 'serf'];
  console.log('serf is not installed: our figures stand alone');
  return ['hearsay'];
}
