import { pino } from 'pino';
import { expect, test } from 'vitest';
import { LogMultistream, MAX_RECENT_LINES } from '../../../../src/shell/logging/log-followers.ts';

function logged() {
  const streams = new LogMultistream('info', { write: () => undefined });
  const logger = pino(
    { base: null, timestamp: false, formatters: { level: (level) => ({ level }) } },
    streams,
  );
  streams.attach(logger);
  const follow = (level: 'debug' | 'info' | 'warn', recent?: number) => {
    const lines: string[] = [];
    streams.follow(level, (line) => lines.push((JSON.parse(line) as { msg: string }).msg), recent);
    return lines;
  };
  return { logger, follow };
}

test('a follower begins with the last lines of its level, and with none unless it asks', () => {
  const { logger, follow } = logged();
  for (const word of ['one', 'two', 'three']) logger.info(word);
  logger.warn('four');
  logger.debug('not written');
  expect(follow('info')).toEqual([]);
  expect(follow('debug', 512)).toEqual(['one', 'two', 'three', 'four']);
  expect(follow('info', 2)).toEqual(['three', 'four']);
  const warnings = follow('warn', 512);
  logger.info('five');
  logger.error('six');
  expect(warnings).toEqual(['four', 'six']);
});

test('what others followed at a lower level is not kept, nor more lines than the limit', () => {
  const { logger, follow } = logged();
  follow('debug');
  logger.debug('for one only');
  for (let i = 0; i < MAX_RECENT_LINES + 10; i++) logger.info(`${i}`);
  const lines = follow('debug', 10_000);
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([MAX_RECENT_LINES, '10', `${MAX_RECENT_LINES + 9}`]);
});
