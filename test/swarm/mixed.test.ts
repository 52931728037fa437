/** The fast set of `npm run swarm -- --mixed`: a few seeds that together see everything such a run should see. */
import { afterAll, describe, expect, test } from 'vitest';
import { type MixedReport, runMixed } from '../../src/sim/scenarios/mixed.ts';
import { MAX_MISSED_SHARE, missedShares, neverSeen } from './mixed.ts';

const SHOWN_LINES = 60;
const SEEDS = [1, 2, 3, 5, 6, 7, 11, 13, 29, 30, 62, 67, 69, 94];
const reports: MixedReport[] = [];

describe('eight hosts, agents and Serf peers, in four minutes of faults, then a quiet period', () => {
  test.each(SEEDS)('G16 G17 every law of events, queries and keys holds (seed %i)', (seed) => {
    const report = runMixed({ seed, members: 8, minutes: 4 });
    reports.push(report);
    const { failures, faults, lines } = report;
    if (failures.length > 0)
      console.error(
        [...faults.map((fault) => JSON.stringify(fault)), ...lines.slice(-SHOWN_LINES)].join('\n'),
      );
    expect(failures).toEqual([]);
  });

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
