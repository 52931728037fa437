import { describe, expect, test } from 'vitest';
import { DROPPED_RETENTION } from '../../../../src/swim/state/recently-dropped.ts';
import { Actor, ack, addressOf, alive, dead, left, row, suspect } from '../helpers.ts';

/** Answers every ping at once, so that nobody gets suspected, and lets time pass. */
function passInPeace(ann: Actor, millis: number): Actor {
  for (const end = ann.now + millis; ann.swim.deadline <= end; ) {
    ann.pass(ann.swim.deadline - ann.now);
    for (const effect of ann.take()) {
      if (effect.kind === 'event') seen.push(`${effect.event.kind} ${effect.event.member.identity.name}`);
      if (effect.kind === 'send' && effect.message.kind === 'ping' && !ghosts.has(effect.message.node))
        ann.hear(ack(effect.message.seqNo));
    }
  }
  return ann;
}
let seen: string[] = [];
const ghosts = new Set<string>();
const begin = (...others: string[]): Actor => {
  seen = [];
  ghosts.clear();
  return new Actor('ann').knowing(...others).start();
};

test('the dead and those that left keep their rows for 30 s, and are dropped at the next end of the ring', () => {
  const ann = begin('bob', 'cat', 'dan').hear(dead('bob', 'x')).hear(left('cat'));
  passInPeace(ann, 29_900);
  expect(seen).not.toContain('memberDropped bob');
  passInPeace(ann, 2_500);
  expect(seen).toEqual(expect.arrayContaining(['memberDropped bob', 'memberDropped cat']));
  expect([...ann.swim.members.all()].map(({ identity }) => identity.name)).toEqual(['ann', 'dan']);
});

test('an operator may drop one that is down before its time, but nobody that is up, nor us', () => {
  const ann = begin('bob', 'cat', 'dan').hear(dead('bob', 'x')).hear(suspect('cat', 'x'));
  ann.take();
  for (const name of ['bob', 'cat', 'dan', 'ann', 'nobody'])
    ann.do((swim, now, out) => swim.dropMember(name, now, out));
  expect(ann.plot()).toEqual(['memberDropped bob']);
  expect(ann.swim.members.size).toBe(3);
});

describe('a name that was dropped', () => {
  const elsewhere = Uint8Array.of(127, 9, 9, 9);
  const dropped = (incarnation = 5): Actor => {
    const ann = begin('cat')
      .hear(alive('bob', incarnation))
      .hear(dead('bob', 'x', incarnation));
    ann.do((swim, now, out) => swim.dropMember('bob', now, out)).take();
    ann.said();
    return ann;
  };

  test('is free for any address at a higher incarnation', () => {
    const ann = dropped().hear(alive('bob', 6, { addr: elsewhere }));
    expect(ann.plot()).toEqual(['memberJoined bob']);
  });

  test('is not alive again by old news: it is asked first, and believed when it answers', () => {
    const ann = dropped().merge(row('bob', 0, 5));
    expect(ann.state('bob')).toBeUndefined();
    const [ping] = ann.sends();
    expect(ping).toMatchObject({ to: addressOf('bob'), message: { kind: 'ping', node: 'bob' } });
    if (ping?.message.kind !== 'ping') throw new Error('no ping');
    ann.hear(ack(ping.message.seqNo));
    expect(ann.plot()).toEqual(['memberJoined bob']);
    expect(ann.incarnationOf('bob')).toBe(5);
  });

  test('even when it restarted from 1, under another address', () => {
    const ann = dropped().hear(alive('bob', 1, { addr: elsewhere }));
    const [ping] = ann.sends();
    expect(ping?.to.ip).toEqual(elsewhere);
    if (ping?.message.kind !== 'ping') throw new Error('no ping');
    ann.hear(ack(ping.message.seqNo));
    expect(ann.swim.members.get('bob')).toMatchObject({ incarnation: 1, state: 'alive' });
  });

  test('is asked three times, from the second on over a stream too, and stays gone in silence', () => {
    const ann = dropped();
    ghosts.add('bob');
    ann.merge(row('bob', 0, 5)).merge(row('bob', 0, 5));
    const asked: string[] = [];
    for (const end = ann.now + 20_000; ann.swim.deadline <= end; ) {
      ann.pass(ann.swim.deadline - ann.now);
      for (const effect of ann.take()) {
        if (effect.kind === 'streamPing') asked.push(`stream ${effect.peer.identity.name}`);
        if (effect.kind !== 'send' || effect.message.kind !== 'ping') continue;
        if (effect.message.node === 'bob') asked.push('ping bob');
        else ann.hear(ack(effect.message.seqNo));
      }
    }
    expect(asked).toEqual(['ping bob', 'ping bob', 'stream bob', 'ping bob', 'stream bob']);
    expect(ann.state('bob')).toBeUndefined();
  });

  test('is believed when a stream gets through', () => {
    const ann = dropped().merge(row('bob', 0, 5));
    const ping = ann.until('streamPing', ({ peer }) => peer.identity.name === 'bob');
    ann.do((swim, now, out) => swim.onStreamPingEnd(ping.seqNo, true, now, out));
    expect(ann.state('bob')).toBe('alive');
  });

  test('is forgotten in the end', () => {
    const ann = dropped();
    ann.now = DROPPED_RETENTION;
    expect(ann.hear(alive('bob', 1)).plot()).toEqual(['memberJoined bob']);
  });

  test('an ack of nothing revives nobody', () => {
    const ann = dropped().merge(row('bob', 0, 5));
    ann.hear(ack(4711));
    expect(ann.state('bob')).toBeUndefined();
  });
});

describe('stale news of one that is suspect or dead', () => {
  test.each([
    ['suspect', suspect('bob', 'cat', 5), suspect('bob', 'ann', 5)],
    ['dead', dead('bob', 'cat', 5), dead('bob', 'ann', 5)],
    ['left', left('bob', 5), left('bob', 5)],
  ])('is answered to that member itself: we hold it %s', (_, accusation, answer) => {
    const ann = begin('bob', 'cat').hear(accusation);
    ann.take();
    ann.hear(alive('bob', 1), addressOf('cat'));
    expect(ann.sends()).toEqual([
      { kind: 'send', to: addressOf('bob'), peer: undefined, message: answer, piggyback: false },
    ]);
  });

  test('also if it came by a push/pull; but no more than once per gossip interval', () => {
    const ann = begin('bob', 'cat').hear(dead('bob', 'cat', 5));
    ann.take();
    for (let i = 0; i < 5; i++) ann.merge(row('bob', 0, 5));
    expect(ann.sends().length).toBe(1);
    ann.now += 200;
    ann.merge(row('bob', 0, 5));
    expect(ann.sends().length).toBe(1);
  });

  test('a restarted member hears of it, outbids it, and answers at once: it is back', () => {
    const ann = begin('bob', 'cat').hear(dead('bob', 'cat', 5));
    ann.take();
    const bob = new Actor('bob').start();
    const [rebuke] = ann.hear(alive('bob', 1), addressOf('bob')).sends();
    if (rebuke === undefined) throw new Error('no answer');
    bob.take();
    const [refutation] = bob.hear(rebuke.message, addressOf('ann')).sends();
    if (refutation === undefined) throw new Error('no refutation');
    expect(refutation.to).toEqual(addressOf('ann'));
    ann.hear(refutation.message, addressOf('bob'));
    expect(ann.swim.members.get('bob')).toMatchObject({ state: 'alive', incarnation: 6 });
  });
});
