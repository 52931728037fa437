/** The fast set: a few seeds of `npm run swarm`, and between them every kind of trouble and of deed. */
import { afterAll, describe, expect, test } from 'vitest';
import { DEED_KINDS } from '../../src/sim/deeds.ts';
import { FAULT_KINDS } from '../../src/sim/faults.ts';
import { runSwarm } from '../../src/sim/swarm.ts';
import { shrink } from './shrink.ts';

const SHOWN_LINES = 60;
const came = new Set<string>();

describe('ten hosts in three minutes of troubles, then calm', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10473])('every law holds, and all agree (seed %i)', (seed) => {
    const { failures, faults, lines, struck, done } = runSwarm({ seed, members: 10, minutes: 3 });
    for (const kind of [...Object.keys(struck), ...Object.keys(done)]) came.add(kind);
    if (failures.length > 0)
      console.error(
        [...faults.map((fault) => JSON.stringify(fault)), ...lines.slice(-SHOWN_LINES)].join('\n'),
      );
    expect(failures).toEqual([]);
  });

  afterAll(() => {
    expect([...FAULT_KINDS, ...DEED_KINDS].filter((kind) => !came.has(kind))).toEqual([]);
  });
});

test('the same seed is the same world to the last octet, and another is not', () => {
  const options = { members: 5, minutes: 1 };
  const { hash } = runSwarm({ seed: 8, ...options });
  expect(runSwarm({ seed: 8, ...options }).hash).toBe(hash);
  expect(runSwarm({ seed: 9, ...options }).hash).not.toBe(hash);
});

test('without a failure there is nothing to shrink', () => {
  const report = shrink({ seed: 8, members: 3, minutes: 1 });
  expect(report.failures).toEqual([]);
  expect(report.faults).toHaveLength(8);
});
