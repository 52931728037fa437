/**
 * Erases secrets from the environment of this process. Programs that it starts do not get them anyway, but any program of
 * the same user could read the environment with which it was started (S14): `/proc/PID/environ` on Linux.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Fields of `/proc/PID/stat` behind the name of the program: where the environment begins. Source: proc(5), `env_start`. */
const ENV_START = 47;

/** Returns the variables that others can still read. A system without `/proc` has nothing to erase. */
export function eraseFromEnvironment(names: readonly string[]): readonly string[] {
  const given = names.filter((name) => (process.env[name] ?? '') !== '');
  if (given.length === 0) return [];
  for (const name of given) {
    try {
      overwrite(name);
    } catch {
      // What is left is seen below.
    }
    delete process.env[name];
  }
  return given.filter((name) => (valueRange(name)?.length ?? 0) > 0);
}

/** Writes zeros over the value, in the memory in which the kernel put it when the process was started. */
function overwrite(name: string): void {
  const range = valueRange(name);
  if (range === undefined || range.length === 0) return;
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const start = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[ENV_START]);
  if (!Number.isSafeInteger(start) || start === 0) return;
  const memory = openSync('/proc/self/mem', 'r+');
  try {
    writeSync(memory, Buffer.alloc(range.length), 0, range.length, start + range.at);
  } finally {
    closeSync(memory);
  }
}

/** Where the value of a variable stands in the environment of the start; `undefined` if it does not. */
function valueRange(name: string): { readonly at: number; readonly length: number } | undefined {
  let environ: Buffer;
  try {
    environ = readFileSync('/proc/self/environ');
  } catch {
    return undefined;
  }
  for (let from = 0; from < environ.length; ) {
    const end = environ.indexOf(0, from);
    const to = end < 0 ? environ.length : end;
    if (environ.toString('latin1', from, from + name.length + 1) === `${name}=`)
      return { at: from + name.length + 1, length: to - from - name.length - 1 };
    from = to + 1;
  }
  return undefined;
}
