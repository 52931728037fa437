import { describe, expect, test } from 'vitest';
import { LEAD, MAX_INCARNATION, MAX_LEAD } from '../../../../src/swim/precedence.ts';
import type { Ping } from '../../../../src/wire/memberlist.ts';
import { Actor, ack, addressOf, alive, dead, left, PORT, row, suspect } from '../helpers.ts';

const two = (): Actor => new Actor('ann').knowing('bob');

test('at the start the agent announces itself at the configured incarnation', () => {
  const ann = new Actor('ann', {}, { incarnation: 12 }).start();
  expect(ann.drainBroadcasts()).toEqual([alive('ann', 12)]);
  expect(ann.eventLog()).toEqual(['memberJoined ann']);
});

test.each([
  ['suspect', suspect('ann', 'bob', 4)],
  ['dead', dead('ann', 'bob', 4)],
  ['left', left('ann', 4)],
  ['old meta', alive('ann', 4, { meta: Uint8Array.of(1) })],
  ['an incarnation we never had', alive('ann', 4)],
])(
  'an accusation that this agent is %s is outbid; the refutation is broadcast, sent to the source, and costs health',
  (_, rumor) => {
    const ann = two().receive(rumor, addressOf('bob'));
    expect([ann.state('ann'), ann.swim.incarnation, ann.swim.awareness]).toEqual(['alive', 5, 1]);
    expect(ann.sends()).toMatchObject([{ to: addressOf('bob'), message: alive('ann', 5) }]);
    expect(ann.drainBroadcasts()).toEqual([alive('ann', 5)]);
  },
);

test('an accusation at our own incarnation is outbid too, one below it is not', () => {
  const ann = new Actor('ann', {}, { incarnation: 7 })
    .receive(suspect('ann', 'bob', 6))
    .receive(dead('ann', 'bob', 6));
  expect([ann.swim.incarnation, ann.swim.awareness, ann.drainBroadcasts()]).toEqual([7, 0, []]);
  expect(ann.receive(suspect('ann', 'bob', 7)).swim.incarnation).toBe(8);
});

test.each([suspect('ann', 'bob', 6), dead('ann', 'bob', 6), left('ann', 6)])(
  'who still says so after our answer ($kind) did not hear it: it is told again, once per interval',
  (accusation) => {
    const ann = new Actor('ann', {}, { incarnation: 7 });
    for (let i = 0; i < 3; i++)
      ann.receive(accusation, addressOf('bob')).receive(accusation, addressOf('cat'));
    expect(ann.sends()).toMatchObject([
      { to: addressOf('bob'), message: alive('ann', 7) },
      { to: addressOf('cat'), message: alive('ann', 7) },
    ]);
    expect(ann.pass(200).receive(accusation, addressOf('bob')).sends()).toHaveLength(1);
  },
);

test('a push/pull with our old state needs no message: the answer is in our own state', () => {
  const ann = new Actor('ann', {}, { incarnation: 7 }).mergeFrom(
    { kind: 'inbound', from: addressOf('bob') },
    row('ann', 2, 6),
  );
  expect(ann.take()).toEqual([]);
});

test('our own alive message is no accusation', () => {
  const ann = two().receive(alive('ann', 1)).receive(alive('ann', 0));
  expect(ann.take()).toEqual([]);
  expect(ann.swim.incarnation).toBe(1);
});

test('other versions at our incarnation are refuted', () => {
  expect(two().receive(alive('ann', 1, { vsn: Uint8Array.of(1, 5, 2, 2, 5, 4) })).swim.incarnation).toBe(2);
});

test('our name at another address is a conflict, not an accusation', () => {
  const ann = two().receive(alive('ann', 9, { addr: Uint8Array.of(127, 9, 9, 9) }));
  expect(ann.eventLog()).toEqual(['nameConflict ann']);
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
  test('of other members are refused and recorded; lower ones are stale', () => {
    const far = 2 + LEAD;
    const ann = two();
    for (const rumor of [
      suspect('bob', 'cat', far),
      dead('bob', 'cat', far),
      alive('bob', far),
      left('bob', 2 ** 32 - 1),
    ])
      expect(ann.receive(rumor).facts()).toMatchObject([{ kind: 'gossipMessageRefused', node: 'bob' }]);
    expect([ann.state('bob'), ann.incarnationOf('bob'), ann.swim.broadcasts.size]).toEqual(['alive', 1, 0]);
    expect(ann.receive(alive('bob', 0)).facts()).toEqual([]);
  });

  test('of unknown members: only the highest value is refused', () => {
    const ann = two()
      .receive(alive('cat', MAX_INCARNATION - 1))
      .receive(alive('dan', MAX_INCARNATION));
    expect([ann.state('cat'), ann.state('dan')]).toEqual(['alive', undefined]);
  });

  test('of this agent are not outbid, since no peer would believe them', () => {
    const ann = two();
    for (const incarnation of [2 ** 32 - 1, 2 ** 31, 2 + MAX_LEAD])
      expect(ann.receive(dead('ann', 'bob', incarnation)).facts()).toMatchObject([
        { kind: 'gossipMessageRefused' },
      ]);
    expect([ann.swim.incarnation, ann.state('ann'), ann.swim.awareness]).toEqual([1, 'alive', 0]);
  });

  test('at the highest incarnation the agent stays there, and never overflows', () => {
    const ann = new Actor('ann', {}, { incarnation: MAX_INCARNATION - 1 });
    ann.receive(suspect('ann', 'bob', MAX_INCARNATION - 1));
    expect(ann.swim.incarnation).toBe(MAX_INCARNATION);
    ann.receive(suspect('ann', 'bob', MAX_INCARNATION));
    ann.do((swim, now, out) => swim.setMeta(Uint8Array.of(1), now, out));
    expect(ann.swim.incarnation).toBe(MAX_INCARNATION);
  });

  test('an accusation at the highest incarnation is not refuted: nothing can outbid it', () => {
    const ann = new Actor('ann', {}, { incarnation: MAX_INCARNATION - 1 });
    const { swim } = ann.receive(dead('ann', 'bob', MAX_INCARNATION));
    const reason = `incarnation ${MAX_INCARNATION}`;
    expect(ann.facts()).toEqual([
      { kind: 'gossipMessageRefused', node: 'ann', reason, source: addressOf('someone').key },
    ]);
    expect([swim.incarnation, swim.awareness, ann.drainBroadcasts()]).toEqual([MAX_INCARNATION - 1, 0, []]);
  });
});

test('new meta is copied and broadcast at a new incarnation', () => {
  const meta = Uint8Array.of(7);
  const ann = two().do((swim, now, out) => swim.setMeta(meta, now, out));
  meta.fill(0);
  expect(ann.drainBroadcasts()).toEqual([alive('ann', 2, { meta: Uint8Array.of(7) })]);
  expect(ann.eventLog()).toEqual(['memberUpdated ann']);
});

describe('leaving', () => {
  const leaving = (): Actor => {
    const ann = two();
    ann.do((swim, now, out) => swim.leave(now, out));
    return ann;
  };

  test('broadcasts a dead message signed by this agent; the handle finishes when it was sent often enough', () => {
    const ann = two();
    let handle: { readonly finished: boolean } | undefined;
    ann.do((swim, now, out) => {
      handle = swim.leave(now, out);
    });
    expect(ann.eventLog()).toEqual(['left ann']);
    expect([ann.swim.leaving, handle?.finished]).toEqual([true, false]);
    expect(ann.drainBroadcasts()).toEqual([left('ann')]);
    expect(handle?.finished).toBe(true);
  });

  test('alone there is no broadcast to wait for', () => {
    const ann = new Actor('ann');
    ann.do((swim, now, out) => expect(swim.leave(now, out)).toBeUndefined());
    const bob = new Actor('bob').knowing('ann').receive(dead('ann', 'cat'));
    bob.do((swim, now, out) => expect(swim.leave(now, out)).toBeUndefined());
    expect(bob.swim.leaving).toBe(true);
  });

  test('a second time changes nothing', () => {
    const ann = leaving();
    ann.take();
    ann.do((swim, now, out) => expect(swim.leave(now, out)).toBeDefined());
    expect(ann.take()).toEqual([]);
  });

  test('after that the agent does not refute, and ignores alive messages about itself', () => {
    const ann = leaving();
    ann.take();
    ann
      .receive(dead('ann', 'bob', 3))
      .receive(suspect('ann', 'bob', 3))
      .receive(alive('ann', 9))
      .receive(left('ann'))
      .receive(dead('ann', 'bob', 0));
    ann.do((swim, now, out) => swim.setMeta(Uint8Array.of(1), now, out));
    expect(ann.sends().map(({ message, to }) => [message, to.key])).toEqual([
      [left('ann'), addressOf('someone').key], // its own word again, once
    ]);
    expect([ann.state('ann'), ann.swim.incarnation]).toEqual(['left', 1]);
  });

  test('after that the agent still answers pings, and its row says left', () => {
    const ann = leaving();
    ann.take();
    ann.receive({
      kind: 'ping',
      seqNo: 5,
      node: 'ann',
      sourceAddr: new Uint8Array(0),
      sourcePort: 0,
      sourceNode: '',
      held: 0,
    });
    expect(ann.sends()).toMatchObject([{ message: { kind: 'ack', seqNo: 5 } }]);
    expect(ann.swim.localStates().find(({ name }) => name === 'ann')?.state).toBe(3);
  });
});

describe('a ping from a member that is held as dead or left', () => {
  const ping = (from: string): Ping => ({
    kind: 'ping',
    seqNo: 5,
    node: 'ann',
    sourceAddr: addressOf(from).ip,
    sourcePort: PORT,
    sourceNode: from,
    held: 0,
  });
  const told = (ann: Actor, from: string): unknown[] => {
    ann.take();
    ann.receive(ping(from));
    return ann.sends().map(({ to, message }) => [to.key, message.kind]);
  };

  test.each([
    ['dead', dead('bob', 'cat', 3)],
    ['left', left('bob', 3)],
  ])('is acked, and the sender is notified that it is %s, so that it can refute', (_, accusation) => {
    const ann = new Actor('ann').knowing('bob', 'cat').receive(accusation);
    const at = addressOf('bob').key;
    expect(told(ann, 'bob')).toEqual([
      [at, 'ack'],
      [at, 'dead'],
    ]);
    expect(told(ann, 'bob')).toEqual([[at, 'ack']]); // not for each of a flood
  });

  test('a sender that was dropped is notified too, and verified when it refutes', () => {
    const ann = new Actor('ann', { dialBack: true }).knowingAll('bob', 'cat').receive(dead('bob', 'cat', 3));
    ann.pass(1000);
    ann.do((swim, now, out) => swim.dropMember('bob', now, out)).take();
    const at = addressOf('bob').key;
    ann.receive(ping('bob'));
    expect(ann.sends()).toMatchObject([
      { to: { key: at }, message: { kind: 'ack' }, compoundWith: dead('bob', 'ann', 3) },
    ]);
    ann.receive(alive('bob', 4), addressOf('bob'));
    const { seqNo } = ann.until('send', ({ message }) => message.kind === 'ping').message as Ping;
    ann.receive(ack(seqNo), addressOf('bob'));
    expect(ann.state('bob')).toBe('alive');
    expect(told(ann, 'dan')).toEqual([[addressOf('dan').key, 'ack']]); // an unknown member
  });

  test('a sender that is up gets its ack and nothing else', () => {
    const ann = new Actor('ann').knowing('bob');
    expect(told(ann, 'bob')).toEqual([[addressOf('bob').key, 'ack']]);
  });
});

test('I10: a refutation is recorded with accuser and source', () => {
  const ann = two().receive(suspect('ann', 'bob'), addressOf('cat'));
  expect(ann.facts()).toContainEqual({
    ...{ kind: 'suspicionRefuted', incarnation: 2, by: 'bob' },
    source: addressOf('cat').key,
  });
});
