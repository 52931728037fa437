import { expect, test } from 'vitest';
import { cronProblem, nextTick, parseWallTime, ticksBetween } from '../../../src/model/job-schedule.ts';

const at = (text: string): number => parseWallTime(text) ?? Number.NaN;

test('every has its ticks at the multiples of its duration, whoever asks', () => {
  const hourly = { kind: 'every', every: 3_600_000 } as const;
  expect(nextTick(hourly, at('2030-01-01T10:17:03Z'))).toBe(at('2030-01-01T11:00:00Z'));
  expect(nextTick(hourly, at('2030-01-01T11:00:00Z'))).toBe(at('2030-01-01T12:00:00Z'));
});

test('cron follows its time zone, also over the change of the clocks', () => {
  const nightly = { kind: 'cron', expression: '30 2 * * *', timezone: 'Europe/Berlin' } as const;
  expect(nextTick(nightly, at('2030-01-01T00:00:00Z'))).toBe(at('2030-01-01T01:30:00Z'));
  expect(nextTick(nightly, at('2030-07-01T00:00:00Z'))).toBe(at('2030-07-01T00:30:00Z'));
  const days = ticksBetween(nightly, at('2030-03-25T00:00:00Z'), at('2030-04-05T00:00:00Z'), 100);
  expect(days.length).toBeGreaterThanOrEqual(10);
  expect(new Set(days).size).toBe(days.length);
});

test('at has one tick', () => {
  const once = { kind: 'at', at: 5000 } as const;
  expect([nextTick(once, 4999), nextTick(once, 5000)]).toEqual([5000, undefined]);
});

test('a cron expression without a next tick ends', () => {
  expect(nextTick({ kind: 'cron', expression: '0 0 31 2 *', timezone: 'UTC' }, 0)).toBeUndefined();
});

test('of many ticks the latest are returned, in order, without walking through a year of seconds', () => {
  const now = at('2031-01-01T00:00:00Z');
  const seconds = { kind: 'cron', expression: '* * * * * *', timezone: 'UTC' } as const;
  const ticks = ticksBetween(seconds, at('2030-01-01T00:00:00Z'), now, 100);
  expect(ticks).toEqual(Array.from({ length: 100 }, (_, i) => now - (99 - i) * 1000));
  expect(ticksBetween({ kind: 'every', every: 1000 }, 0, 10_500, 3)).toEqual([8000, 9000, 10_000]);
  expect(ticksBetween({ kind: 'every', every: 1000 }, 10_000, 10_500, 3)).toEqual([]);
});

test.each([
  ['61 * * * *', 'UTC', /cron "61 \* \* \* \*" is invalid: .*61/],
  ['nonsense', 'UTC', /cron "nonsense" is invalid/],
  ['0 0 31 2 *', 'UTC', /cron "0 0 31 2 \*" never comes/],
  ['0 3 * * *', 'Mars/Olympus', /timezone "Mars\/Olympus" is unknown/],
])('%s in %s is refused with the reason', (expression, timezone, reason) => {
  expect(cronProblem(expression, timezone)).toMatch(reason);
  expect(cronProblem('0 3 * * *', 'UTC')).toBeUndefined();
});

test.each(['2030-13-01T00:00:00Z', 'tomorrow', '2030-01-01', '2030-01-01T00:00:00'])(
  '%s is no time',
  (text) => {
    expect(parseWallTime(text)).toBeUndefined();
  },
);
