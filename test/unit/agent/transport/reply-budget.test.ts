import { expect, test } from 'vitest';
import { ReplyBudget } from '../../../../src/agent/transport/reply-budget.ts';

test('an outsider draws one packet', () => {
  const budget = new ReplyBudget(100);
  expect(budget.trySpend('outsider', 20)).toBe(true);
  expect(budget.trySpend('outsider', 20)).toBe(false);
  expect(budget.withheld).toBe(1);
});

test('an outsider draws at most three times its bytes, and a packet that is too long does not count as one', () => {
  const budget = new ReplyBudget(100);
  expect(budget.trySpend('outsider', 301)).toBe(false);
  expect(budget.trySpend('outsider', 300)).toBe(true);
});

test('a member that never answered, and may be invented, draws two packets of any size', () => {
  const budget = new ReplyBudget(10);
  for (let i = 0; i < 2; i++) expect(budget.trySpend('unanswered', 1400)).toBe(true);
  expect(budget.trySpend('unanswered', 1)).toBe(false);
});

test('a member draws 32 packets of any size, and none of them counts as one for an outsider', () => {
  const budget = new ReplyBudget(10);
  for (let i = 0; i < 32; i++) expect(budget.trySpend('answered', 1400)).toBe(true);
  expect(budget.trySpend('answered', 1)).toBe(false);
  expect(budget.trySpend('outsider', 30)).toBe(true);
});
