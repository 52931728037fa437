import { expect, test } from 'vitest';
import { toAddress } from '../../../../src/base/address.ts';
import {
  ACCUSATION_BURST,
  ACCUSATION_REFILL_INTERVAL,
  AccusationLimiter,
  REFUTED_COST,
} from '../../../../src/swim/state/accusation-limit.ts';

const host = (n: number, port = 7946) => toAddress(Uint8Array.of(10, 0, n >> 8, n & 0xff), port);

function spendAll(limiter: AccusationLimiter, n: number, now: number): number {
  let granted = 0;
  while (limiter.tryAcquire(host(n), now)) granted++;
  return granted;
}

test('S7: a burst, then one per interval, and never more than a burst', () => {
  const limiter = new AccusationLimiter();
  expect(spendAll(limiter, 1, 0)).toBe(ACCUSATION_BURST);
  expect(spendAll(limiter, 1, 5 * ACCUSATION_REFILL_INTERVAL)).toBe(5);
  expect(spendAll(limiter, 1, 1e9)).toBe(ACCUSATION_BURST);
});

test('S7: another port of the same host is the same source', () => {
  const limiter = new AccusationLimiter();
  spendAll(limiter, 1, 0);
  expect(limiter.tryAcquire(host(1, 9), 0)).toBe(false);
  expect(limiter.tryAcquire(host(2), 0)).toBe(true);
});

test('S7: sources beyond the limit share one bucket; idle ones make room', () => {
  const limiter = new AccusationLimiter();
  for (let n = 0; n < 1024; n++) expect(limiter.tryAcquire(host(n), 0)).toBe(true);
  let granted = 0;
  for (let n = 2000; n < 4000; n++) if (limiter.tryAcquire(host(n), 1)) granted++;
  expect(granted).toBe(ACCUSATION_BURST);
  expect(limiter.tryAcquire(host(5), 1)).toBe(true);
  expect(spendAll(limiter, 9000, ACCUSATION_BURST * ACCUSATION_REFILL_INTERVAL + 10)).toBe(ACCUSATION_BURST);
});

test('S7: what was refuted costs its source more, and never more than a burst of debt', () => {
  const limiter = new AccusationLimiter();
  for (let i = 0; i < 3; i++) limiter.charge(host(1), 0);
  expect(spendAll(limiter, 1, 0)).toBe(ACCUSATION_BURST - 3 * REFUTED_COST);
  for (let i = 0; i < 1000; i++) limiter.charge(host(1), 0);
  expect(limiter.tryAcquire(host(1), ACCUSATION_BURST * ACCUSATION_REFILL_INTERVAL)).toBe(false);
  expect(limiter.tryAcquire(host(1), 2 * ACCUSATION_BURST * ACCUSATION_REFILL_INTERVAL)).toBe(true);
  expect(limiter.tryAcquire(host(2), 0)).toBe(true);
});
