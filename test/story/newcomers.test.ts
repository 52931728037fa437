/** What members that join after a death show of the dead: the same as those that were there, and for as long (A37). */
import { describe, expect, test } from 'vitest';
import type { MemberView } from '../../src/agent/contract/view.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { encodeMessage } from '../../src/wire/memberlist.ts';
import { sealPacket } from '../../src/wire/packet.ts';
import { startStory } from './start-story.ts';

const ALL = { disk: false, hasSeeds: true, serf: { reconnectTimeout: 180_000 } };

/** What readers of a host see of one service: nodes, statuses, and whether the node is listed. */
function shown({ world, member }: Story, host: string, node: string): unknown {
  const { catalog } = world.host(host).runningAgent.view;
  const instances = catalog.instances('web').map(({ node: on, service, status }) => [on, service.id, status]);
  const row = member(host, node);
  return { status: row?.status, address: row?.address.key, tags: row && [...row.tags], instances };
}

/** ann, bob and cat; cat has web-1 and dies. */
function afterDeath(seed: number): Story {
  const story = startStory('ann bob cat', { seed, all: ALL });
  story.register('cat', 'web-1');
  story.run('3s');
  story.stop('cat');
  expect(
    story.runUntil(() => ['ann', 'bob'].every((at) => story.member(at, 'cat')?.status === 'failed'), '60s'),
  ).toBe(true);
  return story;
}

const lists = (story: Story, host: string, node: string): boolean => story.member(host, node) !== undefined;

describe('an agent that joins after a death', () => {
  test.each([1, 2, 3, 4, 5])('lists the dead node and its services, critical (seed %d)', (seed) => {
    const story = afterDeath(seed);
    story.run(seed % 2 === 0 ? '1s' : '70s'); // with and without a row in SWIM's table of the others
    story.addHost('dan');
    const same = (): boolean =>
      JSON.stringify(shown(story, 'dan', 'cat')) === JSON.stringify(shown(story, 'ann', 'cat'));
    expect(story.runUntil(same, '3s')).toBe(true);
    expect(shown(story, 'dan', 'cat')).toMatchObject({
      status: 'failed',
      instances: [['cat', 'web-1', 'critical']],
    });
    expect(story.facts('memberFailed', 'dan'), 'no handler runs for what was before').toEqual([]);
    expect(story.facts('failedMemberLearned', 'dan')).toHaveLength(1);
  });

  test('lists one without services too, and so does who joins through it', () => {
    const story = startStory('ann bob cat', { seed: 6, all: ALL });
    story.stop('cat');
    story.run('60s');
    story.addHost('dan');
    story.run('3s');
    for (const name of ['ann', 'bob']) story.stop(name);
    story.addHost('eve', {}, { noJoin: true });
    story.join('eve', 'dan');
    story.run('3s');
    expect([story.member('dan', 'cat')?.status, story.member('eve', 'cat')?.status]).toEqual([
      'failed',
      'failed',
    ]);
  });

  test('hears of it later if those it joined through did not know', () => {
    const story = startStory('ann bob cat', { seed: 9, all: ALL });
    story.stop('cat');
    story.run('60s');
    for (const name of ['dan', 'eve']) story.addHost(name, {}, { noJoin: true });
    story.join('eve', 'dan');
    story.run('5s');
    story.join('dan', 'ann');
    expect(story.runUntil(() => story.member('eve', 'cat')?.status === 'failed', '61s')).toBe(true);
  });

  test('lists it as long as the others: its time counts from the death', () => {
    const story = afterDeath(7);
    story.run('100s');
    story.addHost('dan');
    story.run('5s');
    expect(lists(story, 'dan', 'cat')).toBe(true);
    expect(story.runUntil(() => !lists(story, 'ann', 'cat'), '180s')).toBe(true);
    expect(story.runUntil(() => !lists(story, 'dan', 'cat') && !lists(story, 'bob', 'cat'), '20s')).toBe(
      true,
    );
    story.run('60s');
    for (const host of ['ann', 'bob', 'dan']) {
      expect(lists(story, host, 'cat')).toBe(false);
      expect(shown(story, host, 'cat')).toMatchObject({ instances: [] });
    }
  });

  test('shows the node up again as soon as it is back', () => {
    const story = afterDeath(8);
    story.addHost('dan');
    story.run('3s');
    story.restart('cat');
    story.register('cat', 'web-2');
    story.run('3s');
    expect(shown(story, 'dan', 'cat')).toMatchObject({
      status: 'alive',
      instances: [['cat', 'web-2', 'passing']],
    });
  });
});

describe('nobody is brought back', () => {
  test('who is known here, and up, is not failed by the word of a peer', () => {
    const story = startStory('ann bob cat', { seed: 11, all: ALL });
    story.register('cat', 'web-1');
    story.run('3s');
    story.cut('bob', 'cat');
    story.cut('ann', 'cat');
    story.run('60s');
    story.addHost('dan', {}, { noJoin: true });
    story.join('dan', 'cat');
    story.run('2s');
    story.join('dan', 'ann');
    story.run('200ms');
    expect(story.member('dan', 'cat')?.status).not.toBe('failed');
  });

  test('a member that was erased by an operator stays erased', () => {
    const story = afterDeath(12);
    story.partition(['ann'], ['bob']);
    story.run('500ms');
    story.forget('ann', 'cat', { prune: true });
    expect(lists(story, 'ann', 'cat')).toBe(false);
    story.heal();
    story.run('60s');
    expect(lists(story, 'ann', 'cat')).toBe(false);
    expect(lists(story, 'bob', 'cat'), 'who was cut off is told so').toBe(false);
  });

  test('a claim of the dead node from before its death is verified, though a member passes it on', () => {
    const story = afterDeath(13);
    const { world } = story;
    const { identity, incarnation } = (story.member('ann', 'cat') as MemberView).serf.member;
    story.run('70s');
    story.addHost('dan');
    story.run('3s');
    const { name: node, address, meta, vsn } = identity;
    const late = encodeMessage({
      kind: 'alive',
      incarnation,
      node,
      addr: address.ip,
      port: address.port,
      meta,
      vsn,
    });
    const envelope = hostEnvelope(world.host('dan').currentOptions);
    const packet = sealPacket([late], envelope, { crc: false, nonce: () => new Uint8Array(12) });
    world.injectDatagram('dan', world.host('ann').address, packet);
    story.run('30s');
    expect(story.statusHistory('dan', 'cat')).toEqual(['failed']);
  });
});
