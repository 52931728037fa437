import { describe, expect, test } from 'vitest';
import { Actor, ack, addressOf, alive, dead, left, suspect } from '../helpers.ts';

const started = (...others: string[]): Actor => {
  const ann = new Actor('ann').knowing(...others).start();
  ann.drainBroadcasts();
  ann.take();
  return ann;
};
const nack = (seqNo: number) => ({ kind: 'nack', seqNo }) as const;
const accusations = (ann: Actor) => ann.facts().filter(({ kind }) => kind === 'memberSuspected');

test('the first probe comes within the first interval, then one per interval', () => {
  const ann = started('bob', 'cat', 'dan', 'eve');
  const first = ann.untilPing();
  expect(ann.now).toBeLessThan(1000);
  const at = ann.now;
  ann.receive(ack(first.message.seqNo));
  const nodes = [first.message.node];
  for (let round = 1; round < 4; round++) {
    const { message } = ann.untilPing();
    expect(ann.now).toBeCloseTo(at + round * 1000, 6);
    ann.receive(ack(message.seqNo));
    nodes.push(message.node);
  }
  expect(nodes.sort()).toEqual(['bob', 'cat', 'dan', 'eve']);
});

test('a ping has target and source fields, and may carry gossip', () => {
  const ann = started('bob');
  expect(ann.untilPing()).toMatchObject({
    to: addressOf('bob'),
    peer: ann.swim.members.get('bob'),
    piggyback: true,
    message: {
      node: 'bob',
      sourceAddr: addressOf('ann').ip,
      sourcePort: addressOf('ann').port,
      sourceNode: 'ann',
    },
  });
});

test('an ack in time ends the round with success, measures the round trip, and copies the payload', () => {
  const ann = started('bob');
  const { message } = ann.untilPing();
  ann.now += 12;
  const payload = Uint8Array.of(1, 2);
  ann.receive(ack(message.seqNo, payload));
  payload.fill(9);
  expect(ann.take()).toEqual([
    { kind: 'roundTrip', peer: ann.swim.members.get('bob'), millis: 12, payload: Uint8Array.of(1, 2) },
  ]);
  ann.pass(900);
  expect(accusations(ann)).toEqual([]);
});

test('an ack of no round, or a second one, is ignored', () => {
  const ann = started('bob');
  const { message } = ann.untilPing();
  ann.receive(ack(message.seqNo + 77));
  expect(ann.take()).toEqual([]);
  ann.receive(ack(message.seqNo)).take();
  expect(ann.receive(ack(message.seqNo)).take()).toEqual([]);
});

test('a member that is down is not probed; a suspect is, with the accusation in the same packet', () => {
  const ann = started('bob', 'cat', 'dan');
  ann.receive(dead('cat', 'x')).receive(left('dan')).receive(suspect('bob', 'x'));
  for (let round = 0; round < 3; round++) {
    const ping = ann.untilPing('bob'); // of the dead we have second thoughts; that is no probe
    expect(ping).toMatchObject({
      message: { node: 'bob' },
      compoundWith: suspect('bob', 'ann'),
      piggyback: false,
    });
    ann.receive(ack(ping.message.seqNo));
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

  test('up to three helpers are asked, and a stream is tried, until the round is over', () => {
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
    ann.receive(alive('bob', 1, { vsn: version(2) })).receive(alive('cat', 1, { vsn: version(3) }));
    ann.receive(alive('dan')).receive(suspect('dan', 'x')).start();
    ann.untilPing('bob');
    ann.take();
    ann.pass(500);
    const out = ann.take();
    expect(out.filter((effect) => effect.kind === 'send')).toMatchObject([
      { peer: { identity: { name: 'cat' } }, message: { kind: 'indirectPing', nack: false } },
    ]);
    expect(out.filter((effect) => effect.kind === 'streamPing')).toEqual([]);
  });

  test('a late or relayed ack ends the round with success, but measures no round trip', () => {
    const { ann, seqNo } = silent('cat', 'dan');
    ann.take();
    ann.receive(ack(seqNo));
    expect(ann.take()).toEqual([{ kind: 'directPingLost', peer: ann.swim.members.get('bob') }]);
    ann.pass(600);
    expect(accusations(ann)).toEqual([]);
  });

  test('a stream ack ends the round with success, at its end', () => {
    const { ann, seqNo } = silent('cat');
    ann.take();
    ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'acked', now, out));
    expect(ann.take()).toEqual([]);
    ann.pass(500);
    const facts = ann.facts();
    expect(facts).toContainEqual({ kind: 'probeSavedByTcp', node: 'bob' });
    expect(facts.map(({ kind }) => kind)).not.toContain('memberSuspected');
  });

  test('a stream that fails, or whose ack is late, changes nothing', () => {
    const { ann, seqNo } = silent('cat');
    ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'timeout', now, out));
    ann.pass(500);
    ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'acked', now, out));
    expect(ann.state('bob')).toBe('suspect');
  });

  test('without an answer the member is suspected, and the suspicion broadcast', () => {
    const { ann, seqNo } = silent('cat', 'dan');
    ann.receive(nack(seqNo)).receive(nack(seqNo));
    ann.drainBroadcasts();
    ann.pass(499.9);
    expect(ann.state('bob')).toBe('alive');
    ann.pass(0.2);
    expect(ann.state('bob')).toBe('suspect');
    expect(ann.drainBroadcasts()).toEqual([suspect('bob', 'ann')]);
    const facts = ann.facts();
    const reason = {
      kind: 'probe',
      seqNo,
      durationMs: 1000,
      helpers: expect.arrayContaining(['cat', 'dan']),
      nacks: 2,
      stream: true,
      streamFailure: 'timeout', // no outcome has come by the end
      awareness: 0,
      latenessMs: 0,
    };
    expect(facts).toContainEqual({ kind: 'probeFailed', node: 'bob', awareness: 0, reason });
    expect(facts).toContainEqual(expect.objectContaining({ kind: 'memberSuspected', node: 'bob', reason }));
  });

  test.each([
    [['refused'], 'refused'],
    [['unreachable'], 'unreachable'],
    [['connected'], 'unanswered'],
    [['connected', 'closed'], 'closed'],
  ] as const)(
    'the reason of an accusation says how the stream ping failed: %j',
    (outcomes, streamFailure) => {
      const { ann, seqNo } = silent('cat', 'dan');
      for (const outcome of outcomes) ann.do((swim, now, out) => swim.onStreamPing(seqNo, outcome, now, out));
      ann.pass(500);
      expect(ann.facts()).toContainEqual(
        expect.objectContaining({
          kind: 'memberSuspected',
          reason: expect.objectContaining({ streamFailure }),
        }),
      );
    },
  );

  test('each missing nack costs one point of health', () => {
    const { ann, seqNo } = silent('cat', 'dan', 'eve');
    ann.receive(nack(seqNo));
    ann.pass(500);
    expect(ann.swim.awareness).toBe(2);
  });

  test('when no nack could be requested, a failure costs one point', () => {
    const { ann } = silent();
    ann.pass(500);
    expect(ann.swim.awareness).toBe(1);
  });

  test('more nacks than were asked for do not make us healthier', () => {
    const { ann, seqNo } = silent('cat');
    ann.receive(suspect('ann', 'x')).receive(suspect('ann', 'x', 2));
    for (let i = 0; i < 9; i++) ann.receive(nack(seqNo));
    ann.pass(500);
    expect(ann.swim.awareness).toBe(2);
  });

  test('the suspicion has the incarnation of the start of the round', () => {
    const { ann } = silent('cat');
    ann.receive(alive('bob', 2));
    ann.pass(500);
    expect(ann.state('bob')).toBe('alive');
  });
});

test('an unhealthy agent waits longer for indirect acks, and never runs two rounds at once', () => {
  const ann = started('bob');
  ann.receive(suspect('ann', 'x', 1)).receive(suspect('ann', 'x', 2));
  const first = ann.untilPing().message.seqNo;
  const at = ann.now;
  expect(ann.swim.awareness).toBe(2);
  ann.take();
  ann.pass(2999);
  expect(ann.sends().filter(({ message }) => message.kind === 'ping')).toEqual([]);
  expect(ann.state('bob')).toBe('alive');
  ann.pass(2);
  expect(ann.state('bob')).toBe('suspect');
  expect(ann.untilPing().message.seqNo).not.toBe(first);
  expect(ann.now).toBeLessThan(at + 3002);
});

test('an ack improves the health score', () => {
  const ann = started('bob').receive(suspect('ann', 'x', 1));
  ann.receive(ack(ann.untilPing().message.seqNo));
  expect(ann.swim.awareness).toBe(0);
});

test('a member that was dropped meanwhile is not accused, nor is one that claimed its name', () => {
  const ann = started('bob', 'cat');
  ann.untilPing('bob');
  ann.receive(left('bob')).do((swim, now, out) => swim.dropMember('bob', now, out));
  ann.receive(alive('bob', 1, { addr: Uint8Array.of(127, 8, 8, 8) }));
  ann.take();
  ann.pass(1000);
  expect(accusations(ann)).toEqual([]);
});

test('alone, rounds pass without a ping', () => {
  const ann = started();
  ann.pass(10_000);
  expect(ann.sends()).toEqual([]);
});
