import { expect, test } from 'vitest';
import { NO_BYTES, text, utf8 } from '../../src/base/bytes.ts';
import type { AskedQuestion, Question } from '../../src/serf/types.ts';
import { type Story, story } from '../../src/sim/scenarios/story.ts';

const NAMES = 'ann bob cat dan eve';

function ask(tale: Story, who: string, changes: Partial<Question> = {}): () => AskedQuestion {
  const question = {
    ...{ name: 'load', payload: NO_BYTES, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
    ...changes,
  };
  const result = tale.answer(who, { kind: 'query', question });
  if (!result.ok || result.value === undefined || !('acks' in result.value)) throw new Error('not asked');
  const { id } = result.value;
  return () => tale.world.host(who).live.view.question(id) as AskedQuestion;
}

/** Every member answers what waits there, with its name. */
function answerAll(tale: Story): void {
  for (const host of [...tale.world.hosts])
    for (const { id } of host.agent?.view.waitingQueries() ?? [])
      tale.ask(host.label, { kind: 'respond', id, payload: utf8(host.label) });
}

test('4.6 with no loss every member acks, every answer comes, and filters mean what they say', () => {
  const tale = story(NAMES, {
    seed: 21,
    hosts: { bob: { tags: { role: 'web-1' } }, cat: { tags: { role: 'web-2' } }, eve: { plain: true } },
  });

  const all = ask(tale, 'ann');
  tale.pass('1s');
  answerAll(tale);
  tale.pass('3s');
  expect([...all().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan', 'eve']);
  expect(
    all()
      .responses.map(({ from, payload }) => [from, text(payload)])
      .sort(),
  ).toEqual(NAMES.split(' ').map((name) => [name, name]));

  const web = ask(tale, 'ann', { tags: new Map([['role', '^web-[0-9]$']]) });
  const two = ask(tale, 'dan', { nodes: ['ann', 'eve'] });
  tale.pass('5s');
  expect([...web().acks].sort()).toEqual(['bob', 'cat']);
  expect([...two().acks].sort()).toEqual(['ann', 'eve']);
  expect(two().finished).toBe(true);
});

test('4.6 relayed answers reach an asker that the answerer cannot reach itself', () => {
  const tale = story(NAMES, { seed: 22 });
  tale.cut('eve', 'ann', { oneWay: true, kinds: ['serf:queryResponse'] });

  const direct = ask(tale, 'ann');
  tale.pass('4s');
  const relayed = ask(tale, 'ann', { relayFactor: 3 });
  tale.pass('4s');

  expect([...direct().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan']);
  expect([...relayed().acks].sort()).toEqual(['ann', 'bob', 'cat', 'dan', 'eve']);
});

test('4.6 a ping query names who does not hear us', () => {
  const tale = story(NAMES, { seed: 23 });
  tale.pause('dan', '5s');

  const ping = ask(tale, 'ann', { name: '_serf_ping' });
  tale.pass('4s');

  expect([...ping().acks].sort()).toEqual(['ann', 'bob', 'cat', 'eve']);
});

test('4.8 of two nodes with one name the newcomer goes, and says why; the other stays', () => {
  const tale = story(NAMES, { seed: 24 });
  tale.arrive('twin', { name: 'bob' });

  expect(tale.until(() => !tale.world.host('twin').running, '5m')).toBe(true);
  tale.pass('30s');

  expect(tale.facts('nameLost', 'twin')).toHaveLength(1);
  expect(tale.facts('nameLost', 'bob')).toEqual([]);
  expect(tale.seenAs('bob')).toMatchObject({ ann: 'alive', cat: 'alive', dan: 'alive', eve: 'alive' });
});
