/** What all commands share: how one is built, how it prints, and how it ends. */
import type { Command } from 'commander';
import picocolors from 'picocolors';
import { AgentError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { sanitize, sanitizeJson } from './sanitize.ts';

/** Exit codes beside those of `AGENT_ERRORS`. */
export const EXIT = { done: 0, failed: 1, usage: 2, noAgent: 3, notFound: 4, config: 78, interrupted: 130 };

/** A failure with its exit code; the message says what to do next. */
export class CliError extends Error {
  readonly exit: number;
  constructor(exit: number, message: string) {
    super(message);
    this.name = 'CliError';
    this.exit = exit;
  }
}

/** One run of the command line. */
export interface CliContext {
  readonly io: Io;
  readonly colors: ReturnType<typeof picocolors.createColors>;
  /** The program as it is loaded for a command line, for completion. */
  programFor(words: readonly string[]): Promise<Command>;
  exitCode: number;
}

/** Gives a named and summarized command its arguments, options, example and action. */
export type CommandBuilder = (command: Command, cli: CliContext) => void;

/** Colors on a terminal, unless NO_COLOR is set. */
export function createColors(io: Io): CliContext['colors'] {
  const wanted = io.out.isTerminal && (io.env['NO_COLOR'] ?? '') === '' && io.env['TERM'] !== 'dumb';
  return picocolors.createColors(wanted);
}

/** The action of a command: the number that `handler` resolves to becomes the exit code. */
export const toAction =
  <A extends unknown[]>(cli: CliContext, handler: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    cli.exitCode = await handler(...args);
  };

/** Appends an example to the help of a command; with the indent at most 80 columns. */
export const addExample = (command: Command, line: string): Command =>
  command.addHelpText('after', `\nExample:\n  ${line}`);

/** Adds `--json`, for commands that print one document. */
export const addJsonOption = (command: Command, text = 'Print one JSON document'): Command =>
  command.option('--json', text);

export const printJson = (io: Io, value: unknown): void => io.out.write(`${sanitizeJson(value)}\n`);

/** One line on stderr. It may quote names from the network, so it is sanitized. */
export const printNotice = (io: Io, message: string): void => io.err.write(`${sanitize(message)}\n`);

/** Reports an error on stderr and returns its exit code. */
export function reportError(io: Io, error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  printNotice(io, `hearsay: ${message}`);
  return error instanceof CliError || error instanceof AgentError ? error.exit : EXIT.failed;
}
