import { describe, expect, test } from 'vitest';
import { oncePer, type RateLimit, RateLimiter } from '../../../src/base/rate-limiter.ts';

const LIMIT: RateLimit = { burst: 3, refillInterval: 10, maxKeys: 2, overflow: 'share' };

function grantedCount(limiter: RateLimiter, key: string, now: number, interval?: () => number): number {
  let count = 0;
  while (limiter.tryAcquire(key, now, interval)) count += 1;
  return count;
}

describe('a token bucket', () => {
  test('grants a burst, then one per interval, and never more than a burst', () => {
    const limiter = new RateLimiter(LIMIT);
    expect(grantedCount(limiter, 'a', 0)).toBe(3);
    expect(limiter.tryAcquire('a', 9)).toBe(false);
    expect(limiter.tryAcquire('a', 10)).toBe(true);
    expect(grantedCount(limiter, 'a', 30)).toBe(2);
    expect(grantedCount(limiter, 'a', 1e9)).toBe(3);
  });

  test('refills while it still has tokens', () => {
    const limiter = new RateLimiter(LIMIT);
    limiter.tryAcquire('a', 0);
    expect(grantedCount(limiter, 'a', 1000)).toBe(3);
  });

  test('is not delayed by refused requests', () => {
    const limiter = new RateLimiter({ ...LIMIT, burst: 1, refillInterval: 0.3 });
    limiter.tryAcquire('a', 0);
    for (let now = 0.1; now < 0.3; now += 0.01) expect(limiter.tryAcquire('a', now)).toBe(false);
    expect(limiter.tryAcquire('a', 0.3)).toBe(true);
  });

  test('reports the first refusal since the last grant', () => {
    const limiter = new RateLimiter(LIMIT);
    const results = [0, 0, 0, 0, 0, 10, 10, 10].map((now) => limiter.acquire('a', now));
    expect(results).toEqual([
      'granted',
      'granted',
      'granted',
      'exhausted',
      'stillExhausted',
      'granted',
      'exhausted',
      'stillExhausted',
    ]);
  });

  test('with a computed interval computes it only when empty, and refills only then', () => {
    const limiter = new RateLimiter(LIMIT);
    let computed = 0;
    const interval = (): number => {
      computed += 1;
      return 5;
    };
    for (let i = 0; i < 3; i++) expect(limiter.tryAcquire('a', 0, interval)).toBe(true);
    expect(computed).toBe(0);
    expect(limiter.tryAcquire('a', 4, interval)).toBe(false);
    expect(grantedCount(limiter, 'a', 10, interval)).toBe(2);
    expect(computed).toBe(3);
  });
});

describe('beyond its number of keys', () => {
  test('a limiter that shares gives one bucket to all further keys', () => {
    const limiter = new RateLimiter(LIMIT);
    for (const key of ['a', 'b']) expect(grantedCount(limiter, key, 0)).toBe(3);
    const granted = ['c', 'd', 'e', 'f'].filter((key) => limiter.tryAcquire(key, 1));
    expect(granted).toEqual(['c', 'd', 'e']);
    expect(limiter.size).toBe(2);
  });

  test('a limiter that evicts drops the bucket used least recently', () => {
    const limiter = new RateLimiter({ ...LIMIT, overflow: 'evict' });
    for (const key of ['a', 'b', 'a']) grantedCount(limiter, key, 0);
    expect(grantedCount(limiter, 'c', 0)).toBe(3);
    expect(limiter.size).toBe(2);
    expect(grantedCount(limiter, 'a', 0)).toBe(0);
    expect(grantedCount(limiter, 'b', 0)).toBe(3);
  });

  test('a bucket that is not full again is not forgotten when others come', () => {
    const limiter = new RateLimiter({ burst: 4, refillInterval: 100, maxKeys: 8, overflow: 'share' });
    for (let i = 0; i < 4; i++) expect(limiter.tryAcquire('ann', 0)).toBe(true);
    limiter.tryAcquire('bob', 200); // ann has two tokens by now
    expect([1, 2, 3].map(() => limiter.tryAcquire('ann', 200))).toEqual([true, true, false]);
  });

  test('buckets that are full again make room', () => {
    const limiter = new RateLimiter(LIMIT);
    for (const key of ['a', 'b']) grantedCount(limiter, key, 0);
    expect(grantedCount(limiter, 'c', 30)).toBe(3);
    expect(limiter.size).toBe(1);
  });
});

test('oncePer: the first at once, the next after the interval, each key for itself', () => {
  const limiter = new RateLimiter(oncePer(100));
  expect(limiter.tryAcquire('a', 0)).toBe(true);
  expect(limiter.tryAcquire('a', 99)).toBe(false);
  expect(limiter.tryAcquire('b', 99)).toBe(true);
  expect(limiter.tryAcquire('a', 100)).toBe(true);
});
