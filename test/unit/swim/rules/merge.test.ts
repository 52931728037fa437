import { describe, expect, test } from 'vitest';
import { Actor, addressOf, alive, dead, left, PORT, row, suspect } from '../helpers.ts';

const [ALIVE, SUSPECT, DEAD, LEFT] = [0, 1, 2, 3];

test('our state has every row: this agent, suspects, dead members and those that left', () => {
  const ann = new Actor('ann').knowing('bob', 'cat', 'dan', 'eve');
  ann.receive(suspect('bob', 'x')).receive(dead('cat', 'x')).receive(left('dan'));
  const states = ann.swim.localStates().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  expect(states).toEqual([
    row('ann', ALIVE),
    row('bob', SUSPECT),
    row('cat', DEAD),
    row('dan', LEFT),
    row('eve', ALIVE),
  ]);
});

test('an alive row counts as an alive message, also with port 0', () => {
  const ann = new Actor('ann').merge(row('bob', ALIVE, 3, { port: 0 }));
  expect(ann.swim.members.get('bob')?.identity.address.port).toBe(PORT);
  expect(ann.drainBroadcasts()).toEqual([alive('bob', 3)]);
});

test.each([SUSPECT, DEAD])(
  'a row in state %i is a suspicion of our own: the accused gets its time',
  (state) => {
    const ann = new Actor('ann').knowing('bob', 'cat', 'dan', 'eve').merge(row('bob', state as number));
    expect(ann.state('bob')).toBe('suspect');
    expect(ann.drainBroadcasts()).toEqual([suspect('bob', 'ann')]);
  },
);

test('a row of a member that left counts as a leave', () => {
  const ann = new Actor('ann').knowing('bob').merge(row('bob', LEFT));
  expect(ann.state('bob')).toBe('left');
  expect(ann.drainBroadcasts()).toEqual([left('bob')]);
});

test('unknown members that are down are ignored, and so are states of later versions', () => {
  const ann = new Actor('ann').merge(row('cat', DEAD), row('dan', LEFT), row('eve', 4));
  expect(ann.swim.members.size).toBe(1);
  expect(ann.take()).toEqual([]);
});

describe('an unknown suspect, which the peer goes on showing', () => {
  test('is introduced, and suspected: only the suspicion is passed on', () => {
    const ann = new Actor('ann').merge(row('bob', SUSPECT, 3));
    expect(ann.state('bob')).toBe('suspect');
    expect(ann.swim.members.get('bob')?.incarnation).toBe(3);
    expect(ann.drainBroadcasts()).toEqual([suspect('bob', 'ann', 3)]);
    ann.receive(alive('bob', 4));
    expect(ann.state('bob')).toBe('alive');
  });

  test('is asked first if it was dropped here at that incarnation', () => {
    const ann = new Actor('ann').knowing('bob').receive(dead('bob', 'x'));
    ann.swim.dropMember('bob', ann.now, []);
    ann.merge(row('bob', SUSPECT, 1));
    expect(ann.swim.members.get('bob')).toBeUndefined();
  });
});

describe('versions', () => {
  const vsn = (...octets: number[]) => ({ vsn: Uint8Array.from(octets) });
  const refusal = expect.objectContaining({ code: 'versionMismatch' });

  test.each([
    ['one speaks more than we understand', [row('bob', ALIVE, 1, vsn(1, 6, 6, 2, 5, 5))]],
    ['one understands less than we speak', [row('bob', ALIVE, 1, vsn(3, 5, 3, 2, 5, 5))]],
    [
      'two do not understand one another',
      [row('bob', ALIVE, 1, vsn(1, 2, 2, 2, 5, 5)), row('cat', ALIVE, 1, vsn(2, 3, 3, 2, 5, 5))],
    ],
    ['the dead count too, by what they spoke', [row('bob', DEAD, 1, vsn(1, 6, 6, 2, 5, 5))]],
    ['and so does Serf', [row('bob', ALIVE, 1, vsn(1, 5, 2, 2, 6, 6))]],
  ])('%s: the whole state is refused, and the table unchanged', (_, states) => {
    const ann = new Actor('ann').knowing('zoe');
    expect(() => ann.merge(row('dan', ALIVE), ...states)).toThrow(refusal);
    expect(ann.swim.members.size).toBe(2);
    expect(ann.take()).toEqual([]);
  });

  test('a dead row with a narrow range narrows nothing', () => {
    const ann = new Actor('ann').merge(row('bob', DEAD, 1, vsn(3, 3, 3, 2, 5, 5)), row('cat', ALIVE));
    expect(ann.state('cat')).toBe('alive');
  });

  test('what our own table holds counts as well', () => {
    const ann = new Actor('ann').receive(alive('bob', 1, vsn(1, 2, 2, 2, 5, 5)));
    expect(() => ann.merge(row('cat', ALIVE, 1, vsn(1, 5, 3, 2, 5, 5)))).toThrow(refusal);
  });

  test('a row with invalid versions is left out and recorded, and the others are merged', () => {
    const ann = new Actor('ann').merge(
      row('bob', ALIVE, 1, vsn()),
      row('cat', DEAD, 1, vsn(0, 0, 0, 0, 0, 0)),
      row('dan', ALIVE, 1, vsn(1, 5, 9, 2, 5, 5)),
      row('eve', ALIVE),
    );
    expect(ann.state('eve')).toBe('alive');
    expect(ann.swim.members.size).toBe(2);
    expect(ann.facts().filter(({ kind }) => kind === 'gossipMessageRefused')).toMatchObject([
      { node: 'bob' },
      { node: 'cat' },
      { node: 'dan' },
    ]);
  });
});

test('a push/pull makes two tables equal', () => {
  const ann = new Actor('ann').knowing('bob', 'cat');
  const dan = new Actor('dan').knowing('eve', 'cat').receive(alive('cat', 4));
  const [a, d] = [ann.swim.localStates(), dan.swim.localStates()];
  ann.merge(...d);
  dan.merge(...a);
  const table = (actor: Actor) => actor.swim.localStates().toSorted((x, y) => (x.name < y.name ? -1 : 1));
  expect(table(ann)).toEqual(table(dan));
  expect(ann.swim.members.get('eve')?.identity.address).toEqual(addressOf('eve'));
});
