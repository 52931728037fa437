/** Whole agents under messages of their own grammar, extremes in every field; `npm run fuzz` lives many more. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { life, live } from './whole-agent.ts';

test('whatever key holders and strangers write, two agents break no law, and find one another again', () => {
  fc.assert(
    fc.property(life, (one) => {
      expect(live(one)).toEqual([]);
    }),
    { numRuns: 25, seed: 1 },
  );
}, 120_000);
