import { describe, expect, test } from 'vitest';
import type { MessageSource } from '../../../../src/swim/rules/source.ts';
import { Actor, ack, addressOf, alive, dead, left, row, suspect } from '../helpers.ts';

const LEFT_STATE = 3;
const careful = (dialBack = true): Actor =>
  new Actor('ann', { dialBack }).knowingAll('bob', 'cat', 'dan', 'eve');

/** Sequence numbers of the pings to bob, each with the message that it asks about. */
const asked = (ann: Actor): { seqNo: number; about: unknown }[] =>
  ann
    .sends()
    .flatMap(({ message, compoundWith }) =>
      message.kind === 'ping' && message.node === 'bob'
        ? [{ seqNo: message.seqNo, about: compoundWith }]
        : [],
    );

describe("a member's own word", () => {
  test('from its own address is believed at once, and passed on', () => {
    const ann = careful().receive(left('bob'), addressOf('bob'));
    expect(ann.eventLog()).toEqual(['left bob']);
    expect(ann.drainBroadcasts()).toEqual([left('bob')]);
  });

  test('in an answer to our push/pull too', () => {
    const ann = careful().mergeFrom({ kind: 'outbound', from: addressOf('bob') }, row('bob', LEFT_STATE));
    expect(ann.eventLog()).toEqual(['left bob']);
  });

  test.each<[string, MessageSource]>([
    ['a datagram of another member', { kind: 'packet', from: addressOf('cat') }],
    ['the table of another member', { kind: 'outbound', from: addressOf('cat') }],
    ['whoever dials from its address', { kind: 'inbound', from: addressOf('bob') }],
  ])('from %s is asked for first, and not passed on until then', (_, source) => {
    const ann = careful();
    if (source.kind === 'packet') ann.receive(left('bob'), source.from);
    else ann.mergeFrom(source, row('bob', LEFT_STATE));
    expect([ann.state('bob'), ann.drainBroadcasts()]).toEqual(['alive', []]);
    expect(asked(ann)).toMatchObject([{ about: left('bob') }]);
  });
});

describe('a leave that others tell of', () => {
  const told = (): Actor => careful().receive(left('bob'), addressOf('cat'));

  test('of a member that does not answer is true after a second', () => {
    const ann = told();
    ann.pass(999);
    expect(ann.state('bob')).toBe('alive');
    expect(asked(ann)).toHaveLength(2);
    ann.pass(1);
    expect(ann.eventLog()).toEqual(['left bob']);
    expect(ann.drainBroadcasts()).toEqual([left('bob')]);
  });

  test('names the one who told it as its source', () => {
    expect(told().pass(1000).facts().at(-1)).toMatchObject({
      ...{ kind: 'memberDeclaredDead', node: 'bob', left: true },
      reason: { kind: 'message', by: 'bob', source: addressOf('cat').key },
    });
  });

  test('is true at once when the member repeats it', () => {
    const ann = told().receive(left('bob'), addressOf('bob'));
    expect(ann.eventLog()).toEqual(['left bob']);
    expect(ann.pass(5000).eventLog()).toEqual([]);
  });

  test('of a member that still answers, and stops a little later, is true then', () => {
    const ann = told();
    for (let i = 0; i < 3; i++) {
      ann.receive(ack(asked(ann)[0]?.seqNo as number), addressOf('bob'));
      expect(ann.state('bob')).toBe('alive');
      ann.pass(500);
    }
    ann.pass(1000);
    expect(ann.state('bob')).toBe('left');
  });

  test('of a member that answers and refutes is false, and that is a fact', () => {
    const ann = told();
    ann
      .receive(ack(asked(ann)[0]?.seqNo as number), addressOf('bob'))
      .receive(alive('bob', 2), addressOf('bob'));
    expect(ann.facts()).toContainEqual({
      ...{ kind: 'leaveUnconfirmed', node: 'bob', source: addressOf('cat').key },
    });
    expect(ann.pass(3000).state('bob')).toBe('alive');
  });

  test('of a member that answers on and on is false', () => {
    const ann = new Actor('ann', { dialBack: true, probeInterval: 600_000 }).knowingAll('bob');
    ann.receive(left('bob'), addressOf('cat'));
    let answers = 0;
    for (let i = 0; i < 40; i++) {
      for (const { seqNo } of asked(ann)) {
        answers += 1;
        ann.receive(ack(seqNo), addressOf('bob'));
      }
      ann.pass(500);
    }
    expect([ann.state('bob'), answers]).toEqual(['alive', 20]);
    expect(ann.eventLog()).toEqual([]);
  });

  test('is not refuted by an announcement from before it', () => {
    const ann = careful()
      .receive(left('bob', 4), addressOf('cat'))
      .receive(alive('bob', 4), addressOf('cat'));
    expect(ann.pass(1000).state('bob')).toBe('left');
    expect(ann.incarnationOf('bob')).toBe(4);
  });

  test('of a suspect ends its suspicion as a leave', () => {
    const ann = careful().receive(suspect('bob', 'cat'), addressOf('cat'));
    ann.receive(left('bob'), addressOf('cat')).pass(1000);
    expect(ann.state('bob')).toBe('left');
    expect(ann.pass(60_000).eventLog()).toEqual(['left bob']);
  });

  test('does not turn a member that has failed into one that left', () => {
    const ann = careful()
      .receive(dead('bob', 'cat'), addressOf('cat'))
      .pass(1000)
      .receive(left('bob'), addressOf('cat'));
    expect(ann.pass(2000).state('bob')).toBe('dead');
  });

  test('is believed at once where dialBack is off, as by memberlist', () => {
    expect(careful(false).receive(left('bob'), addressOf('cat')).state('bob')).toBe('left');
  });
});

test('who suspects a member that has left is told so', () => {
  const ann = careful().receive(left('bob'), addressOf('bob'));
  ann.take();
  ann.receive(suspect('bob', 'cat'), addressOf('cat'));
  expect(ann.sends().map(({ message, to }) => [message, to.key])).toEqual([
    [left('bob'), addressOf('cat').key],
  ]);
});
