/** Death by closed connection: an ended process is out of answers in milliseconds and failed within a second or two, and no living one is. */
import { describe, expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import { startStory, withStatus } from './start-story.ts';

const NAMES = 'ann bob cat dan eve fay gus hal';
const OTHERS = 'ann cat dan eve fay gus hal';

/** A cluster whose watch streams are open. */
function startWatched(options: Partial<Parameters<typeof startStory>[1]> = {}) {
  const story = startStory(NAMES, { seed: 1, ...options });
  story.run('20s');
  return story;
}

test('each agent is watched by three, and watches three', () => {
  const { world } = startWatched();
  for (const host of world.hosts) {
    expect(host.runningAgent.view.health().watchers).toHaveLength(3);
    expect(host.runningAgent.view.health().watching).toHaveLength(3);
  }
});

test.each(['', 'every second one an agent of Serf'])(
  'agents that start together are each watched by three a second after they have met (%s)',
  (serf) => {
    const names = Array.from({ length: serf === '' ? 20 : 40 }, (_, i) => `n${i}`);
    const peers = serf === '' ? [] : names.filter((_, i) => i % 2 === 1);
    const hosts = Object.fromEntries(peers.map((name) => [name, { serfPeer: true }]));
    const { world, join, run, runUntil } = startStory(names.join(' '), {
      seed: 1,
      bootstrapped: false,
      hosts,
    });
    for (const name of names) world.start(name);
    for (const name of names.slice(1)) join(name, 'n0');
    const views = names.map((name) => world.host(name).runningAgent.view);
    expect(runUntil(() => views.every((view) => view.members().length === names.length))).toBe(true);
    run('1s');
    for (const name of names.filter((one) => !peers.includes(one)))
      expect([name, world.host(name).runningAgent.view.health().watchers.length]).toEqual([name, 3]);
  },
);

test.each([1, 2, 3, 4])(
  'a process that ends leaves the answers at once, and has failed after a second (seed %d)',
  (seed) => {
    const { world, stop, runUntil, statusByObserver, facts } = startWatched({ seed });
    const stoppedAt = world.now;
    stop('bob');
    const isOut = (): boolean =>
      OTHERS.split(' ').every((name) => world.host(name).runningAgent.view.member('bob')?.refused === true);
    expect(runUntil(isOut)).toBe(true);
    expect(world.now - stoppedAt).toBeLessThan(200);
    expect(
      runUntil(() => Object.values(statusByObserver('bob')).every((status) => status === 'failed')),
    ).toBe(true);
    expect(world.now - stoppedAt).toBeGreaterThan(990);
    expect(world.now - stoppedAt).toBeLessThan(1300);
    const verdicts = facts('memberDeclaredDead').filter(({ reason }) => reason.kind === 'closed');
    expect(verdicts.length).toBeGreaterThan(0);
  },
);

// In one world of eight one of them hears of it a second later, as with seed 1.
test('without grace it has failed at once', () => {
  const all = { swim: { closeGrace: 0 } };
  const { world, stop, runUntil, statusByObserver } = startWatched({ seed: 2, all });
  const stoppedAt = world.now;
  stop('bob');
  expect(runUntil(() => Object.values(statusByObserver('bob')).every((status) => status === 'failed'))).toBe(
    true,
  );
  expect(world.now - stoppedAt).toBeLessThan(200);
});

describe('no false death', () => {
  test.each([true, false])(
    'an agent that is restarted in place within the grace, with its data or not (%s)',
    (restore) => {
      const { world, stop, restart, run, statusHistory } = startWatched();
      stop('bob');
      run('700ms');
      restart('bob', { restore });
      run('600ms');
      for (const name of OTHERS.split(' '))
        expect(world.host(name).runningAgent.view.member('bob')?.refused, `${name} has it back`).toBe(
          undefined,
        );
      run('30s');
      for (const name of OTHERS.split(' ')) expect(statusHistory(name, 'bob')).not.toContain('failed');
      expect(disagreements(world)).toEqual([]);
    },
  );

  test.each([0, 3])(
    'a process that is suspended: connections change nothing (%d members watched)',
    (watchedMembers) => {
      const { pause, run, statusHistory, facts } = startWatched({ all: { swim: { watchedMembers } } });
      pause('bob', '4s');
      run('30s');
      for (const name of OTHERS.split(' ')) expect(statusHistory(name, 'bob')).not.toContain('failed');
      pause('bob', '60s');
      run('59s');
      expect(facts('memberDeclaredDead').length).toBeGreaterThan(0);
      expect(facts('memberDeclaredDead').some(({ reason }) => reason.kind === 'closed')).toBe(false);
      expect(facts('connectionClosed')).toEqual([]);
    },
  );

  test('a NAT resets all connections: nobody is even suspected', () => {
    const { world, run, facts } = startWatched();
    for (const host of world.hosts) world.streams.reset(world.host('bob'), host);
    run('30s');
    expect(facts('connectionClosed').length).toBeGreaterThan(2);
    expect(facts('memberSuspected')).toEqual([]);
    expect(world.host('bob').runningAgent.view.health().watchers).toHaveLength(3);
  });

  test('connections that are forgotten on the way: nobody is even suspected', () => {
    const { world, run, facts } = startWatched();
    for (const host of world.hosts) world.streams.forget(world.host('bob'), host);
    run('120s');
    expect(facts('connectionClosed').length).toBeGreaterThan(2);
    expect(facts('memberSuspected')).toEqual([]);
  });

  test.each(['1s', '0s'])(
    'firewalls reject all that two watchers send: the member refutes (grace %s)',
    (grace) => {
      const closeGrace = grace === '0s' ? 0 : 1000;
      const { world, run, statusHistory, facts } = startWatched({ all: { swim: { closeGrace } } });
      const [first = '', second = ''] = world.host('bob').runningAgent.view.health().watchers;
      const end = world.network.addRule({ from: [first], to: ['bob'], reject: true });
      run('90s');
      world.streams.reset(world.host('bob'), world.host(first));
      run('30s');
      end();
      for (const name of OTHERS.split(' ')) expect(statusHistory(name, 'bob')).not.toContain('failed');
      expect(facts('memberDeclaredDead')).toEqual([]);
      if (closeGrace === 0) return; // there is no time to refute
      for (const watcher of [first, second])
        world.network.addRule({ from: [watcher], to: ['bob'], reject: true });
      for (const watcher of [first, second]) world.streams.reset(world.host('bob'), world.host(watcher));
      run('30s');
      expect(facts('memberDeclaredDead')).toEqual([]);
    },
  );

  test('an agent that has no more files', () => {
    const { world, run, facts } = startWatched();
    world.host('bob').outOfFiles = true;
    for (const host of world.hosts) world.streams.reset(world.host('bob'), host);
    run('60s');
    expect(facts('memberDeclaredDead')).toEqual([]);
    world.host('bob').outOfFiles = false;
    run('120s');
    expect(world.host('bob').runningAgent.view.health().watchers).toHaveLength(3);
  });
});

test('silence is left to the ordinary course, which begins when the connection is given up', () => {
  const { stop, run, statusByObserver, facts } = startWatched();
  stop('bob', { powerOff: true });
  run('30s');
  expect(statusByObserver('bob')).toEqual(withStatus(OTHERS, 'failed'));
  expect(facts('memberDeclaredDead').some(({ reason }) => reason.kind === 'closed')).toBe(false);
});

test('an agent that leaves says farewell', () => {
  const { leave, run, facts, statusByObserver } = startWatched();
  leave('bob');
  run('20s');
  expect(statusByObserver('bob')).toEqual(withStatus(OTHERS, 'left'));
  expect(facts('connectionClosed')).toEqual([]);
});

describe('a watcher that is lost is one again, or another is: what the member itself notices does not matter', () => {
  /** How many connections tell at once that bob has ended. */
  function countWatches({ stop, run, facts }: ReturnType<typeof startWatched>): number {
    const ofBob = (): number => facts('connectionClosed').filter(({ node }) => node === 'bob').length;
    const before = ofBob();
    stop('bob');
    run('500ms');
    return ofBob() - before;
  }

  test.each([
    ['ends and is back a second later, as a new process', { powerOff: false }, '1s', '1s'],
    ['loses power and is back before it has failed', { powerOff: true }, '3s', '1s'],
    ['ends and stays away: another one follows', { powerOff: false }, undefined, '2s'],
    ['loses power and stays away: another one follows', { powerOff: true }, undefined, '10s'],
  ])('one that %s', (_, how, away, until) => {
    const story = startWatched();
    const [watcher = ''] = story.world.host('bob').runningAgent.view.health().watchers;
    story.stop(watcher, how);
    if (away !== undefined) {
      story.run(away);
      story.restart(watcher);
    }
    story.run(until);
    expect(countWatches(story)).toBe(3);
  });

  test.each([
    ['a minute after it was tested last', '61s', 3],
    ['two others watch until then', '10s', 2],
  ])('one whose connection is forgotten on the way notices that itself: %s', (_, until, watches) => {
    const story = startWatched();
    story.run('70s'); // The connections have been tested by now.
    const [watcher = ''] = story.world.host('bob').runningAgent.view.health().watchers;
    story.world.streams.forget(story.world.host('bob'), story.world.host(watcher));
    story.run(until);
    expect(countWatches(story)).toBe(watches);
  });
});
