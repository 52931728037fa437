/** Where log lines go: stderr, at once; stdout carries answers. As JSON, or for people to read. */
import { type Logger, pino, stdTimeFunctions } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'json' | 'pretty';

const STDERR = 2;

/** Lines are written before the call returns, so the last one before a crash is there too. */
export async function createLogger(options: { level: LogLevel; format: LogFormat }): Promise<Logger> {
  const { level, format } = options;
  if (format === 'json')
    return pino(
      {
        level,
        base: null,
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      pino.destination({ fd: STDERR, sync: true }),
    );
  const { default: pretty } = await import('pino-pretty');
  const colorize = process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined;
  return pino(
    { level, base: null },
    pretty({ destination: STDERR, sync: true, colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true }),
  );
}

/** For programs that want no log: `simulate`, tests. */
export const silentLogger = (): Logger => pino({ level: 'silent' });
