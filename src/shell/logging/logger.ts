/**
 * Where log lines go: stderr, at once; stdout carries answers. As JSON, or for people to read. Others may follow along
 * (log-fan.ts).
 */
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { type LineSink, LogMultistream, type PinoLevel } from './log-followers.ts';

export type LogFormat = 'json' | 'pretty';

export interface Log extends Pick<LogMultistream, 'follow' | 'setLevel'> {
  readonly logger: Logger;
}

const STDERR = 2;

/** Lines are written before the call returns, so the last one before a crash is there too. */
export async function openLog({ level, format }: { level: PinoLevel; format: LogFormat }): Promise<Log> {
  const fan = new LogMultistream(
    level,
    format === 'json' ? pino.destination({ fd: STDERR, sync: true }) : await pretty(),
  );
  const logger = pino(
    {
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    fan,
  );
  fan.attach(logger);
  return {
    logger,
    follow: (at, take) => fan.follow(at, take),
    setLevel: (to) => fan.setLevel(to),
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
