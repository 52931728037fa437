import { expect, test } from 'vitest';
import { address } from '../../../../src/base/address.ts';
import { BURST, Budget, REFILL } from '../../../../src/swim/state/accusation-limit.ts';

const host = (n: number, port = 7946) => address(Uint8Array.of(10, 0, n >> 8, n & 0xff), port);

function spendAll(budget: Budget, n: number, now: number): number {
  let granted = 0;
  while (budget.spend(host(n), now)) granted++;
  return granted;
}

test('S7: so many at once, then as many as time gives, and never more than at once', () => {
  const budget = new Budget();
  expect(spendAll(budget, 1, 0)).toBe(BURST);
  expect(spendAll(budget, 1, 5 * REFILL)).toBe(5);
  expect(spendAll(budget, 1, 1e9)).toBe(BURST);
});

test('S7: another port of the same host is the same source', () => {
  const budget = new Budget();
  spendAll(budget, 1, 0);
  expect(budget.spend(host(1, 9), 0)).toBe(false);
  expect(budget.spend(host(2), 0)).toBe(true);
});

test('S7: with more sources than it keeps, the others share one account; those idle for long make room', () => {
  const budget = new Budget();
  for (let n = 0; n < 1024; n++) expect(budget.spend(host(n), 0)).toBe(true);
  let granted = 0;
  for (let n = 2000; n < 4000; n++) if (budget.spend(host(n), 1)) granted++;
  expect(granted).toBe(BURST);
  expect(budget.spend(host(5), 1)).toBe(true);
  expect(spendAll(budget, 9000, BURST * REFILL + 10)).toBe(BURST);
});
