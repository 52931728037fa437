/** A peer declared a member dead: the member is asked before that is believed. */
import { describe, expect, test } from 'vitest';
import type { Ping } from '../../../../src/wire/memberlist.ts';
import { Actor, ack, addressOf, alive, dead, suspect } from '../helpers.ts';

const careful = (): Actor =>
  new Actor('ann', { dialBack: true, probeInterval: 600_000, probeTimeout: 500 }).knowingAll(
    ...['bob', 'cat', 'dan', 'eve'],
  );

/** The pings to bob since, and what came with them. */
const asked = (ann: Actor): { seqNo: number; accusation: string | undefined }[] =>
  ann
    .sends()
    .filter(({ message }) => message.kind === 'ping' && message.node === 'bob')
    .map(({ message, compoundWith }) => ({
      seqNo: (message as Ping).seqNo,
      accusation: compoundWith?.kind,
    }));

describe.each(['alive', 'suspect'])('the death, told by others, of a member that is %s here', (state) => {
  const told = (): Actor => {
    const ann = careful();
    if (state === 'suspect') ann.receive(suspect('bob', 'dan'), addressOf('dan'));
    ann.drainBroadcasts();
    ann.take();
    return ann.receive(dead('bob', 'cat'), addressOf('cat')).pass(0);
  };

  test('is passed on at once, and the member is asked at once', () => {
    const ann = told();
    expect(ann.state('bob')).toBe('suspect');
    expect(ann.drainBroadcasts()).toEqual([dead('bob', 'cat')]);
    expect(asked(ann)).toMatchObject([{ accusation: 'suspect' }]);
  });

  test('is true when the member does not answer here either', () => {
    const ann = told().pass(1000);
    expect(ann.eventLog()).toEqual(['dead bob']);
    expect(ann.state('bob')).toBe('dead');
  });

  test('says who declared it, and where that came from', () => {
    const reason = { kind: 'message', by: 'cat', source: addressOf('cat').key };
    expect(told().pass(1000).facts()).toContainEqual({
      ...{ kind: 'memberDeclaredDead', node: 'bob', by: 'cat', incarnation: 1, left: false, reason },
    });
  });

  test('is false when the member refutes', () => {
    const ann = told().receive(alive('bob', 2), addressOf('bob'));
    expect(ann.pass(30_000).state('bob')).toBe('alive');
    expect(ann.eventLog()).toEqual([]);
  });

  test('is not believed for being repeated, nor passed on again, while the member answers', () => {
    const ann = told();
    const { seqNo } = asked(ann)[0] as { seqNo: number };
    ann.drainBroadcasts();
    ann.receive(ack(seqNo), addressOf('bob'));
    for (const peer of ['cat', 'dan', 'eve']) ann.receive(dead('bob', peer), addressOf(peer)).pass(1000);
    expect(ann.state('bob')).toBe('suspect');
    expect(ann.drainBroadcasts()).toEqual([]);
  });

  test('is this agent’s own word where the member stops answering later', () => {
    const ann = told();
    ann.receive(ack((asked(ann)[0] as { seqNo: number }).seqNo), addressOf('bob'));
    const verdicts = ann
      .pass(24 * 600_000)
      .facts()
      .filter(({ kind }) => kind === 'memberDeclaredDead');
    expect(verdicts).toMatchObject([{ by: 'ann', reason: { kind: 'timeout' } }]);
  });
});

test('another death at a higher incarnation, which refuted the first, is asked about anew', () => {
  const ann = careful().receive(dead('bob', 'cat'), addressOf('cat')).pass(0);
  ann.receive(ack((asked(ann)[0] as { seqNo: number }).seqNo), addressOf('bob'));
  ann.take();
  ann.receive(dead('bob', 'cat', 2), addressOf('cat')).pass(0);
  expect(asked(ann)).toHaveLength(1);
  expect(ann.pass(1000).state('bob')).toBe('dead');
  expect(ann.incarnationOf('bob')).toBe(2);
});

test('it is believed at once where dialBack is off, as by memberlist', () => {
  const ann = new Actor('ann', { dialBack: false }).knowing('bob', 'cat');
  expect(ann.receive(dead('bob', 'cat'), addressOf('cat')).state('bob')).toBe('dead');
});
