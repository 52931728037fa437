import { describe, expect, test } from 'vitest';
import { toAddress } from '../../src/base/address.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';
import { simulateRejoinPolicy } from '../../src/sim/world/bootstrap.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { Alive, encodeMessage, PushNodeState, Suspect } from '../../src/wire/memberlist.ts';
import { sealPacket } from '../../src/wire/packet.ts';
import { encodePushPull, sealStream } from '../../src/wire/stream-writer.ts';
import { startStory } from './start-story.ts';

const crowd = (size: number): string => Array.from({ length: size }, (_, i) => `n${i}`).join(' ');
const agreed = (story: Story): boolean => disagreements(story.world).length === 0;

describe('G10: a name at a new address', () => {
  test.each([1, 2])(
    'whose old address does not answer is alive there for all within 6 s, though no crash was detected (seed %i)',
    (seed) => {
      const story = startStory(crowd(24), { seed, detail: 'facts', bootstrapped: 'byPushPull' });
      const { world, stop, restart, runUntil, member, facts } = story;
      story.setTags('n7', { color: 'blue' }); // Its incarnation is now above that of a new boot.
      story.run('5s');

      stop('n7', { powerOff: seed % 2 === 0 });
      restart('n7', { newAddress: true, restore: seed % 2 === 1 });
      const began = world.now;

      const { key } = world.host('n7').address;
      const there = (): boolean =>
        crowd(24)
          .split(' ')
          .every((label) => member(label, 'n7')?.address.key === key);
      expect(runUntil(() => there() && agreed(story), '20s')).toBe(true);
      expect(world.now - began).toBeLessThan(6000);
      expect(facts('memberFailed')).toEqual([]);
      expect(facts('nameReclaimed', 'n3').length).toBe(1);
    },
  );

  test('that is alive at both is reported within 3 s, the incumbent stays everywhere, and nobody flaps', () => {
    const story = startStory('ann bob cat dan', { seed: 5 });
    const { world, addHost, run, member, facts, statusHistory } = story;
    const incumbent = world.host('bob').address.key;
    const seen = statusHistory('cat', 'bob').length;

    addHost('bob2', { name: 'bob' }, { noJoin: true });
    world.command('bob2', { kind: 'join', seeds: [{ text: 'ann', addresses: [world.host('ann').address] }] });
    run('3s');
    for (const host of ['ann', 'bob2']) expect(facts('nameConflict', host).length).toBeGreaterThan(0);
    run('3m');

    for (const observer of ['ann', 'bob', 'cat', 'dan'])
      expect(member(observer, 'bob')?.address.key).toBe(incumbent);
    expect(statusHistory('cat', 'bob').length).toBe(seen);
    expect(facts('nameReclaimed')).toEqual([]);
  });
});

describe('S9: a member that sends and never receives', () => {
  test('is never announced, whatever it gossips of itself, and harms no other', () => {
    const { world, run, statusByObserver, facts } = startStory(crowd(8), { seed: 6 });
    const ghost = world.newAddress();
    const behind = toAddress(ghost.ip, 40_000);
    const nonce = world.nonceSource();
    const envelope = hostEnvelope({});
    const { ip: addr, port } = ghost;
    const vsn = Uint8Array.of(1, 5, 2, 2, 5, 5);
    const alive = Alive.create({ incarnation: 3, node: 'ghost', addr, port, vsn });
    const row = PushNodeState.create({ name: 'ghost', addr, port, incarnation: 3, state: 0, vsn });
    const table = { kind: 'pushPull', join: true, nodes: [row], userState: new Uint8Array(0) } as const;
    const state = sealStream(encodePushPull(table), envelope, { role: 'dialer', nonce });
    const packet = sealPacket([encodeMessage(alive)], envelope, { crc: false, nonce });

    for (let second = 0; second < 30; second++) {
      if (second % 10 === 0) world.injectStream('n0', behind, state);
      world.injectDatagram(`n${second % 8}`, second % 2 === 0 ? ghost : behind, packet);
      run('1s');
    }

    expect(Object.values(statusByObserver('ghost')).every((status) => status === 'absent')).toBe(true);
    expect(facts('memberDiscovered')).toEqual([]);
    expect(facts('memberUnverified').length).toBeGreaterThan(8);
    expect(facts('memberSuspected')).toEqual([]);
  });

  test('while a member that only UDP does not reach can join', () => {
    const story = startStory(crowd(8), { seed: 7 });
    story.world.add('far');
    story.cut('*', 'far', { transport: 'udp' });
    story.restart('far');
    expect(story.runUntil(() => agreed(story), '45s')).toBe(true);
  });
});

describe('one-way links are told apart from crashes', () => {
  test('a member whose pings do not arrive reports it, and nobody is suspected', () => {
    const { cut, run, facts, statusHistory } = startStory('ann bob cat dan eve', { seed: 8 });

    cut('ann', 'bob', { oneWay: true, transport: 'udp' });
    run('5m');

    expect(facts('linkOneWay').map(({ node }) => node)).toContain('bob');
    for (const { node } of facts('linkOneWay')) expect(['ann', 'bob']).toContain(node);
    expect(statusHistory('ann', 'bob')).toEqual([]);
    expect(statusHistory('bob', 'ann')).toEqual([]);
    expect(facts('memberFailed')).toEqual([]);
  });
});

describe('I10: no accusation without a reason', () => {
  test('a death can be traced to the probe that began it', () => {
    const { stop, run, facts } = startStory('ann bob cat dan eve', { seed: 9 });
    stop('bob', { powerOff: true });
    run('30s');

    const first = facts('memberSuspected').find(({ reason }) => reason.kind === 'probe');
    if (first?.reason.kind !== 'probe') throw new Error('nobody probed');
    expect(first.reason).toMatchObject({ nacks: 3, stream: true, awareness: 0 });
    expect([...first.reason.helpers, first.by].sort()).toEqual(['ann', 'cat', 'dan', 'eve']);
    const deaths = facts('memberDeclaredDead').map(({ reason }) => reason);
    expect(deaths.length).toBe(4);
    const [verdict] = deaths.filter((reason) => reason.kind === 'timeout');
    expect(verdict?.accusers.length).toBe(3); // The initiator and two that confirmed.
    for (const reason of deaths) if (reason.kind === 'message') expect(reason.source).toMatch(/^10\./);
  });
});

describe('S7: a hostile holder of the key', () => {
  test('that accuses everybody a hundred times a second makes nobody fail for long', () => {
    const story = startStory(crowd(20), { seed: 10, detail: 'off', bootstrapped: 'byPushPull' });
    const { world, run, runUntil, facts, lawChecker } = story;
    for (let i = 0; i < 20; i++) lawChecker.markForged(`n${i}`);
    const hostile = world.newAddress();
    const nonce = world.nonceSource();
    for (let tenth = 0; tenth < 100; tenth++) {
      for (let i = 0; i < 10; i++) {
        const node = `n${(10 * tenth + i) % 20}`;
        const incarnation = story.member('n0', node)?.incarnation ?? 1;
        const suspect = Suspect.create({ incarnation, node, from: `n${i}` });
        world.injectDatagram(
          'n0',
          hostile,
          sealPacket([encodeMessage(suspect)], hostEnvelope({}), { crc: false, nonce }),
        );
      }
      run('100ms');
    }
    expect(facts('accusationRateLimited', 'n0').length).toBeGreaterThan(300);
    expect(facts('accusationRateLimited', 'n0').every(({ source }) => source === hostile.key)).toBe(true);
    expect(facts('memberFailed')).toEqual([]);
    expect(runUntil(() => agreed(story), '10s')).toBe(true);
  });
});

describe('G7: parts that have forgotten each other', () => {
  test.each([11, 12, 13])('meet again by a rejoin attempt at the seeds (seed %i)', (seed) => {
    const story = startStory('ann bob cat dan', { seed, bootstrapped: false });
    const { world, join, run, runUntil, facts } = story;
    for (const label of ['ann', 'bob', 'cat', 'dan']) world.start(label);
    join('bob', 'ann');
    join('dan', 'cat');
    run('10s');
    simulateRejoinPolicy(world, ['ann', 'cat']);
    const began = world.now;

    expect(runUntil(() => agreed(story), '90s')).toBe(true);
    expect(world.now - began).toBeLessThan(45_000);
    run('10s');
    const syncs = facts('pushPullFinished').filter(({ join: isJoin }) => isJoin).length;
    run('5m'); // All seeds are members now.
    expect(facts('pushPullFinished').filter(({ join: isJoin }) => isJoin).length).toBe(syncs);
  });
});

describe('G13: a member that was paused', () => {
  test.each([500, 700, 1200, 2500, 6000, 20_000])(
    'for %i ms accuses nobody and declares nobody dead in its first two rounds, in whatever phase it was paused',
    (millis) => {
      const { world, stop, pause, run, facts, resume } = startStory(crowd(10), {
        seed: millis,
        detail: 'facts',
      });
      const accused = (): number =>
        facts('memberSuspected', 'n3').filter(({ reason }) => reason.kind === 'probe').length +
        facts('memberDeclaredDead', 'n3').filter(({ reason }) => reason.kind === 'timeout').length;
      // A member that is really gone, so that probes of it, and its suspicion, are paused in every phase.
      stop('n5');
      for (let round = 0; round < 14; round++) {
        pause('n3');
        world.run(millis);
        const before = accused();
        resume('n3');
        run('2s');
        expect(accused()).toBe(before);
        run(`${137 * (round % 7)}ms`);
      }
      expect(facts('memberFailed').filter(({ node }) => node !== 'n5' && node !== 'n3')).toEqual([]);
    },
  );
});

describe('G11: a whole cluster killed at once and started again', () => {
  const labels = crowd(20).split(' ');
  /** All members have raised their incarnations, so that a boot without data begins below them. */
  const aged = (seed: number): Story => {
    const story = startStory(labels.join(' '), { seed, detail: 'facts', bootstrapped: 'byPushPull' });
    for (let turn = 0; turn < 3; turn++)
      for (const label of labels) story.setTags(label, { turn: `${turn}` });
    story.run('20s');
    return story;
  };

  test.each([
    [1, 0],
    [2, 0.5],
    [4, 1],
  ])(
    'agrees within 15 s, nobody stuck at a high incarnation (seed %i, %f of the data lost)',
    (seed, lost) => {
      const story = aged(seed);
      const { world, stop, runUntil, run } = story;
      for (const label of labels) stop(label);
      world.run(2000);
      labels.forEach((label, i) => {
        world.start(label, { restore: i >= lost * labels.length });
        world.run(50);
      });
      simulateRejoinPolicy(world, labels.slice(0, 3));
      const began = world.now;

      expect(runUntil(() => agreed(story), '60s')).toBe(true);
      expect(world.now - began).toBeLessThan(15_000);
      run('60s');
      expect(disagreements(world)).toEqual([]);
    },
  );

  test.each([5])(
    'and the one that stayed up, and declared all others dead, sees them alive again (seed %i)',
    (seed) => {
      const story = aged(seed);
      const { world, stop, runUntil } = story;
      for (const label of labels.slice(1)) stop(label);
      expect(runUntil(() => story.facts('memberFailed', 'n0').length >= labels.length - 1, '8m')).toBe(true);
      for (const label of labels.slice(1)) world.start(label, { restore: label > 'n14' });
      simulateRejoinPolicy(world, labels.slice(0, 3));
      const began = world.now;

      expect(runUntil(() => agreed(story), '90s')).toBe(true);
      expect(world.now - began).toBeLessThan(15_000);
    },
  );
});
