/** What stands before and after `--` on the command line: commander joins both. */
import type { Command } from 'commander';

export interface ProgramWords {
  readonly words: readonly string[];
  /** The program and its arguments; empty if there is no `--`. */
  readonly argv: readonly string[];
}

/** `words` are all arguments of the command. */
export function splitProgram(command: Command, words: readonly string[]): ProgramWords {
  let root = command;
  while (root.parent !== null) root = root.parent;
  const raw = (root as Command & { readonly rawArgs: readonly string[] }).rawArgs;
  const at = raw.indexOf('--');
  const argv = at < 0 ? [] : raw.slice(at + 1);
  return { words: words.slice(0, words.length - argv.length), argv };
}
