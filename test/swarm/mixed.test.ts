/** The fast set of `npm run swarm -- --mixed`: a few seeds that together see everything such a run should see. */
import { afterAll, describe, expect, test } from 'vitest';
import { type MixedReport, runMixed } from '../../src/sim/scenarios/mixed.ts';
import { MAX_MISSED_SHARE, missedShares, neverSeen } from './mixed.ts';

const SHOWN_LINES = 60;
const reports: MixedReport[] = [];

describe('agents and Serf peers through minutes of faults, then a quiet period', () => {
  const holds = (seed: number, members: number, minutes: number): void => {
    const report = runMixed({ seed, members, minutes });
    reports.push(report);
    const { failures, faults, lines } = report;
    if (failures.length > 0)
      console.error(
        [...faults.map((fault) => JSON.stringify(fault)), ...lines.slice(-SHOWN_LINES)].join('\n'),
      );
    expect(failures).toEqual([]);
  };

  test.each([2, 4, 9, 11, 19, 21, 23, 24, 25, 29, 31, 32, 35, 39, 67, 69, 94])(
    'G16 G17 every law of events, queries and keys holds (seed %i)',
    (seed) => holds(seed, 6, 3),
  );

  test.each([3, 5])('G16 G17 and with eight hosts (seed %i)', (seed) => holds(seed, 8, 4));

  afterAll(() => {
    expect(neverSeen(reports)).toEqual([]);
  });
});

test('G17 without loss and faults every event is delivered by gossip, and no response is lost', () => {
  const lossless = [1, 2, 3].map((seed) => runMixed({ seed, members: 8, minutes: 3, kinds: [], loss: 0 }));

  expect(lossless.flatMap(({ failures }) => failures)).toEqual([]);
  const fired = lossless.reduce(
    (sum, { messageCounts }) => sum + (messageCounts.event ?? 0) + (messageCounts.bulkyEvent ?? 0),
    0,
  );
  expect(lossless.flatMap(({ deliveryDelays }) => deliveryDelays).length).toBeGreaterThan(3 * fired);
  const { acks, events } = missedShares(lossless);
  expect(acks).toBeLessThanOrEqual(MAX_MISSED_SHARE);
  expect(events).toBeLessThanOrEqual(MAX_MISSED_SHARE);
});

test('the same seed gives the same run to the last octet, and another does not', () => {
  const options = { members: 5, minutes: 1 };
  const { hash } = runMixed({ seed: 3, ...options });
  expect(runMixed({ seed: 3, ...options }).hash).toBe(hash);
  expect(runMixed({ seed: 4, ...options }).hash).not.toBe(hash);
});
