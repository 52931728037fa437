/** What all commands share: how one is built, how it says what it has to say, and how it ends. */
import type { Command } from 'commander';
import picocolors from 'picocolors';
import { AgentError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { clean, safeJson } from './sanitize.ts';

/** Exit codes beside those of `AGENT_ERRORS`. */
export const EXIT = { done: 0, failed: 1, usage: 2, noAgent: 3, notFound: 4, config: 78, interrupted: 130 };

/** A failure with its exit code; the sentence says what to do next. */
export class CliError extends Error {
  readonly exit: number;
  constructor(exit: number, sentence: string) {
    super(sentence);
    this.name = 'CliError';
    this.exit = exit;
  }
}

/** The run of one command. */
export interface Cli {
  readonly io: Io;
  readonly colors: ReturnType<typeof picocolors.createColors>;
  /** The program with all its commands, for completion. */
  whole(): Promise<Command>;
  exit: number;
}

export interface CommandModule {
  /** Gives a named and summarized command its arguments, options, example and action. */
  build(command: Command, cli: Cli): void;
}

/** Color only where people read, and not if NO_COLOR forbids it. */
export function colorsFor(io: Io): Cli['colors'] {
  const wanted = io.out.terminal && (io.env['NO_COLOR'] ?? '') === '' && io.env['TERM'] !== 'dumb';
  return picocolors.createColors(wanted);
}

/** The action of a command: what `handler` resolves to becomes the exit code. */
export const act =
  <A extends unknown[]>(cli: Cli, handler: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    cli.exit = await handler(...args);
  };

/** Appends an example to the help of a command. */
export const example = (command: Command, line: string): Command =>
  command.addHelpText('after', `\nExample:\n  ${line}`);

export const printJson = (io: Io, value: unknown): void => io.out.write(`${safeJson(value)}\n`);

/** One line on stderr. It may quote strangers, so it is cleaned. */
export const say = (io: Io, sentence: string): void => io.err.write(`${clean(sentence)}\n`);

/** Tells what went wrong on stderr, and returns the exit code. */
export function fail(io: Io, error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  say(io, `hearsay: ${message}`);
  return error instanceof CliError || error instanceof AgentError ? error.exit : EXIT.failed;
}
