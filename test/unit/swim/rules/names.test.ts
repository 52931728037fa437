/** S16, P87: which names become members. */
import { expect, test } from 'vitest';
import { MAX_NAME_BYTES } from '../../../../src/wire/memberlist.ts';
import { Actor, addressOf, alive, dead, row, suspect } from '../helpers.ts';

const namesOf = (ann: Actor): string[] =>
  [...ann.swim.members.all()].map(({ identity }) => identity.name).sort();
const refusals = (ann: Actor) => ann.facts().filter(({ kind }) => kind === 'gossipMessageRefused');

test('S16 P87 of two names that differ in case the first becomes a member, and the other is told under its name', () => {
  const ann = new Actor('ann').receive(alive('bob', 3));
  ann.take();
  ann.drainBroadcasts();
  ann.receive(alive('BOB', 9)).receive(alive('Ann', 9)).receive(alive('\uff42ob', 9));
  expect(namesOf(ann)).toEqual(['ann', 'bob']);
  expect(ann.swim.broadcasts.size).toBe(0);
  const told = refusals(ann);
  expect(told.map((fact) => 'node' in fact && fact.node)).toEqual(['bob', 'ann', 'bob']);
  expect(told[0]).toMatchObject({
    reason: expect.stringMatching(
      /^the node "BOB" at 127\.\S+:7946 cannot be a member beside "bob", rename it: /,
    ),
  });
});

test.each([
  ['bob', 'Bob'],
  ['Bob', 'bob'],
  ['Bob', 'BOB'],
])(
  'S16 P87 beside %s, %s stays out while that is suspect, dead or has left, and comes in when that row is dropped',
  (first, other) => {
    const ann = new Actor('ann').start().receive(alive(first, 3));
    for (const message of [suspect(first, 'ann', 3), dead(first, 'ann', 3)]) {
      ann.receive(message).receive(alive(other, 9));
      expect(namesOf(ann)).toEqual([first, 'ann'].sort());
    }
    ann.pass(600_000);
    expect(namesOf(ann)).toEqual(['ann']);
    expect(namesOf(ann.receive(alive(other, 9)))).toEqual([other, 'ann'].sort());
  },
);

test('S16 P87 a name that cannot be shown becomes no member, and is not asked', () => {
  const ann = new Actor('ann');
  ann.take();
  for (const name of ['b\u200bob', 'bob ', 'e\u0301va', '\u001b[2J'])
    ann.receive(alive(name, 1), addressOf('bob'));
  expect(namesOf(ann)).toEqual(['ann']);
  const effects = ann.take();
  expect(effects.filter(({ kind }) => kind === 'fact')).toHaveLength(4);
  expect(effects.filter(({ kind }) => kind === 'send')).toEqual([]);
});

test('S16 P87 names of agents of Serf become members, up to 255 bytes', () => {
  const ann = new Actor('ann');
  const names = ['web_1', 'my node', 'größe', 'x'.repeat(MAX_NAME_BYTES)];
  for (const name of names) ann.receive(alive(name, 1));
  expect(namesOf(ann)).toEqual(['ann', ...names].sort());
});

test('S16 P87 the rows of a push/pull obey it, too', () => {
  const ann = new Actor('ann').receive(alive('bob', 3));
  ann.merge(row('BOB', 0, 5), row('cat', 0));
  expect(namesOf(ann)).toEqual(['ann', 'bob', 'cat']);
});
