import { describe, expect, test } from 'vitest';
import { LeaveIntent, SerfState } from '../../../src/wire/serf.ts';
import { decodeStruct } from '../../../src/wire/struct.ts';
import { one, SELF } from './one.ts';

const bucket = (ltime: number, ...names: string[]) =>
  ({
    kind: 'eventBucket',
    ltime,
    events: names.map((name) => ({ kind: 'eventBody', name, payload: Uint8Array.of(1) })),
  }) as const;

describe('P49 our state', () => {
  test('P49 has all status times, the left list, the three clocks and the events held', () => {
    const ann = one({ members: ['bob', 'cat'] });
    ann.joinIntent('bob', 4);
    ann.leaveIntent('cat', 6);
    ann.down('cat');
    ann.event('deploy', 3, Uint8Array.of(1));
    ann.query(1, 8);

    expect(ann.serf.localState()[0]).toBe(2);
    expect(ann.state()).toMatchObject({
      ltime: 7,
      statusLTimes: new Map([
        [SELF, 0],
        ['bob', 4],
        ['cat', 6],
      ]),
      leftMembers: ['cat'],
      eventLTime: 4,
      events: [bucket(3, 'deploy')],
      queryLTime: 9,
    });
  });

  test('P85 may tell of some members only, and then says of which', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    for (const left of ['cat', 'dan']) {
      ann.leaveIntent(left, 6);
      ann.down(left);
    }
    const buckets = Uint8Array.of(1, 0, 0, 0);
    const state = decodeStruct(SerfState, ann.serf.localState({ buckets, isTold: (node) => node === 'dan' }));
    expect([...state.statusLTimes.keys()]).toEqual(['dan']);
    expect(state).toMatchObject({ leftMembers: ['dan'], buckets });
  });

  test('P49 has events in ascending order, and only as many as fit a push/pull', () => {
    const ann = one();
    for (let ltime = 1; ltime <= 300; ltime++) ann.event('big', ltime, new Uint8Array(2000).fill(ltime));

    const told = ann.state().events.map((held) => held?.ltime);

    expect(ann.serf.localState().length).toBeLessThan(300_000);
    expect(told.at(-1)).toBe(300);
    expect(told).toEqual([...told].sort((a, b) => Number(a) - Number(b)));
    expect(told.length).toBeGreaterThan(100);
  });
});

describe('P50 merging a state', () => {
  test('P50 each clock witnesses one less than theirs, since nobody has given that time yet', () => {
    const ann = one();

    ann.merge({ ltime: 10, eventLTime: 20, queryLTime: 30 });

    expect(ann.serf.clocks).toEqual({ member: 10, event: 20, query: 30 });
    ann.merge({ ltime: 0, eventLTime: 0, queryLTime: 0 });
    expect(ann.serf.clocks).toEqual({ member: 10, event: 20, query: 30 });
  });

  test('P50 members on their left list are leaving here at their time; others joined just before theirs', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    ann.down('cat');
    const statusLTimes = new Map([
      ['bob', 5],
      ['cat', 6],
      ['dan', 7],
    ]);

    ann.merge({ ltime: 9, statusLTimes, leftMembers: ['bob', 'cat'] });

    expect(ann.seen('bob')).toEqual({ status: 'leaving', ltime: 5 });
    expect(ann.seen('cat')).toEqual({ status: 'left', ltime: 6 });
    expect(ann.seen('dan')).toEqual({ status: 'alive', ltime: 6 });
  });

  test('P50 a push/pull with a leaving member does not make its leave stale', () => {
    const [ann, bob, cat] = [one({ members: ['eve'] }), one({ members: ['eve'] }), one({ members: ['eve'] })];
    bob.leaveIntent('eve', 9);
    expect(bob.state().statusLTimes.has('eve')).toBe(false);

    ann.serf.mergeRemoteState(bob.serf.localState(), false, 0, ann.out);
    cat.merge({ ltime: 20, statusLTimes: new Map([['eve', 9]]) }); // as real agents name it
    for (const each of [ann, cat]) {
      each.leaveIntent('eve', 9);
      expect(each.seen('eve')).toEqual({ status: 'leaving', ltime: 9 });
    }
  });

  test('P50 a merge broadcasts nothing but a leave of a member that is alive here, which may object', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    ann.down('dan');
    const state = {
      ltime: 9,
      statusLTimes: new Map([
        ['bob', 5],
        ['cat', 6],
        ['dan', 5],
        ['nobody', 3],
      ]),
      leftMembers: ['bob', 'dan'],
      eventLTime: 5,
      events: [bucket(4, 'deploy')],
    };

    ann.merge(state);
    expect(ann.takeMessages()).toEqual([LeaveIntent.create({ ltime: 5, node: 'bob' })]);

    ann.merge(state);
    expect(ann.takeMessages()).toEqual([]);
    expect(ann.takeBroadcasts('events')).toEqual([]);
  });

  test('P50 two tables that agree on a leave do not raise its time with every exchange', () => {
    const ann = one({ members: ['bob', 'eve'] });
    const cat = one({ members: ['bob', 'eve'] });
    for (const each of [ann, cat]) {
      each.leaveIntent('bob', 5);
      each.down('bob');
      each.leaveIntent('eve', 6);
    }

    for (let round = 0; round < 5; round++) {
      ann.serf.mergeRemoteState(cat.serf.localState(), false, 0, ann.out);
      cat.serf.mergeRemoteState(ann.serf.localState(), false, 0, cat.out);
    }

    expect(ann.seen('bob')).toEqual({ status: 'left', ltime: 5 });
    expect(cat.seen('bob')).toEqual({ status: 'left', ltime: 5 });
    expect(ann.seen('eve')).toEqual({ status: 'leaving', ltime: 6 });
  });

  test('P50 a push/pull that lists us as left is refuted, once for each new time', () => {
    const ann = one({ members: ['bob'] });
    const lie = { ltime: 41, statusLTimes: new Map([[SELF, 40]]), leftMembers: [SELF] };

    ann.merge(lie);
    ann.merge(lie);

    expect(ann.facts()).toEqual([{ kind: 'leaveIntentRefuted', ltime: 40 }]);
    expect(ann.takeMessages()).toMatchObject([{ kind: 'joinIntent', node: SELF, ltime: 41 }]);
    expect(ann.status(SELF)).toBe('alive');
  });

  test('P49 a member that left and announced its return is not listed as left', () => {
    const [ann, bob] = [one({ members: ['eve'] }), one({ members: ['eve'] })];
    bob.leaveIntent('eve', 5);
    bob.down('eve', true);
    expect(bob.state().leftMembers).toEqual(['eve']);
    bob.joinIntent('eve', 9); // Serf's intent came before memberlist's alive message
    expect(bob.state().leftMembers).toEqual([]);

    ann.joinIntent('eve', 9);
    ann.serf.mergeRemoteState(bob.serf.localState(), false, 0, ann.out);
    ann.merge({ ltime: 10, statusLTimes: new Map([['eve', 9]]), leftMembers: ['eve'] }); // as real agents list it
    expect(ann.seen('eve')).toEqual({ status: 'alive', ltime: 9 });
  });

  test('P44 a member that announced a leave and stays is alive again, and may still leave', () => {
    const ann = one({ members: ['eve'] });
    ann.leaveIntent('eve', 5);
    ann.pass(21_000);
    expect(ann.status('eve')).toBe('leaving');
    ann.pass(2_000);
    expect(ann.seen('eve')).toEqual({ status: 'alive', ltime: 4 });
    ann.leaveIntent('eve', 5);
    ann.down('eve', true);
    expect(ann.seen('eve')).toEqual({ status: 'left', ltime: 5 });
  });

  test('P45 intents for members unknown to swim are buffered', () => {
    const ann = one();
    const statusLTimes = new Map(Object.entries({ bob: 5, cat: 6, dan: 0 }));
    ann.merge({ ltime: 9, statusLTimes, leftMembers: ['cat'] });

    for (const name of ['bob', 'cat', 'dan']) ann.up(name);

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 5 });
    expect(ann.seen('cat')).toEqual({ status: 'leaving', ltime: 6 });
    expect(ann.seen('dan')).toEqual({ status: 'alive', ltime: 0 });
  });

  test('P50 their events are known here afterwards, from sparse lists too', () => {
    const ann = one();

    ann.merge({ eventLTime: 6, events: [undefined, bucket(4, 'a', 'b'), undefined, bucket(5, 'c')] });
    ann.event('b', 4, Uint8Array.of(1));
    ann.event('d', 4, Uint8Array.of(1));

    expect(ann.takeMessages('events')).toMatchObject([{ name: 'd' }]);
    expect(ann.state().events).toMatchObject([{ ltime: 4 }, { ltime: 5 }]);
  });

  test('P52 events from before the join are ignored', () => {
    const ann = one();

    ann.merge({ eventLTime: 6, events: [bucket(4, 'a')] }, true);
    ann.event('a', 4, Uint8Array.of(1));
    ann.event('before', 5);
    expect(ann.takeBroadcasts('events')).toEqual([]);
    expect(ann.state().events).toEqual([]);
    ann.event('after', 6);

    expect(ann.takeBroadcasts('events')).toHaveLength(1);
  });

  test('P42 implausible times are refused one by one, recorded once per clock, and the rest is merged', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    const wild = Number.MAX_SAFE_INTEGER;

    ann.merge({
      ltime: wild,
      eventLTime: wild,
      queryLTime: 5,
      statusLTimes: new Map([
        ['bob', wild],
        ['cat', 3],
        ['dan', wild],
      ]),
      leftMembers: ['dan'],
      events: [bucket(wild, 'a'), bucket(2, 'b')],
    });

    expect(ann.serf.clocks).toEqual({ member: 3, event: 3, query: 5 });
    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 0 });
    expect(ann.seen('cat')).toEqual({ status: 'alive', ltime: 2 });
    expect(ann.seen('dan')).toEqual({ status: 'alive', ltime: 0 });
    expect(ann.facts().map((fact) => fact.kind === 'lamportTimeRefused' && fact.clock)).toEqual([
      'member',
      'event',
    ]);
  });

  test('P50 an empty state is allowed; a wrong type or a truncated body throws and changes nothing', () => {
    const ann = one({ members: ['bob'] });
    const whole = SerfState.encode(SerfState.create({ ltime: 50, statusLTimes: new Map([['bob', 40]]) }));

    ann.serf.mergeRemoteState(new Uint8Array(), true, 0, ann.out);
    const wrong = Uint8Array.from(whole);
    wrong[0] = 3;
    expect(() => ann.serf.mergeRemoteState(wrong, false, 0, ann.out)).toThrowError(
      expect.objectContaining({ name: 'WireError', code: 'unknownType' }),
    );
    expect(() => ann.serf.mergeRemoteState(whole.subarray(0, -1), false, 0, ann.out)).toThrowError(
      expect.objectContaining({ name: 'WireError' }),
    );

    expect(ann.out).toEqual([]);
    expect(ann.serf.clocks.member).toBe(1);
    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 0 });
  });
});
