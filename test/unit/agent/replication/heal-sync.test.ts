import { describe, expect, test } from 'vitest';
import { HealSync } from '../../../../src/agent/replication/heal-sync.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { NEVER } from '../../../../src/base/time.ts';

const GOSSIP = 200;
const reunions = (seed = 1): HealSync => new HealSync(GOSSIP, createRng(seed));

test('a second or two after the last failed member is back, some of them are compared with, once', () => {
  const held = reunions();
  for (const name of ['bob', 'cat', 'dan', 'eve']) held.onFailed(name);
  for (const name of ['bob', 'cat', 'dan', 'eve', 'fay']) held.onUp(name, 1000); // fay never failed
  held.onUp('eve', 5000); // nor did eve again
  const { deadline } = held;
  expect(deadline).toBeGreaterThanOrEqual(1000 + 5 * GOSSIP);
  expect(deadline).toBeLessThan(1000 + 10 * GOSSIP);

  expect(held.dequeue(5, deadline - 1)).toEqual([]);
  const back = held.dequeue(5, deadline);
  expect(back).toHaveLength(3);
  expect(new Set([...back, 'bob', 'cat', 'dan', 'eve']).size).toBe(4);
  expect([held.deadline, held.dequeue(5, deadline)]).toEqual([NEVER, []]);
});

test('each further return delays it', () => {
  const held = reunions();
  held.onFailed('bob');
  held.onFailed('cat');
  held.onUp('bob', 0);
  held.onUp('cat', 900);
  expect(held.deadline).toBeGreaterThanOrEqual(900 + 5 * GOSSIP);
});

test('a member that left or was reaped meanwhile comes back as a new one', () => {
  const held = reunions();
  held.onFailed('bob');
  held.onGone('bob');
  held.onUp('bob', 0);
  expect(held.deadline).toBe(NEVER);
});

describe('in a cluster of 1,000', () => {
  const acting = (back: number): number => {
    let acted = 0;
    for (let seed = 1; seed <= 1000; seed++) {
      const held = reunions(seed);
      for (let i = 0; i < back; i++) held.onFailed(`m${i}`);
      for (let i = 0; i < back; i++) held.onUp(`m${i}`, 0);
      acted += Number(held.dequeue(1000, held.deadline).length > 0);
    }
    return acted;
  };

  test('some thirty agents act if one member is back, and all if half of them are', () => {
    expect(acting(1)).toBeGreaterThan(16);
    expect(acting(1)).toBeLessThan(64);
    expect(acting(500)).toBe(1000);
  });
});
