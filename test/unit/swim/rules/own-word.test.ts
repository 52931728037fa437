/** K1: what strangers raise is measured by the member's own word, and the member can always undo it. */
import { describe, expect, test } from 'vitest';
import { LEAD, MAX_LEAD, MAX_OWN_INCARNATION } from '../../../../src/swim/precedence.ts';
import { Actor, addressOf, alive, dead, row, suspect } from '../helpers.ts';

const careful = () => new Actor('ann', { dialBack: true }).knowingAll('bob', 'cat');
const asked = (ann: Actor): string[] =>
  ann.take().flatMap((effect) => (effect.kind === 'pushPull' ? [effect.peer.identity.name] : []));
const fromBob = { kind: 'outbound', from: addressOf('bob') } as const;

describe('what others say of a member', () => {
  test('leads no further than 64 at once, however many steps they take', () => {
    const ann = careful();
    for (let i = 1; i <= 2048; i++) ann.receive(alive('bob', i * 60), addressOf('eve'));
    expect(ann.incarnationOf('bob')).toBe(60);
    ann
      .receive(suspect('bob', 'cat', 65))
      .receive(suspect('bob', 'cat', 66))
      .receive(dead('bob', 'cat', 66));
    expect([ann.incarnationOf('bob'), ann.state('bob')]).toEqual([65, 'suspect']);
  });

  test('that may be true all the same makes us ask the member, once in 5 s', () => {
    const ann = careful();
    ann.receive(alive('bob', 1000), addressOf('cat')).receive(alive('bob', 2000), addressOf('cat'));
    expect(asked(ann)).toEqual(['bob']);
    expect(asked(ann.pass(4000))).toEqual([]);
    expect(asked(ann.pass(2000))).toEqual(['bob']); // the second of them may have been the last
    expect(asked(ann.pass(20_000))).toEqual([]);
    expect(asked(ann.receive(alive('bob', 1000), addressOf('cat')))).toEqual(['bob']);
  });

  test('is not asked about later if the member has spoken meanwhile', () => {
    const ann = careful();
    ann.receive(alive('bob', 1000), addressOf('cat')).receive(alive('bob', 2000), addressOf('cat'));
    ann.mergeFrom(fromBob, row('bob', 0, 2000)).take();
    expect(asked(ann.pass(20_000))).toEqual([]);
  });

  test('also of one that nobody knows here', () => {
    expect(asked(careful().receive(alive('dan', 2 ** 31), addressOf('cat')))).toEqual(['dan']);
  });

  test('costs no more than 16 questions at once, and two a second', () => {
    const names = Array.from({ length: 40 }, (_, i) => `m${i}`);
    const ann = careful().knowingAll(...names);
    for (const name of names) ann.receive(alive(name, 1000), addressOf('cat'));
    expect(asked(ann)).toHaveLength(16);
    expect(asked(ann.pass(10_000)).length).toBeLessThanOrEqual(20 + 1);
  });
});

describe('what a member says of itself when it is asked', () => {
  test.each([1000, MAX_OWN_INCARNATION])('is believed at any height: %i', (incarnation) => {
    const ann = careful().receive(suspect('bob', 'cat', 1));
    ann.mergeFrom(fromBob, row('bob', 0, incarnation));
    expect([ann.state('bob'), ann.incarnationOf('bob')]).toEqual(['alive', incarnation]);
  });

  test('is not what it wrote into its own push/pull, nor what a datagram of its address has', () => {
    const ann = careful().mergeFrom({ ...fromBob, kind: 'inbound' }, row('bob', 0, 1000));
    ann.receive(alive('bob', 1000), addressOf('bob'));
    ann.mergeFrom({ kind: 'outbound', from: addressOf('cat') }, row('bob', 0, 1000));
    expect(ann.incarnationOf('bob')).toBe(1);
  });

  test.each([0, 1, 2, 3])('undoes what others have led us to (state %i)', (state) => {
    const ann = new Actor('ann', { dialBack: true }).mergeFrom(
      { kind: 'outbound', from: addressOf('liar') },
      row('bob', 0, 2 ** 30),
    );
    if (state > 0) ann.mergeFrom({ kind: 'outbound', from: addressOf('bob') }, row('bob', state, 2 ** 30));
    ann.take();
    ann.mergeFrom(fromBob, row('bob', 0, 7));
    expect(ann.facts()).toContainEqual({
      kind: 'incarnationCorrected',
      node: 'bob',
      incarnation: 7,
      held: 2 ** 30,
    });
    expect([ann.state('bob'), ann.incarnationOf('bob')]).toEqual(['alive', 7]);
    ann.receive(alive('bob', 8), addressOf('cat'));
    expect(ann.incarnationOf('bob')).toBe(8);
  });

  test('does not lower what it will outbid itself', () => {
    const ann = careful().receive(alive('bob', 60));
    ann.mergeFrom(fromBob, row('bob', 0, 1));
    expect(ann.incarnationOf('bob')).toBe(60);
  });

  test('is asked for when it is far below what is held', () => {
    const ann = new Actor('ann', { dialBack: true }).mergeFrom(
      { kind: 'outbound', from: addressOf('liar') },
      row('bob', 0, 2 ** 30),
    );
    expect(asked(ann.receive(alive('bob', 2 ** 30 - LEAD)))).toEqual([]);
    expect(asked(ann.receive(alive('bob', 7)))).toEqual(['bob']);
  });
});

describe('what others say of this agent', () => {
  test('is followed as far as they can have led its peers, and then 16 a second', () => {
    const ann = careful();
    ann.receive(dead('ann', 'bob', MAX_LEAD), addressOf('bob'));
    expect(ann.swim.incarnation).toBe(MAX_LEAD + 1);
    ann.receive(dead('ann', 'bob', MAX_LEAD + 200), addressOf('bob'));
    expect(ann.swim.incarnation).toBe(MAX_LEAD + 1);
    ann.pass(12_500).receive(dead('ann', 'bob', MAX_LEAD + 200), addressOf('bob'));
    expect(ann.swim.incarnation).toBe(MAX_LEAD + 201);
  });

  test('is answered by its own word where it goes too far', () => {
    const ann = careful();
    ann.take();
    const answer = [{ to: addressOf('bob'), message: alive('ann', 1) }];
    expect(ann.receive(dead('ann', 'cat', 2 ** 30), addressOf('bob')).sends()).toMatchObject(answer);
    ann.pass(200).take();
    expect(ann.mergeFrom(fromBob, row('ann', 0, 2 ** 30)).sends()).toMatchObject(answer);
    ann.pass(200).take();
    expect(ann.mergeFrom(fromBob, row('ann', 2, 2 ** 30)).sends()).toMatchObject(answer);
  });
});
