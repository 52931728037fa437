/** Push/pulls that are spared where two agents hold the same (P85), and that come where they do not. */
import { expect, test } from 'vitest';
import type { Fact } from '../../src/agent/contract/facts.ts';
import { createAgentFor } from '../../src/sim/peers/create-agent.ts';
import { toSeed } from '../../src/sim/world/bootstrap.ts';
import { World } from '../../src/sim/world/world.ts';
import { MESSAGE_TYPE, Ping } from '../../src/wire/memberlist.ts';
import { MsgpackReader } from '../../src/wire/msgpack.ts';
import { startStory } from './start-story.ts';

type Story = ReturnType<typeof startStory>;

const LABELS = 'ann bob cat dan eve fay';

/** How often agents recorded facts of this kind from now on. */
function counterOf({ world }: Story, kind: Fact['kind']): () => number {
  let count = 0;
  world.subscribe({
    onEffects: (_host, facts) => {
      count += facts.filter((fact) => fact.kind === kind).length;
    },
  });
  return () => count;
}

test('a quiet cluster exchanges one table of sixteen', () => {
  const story = startStory(LABELS, { seed: 4 });
  story.run('30s');
  const spared = counterOf(story, 'pushPullSpared');
  const finished = counterOf(story, 'pushPullFinished');
  const { streamBytes } = story.world.counts;
  story.run('8m');
  const all = spared() + finished();
  expect(all).toBe(96); // of six agents, one in 30 s each
  expect(finished() / all).toBeLessThan(1 / 12);
  expect(finished()).toBeGreaterThan(0); // a digest does not say everything
  expect((story.world.counts.streamBytes - streamBytes) / 6 / 480).toBeLessThan(5);
});

test('where answers are lost, whole tables are exchanged as ever', () => {
  const story = startStory(LABELS, { seed: 4 });
  story.run('30s');
  story.world.network.addRule({ kinds: ['serf:220'] });
  const spared = counterOf(story, 'pushPullSpared');
  const finished = counterOf(story, 'pushPullFinished');
  story.run('2m');
  expect(spared()).toBe(0);
  expect(finished()).toBeGreaterThan(20);
});

test('what gossip did not tell comes with the next push/pull', () => {
  const story = startStory(LABELS, { seed: 4 });
  story.run('30s');
  const lift = story.world.network.addRule({ kinds: ['alive'] });
  story.setTags('ann', { round: '1' });
  story.run('10s');
  lift();
  const known = (label: string): boolean => story.member(label, 'ann')?.tags.get('round') === '1';
  expect(story.timeUntilEach(known, 60_000).size).toBe(6);
});

/** A table of `members`, of which all but one have missed a change of one's tags, until that is mended by push/pulls. */
function spreadOneRow(members: number): { readonly streamBytes: number; readonly exchanges: number } {
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  const story = startStory(labels.join(' '), { seed: 4 });
  story.run('30s');
  story.world.network.addRule({ kinds: ['alive'] });
  const finished = counterOf(story, 'pushPullFinished');
  const { streamBytes } = story.world.counts;
  story.setTags('n0', { round: '1' });
  const known = (label: string): boolean => story.member(label, 'n0')?.tags.get('round') === '1';
  expect(story.timeUntilEach(known, 600_000).size).toBe(members);
  return { streamBytes: story.world.counts.streamBytes - streamBytes, exchanges: finished() };
}

test('where one row of many differs, a few rows are exchanged and not the table', () => {
  const { streamBytes, exchanges } = spreadOneRow(64);
  expect(exchanges).toBeGreaterThan(20);
  // A whole table of 64 takes more than 1,300 bytes each way, compressed.
  expect(streamBytes / exchanges).toBeLessThan(1000);
});

test('where only catalogs differ, only what differs in them is sent', () => {
  const story = startStory(LABELS, { seed: 4 });
  story.run('30s');
  story.world.network.addRule({ kinds: ['serf:200', 'serf:201'] });
  const finished = counterOf(story, 'pushPullFinished');
  const { streamBytes } = story.world.counts;
  story.register('ann', 'web-1');
  const known = (label: string): boolean => story.known(label, 'web').length === 1;
  expect(story.timeUntilEach(known, 60_000).size).toBe(6);
  expect(finished()).toBe(0);
  expect(story.world.counts.streamBytes - streamBytes).toBeLessThan(4000);
});

test('agents of Serf are not asked', () => {
  const story = startStory('ann bob', { seed: 4 });
  story.addHost('sam', { serfPeer: true });
  story.run('30s');
  story.world.network.addRule({ to: ['sam'], kinds: ['serf:219'] });
  const { lost } = story.world.counts;
  story.run('2m');
  expect(story.world.counts.lost).toBe(lost);
});

test('an ack has the coordinate for agents of Serf, and for catalog peers only when it has moved (P88)', () => {
  const story = startStory('ann bob cat', { seed: 4 });
  story.addHost('sam', { serfPeer: true });
  story.run('3m');
  const lengths = { ours: new Set<number>(), serf: new Set<number>(), pings: new Set<boolean>() };
  story.world.subscribe({
    onDatagram: (from, to, bytes) => {
      if (from.label === 'sam') return;
      const isForSerf = to?.label === 'sam';
      if (bytes[0] === MESSAGE_TYPE.ack) lengths[isForSerf ? 'serf' : 'ours'].add(bytes.length);
      if (bytes[0] === MESSAGE_TYPE.ping && isForSerf)
        lengths.pings.add(Ping.read(new MsgpackReader(bytes.subarray(1))).held > 0);
    },
  });
  story.run('1m');
  expect(Math.min(...lengths.ours)).toBeLessThan(30);
  expect(Math.min(...lengths.serf)).toBeGreaterThan(100);
  expect([...lengths.pings]).toEqual([false]);
});

/** It dials nobody, so only what others ask of it can tell it that it holds what they hold. */
test.each([1, 2, 3, 4, 5])(
  'an agent that all others join has compared its catalog soon (seed %i)',
  (seed) => {
    const world = new World({ seed, makeAgent: createAgentFor });
    const missed: string[] = [];
    world.subscribe({
      onEffects: (host, facts) => {
        if (facts.some(({ kind }) => kind === 'firstSyncMissed')) missed.push(host.label);
      },
    });
    const labels = ['ann', 'bob', 'cat', 'dan'];
    for (const label of labels) world.add(label, { hasSeeds: true });
    for (const label of labels) world.start(label);
    const seeds = [toSeed(world.host('ann'))];
    for (const label of labels.slice(1)) world.command(label, { kind: 'join', seeds });
    world.run(10_000);
    expect(missed).toEqual([]);
    for (const label of labels) expect(world.host(label).runningAgent.view.readiness().ready).toBe(true);
  },
);
