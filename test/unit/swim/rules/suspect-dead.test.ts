import { describe, expect, test } from 'vitest';
import { ACCUSATION_BURST, ACCUSATION_REFILL_INTERVAL } from '../../../../src/swim/state/accusation-limit.ts';
import { Actor, ack, addressOf, alive, dead, left, row, suspect } from '../helpers.ts';

const five = (): Actor => new Actor('ann').knowing('bob', 'cat', 'dan', 'eve');

test('an accusation of nobody we know, or at an old incarnation, is nothing', () => {
  const ann = five().hear(alive('bob', 3));
  ann.take();
  ann.said();
  ann
    .hear(suspect('zoe', 'cat'))
    .hear(dead('zoe', 'cat'))
    .hear(suspect('bob', 'cat', 2))
    .hear(dead('bob', 'cat', 2));
  expect(ann.take()).toEqual([]);
  expect(ann.state('bob')).toBe('alive');
});

test('a suspicion is told on, and runs for the longest time when nobody confirms', () => {
  const ann = five().hear(suspect('bob', 'cat'));
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
  expect(ann.said()).toEqual([suspect('bob', 'cat')]);
  ann.pass(23_999);
  expect(ann.state('bob')).toBe('suspect');
  ann.pass(1);
  expect(ann.state('bob')).toBe('dead');
  expect(ann.plot()).toEqual(['dead bob']);
  expect(ann.said()).toEqual([dead('bob', 'ann')]);
});

test('confirmations shorten it, and are told on while they count', () => {
  const ann = five().hear(suspect('bob', 'cat'));
  ann.said();
  ann.take();
  ann.hear(suspect('bob', 'dan'));
  expect(ann.said()).toEqual([suspect('bob', 'dan')]);
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
  ann.hear(suspect('bob', 'dan')).hear(suspect('bob', 'cat'));
  expect(ann.said()).toEqual([]);
  ann.hear(suspect('bob', 'eve'));
  expect(ann.said()).toEqual([suspect('bob', 'eve')]);
  ann.hear(suspect('bob', 'fay'));
  expect(ann.said()).toEqual([]);
  ann.pass(4000);
  expect(ann.state('bob')).toBe('dead');
});

test('dead ends a suspicion at once; the timer stays silent afterwards', () => {
  const ann = five().hear(suspect('bob', 'cat')).hear(dead('bob', 'dan'));
  expect(ann.plot()).toEqual(['dead bob']);
  ann.said();
  ann.pass(20_000);
  expect(ann.plot()).toEqual([]);
});

test('nothing is left to wait for when the accused has left', () => {
  const ann = five().hear(suspect('dan', 'cat'));
  expect(ann.swim.deadline).toBe(23_000); // the last call
  ann.hear(left('dan'));
  expect(ann.swim.deadline).toBe(Number.POSITIVE_INFINITY);
});

describe('the dead', () => {
  /** When each was asked, in seconds, of those pings that tell them what we hold against them. */
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

  test('are asked after 2 s, and ever more rarely while we have their rows, whether it is so', () => {
    const ann = five().hear(dead('bob', 'cat', 3));
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

  test('are not asked once they are back, nor by one who has left', () => {
    const back = five()
      .hear(dead('bob', 'cat', 3))
      .hear(alive('bob', 4));
    back.take();
    expect(asked(back, 'bob', 60_000)).toEqual([]);
    const gone = five().hear(dead('bob', 'cat', 3));
    gone.do((swim, now, out) => swim.leave(now, out)).take();
    expect(asked(gone, 'bob', 60_000)).toEqual([]);
  });

  test('take turns: of a hundred at once four are asked in a second', () => {
    const names = Array.from({ length: 100 }, (_, i) => `m${i}`);
    const ann = new Actor('ann').knowing(...names);
    for (const name of names) ann.pass(100).hear(dead(name, 'cat', 3), addressOf(name));
    ann.take();
    const pings = ann.pass(20_000).sends();
    expect(pings.length).toBeGreaterThan(70);
    expect(pings.length).toBeLessThanOrEqual(81);
  });
});

test('dead by its own word is left', () => {
  const ann = five().hear(left('bob'));
  expect(ann.state('bob')).toBe('left');
  expect(ann.events()).toMatchObject([{ kind: 'memberDown', left: true, by: 'bob' }]);
});

test('who is down is not told to be down again, and does not get better or worse by it', () => {
  const ann = five().hear(dead('bob', 'cat')).hear(left('dan'));
  ann.take();
  ann.said();
  ann.hear(dead('bob', 'eve')).hear(left('bob')).hear(suspect('bob', 'eve')).hear(dead('dan', 'eve'));
  expect([ann.state('bob'), ann.state('dan')]).toEqual(['dead', 'left']);
  expect(ann.take()).toEqual([]);
  expect(ann.said()).toEqual([]);
});

test('after a refutation a new suspicion starts from the beginning', () => {
  const ann = five().hear(suspect('bob', 'cat'));
  ann.pass(20_000);
  ann.hear(alive('bob', 2)).hear(suspect('bob', 'cat', 2));
  ann.pass(23_000);
  expect(ann.state('bob')).toBe('suspect');
});

test('the highest incarnation in any admitted evidence is kept, for suspects and for the dead', () => {
  const ann = five()
    .hear(suspect('bob', 'cat'))
    .hear(suspect('bob', 'cat', 5));
  expect(ann.incarnationOf('bob')).toBe(5);
  ann.hear(alive('bob', 5));
  expect(ann.state('bob')).toBe('suspect');
  ann
    .hear(dead('bob', 'cat', 6))
    .hear(dead('bob', 'cat', 8))
    .hear(suspect('bob', 'cat', 9));
  expect([ann.state('bob'), ann.incarnationOf('bob')]).toEqual(['dead', 9]);
  ann.hear(alive('bob', 9));
  expect(ann.state('bob')).toBe('dead');
});

test('a suspicion that ends declares dead at the incarnation that was held then', () => {
  const ann = five()
    .hear(suspect('bob', 'cat'))
    .hear(suspect('bob', 'cat', 5));
  ann.said();
  ann.pass(24_000);
  expect(ann.said()).toEqual([dead('bob', 'ann', 5)]);
});

test('G5: who is accused anew at a higher incarnation has answered, and gets all its time again', () => {
  const ann = five().hear(suspect('bob', 'cat'));
  ann.pass(12_000);
  ann.take();
  // Its answer @5 never came here; with dan for a confirmation bob would be dead at once.
  ann.hear(suspect('bob', 'dan', 5));
  expect(ann.facts()).toMatchObject([
    { kind: 'suspicionCleared', node: 'bob', incarnation: 5 },
    { kind: 'memberSuspected', node: 'bob', by: 'dan', incarnation: 5, deadline: 36_000 },
  ]);
  ann.pass(23_999);
  expect(ann.state('bob')).toBe('suspect');
  expect(ann.hear(alive('bob', 6)).state('bob')).toBe('alive');
});

test('evidence that raises an incarnation and nothing else is a fact, so that readers see it', () => {
  const ann = five().hear(dead('bob', 'cat'));
  ann.take();
  ann.hear(suspect('bob', 'cat', 5));
  expect(ann.facts()).toEqual([{ kind: 'incarnationRaised', node: 'bob', incarnation: 5 }]);
  expect(ann.hear(alive('cat', 2)).facts()).toEqual([
    { kind: 'incarnationRaised', node: 'cat', incarnation: 2 },
  ]);
});

describe('G5: the last call before a verdict', () => {
  /** What went to bob since, by kind. */
  const calls = (ann: Actor): string[] =>
    ann.take().flatMap((effect) => {
      if (effect.kind === 'streamPing')
        return [`stream ${effect.peer.identity.name} until ${effect.deadline}`];
      if (effect.kind === 'pushPull') return [`sync ${effect.peer.identity.name}`];
      return effect.kind === 'send' ? [`${effect.message.kind} with ${effect.compoundWith?.kind}`] : [];
    });
  const called = (): Actor => {
    const ann = five().hear(suspect('bob', 'cat'));
    ann.take();
    return ann.pass(23_000);
  };

  test('asks the suspect twice, tells it of what, and tries a stream; silence is death, no later than by the clock', () => {
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
      if (by === 'ack') ann.hear(ack(seqNo), addressOf('bob'));
      else ann.do((swim, now, out) => swim.onStreamPingEnd(seqNo, true, now, out));
      expect(calls(ann)).toContain('sync bob');
      ann.pass(3999);
      expect(ann.state('bob')).toBe('suspect');
      ann.pass(1); // asked again, and silent this time
      expect(ann.state('bob')).toBe('dead');
    },
  );

  test('a refutation ends it; a late answer then means nothing', () => {
    const ann = called();
    const { message } = ann.until('send');
    if (message.kind !== 'ping') throw new Error(message.kind);
    ann.hear(alive('bob', 2)).take();
    ann.hear(ack(message.seqNo)).pass(5000);
    expect(calls(ann)).toEqual([]);
    expect(ann.state('bob')).toBe('alive');
  });

  test('what others say is believed all the while', () => {
    const ann = called().hear(dead('bob', 'eve'));
    expect(ann.state('bob')).toBe('dead');
    expect(ann.take().filter(({ kind }) => kind === 'event').length).toBe(1);
    ann.pass(5000);
    expect(ann.events()).toEqual([]);
  });
});

describe('I10: a recorded reason', () => {
  const reasons = (ann: Actor) =>
    ann.facts().flatMap((fact) => ('reason' in fact ? [[fact.kind, fact.reason] as const] : []));

  test('of a row in a full exchange: who had it so', () => {
    const ann = five();
    const from = addressOf('cat');
    ann.mergeFrom({ kind: 'outbound', from }, row('bob', 2), row('dan', 3));
    expect(reasons(ann)).toEqual([
      ['memberSuspected', { kind: 'pushPull', state: 'dead', source: from.key }],
      ['memberDeclaredDead', { kind: 'pushPull', state: 'left', source: from.key }],
    ]);
  });

  test('of a suspicion that ran out: who accused, for how long, and why it began', () => {
    const ann = five().hear(suspect('bob', 'cat'), addressOf('eve')).hear(suspect('bob', 'dan'));
    ann.take();
    ann.pass(24_000);
    const cause = { kind: 'message', by: 'cat', source: addressOf('eve').key };
    expect(reasons(ann)).toEqual([
      ['memberDeclaredDead', { kind: 'timeout', accusers: ['cat', 'dan'], durationMs: 11_381, cause }],
    ]);
  });

  test('of a death that was told, and of our own farewell', () => {
    const ann = five().hear(dead('bob', 'cat'), addressOf('eve'));
    ann.do((swim, now, out) => void swim.leave(now, out));
    expect(reasons(ann)).toEqual([
      ['memberDeclaredDead', { kind: 'message', by: 'cat', source: addressOf('eve').key }],
      ['memberDeclaredDead', { kind: 'message', by: 'ann', source: addressOf('ann').key }],
    ]);
  });
});

describe('S7: accusations of one source', () => {
  const many = Array.from({ length: 2 * ACCUSATION_BURST }, (_, i) => `m${i}`);
  const crowd = (): Actor => new Actor('ann').knowing(...many);
  const accused = (ann: Actor) => many.filter((name) => ann.state(name) !== 'alive').length;

  test('above the limit are dropped and counted, whoever they name; others may still accuse', () => {
    const ann = crowd();
    for (const name of many) ann.hear(suspect(name, name === 'm0' ? 'm1' : 'm0'), addressOf('mal'));
    expect(accused(ann)).toBe(ACCUSATION_BURST);
    const dropped = ann.facts().filter(({ kind }) => kind === 'accusationRateLimited');
    expect(dropped.length).toBe(ACCUSATION_BURST);
    expect(dropped[0]).toMatchObject({ source: addressOf('mal').key, by: 'm0' });
    ann.hear(dead('m59', 'm0'), addressOf('honest'));
    expect(ann.state('m59')).toBe('dead');
  });

  test('what tells nothing new costs nothing, and time brings some back', () => {
    const ann = crowd();
    for (let i = 0; i < 5 * ACCUSATION_BURST; i++) ann.hear(suspect('m0', 'm1'), addressOf('mal'));
    for (const name of many) ann.hear(suspect(name, 'm1'), addressOf('mal'));
    expect(accused(ann)).toBe(ACCUSATION_BURST);
    ann.now += 3 * ACCUSATION_REFILL_INTERVAL;
    for (const name of many) ann.hear(suspect(name, 'm1'), addressOf('mal'));
    expect(accused(ann)).toBe(ACCUSATION_BURST + 3);
  });

  test('nor can one make us refute without end', () => {
    const ann = crowd();
    for (let i = 0; i < 5 * ACCUSATION_BURST; i++)
      ann.hear(suspect('ann', 'm1', ann.swim.incarnation), addressOf('mal'));
    expect(ann.swim.incarnation).toBe(1 + ACCUSATION_BURST);
  });

  test('a full exchange is one, however many rows it has', () => {
    const ann = crowd();
    const from = addressOf('mal');
    ann.mergeFrom({ kind: 'inbound', from }, ...many.map((name) => row(name, 1)));
    expect(accused(ann)).toBe(many.length);
    for (let i = 0; i < ACCUSATION_BURST; i++) {
      ann.hear(alive('m0', 2 + i));
      ann.mergeFrom({ kind: 'inbound', from }, row('m0', 1, 2 + i));
    }
    expect(ann.state('m0')).toBe('alive');
    expect(ann.facts()).toContainEqual({
      kind: 'accusationRateLimited',
      node: 'm0',
      by: from.key,
      source: from.key,
    });
  });
});
