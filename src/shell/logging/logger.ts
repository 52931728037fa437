/**
 * The log: lines go to stderr, as JSON or for people to read, since stdout carries answers. Log followers get them too.
 */
import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { LogLevel } from '../../config/schema.ts';
import { type LineSink, LogMultistream } from './log-followers.ts';

export type LogFormat = 'json' | 'pretty';

export interface Log extends Pick<LogMultistream, 'follow' | 'setLevel'> {
  readonly logger: Logger;
}

const STDERR = 2;

/** Lines are written synchronously, so the last line before a crash is not lost. */
export async function openLog({ level, format }: { level: LogLevel; format: LogFormat }): Promise<Log> {
  const streams = new LogMultistream(
    level,
    format === 'json' ? pino.destination({ fd: STDERR, sync: true }) : await pretty(),
  );
  const logger = pino(
    {
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (name) => ({ level: name }) },
    },
    streams,
  );
  streams.attach(logger);
  return {
    logger,
    follow: (level, onLine, recent) => streams.follow(level, onLine, recent),
    setLevel: (to) => streams.setLevel(to),
  };
}

async function pretty(): Promise<LineSink> {
  const { default: prettyStream } = await import('pino-pretty');
  const colorize = process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined;
  return prettyStream({
    destination: STDERR,
    sync: true,
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
}
