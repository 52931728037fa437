import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8, NO_BYTES } from '../../src/base/bytes.ts';
import type { QueryDefinition, QueryReport } from '../../src/serf/types.ts';
import { createStory, type Story } from '../../src/sim/scenarios/story.ts';

const NAMES = 'ann bob cat dan eve';

function ask(story: Story, who: string, changes: Partial<QueryDefinition> = {}): () => QueryReport {
  const query = {
    ...{ name: 'load', payload: NO_BYTES, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
    ...changes,
  };
  const result = story.runCommand(who, { kind: 'query', query });
  if (!result.ok || result.value === undefined || !('acks' in result.value)) throw new Error('not asked');
  const { id } = result.value;
  return () => story.world.host(who).runningAgent.view.queryReport(id) as QueryReport;
}

/** Every member responds to its pending queries with its name. */
function answerAll(story: Story): void {
  for (const host of [...story.world.hosts])
    for (const { id } of host.agent?.view.pendingQueries() ?? [])
      story.sendCommand(host.label, { kind: 'respond', id, payload: encodeUtf8(host.label) });
}

test('P53 without loss every member acks, every response arrives, and filters select exactly', () => {
  const story = createStory(NAMES, {
    seed: 21,
    hosts: { bob: { tags: { role: 'web-1' } }, cat: { tags: { role: 'web-2' } }, eve: { serfPeer: true } },
  });

  const all = ask(story, 'ann');
  story.run('1s');
  answerAll(story);
  story.run('3s');
  expect([...all().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan', 'eve']);
  expect(
    all()
      .responses.map(({ from, payload }) => [from, decodeUtf8(payload)])
      .sort(),
  ).toEqual(NAMES.split(' ').map((name) => [name, name]));

  const web = ask(story, 'ann', { tags: new Map([['role', '^web-[0-9]$']]) });
  const two = ask(story, 'dan', { nodes: ['ann', 'eve'] });
  story.run('5s');
  expect([...web().acks].sort()).toEqual(['bob', 'cat']);
  expect([...two().acks].sort()).toEqual(['ann', 'eve']);
  expect(two().finished).toBe(true);
});

test('P56 relayed responses reach a querier that the responder cannot reach itself', () => {
  const story = createStory(NAMES, { seed: 22 });
  story.cut('eve', 'ann', { oneWay: true, kinds: ['serf:queryResponse'] });

  const direct = ask(story, 'ann');
  story.run('4s');
  const relayed = ask(story, 'ann', { relayFactor: 3 });
  story.run('4s');

  expect([...direct().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan']);
  expect([...relayed().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan', 'eve']);
});

test('P58 a ping query names the members that do not receive from us', () => {
  const story = createStory(NAMES, { seed: 23 });
  story.pause('dan', '5s');

  const ping = ask(story, 'ann', { name: '_serf_ping' });
  story.run('4s');

  expect([...ping().acks].sort()).toEqual(['ann', 'bob', 'cat', 'eve']);
});

test('P60 of two nodes with one name the newcomer leaves and says why; the other stays', () => {
  const story = createStory(NAMES, { seed: 24 });
  story.addHost('twin', { name: 'bob' });

  expect(story.runUntil(() => !story.world.host('twin').running, '5m')).toBe(true);
  story.run('30s');

  expect(story.facts('nameConflictLost', 'twin')).toHaveLength(1);
  expect(story.facts('nameConflictLost', 'bob')).toEqual([]);
  expect(story.statusByObserver('bob')).toMatchObject({
    ann: 'alive',
    cat: 'alive',
    dan: 'alive',
    eve: 'alive',
  });
});
