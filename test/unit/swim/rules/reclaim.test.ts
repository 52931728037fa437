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
        ann.receive(ack(effect.message.seqNo));
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

test('members that are dead or left keep their rows for 30 s, and are dropped at the next end of the ring', () => {
  const ann = begin('bob', 'cat', 'dan').receive(dead('bob', 'x')).receive(left('cat'));
  passInPeace(ann, 29_900);
  expect(seen).not.toContain('memberDropped bob');
  passInPeace(ann, 2_500);
  expect(seen).toEqual(expect.arrayContaining(['memberDropped bob', 'memberDropped cat']));
  expect([...ann.swim.members.all()].map(({ identity }) => identity.name)).toEqual(['ann', 'dan']);
});

test('an operator may drop a member that is down early, but none that is up, nor this agent', () => {
  const ann = begin('bob', 'cat', 'dan').receive(dead('bob', 'x')).receive(suspect('cat', 'x'));
  ann.take();
  for (const name of ['bob', 'cat', 'dan', 'ann', 'nobody'])
    ann.do((swim, now, out) => swim.dropMember(name, now, out));
  expect(ann.eventLog()).toEqual(['memberDropped bob']);
  expect(ann.swim.members.size).toBe(3);
});

describe('a name that was dropped', () => {
  const elsewhere = Uint8Array.of(127, 9, 9, 9);
  const dropped = (incarnation = 5): Actor => {
    const ann = begin('cat')
      .receive(alive('bob', incarnation))
      .receive(dead('bob', 'x', incarnation));
    ann.do((swim, now, out) => swim.dropMember('bob', now, out)).take();
    ann.drainBroadcasts();
    return ann;
  };

  test('is free for any address at a higher incarnation', () => {
    const ann = dropped().receive(alive('bob', 6, { addr: elsewhere }));
    expect(ann.eventLog()).toEqual(['memberJoined bob']);
  });

  test('is not revived by an old message: it is verified first', () => {
    const ann = dropped().merge(row('bob', 0, 5));
    expect(ann.state('bob')).toBeUndefined();
    const [ping] = ann.sends();
    expect(ping).toMatchObject({ to: addressOf('bob'), message: { kind: 'ping', node: 'bob' } });
    if (ping?.message.kind !== 'ping') throw new Error('no ping');
    ann.receive(ack(ping.message.seqNo));
    expect(ann.eventLog()).toEqual(['memberJoined bob']);
    expect(ann.incarnationOf('bob')).toBe(5);
  });

  test('is verified also when it restarted at incarnation 1 with another address', () => {
    const ann = dropped().receive(alive('bob', 1, { addr: elsewhere }));
    const [ping] = ann.sends();
    expect(ping?.to.ip).toEqual(elsewhere);
    if (ping?.message.kind !== 'ping') throw new Error('no ping');
    ann.receive(ack(ping.message.seqNo));
    expect(ann.swim.members.get('bob')).toMatchObject({ incarnation: 1, state: 'alive' });
  });

  test('is pinged three times, from the second on over a stream too, and stays dropped if it does not answer', () => {
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
        else ann.receive(ack(effect.message.seqNo));
      }
    }
    expect(asked).toEqual(['ping bob', 'ping bob', 'stream bob', 'ping bob', 'stream bob']);
    expect(ann.state('bob')).toBeUndefined();
  });

  test('is accepted when a stream ping succeeds', () => {
    const ann = dropped().merge(row('bob', 0, 5));
    const ping = ann.until('streamPing', ({ peer }) => peer.identity.name === 'bob');
    ann.do((swim, now, out) => swim.onStreamPing(ping.seqNo, 'acked', now, out));
    expect(ann.state('bob')).toBe('alive');
  });

  test('is forgotten in the end', () => {
    const ann = dropped();
    ann.now = DROPPED_RETENTION;
    expect(ann.receive(alive('bob', 1)).eventLog()).toEqual(['memberJoined bob']);
  });

  test('an unrelated ack revives nobody', () => {
    const ann = dropped().merge(row('bob', 0, 5));
    ann.receive(ack(4711));
    expect(ann.state('bob')).toBeUndefined();
  });
});

describe('a stale message about a member that is suspect or dead', () => {
  test.each([
    ['suspect', suspect('bob', 'cat', 5), suspect('bob', 'ann', 5)],
    ['dead', dead('bob', 'cat', 5), dead('bob', 'ann', 5)],
    ['left', left('bob', 5), left('bob', 5)],
  ])('is answered by a notification to that member: it is held %s', (_, accusation, answer) => {
    const ann = begin('bob', 'cat').receive(accusation);
    ann.take();
    ann.receive(alive('bob', 1), addressOf('cat'));
    expect(ann.sends()).toEqual([
      { kind: 'send', to: addressOf('bob'), peer: undefined, message: answer, piggyback: false },
    ]);
  });

  test('is answered also if it came by a push/pull, but at most once per gossip interval', () => {
    const ann = begin('bob', 'cat').receive(dead('bob', 'cat', 5));
    ann.take();
    for (let i = 0; i < 5; i++) ann.merge(row('bob', 0, 5));
    expect(ann.sends().length).toBe(1);
    ann.now += 200;
    ann.merge(row('bob', 0, 5));
    expect(ann.sends().length).toBe(1);
  });

  test('a restarted member outbids the accusation at once, and is back', () => {
    const ann = begin('bob', 'cat').receive(dead('bob', 'cat', 5));
    ann.take();
    const bob = new Actor('bob').start();
    const [rebuke] = ann.receive(alive('bob', 1), addressOf('bob')).sends();
    if (rebuke === undefined) throw new Error('no answer');
    bob.take();
    const [refutation] = bob.receive(rebuke.message, addressOf('ann')).sends();
    if (refutation === undefined) throw new Error('no refutation');
    expect(refutation.to).toEqual(addressOf('ann'));
    ann.receive(refutation.message, addressOf('bob'));
    expect(ann.swim.members.get('bob')).toMatchObject({ state: 'alive', incarnation: 6 });
  });
});
