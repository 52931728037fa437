/** Laws of membership, over histories nobody would think of. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SwimMessage } from '../../src/wire/memberlist.ts';
import { Actor, alive, dead, suspect } from '../unit/swim/helpers.ts';

const OTHERS = ['bob', 'cat', 'dan', 'eve'];
const other = fc.constantFrom(...OTHERS);

describe('two tables', () => {
  const plausible = fc.integer({ min: 1, max: 6 });
  // Only the member itself sets its meta: one value per incarnation.
  const honest = fc.oneof(
    fc.record({ node: other, at: plausible }).map((r) => alive(r.node, r.at, { meta: Uint8Array.of(r.at) })),
    fc
      .record({ node: other, from: fc.constantFrom('x', 'y', 'z'), at: plausible })
      .map((r) => suspect(r.node, r.from, r.at)),
    fc
      .record({ node: other, from: fc.constantFrom('x', 'y', 'z'), at: plausible })
      .map((r) => dead(r.node, r.from, r.at)),
  );

  test('that know the same members agree after the same messages in any order', () => {
    fc.assert(
      fc.property(
        fc
          .array(honest, { minLength: 1, maxLength: 12 })
          .chain((rumors) =>
            fc.tuple(fc.constant(rumors), fc.shuffledSubarray(rumors, { minLength: rumors.length })),
          ),
        ([rumors, shuffled]) => {
          const tableAfter = (order: readonly SwimMessage[]): string[] => {
            const ann = new Actor('ann').knowing(...OTHERS);
            for (const rumor of order) ann.receive(rumor);
            return OTHERS.map((name) => {
              const member = ann.swim.members.get(name);
              return `${name} ${member?.state} ${member?.incarnation}`;
            });
          };
          // dead@3 then suspect@5 is dead@5, the other way round suspect@5: how badly one is accused may depend on
          // the order, whether it is accused and at which incarnation may not.
          const [one, two] = [tableAfter(rumors), tableAfter(shuffled)];
          const coarse = (line: string): string => line.replace(/suspect|dead/, 'accused');
          expect(one.map(coarse)).toEqual(two.map(coarse));
        },
      ),
    );
  });

  test('agree fully after a push/pull and the time of a suspicion', () => {
    fc.assert(
      fc.property(fc.array(honest, { maxLength: 10 }), fc.array(honest, { maxLength: 10 }), (one, two) => {
        const quiet = {
          probeInterval: 600_000,
          gossipInterval: 600_000,
          gossipToTheDeadTime: 1e9,
          suspicionMult: 1,
        };
        const ann = new Actor('ann', quiet).knowing(...OTHERS, 'zoe');
        const zoe = new Actor('zoe', quiet).knowing(...OTHERS, 'ann');
        for (const rumor of one) ann.receive(rumor);
        for (const rumor of two) zoe.receive(rumor);
        const coarse = (actor: Actor): string[] =>
          OTHERS.map((name) => `${name} ${actor.state(name)} ${actor.incarnationOf(name)}`);
        for (let round = 0; round < 2; round++) {
          const [a, z] = [ann.swim.localStates(), zoe.swim.localStates()];
          ann.merge(...z);
          zoe.merge(...a);
          ann.pass(7_000_000);
          zoe.pass(7_000_000);
        }
        expect(coarse(ann)).toEqual(coarse(zoe));
      }),
    );
  });
});
