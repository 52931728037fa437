import { describe, expect, test } from 'vitest';
import { JoinIntent, LeaveIntent } from '../../../../src/wire/serf.ts';
import { one, SELF } from '../one.ts';

describe('P44 leave intents', () => {
  test('P44 an alive member becomes leaving, and the intent is broadcast', () => {
    const ann = one({ members: ['bob'] });

    ann.leaveIntent('bob', 5);

    expect(ann.seen('bob')).toEqual({ status: 'leaving', ltime: 5 });
    expect(ann.takeMessages()).toMatchObject([{ kind: 'leaveIntent', ltime: 5, node: 'bob' }]);
    expect(ann.events()).toEqual(['leaving bob']);
    expect(ann.serf.clocks.member).toBe(6);
  });

  test('P44 a failed member becomes left, and stays down since when it failed', () => {
    const ann = one({ members: ['bob'] });
    ann.now = 30;
    ann.down('bob');
    ann.now = 90;

    ann.leaveIntent('bob', 5);

    expect(ann.seen('bob')).toEqual({ status: 'left', ltime: 5 });
    expect(ann.serf.view.get('bob')?.downAt).toBe(30);
    expect(ann.state().leftMembers).toEqual(['bob']);
    expect(ann.events()).toEqual(['failed bob', 'left bob']);
  });

  test('P44 an intent as old as the status time is ignored and not broadcast', () => {
    const ann = one({ members: ['bob'] });
    ann.joinIntent('bob', 5);
    ann.takeBroadcasts();

    ann.leaveIntent('bob', 5);
    ann.leaveIntent('bob', 4);

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 5 });
    expect(ann.takeBroadcasts()).toEqual([]);
  });

  test('serf#606 two leaves of one member raise its status time, are each broadcast once, and cause one event', () => {
    const ann = one({ members: ['bob'] });
    ann.leaveIntent('bob', 5);
    ann.down('bob', true);
    expect(ann.takeBroadcasts()).toHaveLength(1);

    ann.leaveIntent('bob', 8); // a force-leave elsewhere
    expect(ann.seen('bob')).toEqual({ status: 'left', ltime: 8 });
    expect(ann.takeBroadcasts()).toHaveLength(1);
    for (let echo = 0; echo < 3; echo++) {
      ann.leaveIntent('bob', 5);
      ann.leaveIntent('bob', 8);
    }

    expect(ann.takeBroadcasts()).toEqual([]);
    expect(ann.events()).toEqual(['leaving bob', 'left bob']);
  });

  test('P44 leave intent about ourselves is refuted by a join intent, and not forwarded', () => {
    const ann = one({ members: ['bob'] });

    ann.leaveIntent(SELF, 30);

    expect(ann.seen(SELF)).toEqual({ status: 'alive', ltime: 31 });
    expect(ann.takeMessages()).toEqual([{ kind: 'joinIntent', ltime: 31, node: SELF }]);
    expect(ann.facts()).toEqual([{ kind: 'leaveIntentRefuted', ltime: 30 }]);
    expect(ann.serf.clocks.member).toBe(32);
  });

  test('P44 a false leave of the very time of our join is refuted: others may have taken it first', () => {
    const ann = one({ members: ['bob'] });
    ann.leaveIntent(SELF, 30);
    ann.takeMessages();

    ann.leaveIntent(SELF, 31);
    ann.leaveIntent(SELF, 31); // an echo is older than the answer

    expect(ann.seen(SELF)).toEqual({ status: 'alive', ltime: 32 });
    expect(ann.takeMessages()).toEqual([{ kind: 'joinIntent', ltime: 32, node: SELF }]);
  });

  test('P44 a false leave older than our join needs no refutation', () => {
    const ann = one({ members: ['bob'] });
    ann.leaveIntent(SELF, 30);
    ann.takeBroadcasts();
    ann.facts();

    ann.leaveIntent(SELF, 30);

    expect(ann.takeBroadcasts()).toEqual([]);
    expect(ann.facts()).toEqual([]);
  });
});

describe('P44 join intents', () => {
  test('P44 a newer join intent makes a leaving member alive, raises the time and is broadcast', () => {
    const ann = one({ members: ['bob'] });
    ann.leaveIntent('bob', 5);
    ann.events();

    ann.joinIntent('bob', 6);

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 6 });
    expect(ann.takeMessages()).toMatchObject([{ kind: 'joinIntent', ltime: 6 }]); // it replaced the leave
    expect(ann.events()).toEqual(['updated bob']);
  });

  test('P44 a join intent does not revive: a left or failed member keeps its status', () => {
    const ann = one({ members: ['bob', 'cat'] });
    ann.down('bob');
    ann.leaveIntent('cat', 3);
    ann.down('cat');

    ann.joinIntent('bob', 7);
    ann.joinIntent('cat', 7);

    expect(ann.seen('bob')).toEqual({ status: 'failed', ltime: 7 });
    expect(ann.seen('cat')).toEqual({ status: 'left', ltime: 7 });
  });

  test('P44 a stale join intent is not broadcast', () => {
    const ann = one({ members: ['bob'] });

    ann.joinIntent('bob', 7);
    ann.joinIntent('bob', 7);
    ann.joinIntent('bob', 6);

    expect(ann.takeBroadcasts()).toHaveLength(1);
  });
});

describe('P41 rebroadcasts', () => {
  test('P41 a new message is broadcast with the exact octets received, extra fields and trailing bytes included, in fresh memory', () => {
    const ann = one({ members: ['bob'] });
    const datagram = Uint8Array.of(...JoinIntent.encode({ node: 'bob', ltime: 5 }), 0xde, 0xad);
    const came = new Uint8Array(datagram);

    ann.receive(datagram);
    datagram.fill(0);

    expect(ann.takeBroadcasts()).toEqual([came]);
  });

  test('P36 a newer intent of a member replaces the older one in the queue', () => {
    const ann = one({ members: ['bob', 'cat'] });

    ann.joinIntent('bob', 5);
    ann.joinIntent('cat', 6);
    ann.leaveIntent('bob', 7);

    expect(ann.takeMessages()).toMatchObject([
      { kind: 'leaveIntent', node: 'bob' },
      { kind: 'joinIntent', node: 'cat' },
    ]);
  });

  test('S3 an oversized intent is refused before it changes anything', () => {
    const ann = one({ members: ['bob'] });
    const padded = new Uint8Array(2000);
    padded.set(LeaveIntent.encode({ node: 'bob', ltime: 5, prune: false }));

    expect(() => ann.receive(padded)).toThrowError(expect.objectContaining({ code: 'tooLarge' }));

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 0 });
    expect(ann.serf.clocks.member).toBe(1);
  });

  test('P40 an empty message is ignored; types that are not Serf messages throw unknownType', () => {
    const ann = one();

    ann.receive(new Uint8Array());
    for (const type of [2, 6, 7, 8, 10, 200])
      expect(() => ann.receive(Uint8Array.of(type, 0x80))).toThrowError(
        expect.objectContaining({ name: 'WireError', code: 'unknownType' }),
      );

    expect(ann.out).toEqual([]);
  });

  test('P42 an intent with a time far ahead is refused, not witnessed and not broadcast', () => {
    const ann = one({ members: ['bob'] });

    ann.leaveIntent('bob', 2 + 2 ** 32);
    ann.joinIntent('nobody', Number.MAX_SAFE_INTEGER);

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 0 });
    expect(ann.serf.clocks.member).toBe(1);
    expect(ann.takeBroadcasts()).toEqual([]);
    expect(ann.facts()).toEqual([
      { kind: 'lamportTimeRefused', clock: 'member', ltime: 2 + 2 ** 32, local: 1 },
      { kind: 'lamportTimeRefused', clock: 'member', ltime: Number.MAX_SAFE_INTEGER, local: 1 },
    ]);
  });
});
