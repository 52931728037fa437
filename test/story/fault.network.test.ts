/** Faults of the network, one by one. Laws are checked throughout, by `run`. */
import { describe, expect, test } from 'vitest';
import { type Fault, injectFault } from '../../src/sim/faults/index.ts';
import { blockInbound } from '../../src/sim/faults/outsiders.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { makeLargeMeta, makeService } from '../../src/sim/workload/definitions.ts';
import { startStory, withStatus } from './start-story.ts';

const twelve = Array.from({ length: 12 }, (_, i) => `n${i}`);
const five = 'ann bob cat dan eve';
/** The parameters of a fault, without its time. */
type FaultParameters = Fault extends infer F ? (F extends Fault ? Omit<F, 'at' | 'span'> : never) : never;
const during = (minutes: number, parameters: FaultParameters): Fault =>
  ({ at: 0, span: minutes * 60_000, ...parameters }) as Fault;

describe('G5: burst loss, in each direction of each link at times of its own', () => {
  test.each([
    { burst: 50, gap: 500 },
    { burst: 1000, gap: 9000 },
    { burst: 10_000, gap: 60_000 },
  ])('bursts of $burst ms: all agree afterwards', ({ burst, gap }) => {
    const { world, run, runUntil } = startStory(twelve.join(' '), { seed: burst, detail: 'facts' });

    injectFault(world, during(2, { kind: 'bursts', chance: 1, burst, gap }));
    run('2m');

    expect(world.counts.lost).toBeGreaterThan(200);
    expect(runUntil(() => disagreements(world).length === 0, '45s')).toBe(true);
  });
});

test('five copies of every datagram, up to ten minutes late: nobody believes outdated messages', () => {
  const { world, stop, restart, leave, setTags, run, facts } = startStory(five, { seed: 3, detail: 'facts' });

  injectFault(world, during(1, { kind: 'duplicates', chance: 1, copies: 5, maxCopyDelay: 600_000 }));
  setTags('ann', { role: 'old' });
  stop('bob');
  leave('cat');
  run('20s');
  restart('bob', { restore: true });
  restart('cat', { restore: true });
  setTags('ann', { role: 'new' });
  run('20s');
  const failed = facts('memberFailed').length;
  run('12m');

  expect(facts('memberFailed')).toHaveLength(failed);
  expect(facts('memberLeft').filter(({ node }) => node !== 'cat')).toEqual([]);
  expect(disagreements(world)).toEqual([]);
  for (const label of five.split(' '))
    expect(world.host(label).runningAgent.view.member('ann')?.tags.get('role')).toBe('new');
});

test('datagrams delayed by up to five seconds, in any order: all agree half a minute later', () => {
  const { world, run, runUntil } = startStory(twelve.join(' '), { seed: 4, detail: 'facts' });

  injectFault(world, during(2, { kind: 'reordering', by: 5000 }));
  run('2m');

  expect(runUntil(() => disagreements(world).length === 0, '30s')).toBe(true);
});

describe('delay in one direction', () => {
  test('three seconds from one member to all others: all agree afterwards', () => {
    const { world, run, runUntil } = startStory(five, { seed: 5, detail: 'facts' });
    for (const to of ['bob', 'cat', 'dan', 'eve'])
      injectFault(world, during(2, { kind: 'delay', link: ['ann', to], by: 3000 }));

    run('2m');

    expect(runUntil(() => disagreements(world).length === 0, '30s')).toBe(true);
  });

  test('half a second, with the WAN settings: nobody is suspected', () => {
    const swim = { probeInterval: 5000, probeTimeout: 3000, suspicionMult: 6, pushPullInterval: 60_000 };
    const { world, run, facts } = startStory(five, { seed: 6, detail: 'facts', all: { swim } });
    for (const to of ['bob', 'cat', 'dan', 'eve'])
      injectFault(world, during(5, { kind: 'delay', link: ['ann', to], by: 500 }));

    run('5m');

    expect(facts('memberSuspected')).toEqual([]);
  });
});

describe.each([512, 1000, 1280, 1400])('a black hole for datagrams over %i bytes', (overBytes) => {
  test('a new member joins, and the catalog arrives everywhere by streams', () => {
    const { world, addHost, register, run, runUntil, statusByObserver, everywhere, known } = startStory(
      five,
      {
        seed: overBytes,
        detail: 'facts',
      },
    );
    injectFault(world, during(10, { kind: 'blackHole', overBytes }));

    for (let i = 0; i < 6; i++) register('ann', makeService(`web-${i}`, { meta: makeLargeMeta(`${i}`) }));
    addHost('fay', { tags: { role: 'x'.repeat(300) } });

    expect(
      runUntil(() => Object.values(statusByObserver('fay')).every((status) => status === 'alive'), '10s'),
    ).toBe(true);
    expect(runUntil(() => everywhere((label) => known(label, 'web').length === 6), '3s')).toBe(true);
    run('1m');
    expect(disagreements(world)).toEqual([]);
  });
});

describe('one transport fails', () => {
  test.each(['udp', 'tcp'] as const)('%s between two members: nobody fails', (transport) => {
    const { world, run, facts } = startStory(five, { seed: 21, detail: 'facts' });
    injectFault(world, during(5, { kind: 'outage', between: ['ann', 'bob'], transport }));

    run('5m');

    expect(facts('memberFailed')).toEqual([]);
    expect(disagreements(world)).toEqual([]);
  });

  test('UDP everywhere: TCP fallback pings keep everybody alive', () => {
    const { world, run, facts } = startStory(five, { seed: 22, detail: 'facts' });
    injectFault(world, during(5, { kind: 'outage', transport: 'udp' }));

    run('5m');

    expect(facts('memberFailed')).toEqual([]);
    expect(facts('probeSavedByTcp').length).toBeGreaterThan(100);
  });

  test('TCP everywhere: nobody fails, and the catalog spreads by datagrams', () => {
    const { world, register, run, runUntil, facts, everywhere, passing } = startStory(five, {
      seed: 23,
      detail: 'facts',
    });
    injectFault(world, during(5, { kind: 'outage', transport: 'tcp' }));

    run('2m');
    register('ann', 'web-1');

    expect(runUntil(() => everywhere((label) => passing(label, 'web').length === 1), '10s')).toBe(true);
    expect(facts('memberFailed')).toEqual([]);
  });

  test('TCP everywhere: what was only announced meanwhile is everywhere a moment after it is back', () => {
    const { world, register, run, runUntil, everywhere, known } = startStory(five, {
      seed: 24,
      detail: 'facts',
    });
    injectFault(world, { kind: 'outage', transport: 'tcp', at: 0, span: 45_000 });

    run('3s');
    register('ann', makeService('web-1', { meta: makeLargeMeta('web') }));
    run('42s');

    expect(everywhere((label) => known(label, 'web').length === 1)).toBe(false);
    expect(runUntil(() => everywhere((label) => known(label, 'web').length === 1), '9s')).toBe(true);
  });
});

describe('G7: partitions', () => {
  test.each([1])('into many parts: all agree within 90 s of the end (seed %i)', (seed) => {
    const { world, run, runUntil } = startStory(twelve.join(' '), { seed, detail: 'facts' });
    const parts = [twelve.slice(0, 1), twelve.slice(1, 3), twelve.slice(3, 7), twelve.slice(7)];
    injectFault(world, during(3, { kind: 'shatter', parts }));

    run('3m');

    expect(disagreements(world)).not.toEqual([]);
    expect(runUntil(() => disagreements(world).length === 0, '90s')).toBe(true);
  });

  test.each([1])('that come and go: all agree within 90 s of the end (seed %i)', (seed) => {
    const { world, run, runUntil } = startStory(twelve.join(' '), { seed, detail: 'facts' });
    injectFault(world, during(3, { kind: 'flapping', side: twelve.slice(0, 5), cut: 8000, whole: 6000 }));

    run('3m');

    expect(runUntil(() => disagreements(world).length === 0, '90s')).toBe(true);
  });

  test('a partial mesh: two members that do not reach each other, but all others, do not flap', () => {
    const { world, run, statusHistory, facts } = startStory(five, { seed: 31, detail: 'facts' });
    const links = [
      ['ann', 'cat'],
      ['cat', 'ann'],
      ['bob', 'eve'],
      ['eve', 'bob'],
    ] as const;
    injectFault(world, during(10, { kind: 'mesh', links }));

    run('10m');

    for (const [from, to] of links) expect(statusHistory(from, to).length).toBeLessThanOrEqual(2);
    expect(facts('memberFailed')).toEqual([]);
    expect(disagreements(world)).toEqual([]);
  });
});

test('half-open joiners, which send but receive only answers on their own streams, harm nobody', () => {
  const { world, addHost, stop, run, runUntil, statusByObserver, facts } = startStory(five, {
    seed: 41,
    detail: 'facts',
  });
  const deaf = ['deaf1', 'deaf2', 'deaf3'];
  for (const label of deaf) {
    const lift = blockInbound(world, label);
    addHost(label);
    world.schedule(world.now + 300_000, lift);
  }

  run('4m');

  expect(facts('memberFailed').filter(({ node }) => !deaf.includes(node))).toEqual([]);
  for (const label of five.split(' '))
    expect(Object.values(statusByObserver(label)).filter((status) => status === 'failed')).toEqual([]);
  for (const label of deaf) stop(label);
  expect(runUntil(() => disagreements(world).length === 0, '90s')).toBe(true);
  expect(statusByObserver('ann')).toEqual(withStatus('bob cat dan eve', 'alive'));
});
