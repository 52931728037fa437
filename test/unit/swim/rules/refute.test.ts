import { describe, expect, test } from 'vitest';
import { MAX_INCARNATION, MAX_INCARNATION_JUMP } from '../../../../src/swim/precedence.ts';
import type { Ping } from '../../../../src/wire/memberlist.ts';
import { Actor, ack, addressOf, alive, dead, left, PORT, row, suspect } from '../helpers.ts';

const two = (): Actor => new Actor('ann').knowing('bob');

test('at the start we announce ourselves at the incarnation we were given', () => {
  const ann = new Actor('ann', {}, { incarnation: 12 }).start();
  expect(ann.said()).toEqual([alive('ann', 12)]);
  expect(ann.plot()).toEqual(['memberJoined ann']);
});

test.each([
  ['suspect', suspect('ann', 'bob', 4)],
  ['dead', dead('ann', 'bob', 4)],
  ['left', left('ann', 4)],
  ['old meta', alive('ann', 4, { meta: Uint8Array.of(1) })],
  ['an incarnation we never had', alive('ann', 4)],
])('a rumor that we are %s is outbid, gossiped, answered to its source, and costs health', (_, rumor) => {
  const ann = two().hear(rumor, addressOf('bob'));
  expect([ann.state('ann'), ann.swim.incarnation, ann.swim.awareness]).toEqual(['alive', 5, 1]);
  expect(ann.sends()).toMatchObject([{ to: addressOf('bob'), message: alive('ann', 5) }]);
  expect(ann.said()).toEqual([alive('ann', 5)]);
});

test('one at our own incarnation is outbid too, one below it is not', () => {
  const ann = new Actor('ann', {}, { incarnation: 7 })
    .hear(suspect('ann', 'bob', 6))
    .hear(dead('ann', 'bob', 6));
  expect([ann.swim.incarnation, ann.swim.awareness, ann.said()]).toEqual([7, 0, []]);
  expect(ann.hear(suspect('ann', 'bob', 7)).swim.incarnation).toBe(8);
});

test.each([suspect('ann', 'bob', 6), dead('ann', 'bob', 6), left('ann', 6)])(
  'who still says so after our answer ($kind) did not hear it: it is told again, once per interval',
  (accusation) => {
    const ann = new Actor('ann', {}, { incarnation: 7 });
    for (let i = 0; i < 3; i++) ann.hear(accusation, addressOf('bob')).hear(accusation, addressOf('cat'));
    expect(ann.sends()).toMatchObject([
      { to: addressOf('bob'), message: alive('ann', 7) },
      { to: addressOf('cat'), message: alive('ann', 7) },
    ]);
    expect(ann.pass(200).hear(accusation, addressOf('bob')).sends()).toHaveLength(1);
  },
);

test('of a table with our old state nobody is told: the answer is in ours', () => {
  const ann = new Actor('ann', {}, { incarnation: 7 }).mergeFrom(
    { kind: 'inbound', from: addressOf('bob') },
    row('ann', 2, 6),
  );
  expect(ann.take()).toEqual([]);
});

test('our own word coming back is no accusation', () => {
  const ann = two().hear(alive('ann', 1)).hear(alive('ann', 0));
  expect(ann.take()).toEqual([]);
  expect(ann.swim.incarnation).toBe(1);
});

test('other versions at our incarnation are refuted', () => {
  expect(two().hear(alive('ann', 1, { vsn: Uint8Array.of(1, 5, 2, 2, 5, 4) })).swim.incarnation).toBe(2);
});

test('our name at another address is a conflict, not an accusation', () => {
  const ann = two().hear(alive('ann', 9, { addr: Uint8Array.of(127, 9, 9, 9) }));
  expect(ann.plot()).toEqual(['nameConflict ann']);
  expect(ann.swim.incarnation).toBe(1);
});

test.each([0, 1, 2, 3])(
  'a row about us in a push/pull, state %i, at a higher incarnation is outbid',
  (state) => {
    const ann = two().merge(row('ann', state, 30));
    expect([ann.state('ann'), ann.swim.incarnation]).toEqual(['alive', 31]);
  },
);

describe('implausible incarnations', () => {
  test('of others are refused and noted; lower ones are merely stale', () => {
    const far = 2 + MAX_INCARNATION_JUMP;
    const ann = two();
    for (const rumor of [
      suspect('bob', 'cat', far),
      dead('bob', 'cat', far),
      alive('bob', far),
      left('bob', 2 ** 32 - 1),
    ])
      expect(ann.hear(rumor).facts()).toMatchObject([{ kind: 'gossipMessageRefused', node: 'bob' }]);
    expect([ann.state('bob'), ann.incarnationOf('bob'), ann.swim.broadcasts.size]).toEqual(['alive', 1, 0]);
    expect(ann.hear(alive('bob', 0)).facts()).toEqual([]);
  });

  test('of strangers: only the top is refused', () => {
    const ann = two()
      .hear(alive('cat', MAX_INCARNATION))
      .hear(alive('dan', MAX_INCARNATION + 1));
    expect([ann.state('cat'), ann.state('dan')]).toEqual(['alive', undefined]);
  });

  test('of ourselves are not outbid: nobody like us believes them either', () => {
    const ann = two();
    for (const incarnation of [2 ** 32 - 1, 2 ** 31, 2 + MAX_INCARNATION_JUMP])
      expect(ann.hear(dead('ann', 'bob', incarnation)).facts()).toMatchObject([
        { kind: 'gossipMessageRefused' },
      ]);
    expect([ann.swim.incarnation, ann.state('ann'), ann.swim.awareness]).toEqual([1, 'alive', 0]);
  });

  test('pushed to the very top we stay there, and never wrap', () => {
    const ann = new Actor('ann', {}, { incarnation: MAX_INCARNATION - 1 });
    ann.hear(suspect('ann', 'bob', MAX_INCARNATION - 1));
    expect(ann.swim.incarnation).toBe(MAX_INCARNATION);
    ann.hear(suspect('ann', 'bob', MAX_INCARNATION));
    ann.do((swim, now, out) => swim.setMeta(Uint8Array.of(1), now, out));
    expect(ann.swim.incarnation).toBe(MAX_INCARNATION);
  });

  test('an accusation at the very top is not answered at all: nothing can outbid it', () => {
    const ann = new Actor('ann', {}, { incarnation: MAX_INCARNATION - 1 });
    const { swim } = ann.hear(dead('ann', 'bob', MAX_INCARNATION));
    const reason = `incarnation ${MAX_INCARNATION}`;
    expect(ann.facts()).toEqual([
      { kind: 'gossipMessageRefused', node: 'ann', reason, source: '127.0.0.3:7946' },
    ]);
    expect([swim.incarnation, swim.awareness, ann.said()]).toEqual([MAX_INCARNATION - 1, 0, []]);
  });
});

test('new meta is a new incarnation, copied, and told to all', () => {
  const meta = Uint8Array.of(7);
  const ann = two().do((swim, now, out) => swim.setMeta(meta, now, out));
  meta.fill(0);
  expect(ann.said()).toEqual([alive('ann', 2, { meta: Uint8Array.of(7) })]);
  expect(ann.plot()).toEqual(['memberUpdated ann']);
});

describe('leaving', () => {
  const leaving = (): Actor => {
    const ann = two();
    ann.do((swim, now, out) => swim.leave(now, out));
    return ann;
  };

  test('says so by our own word; the handle ends when it was told often enough', () => {
    const ann = two();
    let handle: { readonly finished: boolean } | undefined;
    ann.do((swim, now, out) => {
      handle = swim.leave(now, out);
    });
    expect(ann.plot()).toEqual(['left ann']);
    expect([ann.swim.leaving, handle?.finished]).toEqual([true, false]);
    expect(ann.said()).toEqual([left('ann')]);
    expect(handle?.finished).toBe(true);
  });

  test('alone there is nobody to wait for', () => {
    const ann = new Actor('ann');
    ann.do((swim, now, out) => expect(swim.leave(now, out)).toBeUndefined());
    const bob = new Actor('bob').knowing('ann').hear(dead('ann', 'cat'));
    bob.do((swim, now, out) => expect(swim.leave(now, out)).toBeUndefined());
    expect(bob.swim.leaving).toBe(true);
  });

  test('a second time changes nothing', () => {
    const ann = leaving();
    ann.take();
    ann.do((swim, now, out) => expect(swim.leave(now, out)).toBeDefined());
    expect(ann.take()).toEqual([]);
  });

  test('we do not refute, and do not believe that we are alive', () => {
    const ann = leaving();
    ann.take();
    ann
      .hear(dead('ann', 'bob', 3))
      .hear(suspect('ann', 'bob', 3))
      .hear(alive('ann', 9))
      .hear(left('ann'))
      .hear(dead('ann', 'bob', 0));
    ann.do((swim, now, out) => swim.setMeta(Uint8Array.of(1), now, out));
    expect(ann.take()).toEqual([]);
    expect([ann.state('ann'), ann.swim.incarnation]).toEqual(['left', 1]);
  });

  test('we still answer pings, and our row says left', () => {
    const ann = leaving();
    ann.take();
    ann.hear({
      kind: 'ping',
      seqNo: 5,
      node: 'ann',
      sourceAddr: new Uint8Array(0),
      sourcePort: 0,
      sourceNode: '',
    });
    expect(ann.sends()).toMatchObject([{ message: { kind: 'ack', seqNo: 5 } }]);
    expect(ann.swim.localStates().find(({ name }) => name === 'ann')?.state).toBe(3);
  });
});

describe('a ping from somebody we hold for dead, or for gone', () => {
  const ping = (from: string): Ping => ({
    kind: 'ping',
    seqNo: 5,
    node: 'ann',
    sourceAddr: addressOf(from).ip,
    sourcePort: PORT,
    sourceNode: from,
  });
  const told = (ann: Actor, from: string): unknown[] => {
    ann.take();
    ann.hear(ping(from));
    return ann.sends().map(({ to, message }) => [to.key, message.kind]);
  };

  test.each([
    ['dead', dead('bob', 'cat', 3)],
    ['left', left('bob', 3)],
  ])('is answered, and told that it is %s, so that it can refute', (_, accusation) => {
    const ann = new Actor('ann').knowing('bob', 'cat').hear(accusation);
    const at = addressOf('bob').key;
    expect(told(ann, 'bob')).toEqual([
      [at, 'ack'],
      [at, 'dead'],
    ]);
    expect(told(ann, 'bob')).toEqual([[at, 'ack']]); // not for each of a flood
  });

  test('one that we have dropped is told so as well, and asked when it refutes', () => {
    const ann = new Actor('ann', { dialBack: true }).knowingAll('bob', 'cat').hear(dead('bob', 'cat', 3));
    ann.do((swim, now, out) => swim.dropMember('bob', now, out)).take();
    const at = addressOf('bob').key;
    ann.hear(ping('bob'));
    expect(ann.sends().map(({ to, message }) => [to.key, message])).toMatchObject([
      [at, { kind: 'ack' }],
      [at, dead('bob', 'ann', 3)],
    ]);
    ann.hear(alive('bob', 4), addressOf('bob'));
    const { seqNo } = ann.until('send', ({ message }) => message.kind === 'ping').message as Ping;
    ann.hear(ack(seqNo), addressOf('bob'));
    expect(ann.state('bob')).toBe('alive');
    expect(told(ann, 'dan')).toEqual([[addressOf('dan').key, 'ack']]); // a stranger
  });

  test('somebody that is up gets its ack and nothing else', () => {
    const ann = new Actor('ann').knowing('bob');
    expect(told(ann, 'bob')).toEqual([[addressOf('bob').key, 'ack']]);
  });
});

test('I10: what we refute is written down with who said it and where it came from', () => {
  const ann = two().hear(suspect('ann', 'bob'), addressOf('cat'));
  expect(ann.facts()).toContainEqual({
    ...{ kind: 'suspicionRefuted', incarnation: 2, by: 'bob' },
    source: addressOf('cat').key,
  });
});
