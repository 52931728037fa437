import { describe, expect, test } from 'vitest';
import { catalogDisagreements } from '../../src/sim/laws/catalog/catalog.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { SerfPeer } from '../../src/sim/peers/serf-peer.ts';
import { makeLargeMeta, makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';
import { startStory } from './start-story.ts';

const crowd = (size: number): string => Array.from({ length: size }, (_, i) => `n${i}`).join(' ');

test.each([1, 2, 3])(
  'G8: changes on both sides of a partition are equal everywhere as soon as all have met again (seed %i)',
  (seed) => {
    const labels = crowd(12).split(' ');
    const { world, register, deregister, setCheck, partition, heal, run, runUntil } = startStory(
      labels.join(' '),
      {
        seed,
        detail: 'facts',
      },
    );
    for (const label of labels) register(label, `web-${label.slice(1)}`);
    run('5s');
    partition(labels.slice(0, 5), labels.slice(5));
    run('30s');
    for (const label of labels) {
      const id = `web-${label.slice(1)}`;
      if (Number(label.slice(1)) % 3 === 0) deregister(label, id);
      else if (Number(label.slice(1)) % 3 === 1) setCheck(label, `of-${id}`, 'critical');
      else register(label, makeService(`db-${label.slice(1)}`, { meta: makeLargeMeta(label) }));
    }
    run('2m');

    heal();

    expect(runUntil(() => disagreements(world).length === 0, '45s')).toBe(true); // G7
    expect(runUntil(() => catalogDisagreements(world).length === 0, '5s')).toBe(true); // G8 allows for 30 s
  },
);

test('G8: what an agent changed before it died is known on the other side of a healed partition, too', () => {
  const labels = crowd(12).split(' ');
  const { world, register, partition, heal, stop, run, runUntil, known, everywhere } = startStory(
    labels.join(' '),
    { seed: 1, detail: 'facts' },
  );
  run('5s');
  partition(labels.slice(0, 5), labels.slice(5));
  run('30s');
  register('n0', 'web-1');
  run('3s');
  stop('n0');
  run('1m');

  heal();

  expect(runUntil(() => disagreements(world).length === 0, '45s')).toBe(true);
  // Nobody announces the ledger of a dead agent: it comes with the comparison of catalogs.
  expect(runUntil(() => everywhere((label) => known(label, 'web').length === 1), '5s')).toBe(true);
});

test.each([
  ['a third of all packets lost', { loss: 0.3 }],
  ['half of all packets twice, and all out of order', { duplicate: 0.5, reorder: 1, reorderBy: 1500 }],
])('with %s, thirty changes still arrive, and none goes back', (_what, linkQuality) => {
  const { world, register, setCheck, deregister, run, runUntil } = startStory(crowd(15), {
    seed: 4,
    linkQuality,
    detail: 'facts',
  });
  for (let i = 0; i < 10; i++) {
    register(`n${i}`, makeService('web-1', { meta: new Map([['turn', `${i}`]]) }), [
      makeTtlCheck('of-web-1', 'web-1'),
    ]);
    run('300ms');
    setCheck(`n${i}`, 'of-web-1', 'critical', `turn ${i}`);
    run('200ms');
    if (i % 2 === 0) deregister(`n${i}`, 'web-1');
  }

  // Gossip may miss a member; the next push/pull delivers, up to 30 s later.
  expect(runUntil(() => catalogDisagreements(world).length === 0, '45s')).toBe(true);
});

test('without TCP, changes that fit into a packet arrive by UDP alone', () => {
  const { world, register, setCheck, deregister, cut, timeUntilEach, passing, known, run } = startStory(
    crowd(10),
    {
      seed: 5,
    },
  );
  run('2s');
  cut('*', '*', { transport: 'tcp' });

  register('n1', 'web-1');
  register('n2', 'web-2');
  expect(timeUntilEach((label) => passing(label, 'web').length === 2, 10_000).size).toBe(10);
  setCheck('n1', 'of-web-1', 'critical');
  deregister('n2', 'web-2');

  expect(
    timeUntilEach((label) => known(label, 'web').length === 1 && passing(label, 'web').length === 0, 10_000)
      .size,
  ).toBe(10);
  run('30s');
  expect(catalogDisagreements(world)).toEqual([]);
});

test('without UDP, changes arrive with the next syncs over TCP', () => {
  const { world, register, cut, timeUntilEach, known, run, runUntil } = startStory(crowd(6), { seed: 6 });
  run('2s');
  cut('*', '*', { transport: 'udp' });

  register('n1', 'web-1');

  const seen = timeUntilEach((label) => known(label, 'web').length === 1, 180_000);
  expect(seen.size).toBe(6);
  world.network.heal();
  run('60s');
  expect(runUntil(() => catalogDisagreements(world).length === 0, '60s')).toBe(true);
});

// Seed 1095 of the first campaign: bob asked nobody else, and waited for the next push/pull.
test('a member that gossips half of the changes cannot give the other half: the owner is asked then', () => {
  const { register, cut, run, timeUntilEach, known } = startStory('own ann bob', { seed: 9 });
  run('3s');
  const gossip = { oneWay: true, kinds: ['serf:200', 'serf:201'] };
  cut('own', 'bob', gossip);
  cut('own', 'ann', { transport: 'tcp' });
  const lift = cut('own', 'ann', gossip);
  register('own', 'web-1');
  run('3s');
  expect(known('bob', 'web')).toEqual([]);
  lift();

  register('own', 'db-1');

  const seen = timeUntilEach((label) => label !== 'bob' || known(label, 'web').length === 1, 10_000);
  expect(seen.get('bob')).toBeLessThan(3000);
  expect(known('bob', 'db')).toEqual(['db-1']);
});

describe('among Serf peers', () => {
  const HOSTS = { p1: { serfPeer: true }, p2: { serfPeer: true }, p3: { serfPeer: true } };

  test('services spread among agents with a catalog, and Serf peers get no catalog messages', () => {
    const { world, register, deregister, setCheck, passing, run, runUntil, stop, restart } = startStory(
      'ann p1 bob p2 cat p3 dan',
      { seed: 7, hosts: HOSTS },
    );
    const capable = ['ann', 'bob', 'cat', 'dan'];
    const overheard = (): string[] =>
      [...world.hosts].flatMap(({ agent }) =>
        agent instanceof SerfPeer ? agent.receivedCatalogMessages : [],
      );

    register('bob', 'web-1');
    register('cat', makeService('web-2', { meta: makeLargeMeta('much') }));
    expect(runUntil(() => capable.every((label) => passing(label, 'web').length === 2), '5s')).toBe(true);
    setCheck('bob', 'of-web-1', 'critical');
    expect(runUntil(() => capable.every((label) => passing(label, 'web').length === 1), '5s')).toBe(true);
    stop('p2');
    stop('dan');
    run('30s');
    restart('p2');
    restart('dan', { restore: true });
    deregister('cat', 'web-2');
    run('3m');

    expect(overheard()).toEqual([]);
    expect(catalogDisagreements(world)).toEqual([]);
    expect(disagreements(world)).toEqual([]);
  });

  test('two agents among twenty Serf peers find each other', () => {
    const serfPeers = Array.from({ length: 20 }, (_, i) => `p${i}`);
    const hosts = Object.fromEntries(serfPeers.map((label) => [label, { serfPeer: true }]));
    const { world, register, timeUntilEach, known } = startStory(['ann', ...serfPeers, 'bob'].join(' '), {
      seed: 8,
      hosts,
      detail: 'facts',
    });

    register('ann', 'web-1');
    const seen = timeUntilEach((label) => label.startsWith('p') || known(label, 'web').length === 1, 30_000);

    expect(seen.size).toBe(22);
    expect(seen.get('bob')).toBeLessThan(1000);
    expect(
      [...world.hosts].flatMap(({ agent }) =>
        agent instanceof SerfPeer ? agent.receivedCatalogMessages : [],
      ),
    ).toEqual([]);
  });
});
