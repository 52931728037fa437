/** I42 to I44 are violated by agents that tell their workers what they should not. */
import { expect, test } from 'vitest';
import { PARTITION_LAWS } from '../../../../src/sim/laws/law.ts';
import { PartitionLaws } from '../../../../src/sim/laws/partition-laws.ts';
import { SimWorkers } from '../../../../src/sim/workload/workers.ts';
import { pair } from '../scripted-agent.ts';

const POOL = { service: 'crunch', count: 2 };

function start() {
  const cluster = pair();
  const { world, checkers, agentOf, poke } = cluster;
  let healthySince: number | undefined = 0;
  const workers = new SimWorkers(world);
  const laws = new PartitionLaws(checkers.context, workers, {
    ...{ pool: POOL, worker: 'crunch-1', healthySince: () => healthySince },
  });
  const pool = {
    ...{ ...POOL, quorum: 1 },
    workers: ['ann', 'bob'].map((node) => ({ node, id: 'crunch-1', usable: true })),
    partitions: [],
  };
  for (const label of ['ann', 'bob']) {
    agentOf(label).pool = pool;
    workers.start(label, POOL, 'crunch-1');
  }
  const tell = (label: string, ...held: readonly (readonly [partition: number, token: number])[]): void => {
    agentOf(label).partitions = held.map(([partition, token]) => ({
      ...{ partition, token, releasing: false, lost: false },
    }));
    poke(label, { kind: 'topicsChanged', topics: ['partitions'] });
  };
  return {
    ...{ ...cluster, laws, workers, tell },
    fall: () => {
      healthySince = undefined;
    },
  };
}

test('each with its own, and rising tokens, violate nothing', () => {
  const { laws, tell, world, workers, checkers } = start();
  tell('ann', [0, 5]);
  tell('bob', [1, 5]);
  laws.judgeQuietPeriod(() => world.run(40_000));
  workers.end('ann', true);
  tell('bob', [1, 5], [0, 6]);
  expect(checkers.violations).toEqual([]);
  for (const law of PARTITION_LAWS) expect(checkers.judgments[law]).toBeGreaterThan(0);
});

test('I42: two have one partition, unless a fault keeps them apart', () => {
  const { tell, broken, fall } = start();
  tell('ann', [0, 5], [1, 5]);
  tell('bob', [0, 6]);
  expect(broken()).toEqual(['I42']);
  fall();
  tell('bob', [0, 6], [1, 6]);
  expect(broken()).toEqual(['I42']);
});

test('I42: in the quiet period a fault is no excuse, and nobody is without a share', () => {
  const { laws, tell, fall, broken } = start();
  fall();
  tell('ann', [0, 5], [1, 5]);
  laws.judgeQuietPeriod(() => {});
  expect(broken()).toEqual(['I42']);
  tell('bob', [0, 6]);
  laws.judgeQuietPeriod(() => {});
  expect(broken()).toEqual(['I42', 'I42']);
});

test('I43: the next holder has a lower token', () => {
  const { tell, broken, workers } = start();
  tell('ann', [0, 5]);
  workers.end('ann', true);
  tell('bob', [0, 5]);
  expect(broken()).toEqual(['I43']);
});

test('I44: something moves, and no worker has changed', () => {
  const { laws, tell, broken, workers, world } = start();
  tell('ann', [0, 5]);
  tell('bob', [1, 5]);
  laws.judgeQuietPeriod(() => {
    world.run(20_000);
    workers.start('ann', POOL, 'crunch-1');
    tell('ann', [0, 7]);
  });
  expect(broken()).toEqual(['I44']);
});

test('I44: something moves between two of whom neither has changed', () => {
  const { laws, tell, broken, workers } = start();
  tell('ann', [0, 5]);
  tell('bob', [1, 5]);
  laws.judgeChange('carol', () => {
    workers.start('ann', POOL, 'crunch-1');
    workers.start('bob', POOL, 'crunch-1');
    tell('ann', [1, 6]);
    tell('bob', [0, 6]);
  });
  expect(broken()).toEqual(['I44', 'I44']);
});
