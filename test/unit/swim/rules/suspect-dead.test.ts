import { describe, expect, test } from 'vitest';
import { Actor, ack, addressOf, alive, dead, left, row, suspect } from '../helpers.ts';

const five = (): Actor => new Actor('ann').knowing('bob', 'cat', 'dan', 'eve');

test('an accusation of an unknown member, or at an old incarnation, is ignored', () => {
  const ann = five().receive(alive('bob', 3));
  ann.take();
  ann.drainBroadcasts();
  ann
    .receive(suspect('zoe', 'cat'))
    .receive(dead('zoe', 'cat'))
    .receive(suspect('bob', 'cat', 2))
    .receive(dead('bob', 'cat', 2));
  expect(ann.take()).toEqual([]);
  expect(ann.state('bob')).toBe('alive');
});

test('a suspicion is broadcast, and lasts for the longest time when nobody confirms it', () => {
  const ann = five().receive(suspect('bob', 'cat'));
  expect(ann.facts()).toEqual([
    {
      kind: 'memberSuspected',
      node: 'bob',
      by: 'cat',
      incarnation: 1,
      deadline: 24_000,
      reason: { kind: 'message', by: 'cat', source: addressOf('someone').key },
    },
  ]);
  expect(ann.drainBroadcasts()).toEqual([suspect('bob', 'cat')]);
  ann.pass(23_999);
  expect(ann.state('bob')).toBe('suspect');
  ann.pass(1);
  expect(ann.state('bob')).toBe('dead');
  expect(ann.eventLog()).toEqual(['dead bob']);
  expect(ann.drainBroadcasts()).toEqual([dead('bob', 'ann')]);
});

test('confirmations shorten it, and are broadcast while they count', () => {
  const ann = five().receive(suspect('bob', 'cat'));
  ann.drainBroadcasts();
  ann.take();
  ann.receive(suspect('bob', 'dan'));
  expect(ann.drainBroadcasts()).toEqual([suspect('bob', 'dan')]);
  expect(ann.facts()).toEqual([
    {
      kind: 'suspicionConfirmed',
      node: 'bob',
      by: 'dan',
      confirmations: 1,
      deadline: 11_381,
      reason: { kind: 'message', by: 'dan', source: addressOf('someone').key },
    },
  ]);
  ann.receive(suspect('bob', 'dan')).receive(suspect('bob', 'cat'));
  expect(ann.drainBroadcasts()).toEqual([]);
  ann.receive(suspect('bob', 'eve'));
  expect(ann.drainBroadcasts()).toEqual([suspect('bob', 'eve')]);
  ann.receive(suspect('bob', 'fay'));
  expect(ann.drainBroadcasts()).toEqual([]);
  ann.pass(4000);
  expect(ann.state('bob')).toBe('dead');
});

test('a dead message ends a suspicion and its timer at once', () => {
  const ann = five().receive(suspect('bob', 'cat')).receive(dead('bob', 'dan'));
  expect(ann.eventLog()).toEqual(['dead bob']);
  ann.drainBroadcasts();
  ann.pass(20_000);
  expect(ann.eventLog()).toEqual([]);
});

test('a leave ends a suspicion', () => {
  const ann = five().receive(suspect('dan', 'cat'));
  expect(ann.swim.deadline).toBe(23_000); // the last call
  ann.receive(left('dan'));
  expect(ann.swim.deadline).toBe(Number.POSITIVE_INFINITY);
});

describe('dead members', () => {
  /** The times of each member's pings with an accusation, in seconds. */
  const asked = (ann: Actor, node: string, until: number): number[] => {
    const at: number[] = [];
    const end = ann.now + until;
    while (ann.swim.deadline <= end) {
      ann.pass(ann.swim.deadline - ann.now);
      for (const { to, message, compoundWith } of ann.sends())
        if (message.kind === 'ping' && message.node === node) {
          expect([to, compoundWith]).toEqual([addressOf(node), dead(node, 'ann', 3)]);
          at.push(ann.now / 1000);
        }
    }
    return at;
  };

  test('are probed after 2 s, and with growing intervals while they have rows', () => {
    const ann = five().receive(dead('bob', 'cat', 3));
    ann.take();
    const at = asked(ann, 'bob', 70_000);
    const waits = at.map((one, i) => one - (at[i - 1] ?? 0));
    for (const [i, wanted] of [2, 4, 8, 16, 16].entries()) {
      expect(waits[i]).toBeGreaterThanOrEqual(0.75 * wanted);
      expect(waits[i]).toBeLessThanOrEqual(1.25 * wanted);
    }
    ann.do((swim, now, out) => swim.dropMember('bob', now, out));
    expect(asked(ann, 'bob', 60_000)).toEqual([]);
  });

  test('are not probed once they are back, nor by a member that has left', () => {
    const back = five()
      .receive(dead('bob', 'cat', 3))
      .receive(alive('bob', 4));
    back.take();
    expect(asked(back, 'bob', 60_000)).toEqual([]);
    const gone = five().receive(dead('bob', 'cat', 3));
    gone.do((swim, now, out) => swim.leave(now, out)).take();
    expect(asked(gone, 'bob', 60_000)).toEqual([]);
  });

  test('take turns: of a hundred, four are probed in a second', () => {
    const names = Array.from({ length: 100 }, (_, i) => `m${i}`);
    const ann = new Actor('ann').knowing(...names);
    for (const name of names) ann.pass(100).receive(dead(name, 'cat', 3), addressOf(name));
    ann.take();
    const pings = ann.pass(20_000).sends();
    expect(pings.length).toBeGreaterThan(70);
    expect(pings.length).toBeLessThanOrEqual(81);
  });
});

test('a dead message signed by the member itself is a leave', () => {
  const ann = five().receive(left('bob'));
  expect(ann.state('bob')).toBe('left');
  expect(ann.events()).toMatchObject([{ kind: 'memberDown', left: true, by: 'bob' }]);
});

test('an accusation of a member that is down changes no state and is not broadcast', () => {
  const ann = five().receive(dead('bob', 'cat')).receive(left('dan'));
  ann.take();
  ann.drainBroadcasts();
  ann
    .receive(dead('bob', 'eve'))
    .receive(left('bob'))
    .receive(suspect('bob', 'eve'))
    .receive(dead('dan', 'eve'));
  expect([ann.state('bob'), ann.state('dan')]).toEqual(['dead', 'left']);
  expect(ann.take()).toEqual([]);
  expect(ann.drainBroadcasts()).toEqual([]);
});

test('after a refutation a new suspicion starts from the beginning', () => {
  const ann = five().receive(suspect('bob', 'cat'));
  ann.pass(20_000);
  ann.receive(alive('bob', 2)).receive(suspect('bob', 'cat', 2));
  ann.pass(23_000);
  expect(ann.state('bob')).toBe('suspect');
});

test('the highest incarnation of all admitted accusations is kept, for suspects and dead members', () => {
  const ann = five()
    .receive(suspect('bob', 'cat'))
    .receive(suspect('bob', 'cat', 5));
  expect(ann.incarnationOf('bob')).toBe(5);
  ann.receive(alive('bob', 5));
  expect(ann.state('bob')).toBe('suspect');
  ann
    .receive(dead('bob', 'cat', 6))
    .receive(dead('bob', 'cat', 8))
    .receive(suspect('bob', 'cat', 9));
  expect([ann.state('bob'), ann.incarnationOf('bob')]).toEqual(['dead', 9]);
  ann.receive(alive('bob', 9));
  expect(ann.state('bob')).toBe('dead');
});

test('a suspicion that ends declares dead at the incarnation that was held then', () => {
  const ann = five()
    .receive(suspect('bob', 'cat'))
    .receive(suspect('bob', 'cat', 5));
  ann.drainBroadcasts();
  ann.pass(24_000);
  expect(ann.drainBroadcasts()).toEqual([dead('bob', 'ann', 5)]);
});

test('G5: an accusation at a higher incarnation starts a new suspicion with the whole time', () => {
  const ann = five().receive(suspect('bob', 'cat'));
  ann.pass(12_000);
  ann.take();
  // Its answer @5 never came here; with dan for a confirmation bob would be dead at once.
  ann.receive(suspect('bob', 'dan', 5));
  expect(ann.facts()).toMatchObject([
    { kind: 'suspicionCleared', node: 'bob', incarnation: 5 },
    { kind: 'memberSuspected', node: 'bob', by: 'dan', incarnation: 5, deadline: 36_000 },
  ]);
  ann.pass(23_999);
  expect(ann.state('bob')).toBe('suspect');
  expect(ann.receive(alive('bob', 6)).state('bob')).toBe('alive');
});

test('a message that only raises an incarnation is a fact', () => {
  const ann = five().receive(dead('bob', 'cat'));
  ann.take();
  ann.receive(suspect('bob', 'cat', 5));
  expect(ann.facts()).toEqual([{ kind: 'incarnationRaised', node: 'bob', incarnation: 5 }]);
  expect(ann.receive(alive('cat', 2)).facts()).toEqual([
    { kind: 'incarnationRaised', node: 'cat', incarnation: 2 },
  ]);
});

describe('G5: the verification of a suspect', () => {
  /** What went to bob since, by kind. */
  const calls = (ann: Actor): string[] =>
    ann.take().flatMap((effect) => {
      if (effect.kind === 'streamPing')
        return [`stream ${effect.peer.identity.name} until ${effect.deadline}`];
      if (effect.kind === 'pushPull') return [`sync ${effect.peer.identity.name}`];
      return effect.kind === 'send' ? [`${effect.message.kind} with ${effect.compoundWith?.kind}`] : [];
    });
  const called = (): Actor => {
    const ann = five().receive(suspect('bob', 'cat'));
    ann.take();
    return ann.pass(23_000);
  };

  test('pings the suspect twice with the accusation, and tries a stream; without an answer it is dead, no later than by the timeout', () => {
    const ann = called().pass(999);
    expect(calls(ann)).toEqual(['ping with suspect', 'stream bob until 24000', 'ping with suspect']);
    expect(ann.state('bob')).toBe('suspect');
    ann.pass(1);
    expect(ann.state('bob')).toBe('dead');
  });

  test.each(['ack', 'stream'])(
    'one that answers by %s is not dead: it gets our table, and more time to refute',
    (by) => {
      const ann = called();
      const { message } = ann.until('send');
      if (message.kind !== 'ping') throw new Error(message.kind);
      const { seqNo } = message;
      if (by === 'ack') ann.receive(ack(seqNo), addressOf('bob'));
      else ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'acked', now, out));
      expect(calls(ann)).toContain('sync bob');
      ann.pass(3999);
      expect(ann.state('bob')).toBe('suspect');
      ann.pass(1); // pinged again, without an ack
      expect(ann.state('bob')).toBe('dead');
    },
  );

  test('a refutation ends it; a late ack is ignored', () => {
    const ann = called();
    const { message } = ann.until('send');
    if (message.kind !== 'ping') throw new Error(message.kind);
    ann.receive(alive('bob', 2)).take();
    ann.receive(ack(message.seqNo)).pass(5000);
    expect(calls(ann)).toEqual([]);
    expect(ann.state('bob')).toBe('alive');
  });

  test('messages of peers are applied all the while', () => {
    const ann = called().receive(dead('bob', 'eve'));
    expect(ann.state('bob')).toBe('dead');
    expect(ann.take().filter(({ kind }) => kind === 'event').length).toBe(1);
    ann.pass(5000);
    expect(ann.events()).toEqual([]);
  });
});

describe('I10: a recorded reason', () => {
  const reasons = (ann: Actor) =>
    ann.facts().flatMap((fact) => ('reason' in fact ? [[fact.kind, fact.reason] as const] : []));

  test('of a row in a push/pull: the peer and its state', () => {
    const ann = five();
    const from = addressOf('cat');
    ann.mergeFrom({ kind: 'outbound', from }, row('bob', 2), row('dan', 3));
    expect(reasons(ann)).toEqual([
      ['memberSuspected', { kind: 'pushPull', state: 'dead', source: from.key }],
      ['memberDeclaredDead', { kind: 'pushPull', state: 'left', source: from.key }],
    ]);
  });

  test('of a suspicion that ended in death: accusers, duration, and cause', () => {
    const ann = five().receive(suspect('bob', 'cat'), addressOf('eve')).receive(suspect('bob', 'dan'));
    ann.take();
    ann.pass(24_000);
    const cause = { kind: 'message', by: 'cat', source: addressOf('eve').key };
    expect(reasons(ann)).toEqual([
      [
        'memberDeclaredDead',
        { kind: 'timeout', accusers: ['cat', 'dan'], durationMs: 11_381, cause, streamFailure: 'timeout' },
      ],
    ]);
  });

  test('of a death: how the last stream ping failed', () => {
    const ann = five().receive(suspect('bob', 'cat'), addressOf('eve'));
    const { seqNo } = ann.until('streamPing', ({ peer }) => peer.identity.name === 'bob');
    ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'refused', now, out)).pass(5000);
    expect(reasons(ann)).toContainEqual([
      'memberDeclaredDead',
      expect.objectContaining({ kind: 'timeout', streamFailure: 'refused' }),
    ]);
  });

  test("of a dead message of a peer, and of this agent's leave", () => {
    const ann = five().receive(dead('bob', 'cat'), addressOf('eve'));
    ann.do((swim, now, out) => void swim.leave(now, out));
    expect(reasons(ann)).toEqual([
      ['memberDeclaredDead', { kind: 'message', by: 'cat', source: addressOf('eve').key }],
      ['memberDeclaredDead', { kind: 'message', by: 'ann', source: addressOf('ann').key }],
    ]);
  });
});
