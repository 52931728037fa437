/** What the benchmarks take from their command line and environment. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `--short`: fewer runs and shorter windows, for a first look. */
export const SHORT = process.argv.includes('--short');

/** The program measured. `BENCH_BIN` names another build of it, to compare two. */
export const HEARSAY =
  process.env['BENCH_BIN'] ?? fileURLToPath(new URL('../../../bin/hearsay.js', import.meta.url));

/** Is this program on the machine? */
export const installed = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

export type Kind = 'hearsay' | 'serf';

/** Ours, and Serf's if it is there; says so if it is not. */
export function kinds(): readonly Kind[] {
  if (installed('serf')) return ['hearsay', 'serf'];
  console.log('serf is not installed: our figures stand alone');
  return ['hearsay'];
}
