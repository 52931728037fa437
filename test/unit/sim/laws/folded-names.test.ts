import { expect, test } from 'vitest';
import type { LawContext } from '../../../../src/sim/laws/law.ts';
import { FoldedNameLaw } from '../../../../src/sim/laws/membership/folded-names.ts';
import type { SimHost } from '../../../../src/sim/world/host.ts';

test.each([
  [['ann', 'bob', 'ann2'], []],
  [['ann', 'bob', 'ANN'], ['I28 n1 shows both "ann" and "ANN"']],
  [['caf\u00e9', 'cafe\u0301'], ['I28 n1 shows both "caf\u00e9" and "cafe\u0301"']],
])('I28 of %j', (names, violations) => {
  const found: string[] = [];
  let judged = 0;
  const context = {
    reportViolation: (what: string) => found.push(what),
    judged: () => {
      judged += 1;
    },
  } as unknown as LawContext;
  const agent = { view: { members: () => names.map((name) => ({ name })) } };
  new FoldedNameLaw(context).checkPeriodically({ label: 'n1', options: {}, agent } as unknown as SimHost);
  expect([found, judged]).toEqual([violations, names.length]);
});
