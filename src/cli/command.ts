/** What all commands share: how one is built, how it says what it has to say, and how it ends. */
import type { Command } from 'commander';
import picocolors from 'picocolors';
import { AgentError } from '../base/errors.ts';
import type { Io } from './io.ts';
import { sanitize, sanitizeJson } from './sanitize.ts';

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
export interface CliContext {
  readonly io: Io;
  readonly colors: ReturnType<typeof picocolors.createColors>;
  /** The program with all its commands, for completion. */
  fullProgram(): Promise<Command>;
  exitCode: number;
}

/** Gives a named and summarized command its arguments, options, example and action. */
export type CommandBuilder = (command: Command, cli: CliContext) => void;

/** Color only where people read, and not if NO_COLOR forbids it. */
export function createColors(io: Io): CliContext['colors'] {
  const wanted = io.out.isTerminal && (io.env['NO_COLOR'] ?? '') === '' && io.env['TERM'] !== 'dumb';
  return picocolors.createColors(wanted);
}

/** The action of a command: what `handler` resolves to becomes the exit code. */
export const toAction =
  <A extends unknown[]>(cli: CliContext, handler: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    cli.exitCode = await handler(...args);
  };

/** Appends an example to the help of a command. */
export const addExample = (command: Command, line: string): Command =>
  command.addHelpText('after', `\nExample:\n  ${line}`);

export const printJson = (io: Io, value: unknown): void => io.out.write(`${sanitizeJson(value)}\n`);

/** One line on stderr. It may quote strangers, so it is cleaned. */
export const printNotice = (io: Io, sentence: string): void => io.err.write(`${sanitize(sentence)}\n`);

/** Tells what went wrong on stderr, and returns the exit code. */
export function reportError(io: Io, error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  printNotice(io, `hearsay: ${message}`);
  return error instanceof CliError || error instanceof AgentError ? error.exit : EXIT.failed;
}
