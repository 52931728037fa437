import { describe, expect, test } from 'vitest';
import type { MessageSource } from '../../../../src/swim/rules/source.ts';
import { Actor, ack, addressOf, alive, row } from '../helpers.ts';

const careful = (...others: string[]): Actor => new Actor('ann', { dialBack: true }).knowingAll(...others);
const served: MessageSource = { kind: 'inbound', from: addressOf('behind-nat') };

/** Sequence numbers of the pings to a name. */
const pingsOf = (ann: Actor, node: string): number[] =>
  ann
    .sends()
    .flatMap(({ message }) => (message.kind === 'ping' && message.node === node ? [message.seqNo] : []));

describe('S9: an unknown member that nobody introduces', () => {
  test('that dials us is verified, and announced once it answers: one round trip', () => {
    const ann = careful('cat').mergeFrom(served, row('bob', 0));
    expect([ann.state('bob'), ann.swim.broadcasts.size]).toEqual([undefined, 0]);
    const [seqNo] = pingsOf(ann, 'bob');
    ann.receive(ack(seqNo as number), addressOf('bob'));
    expect(ann.state('bob')).toBe('alive');
    expect(ann.drainBroadcasts()).toEqual([alive('bob', 1)]);
  });

  test('that gossips about itself is verified too', () => {
    const ann = careful('cat').receive(alive('bob', 1), addressOf('bob'));
    expect(ann.state('bob')).toBeUndefined();
    expect(pingsOf(ann, 'bob').length).toBe(1);
  });

  test('that sends and cannot receive is never announced, nor added to the table, and that is a fact', () => {
    const ann = careful('cat').mergeFrom(served, row('bob', 0));
    const kinds = ann
      .pass(5000)
      .take()
      .map((effect) => (effect.kind === 'fact' ? effect.fact.kind : effect.kind));
    expect(kinds.filter((kind) => kind === 'send').length).toBe(4);
    expect(kinds.filter((kind) => kind === 'streamPing').length).toBe(3);
    expect(kinds.at(-1)).toBe('memberUnverified');
    expect(ann.swim.broadcasts.size).toBe(0);
    expect(ann.swim.localStates().map(({ name }) => name)).toEqual(['ann', 'cat']);
  });

  test('and closes the connection of a ping: the fact says so', () => {
    const ann = careful('cat').mergeFrom(served, row('bob', 0));
    for (let attempt = 2; attempt <= 4; attempt++) {
      const { seqNo } = ann.until('streamPing');
      ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'closed', now, out));
    }
    const facts = ann
      .pass(5000)
      .take()
      .flatMap((effect) => (effect.kind === 'fact' ? [effect.fact] : []));
    expect(facts.at(-1)).toMatchObject({ kind: 'memberUnverified', node: 'bob', streamFailure: 'closed' });
  });

  test('may answer over a stream where UDP is blocked, half a second later', () => {
    const ann = careful('cat').mergeFrom(served, row('bob', 0));
    const { seqNo } = ann.until('streamPing');
    expect(ann.now).toBeLessThan(500);
    ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'acked', now, out));
    expect(ann.state('bob')).toBe('alive');
  });

  test('is not asked again once a member has introduced it', () => {
    const ann = careful('cat').receive(alive('bob', 1), addressOf('bob'));
    const [seqNo] = pingsOf(ann, 'bob');
    ann.receive(alive('bob', 1), addressOf('cat'));
    expect(ann.state('bob')).toBe('alive');
    const kinds = ann
      .pass(5000)
      .take()
      .map((effect) => (effect.kind === 'fact' ? effect.fact.kind : effect.kind));
    expect(kinds.filter((kind) => kind === 'streamPing' || kind === 'memberUnverified')).toEqual([]);
    ann.receive(ack(seqNo as number), addressOf('bob')); // what it answered to, long ago
    expect(ann.state('bob')).toBe('alive');
  });

  test('is asked on while what was said of it is older than what it says of itself', () => {
    const ann = careful('cat').receive(alive('bob', 3), addressOf('bob'));
    ann.receive(alive('bob', 1), addressOf('cat'));
    ann.until('streamPing');
  });

  test('has one verification at a time, and the highest incarnation of its claims counts', () => {
    const ann = careful('cat')
      .mergeFrom(served, row('bob', 0, 1))
      .mergeFrom(served, row('bob', 0, 3));
    const pings = pingsOf(ann, 'bob');
    expect(pings.length).toBe(1);
    ann.receive(ack(pings[0] as number));
    expect(ann.incarnationOf('bob')).toBe(3);
  });

  test('cannot fill the memory: there are at most 1024 verifications', () => {
    const ann = careful('cat');
    for (let i = 0; i < 1500; i++) ann.mergeFrom(served, row(`ghost-${i}`, 0));
    expect(ann.sends().length).toBe(1024);
    ann.pass(5000).take();
    ann.mergeFrom(served, row('bob', 0));
    expect(pingsOf(ann, 'bob').length).toBe(1);
  });
});

describe('is not verified', () => {
  test('if a member introduces it', () => {
    const ann = careful('cat').receive(alive('bob', 1), addressOf('cat'));
    expect(ann.state('bob')).toBe('alive');
  });

  test('if this agent dialed', () => {
    const ann = careful().mergeFrom(
      { kind: 'outbound', from: addressOf('cat') },
      row('cat', 0),
      row('bob', 0),
    );
    expect([ann.state('bob'), ann.state('cat')]).toEqual(['alive', 'alive']);
  });

  test('if it comes with many others: that is another part of a cluster', () => {
    const crowd = Array.from({ length: 65 }, (_, i) => row(`m${i}`, 0));
    expect(careful().mergeFrom(served, ...crowd).swim.members.size).toBe(66);
  });

  test('if dial-back is switched off', () => {
    const ann = new Actor('ann', { dialBack: false }).mergeFrom(served, row('bob', 0));
    expect(ann.state('bob')).toBe('alive');
  });
});

describe('I3: an unrefutable accusation', () => {
  const TOP = 2 ** 32 - 1;
  const from = addressOf('gopher');
  const kinds = (ann: Actor) => ann.facts().map(({ kind }) => kind);

  test('is refused as a message: its sender may have forged it', () => {
    const ann = new Actor('ann').knowing('bob', 'cat');
    ann.receive({ kind: 'dead', incarnation: TOP, node: 'ann', from: 'bob' });
    expect(kinds(ann)).toEqual(['gossipMessageRefused']);
    expect(ann.swim.localStates().map(({ name }) => name)).toContain('ann');
    expect(ann.swim.incarnation).toBe(1);
  });

  test.each([
    ['dead', 2, TOP],
    ['left', 3, TOP],
    ['suspect', 1, TOP],
    ['after a leap', 2, 1 + 2 ** 20 + 1],
  ])(
    'in the table of a peer (%s): quiet until it has dropped the row, then announced again, low',
    (_, state, incarnation) => {
      const ann = new Actor('ann').knowing('bob', 'cat');
      ann.mergeFrom({ kind: 'outbound', from }, row('ann', state, incarnation));
      const [fact] = ann.facts();
      expect(fact).toEqual({ kind: 'unrefutableAccusation', incarnation, source: from.key, until: 34_000 });
      ann.mergeFrom({ kind: 'outbound', from }, row('ann', state, incarnation));
      expect(ann.take()).toEqual([]); // recorded once
      ann.drainBroadcasts();
      ann.pass(33_999).take();
      expect(ann.swim.localStates().map(({ name }) => name)).toEqual(['bob', 'cat']);
      expect(ann.drainBroadcasts()).toEqual([]);
      ann.pass(1);
      expect(ann.take().filter(({ kind }) => kind === 'pushPull').length).toBe(2);
      expect(ann.drainBroadcasts()).toEqual([alive('ann', 1)]);
      expect(ann.swim.localStates().map(({ name }) => name)).toContain('ann');
    },
  );

  test('other accusations are refuted meanwhile', () => {
    const ann = new Actor('ann').knowing('bob', 'cat');
    ann.mergeFrom({ kind: 'outbound', from }, row('ann', 2, TOP)).take();
    ann.drainBroadcasts();
    ann.receive({ kind: 'suspect', incarnation: 1, node: 'ann', from: 'bob' });
    expect(ann.drainBroadcasts()).toEqual([alive('ann', 2)]);
  });
});
