/** The short form of `npm run healthy`: nothing is found in healthy clusters, quiet, busy, encrypted and with agents of Serf. */
import { expect, test } from 'vitest';
import { examineHealthyCluster } from '../healthy/cluster.ts';

test.each([3, 11])('cluster %i is healthy, and nothing is found', (seed) => {
  const { examinations, found } = examineHealthyCluster(seed, { rounds: 3 });
  expect(examinations).toBeGreaterThan(12);
  expect(found).toEqual([]);
});

test('the same with a fifth of all datagrams lost: it is told', () => {
  const { found } = examineHealthyCluster(1, { rounds: 3, loss: 0.2 });
  expect(found.filter((line) => line.includes(': loss: ')).length).toBeGreaterThan(3);
});
