/** The notices of a process as JSON lines, for an agent whose log is JSON: then every line that it prints is one object. */

import type { Io, Output } from '../io.ts';
import { sanitizeJson } from '../sanitize.ts';

/** The beginnings of notices, and the level that each means. */
const PREFIXES = [
  ['warning: ', 'warn'],
  ['hearsay: ', 'error'],
] as const;

/** As `io`, but each line of stderr is an object in the shape of log lines. */
export const withJsonNotices = (io: Io): Io => ({ ...io, err: jsonLines(io.err) });

function jsonLines({ write, isTerminal }: Output): Output {
  return {
    isTerminal,
    write: (text) => {
      for (const line of text.split('\n')) if (line !== '') write(toJsonLine(line));
    },
  };
}

function toJsonLine(line: string): string {
  const [prefix, level] = PREFIXES.find(([beginning]) => line.startsWith(beginning)) ?? ['', 'info'];
  return logLine(level, line.slice(prefix.length));
}

/** One line in the shape of the log, with its line break. */
export const logLine = (level: 'info' | 'warn' | 'error', msg: string, fields: object = {}): string =>
  `${sanitizeJson({ level, time: new Date().toISOString(), component: 'agent', ...fields, msg })}\n`;
