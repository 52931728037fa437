import { describe, expect, test } from 'vitest';
import { Actor, ack, addressOf, alive, dead, left, suspect } from '../helpers.ts';

const started = (...others: string[]): Actor => {
  const ann = new Actor('ann').knowing(...others).start();
  ann.said();
  ann.take();
  return ann;
};
const nack = (seqNo: number) => ({ kind: 'nack', seqNo }) as const;
const accusations = (ann: Actor) => ann.facts().filter(({ kind }) => kind === 'memberSuspected');

test('the first probe comes within the first interval, then one each interval, of one member each', () => {
  const ann = started('bob', 'cat', 'dan', 'eve');
  const first = ann.untilPing();
  expect(ann.now).toBeLessThan(1000);
  const at = ann.now;
  ann.hear(ack(first.message.seqNo));
  const nodes = [first.message.node];
  for (let round = 1; round < 4; round++) {
    const { message } = ann.untilPing();
    expect(ann.now).toBeCloseTo(at + round * 1000, 6);
    ann.hear(ack(message.seqNo));
    nodes.push(message.node);
  }
  expect(nodes.sort()).toEqual(['bob', 'cat', 'dan', 'eve']);
});

test('a ping says whom it means and where the answer should go, and may carry gossip', () => {
  const ann = started('bob');
  expect(ann.untilPing()).toMatchObject({
    to: addressOf('bob'),
    peer: ann.swim.members.get('bob'),
    piggyback: true,
    message: {
      seqNo: 1,
      node: 'bob',
      sourceAddr: addressOf('ann').ip,
      sourcePort: addressOf('ann').port,
      sourceNode: 'ann',
    },
  });
});

test('an ack in time ends the round well, measures the way, and keeps a copy of the payload', () => {
  const ann = started('bob');
  const { message } = ann.untilPing();
  ann.now += 12;
  const payload = Uint8Array.of(1, 2);
  ann.hear(ack(message.seqNo, payload));
  payload.fill(9);
  expect(ann.take()).toEqual([
    { kind: 'roundTrip', peer: ann.swim.members.get('bob'), millis: 12, payload: Uint8Array.of(1, 2) },
  ]);
  ann.pass(900);
  expect(accusations(ann)).toEqual([]);
});

test('an ack of no round, or a second one, is nothing', () => {
  const ann = started('bob');
  const { message } = ann.untilPing();
  ann.hear(ack(message.seqNo + 77));
  expect(ann.take()).toEqual([]);
  ann.hear(ack(message.seqNo)).take();
  expect(ann.hear(ack(message.seqNo)).take()).toEqual([]);
});

test('a member that is down is not probed; a suspect is, and told so in the same packet', () => {
  const ann = started('bob', 'cat', 'dan');
  ann.hear(dead('cat', 'x')).hear(left('dan')).hear(suspect('bob', 'x'));
  for (let round = 0; round < 3; round++) {
    const ping = ann.untilPing('bob'); // of the dead we have second thoughts; that is no probe
    expect(ping).toMatchObject({
      message: { node: 'bob' },
      compoundWith: suspect('bob', 'ann'),
      piggyback: false,
    });
    ann.hear(ack(ping.message.seqNo));
  }
  expect(ann.facts().filter((fact) => fact.kind === 'probeFailed')).toEqual([]);
});

describe('when the direct ping gets no answer in time', () => {
  const silent = (...others: string[]): { ann: Actor; seqNo: number } => {
    const ann = started('bob', ...others);
    const { message } = ann.untilPing('bob');
    ann.take();
    ann.pass(500);
    return { ann, seqNo: message.seqNo };
  };

  test('up to three others are asked, and a stream is tried, both until the round is over', () => {
    const { ann, seqNo } = silent('cat', 'dan', 'eve', 'fay');
    const out = ann.take();
    const asked = out.filter((effect) => effect.kind === 'send');
    expect(asked.length).toBe(3);
    for (const { message, piggyback: fill, peer, to } of asked) {
      expect(message).toEqual({
        kind: 'indirectPing',
        seqNo,
        target: addressOf('bob').ip,
        port: addressOf('bob').port,
        node: 'bob',
        nack: true,
        sourceAddr: addressOf('ann').ip,
        sourcePort: addressOf('ann').port,
        sourceNode: 'ann',
      });
      expect([fill, peer?.identity.address]).toEqual([true, to]);
      expect(peer?.identity.name).not.toBe('bob');
    }
    expect(out.filter((effect) => effect.kind === 'streamPing')).toEqual([
      { kind: 'streamPing', seqNo, peer: ann.swim.members.get('bob'), deadline: ann.now + 500 },
    ]);
  });

  test('only peers that are alive and understand nacks are asked for them; old targets get no stream', () => {
    const ann = new Actor('ann');
    const version = (max: number) => Uint8Array.of(1, max, 2, 2, 5, 5);
    ann.hear(alive('bob', 1, { vsn: version(2) })).hear(alive('cat', 1, { vsn: version(3) }));
    ann.hear(alive('dan')).hear(suspect('dan', 'x')).start();
    ann.untilPing('bob');
    ann.take();
    ann.pass(500);
    const out = ann.take();
    expect(out.filter((effect) => effect.kind === 'send')).toMatchObject([
      { peer: { identity: { name: 'cat' } }, message: { kind: 'indirectPing', nack: false } },
    ]);
    expect(out.filter((effect) => effect.kind === 'streamPing')).toEqual([]);
  });

  test('a late or relayed ack saves the member, but measures nothing', () => {
    const { ann, seqNo } = silent('cat', 'dan');
    ann.take();
    ann.hear(ack(seqNo));
    expect(ann.take()).toEqual([]);
    ann.pass(600);
    expect(accusations(ann)).toEqual([]);
  });

  test('a stream that gets through saves it at the end of the round', () => {
    const { ann, seqNo } = silent('cat');
    ann.take();
    ann.do((swim, now, out) => swim.onStreamPingEnd(seqNo, true, now, out));
    expect(ann.take()).toEqual([]);
    ann.pass(500);
    const facts = ann.facts();
    expect(facts).toContainEqual({ kind: 'probeSavedByTcp', node: 'bob' });
    expect(facts.map(({ kind }) => kind)).not.toContain('memberSuspected');
  });

  test('a stream that fails, or reports too late, saves nobody', () => {
    const { ann, seqNo } = silent('cat');
    ann.do((swim, now, out) => swim.onStreamPingEnd(seqNo, false, now, out));
    ann.pass(500);
    ann.do((swim, now, out) => swim.onStreamPingEnd(seqNo, true, now, out));
    expect(ann.state('bob')).toBe('suspect');
  });

  test('silence to the end is a suspicion by our word, and is told on', () => {
    const { ann, seqNo } = silent('cat', 'dan');
    ann.hear(nack(seqNo)).hear(nack(seqNo));
    ann.said();
    ann.pass(499.9);
    expect(ann.state('bob')).toBe('alive');
    ann.pass(0.2);
    expect(ann.state('bob')).toBe('suspect');
    expect(ann.said()).toEqual([suspect('bob', 'ann')]);
    const facts = ann.facts();
    const reason = {
      kind: 'probe',
      seqNo,
      durationMs: 1000,
      helpers: expect.arrayContaining(['cat', 'dan']),
      nacks: 2,
      stream: true,
      awareness: 0,
      latenessMs: 0,
    };
    expect(facts).toContainEqual({ kind: 'probeFailed', node: 'bob', awareness: 0, reason });
    expect(facts).toContainEqual(expect.objectContaining({ kind: 'memberSuspected', node: 'bob', reason }));
  });

  test('missing nacks are held against ourselves: one point each', () => {
    const { ann, seqNo } = silent('cat', 'dan', 'eve');
    ann.hear(nack(seqNo));
    ann.pass(500);
    expect(ann.swim.awareness).toBe(2);
  });

  test('when nobody could be asked for nacks, a failure is one point', () => {
    const { ann } = silent();
    ann.pass(500);
    expect(ann.swim.awareness).toBe(1);
  });

  test('more nacks than were asked for do not make us healthier', () => {
    const { ann, seqNo } = silent('cat');
    ann.hear(suspect('ann', 'x')).hear(suspect('ann', 'x', 2));
    for (let i = 0; i < 9; i++) ann.hear(nack(seqNo));
    ann.pass(500);
    expect(ann.swim.awareness).toBe(2);
  });

  test('what the member announced during the round is not what we judge', () => {
    const { ann } = silent('cat');
    ann.hear(alive('bob', 2));
    ann.pass(500);
    expect(ann.state('bob')).toBe('alive');
  });
});

test('unwell, we wait longer for the indirect answers, and never run two rounds at once', () => {
  const ann = started('bob');
  ann.hear(suspect('ann', 'x', 1)).hear(suspect('ann', 'x', 2));
  ann.untilPing();
  const at = ann.now;
  expect(ann.swim.awareness).toBe(2);
  ann.take();
  ann.pass(2999);
  expect(ann.sends().filter(({ message }) => message.kind === 'ping')).toEqual([]);
  expect(ann.state('bob')).toBe('alive');
  ann.pass(2);
  expect(ann.state('bob')).toBe('suspect');
  expect(ann.untilPing().message.seqNo).toBe(2);
  expect(ann.now).toBeLessThan(at + 3002);
});

test('an ack makes us feel better', () => {
  const ann = started('bob').hear(suspect('ann', 'x', 1));
  ann.hear(ack(ann.untilPing().message.seqNo));
  expect(ann.swim.awareness).toBe(0);
});

test('a member that was dropped meanwhile is not accused, nor is one that took its name', () => {
  const ann = started('bob', 'cat');
  ann.untilPing('bob');
  ann.hear(left('bob')).do((swim, now, out) => swim.dropMember('bob', now, out));
  ann.hear(alive('bob', 1, { addr: Uint8Array.of(127, 8, 8, 8) }));
  ann.take();
  ann.pass(1000);
  expect(accusations(ann)).toEqual([]);
});

test('alone, rounds come and go without a ping', () => {
  const ann = started();
  ann.pass(10_000);
  expect(ann.sends()).toEqual([]);
});
