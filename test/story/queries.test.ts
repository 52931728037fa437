import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8, NO_BYTES } from '../../src/base/bytes.ts';
import type { QueryDefinition, QueryReport } from '../../src/serf/types.ts';
import { createStory, type Story } from '../../src/sim/scenarios/story.ts';

const NAMES = 'ann bob cat dan eve';

function ask(tale: Story, who: string, changes: Partial<QueryDefinition> = {}): () => QueryReport {
  const query = {
    ...{ name: 'load', payload: NO_BYTES, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
    ...changes,
  };
  const result = tale.runCommand(who, { kind: 'query', query });
  if (!result.ok || result.value === undefined || !('acks' in result.value)) throw new Error('not asked');
  const { id } = result.value;
  return () => tale.world.host(who).runningAgent.view.queryReport(id) as QueryReport;
}

/** Every member answers what waits there, with its name. */
function answerAll(tale: Story): void {
  for (const host of [...tale.world.hosts])
    for (const { id } of host.agent?.view.pendingQueries() ?? [])
      tale.sendCommand(host.label, { kind: 'respond', id, payload: encodeUtf8(host.label) });
}

test('P53 with no loss every member acks, every answer comes, and filters mean what they say', () => {
  const tale = createStory(NAMES, {
    seed: 21,
    hosts: { bob: { tags: { role: 'web-1' } }, cat: { tags: { role: 'web-2' } }, eve: { serfPeer: true } },
  });

  const all = ask(tale, 'ann');
  tale.run('1s');
  answerAll(tale);
  tale.run('3s');
  expect([...all().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan', 'eve']);
  expect(
    all()
      .responses.map(({ from, payload }) => [from, decodeUtf8(payload)])
      .sort(),
  ).toEqual(NAMES.split(' ').map((name) => [name, name]));

  const web = ask(tale, 'ann', { tags: new Map([['role', '^web-[0-9]$']]) });
  const two = ask(tale, 'dan', { nodes: ['ann', 'eve'] });
  tale.run('5s');
  expect([...web().acks].sort()).toEqual(['bob', 'cat']);
  expect([...two().acks].sort()).toEqual(['ann', 'eve']);
  expect(two().finished).toBe(true);
});

test('P56 relayed answers reach an asker that the answerer cannot reach itself', () => {
  const tale = createStory(NAMES, { seed: 22 });
  tale.cut('eve', 'ann', { oneWay: true, kinds: ['serf:queryResponse'] });

  const direct = ask(tale, 'ann');
  tale.run('4s');
  const relayed = ask(tale, 'ann', { relayFactor: 3 });
  tale.run('4s');

  expect([...direct().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan']);
  expect([...relayed().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan', 'eve']);
});

test('P58 a ping query names who does not hear us', () => {
  const tale = createStory(NAMES, { seed: 23 });
  tale.pause('dan', '5s');

  const ping = ask(tale, 'ann', { name: '_serf_ping' });
  tale.run('4s');

  expect([...ping().acks].sort()).toEqual(['ann', 'bob', 'cat', 'eve']);
});

test('P60 of two nodes with one name the newcomer goes, and says why; the other stays', () => {
  const tale = createStory(NAMES, { seed: 24 });
  tale.addHost('twin', { name: 'bob' });

  expect(tale.runUntil(() => !tale.world.host('twin').running, '5m')).toBe(true);
  tale.run('30s');

  expect(tale.facts('nameConflictLost', 'twin')).toHaveLength(1);
  expect(tale.facts('nameConflictLost', 'bob')).toEqual([]);
  expect(tale.statusByObserver('bob')).toMatchObject({
    ann: 'alive',
    cat: 'alive',
    dan: 'alive',
    eve: 'alive',
  });
});
