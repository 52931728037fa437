import { describe, expect, test } from 'vitest';
import { concatBytes } from '../../src/base/bytes.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import type { Story, StoryOptions } from '../../src/sim/scenarios/story.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { MESSAGE_TYPE } from '../../src/wire/memberlist.ts';
import { sealPacket } from '../../src/wire/packet.ts';
import { encodePause } from '../../src/wire/pause.ts';
import { startStory, withStatus } from './start-story.ts';

const OTHERS = ['ann', 'cat', 'dan', 'eve'];
const start = (options: StoryOptions): Story => startStory('ann bob cat dan eve', options);

/** bob stops, and says that it will be back within `duration` milliseconds. */
function away(story: Story, duration = 30_000): void {
  expect(story.runCommand('bob', { kind: 'pause', duration }).ok).toBe(true);
  story.runUntil(() => !story.world.host('bob').running);
}

const expectNeverAccused = (story: Story): void => {
  for (const observer of OTHERS) {
    expect(story.statusHistory(observer, 'bob')).not.toContain('suspect');
    expect(story.statusHistory(observer, 'bob')).not.toContain('failed');
  }
};

describe('an agent that pauses', () => {
  test('is away everywhere at once, and alive again when it is back', () => {
    const story = start({ seed: 1 });
    const began = story.world.now;
    away(story);
    expect(story.world.now - began).toBeLessThan(100);
    expect(story.facts('pauseAnnounced')).toEqual([{ kind: 'pauseAnnounced', peers: 4, told: 4 }]);
    expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'away'));
    story.run('20s');
    expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'away'));

    const returned = story.world.now;
    story.restart('bob', { restore: true });
    expect(story.runUntil(() => disagreements(story.world).length === 0)).toBe(true);
    expect(story.timeUntilAllSee('bob', 'alive', returned)).toBeLessThan(1000);
    story.run('60s');
    expectNeverAccused(story);
    expect(story.facts('pauseEnded').map(({ returned: back }) => back)).toEqual([true, true, true, true]);
    expect(story.facts('memberSuspected')).toEqual([]);
  });

  test('without its data it comes back above the incarnation of its pause', () => {
    const story = start({ seed: 2 });
    away(story);
    story.run('5s');
    story.restart('bob', { restore: false });
    expect(story.runUntil(() => disagreements(story.world).length === 0)).toBe(true);
    story.run('40s');
    expectNeverAccused(story);
  });

  test('at another address it is back as well', () => {
    const story = start({ seed: 3 });
    away(story);
    story.restart('bob', { restore: true, newAddress: true });
    expect(story.runUntil(() => disagreements(story.world).length === 0)).toBe(true);
    story.run('40s');
    expectNeverAccused(story);
  });

  test('and is not back in time has failed by the ordinary course', () => {
    const story = start({ seed: 4 });
    away(story, 10_000);
    const stopped = story.world.now;
    story.run('9s');
    expectNeverAccused(story);
    story.run('30s');
    expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'failed'));
    for (const observer of OTHERS)
      expect(story.statusHistory(observer, 'bob')).toEqual(['away', 'alive', 'suspect', 'failed']);
    expect(story.timeUntilAllSee('bob', 'failed', stopped)).toBeGreaterThan(10_000);
  });

  test.each([0.1, 0.3])('with %d of all packets lost all know of it', (loss) => {
    const story = start({ seed: 5, linkQuality: { loss } });
    away(story);
    expect(story.facts('pauseAnnounced')).toEqual([{ kind: 'pauseAnnounced', peers: 4, told: 4 }]);
    expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'away'));
  });

  test('waits two seconds for a peer that does not answer, and no longer', () => {
    const story = start({ seed: 6 });
    story.pause('dan', '10s');
    const began = story.world.now;
    away(story);
    expect(story.world.now - began).toBeGreaterThan(1900);
    expect(story.world.now - began).toBeLessThan(2200);
    expect(story.facts('pauseAnnounced')).toEqual([{ kind: 'pauseAnnounced', peers: 4, told: 3 }]);
  });

  test('can be told to leave nevertheless', () => {
    const story = start({ seed: 7 });
    story.pause('dan', '1s');
    const paused = story.sendCommand('bob', { kind: 'pause', duration: 30_000 });
    story.run('100ms');
    const left = story.leave('bob');
    expect(story.runUntil(() => left.result !== undefined && paused.result !== undefined)).toBe(true);
    story.run('20s');
    expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'left'));
  });

  test('is neither probed nor asked for help, and takes no gossip', () => {
    const story = start({ seed: 8 });
    away(story);
    const before = story.facts('probeFailed').length;
    story.stop('eve');
    story.run('25s');
    const awareness = OTHERS.filter((one) => one !== 'eve').map(
      (one) => story.world.host(one).runningAgent.view.health().awareness,
    );
    expect(
      story
        .facts('probeFailed')
        .slice(before)
        .every(({ node }) => node === 'eve'),
    ).toBe(true);
    expect(story.statusByObserver('eve')).toEqual(withStatus('ann cat dan', 'failed'));
    expect(awareness).toEqual([0, 0, 0]);
  });
});

test('services of an agent that pauses stay in all answers, and none is missing when it is back', () => {
  const story = start({ seed: 9 });
  story.register('bob', 'web-1');
  story.register('cat', 'web-2');
  const counts = (): number[] => OTHERS.map((label) => story.passing(label, 'web').length);
  expect(story.runUntil(() => counts().every((count) => count === 2))).toBe(true);
  const seen = new Set<number>();
  story.world.subscribe({
    onEffects: ({ label }) => {
      if (label !== 'bob') seen.add(story.passing(label, 'web').length);
    },
  });
  away(story);
  story.run('5s');
  story.restart('bob', { restore: true });
  story.run('60s');
  expect([...seen]).toEqual([2]);
});

test('what was registered while all others were away is gossiped when they are back', () => {
  const story = startStory('ann bob', { seed: 11 });
  expect(story.runCommand('bob', { kind: 'pause', duration: 30_000 }).ok).toBe(true);
  story.run('1s');
  story.register('ann', 'web-1');
  story.run('10s');
  const waiting = (): number => story.world.host('ann').runningAgent.view.health().lanes['catalog'] ?? 0;
  expect(waiting()).toBeGreaterThan(0);
  story.restart('bob', { restore: true });
  expect(story.runUntil(() => waiting() === 0, '5s')).toBe(true);
  expect(story.passing('bob', 'web')).toEqual(story.passing('ann', 'web'));
});

test('a Serf peer suspects it as any other, and is not confirmed', () => {
  const story = startStory('ann bob cat', {
    seed: 10,
    hosts: { cat: { serfPeer: true } },
  });
  expect(story.runCommand('bob', { kind: 'pause', duration: 60_000 }).ok).toBe(true);
  story.run('40s');
  expect(story.statusByObserver('bob')).toEqual({ ann: 'away', cat: 'failed' });
  expect(story.facts('suspicionConfirmed', 'ann')).toEqual([]);
  story.restart('bob', { restore: true });
  expect(story.runUntil(() => disagreements(story.world).length === 0)).toBe(true);
});

/** Tells all others that bob pauses, from bob's own address. */
function forgePause(story: Story): void {
  const { world } = story;
  story.lawChecker.markForged('bob');
  const { address, runningAgent } = world.host('bob');
  const { incarnation } = runningAgent.view.self();
  const body = encodePause({ node: 'bob', incarnation, millis: 300_000 });
  const message = concatBytes([Uint8Array.of(MESSAGE_TYPE.user), body]);
  for (const to of OTHERS) {
    const envelope = hostEnvelope(world.host(to).currentOptions);
    world.injectDatagram(
      to,
      address,
      sealPacket([message], envelope, { crc: false, nonce: world.nonceSource() }),
    );
  }
}

describe('S7 a pause that somebody forged, with the address of the member', () => {
  test('is refuted at once, and again', () => {
    const story = start({ seed: 31 });
    for (let round = 0; round < 5; round++) {
      forgePause(story);
      story.run('500ms');
      expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'alive'));
    }
    expect(story.facts('memberPaused').length).toBeGreaterThan(OTHERS.length);
    story.stop('bob', { powerOff: true });
    story.run('20s');
    expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'failed'));
  });

  test('is refuted with the first ping of the member if the acks of the pause are lost', () => {
    const story = start({ seed: 32 });
    const heal = OTHERS.map((name) => story.cut(name, 'bob', { oneWay: true, transport: 'udp' }));
    forgePause(story);
    story.run('100ms');
    for (const undo of heal) undo();
    expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'away'));
    story.run('6s');
    expect(story.statusByObserver('bob')).toEqual(withStatus(OTHERS.join(' '), 'alive'));
  });
});
