import { describe, expect, test } from 'vitest';
import { ClockJudge } from '../../../src/jobs/clock-judge.ts';
import { PeerClocks } from '../../../src/jobs/clocks.ts';
import { decodeJobClock, encodeJobClock } from '../../../src/jobs/entries.ts';
import { SpreadMeter } from '../../../src/jobs/spread.ts';
import type { JobWorld } from '../../../src/jobs/types.ts';

/** A peer whose clock is ahead by `offset`, asked at 1000 with this round trip. */
function ask(clocks: PeerClocks, node: string, offset: number, roundTrip = 10, now = 0): void {
  clocks.record(node, 1000 + roundTrip / 2 + offset, { sent: 1000, received: 1000 + roundTrip }, now);
}

describe('clocks of peers', () => {
  test('fewer than three clocks tell nothing', () => {
    const clocks = new PeerClocks();
    expect(clocks.ownOffset).toBeUndefined();
    ask(clocks, 'a', 9000);
    expect(clocks.ownOffset).toBeUndefined();
    ask(clocks, 'b', 9000);
    expect(clocks.ownOffset).toBe(-9000);
  });

  test('the median counts, so that one that is wrong decides nothing, and is the clock of an agent', () => {
    const clocks = new PeerClocks();
    for (const [node, offset] of [
      ['a', 10],
      ['b', -20],
      ['c', 3_600_000],
    ] as const)
      ask(clocks, node, offset);
    expect(clocks.ownOffset).toBe(0); // of -20, 0, 10 and an hour the lower one in the middle
    ask(clocks, 'd', 40);
    expect(clocks.ownOffset).toBe(-10);
  });

  test('the shortest round trip counts for five minutes, and one that took long not at all', () => {
    const clocks = new PeerClocks();
    ask(clocks, 'a', 100, 10);
    ask(clocks, 'a', 400, 300, 200_000);
    expect(clocks.offsetOf('a')).toBe(100);
    ask(clocks, 'a', 300, 5, 200_000);
    expect(clocks.offsetOf('a')).toBe(300);
    ask(clocks, 'a', 200, 300, 500_000);
    expect(clocks.offsetOf('a')).toBe(200);
    ask(clocks, 'b', 0, 1001);
    expect(clocks.offsetOf('b')).toBeUndefined();
  });

  test('peers that are gone, and all after our own clock was set, are forgotten', () => {
    const clocks = new PeerClocks();
    for (const node of ['a', 'b', 'c']) ask(clocks, node, 0);
    clocks.retain((node) => node !== 'b');
    expect([clocks.size, clocks.has('b')]).toEqual([2, false]);
    clocks.clear();
    expect(clocks.size).toBe(0);
  });
});

test('a clock differs by more than a spread time, and agrees again well within one', () => {
  const judge = new ClockJudge();
  const at = (clockOffset: number | undefined) =>
    judge.judge({ clockOffset, spread: 500 } as JobWorld)?.fact.kind;
  expect([at(undefined), at(500), at(-500), judge.differs]).toEqual([undefined, undefined, undefined, false]);
  expect([at(-501), judge.differs]).toEqual(['jobClockDiffers', true]);
  expect([at(-400), at(2000), judge.differs]).toEqual([undefined, undefined, true]);
  expect([at(-350), judge.differs]).toEqual(['jobClockAgrees', false]);
  expect([at(501), at(undefined), judge.differs]).toEqual(['jobClockDiffers', 'jobClockAgrees', false]);
});

test('a clock is published as a whole number, and nothing else is read', () => {
  expect(decodeJobClock(encodeJobClock({ offset: -1500 }))).toEqual({ offset: -1500 });
  expect(decodeJobClock({ ...encodeJobClock({ offset: 1 }), notes: '{"offset":"1"}' })).toBeUndefined();
});

describe('the spread time', () => {
  const measure = (delays: readonly number[], gossipInterval = 200): number => {
    const meter = new SpreadMeter(gossipInterval);
    for (const delay of delays) meter.record(delay);
    return meter.spread;
  };
  const delays = (slow: number, by: number, count = 512): number[] =>
    Array.from({ length: count }, (_, i) => (i < slow ? by : 10));

  test('is half a second at least, or 2.5 gossip intervals', () => {
    expect(measure([])).toBe(500);
    expect(measure([], 1000)).toBe(2500);
    expect(measure(delays(0, 0))).toBe(500);
  });

  test('is the 99th percentile of how long changes took, once there are a hundred', () => {
    expect(measure(delays(99, 900, 99))).toBe(500);
    expect(measure(delays(100, 900, 100))).toBe(900);
    expect(measure(delays(5, 900))).toBe(500);
    expect(measure(delays(6, 900))).toBe(900);
  });

  test('leaves out what came after a partition, and forgets what was long ago', () => {
    expect(measure(delays(400, 20_000))).toBe(500);
    expect(measure([...delays(300, 900, 300), ...delays(0, 0)])).toBe(500);
  });
});
