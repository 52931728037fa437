import { expect, test } from 'vitest';
import { ReplyBudget } from '../../../../src/agent/transport/reply-budget.ts';

test('an outsider draws one packet', () => {
  const budget = new ReplyBudget(100);
  expect(budget.trySpend(false, 20)).toBe(true);
  expect(budget.trySpend(false, 20)).toBe(false);
  expect(budget.withheld).toBe(1);
});

test('an outsider draws at most three times its bytes, and a packet that is too long does not count as one', () => {
  const budget = new ReplyBudget(100);
  expect(budget.trySpend(false, 301)).toBe(false);
  expect(budget.trySpend(false, 300)).toBe(true);
});

test('a member draws 32 packets of any size, and none of them counts as one for an outsider', () => {
  const budget = new ReplyBudget(10);
  for (let i = 0; i < 32; i++) expect(budget.trySpend(true, 1400)).toBe(true);
  expect(budget.trySpend(true, 1)).toBe(false);
  expect(budget.trySpend(false, 30)).toBe(true);
});
