import { describe, expect, test } from 'vitest';
import { member, one, SELF } from './one.ts';

describe('P46 joining', () => {
  test('P46 the join intent gets its time after the push/pull, above all times in it', () => {
    const ann = one({ members: ['bob'] });
    ann.merge({ ltime: 51, statusLTimes: new Map([['bob', 20]]) }, true);

    ann.serf.broadcastJoin(ann.now, ann.out);

    expect(ann.takeMessages()).toEqual([{ kind: 'joinIntent', ltime: 51, node: SELF }]);
    expect(ann.seen(SELF)).toEqual({ status: 'alive', ltime: 51 });
    expect(ann.serf.clocks.member).toBe(52);
  });

  test('P46 an old leave of ours, still known to a seed, is outbid by our join', () => {
    const ann = one({ members: ['bob'] });

    ann.merge({ ltime: 41, statusLTimes: new Map([[SELF, 40]]), leftMembers: [SELF] }, true);
    ann.serf.broadcastJoin(ann.now, ann.out);

    const [join] = ann.takeMessages();
    expect(join).toMatchObject({ kind: 'joinIntent', node: SELF });
    expect(join).toHaveProperty('ltime', ann.seen(SELF)?.ltime);
    expect(ann.seen(SELF)?.ltime).toBeGreaterThan(41);
    expect(ann.status(SELF)).toBe('alive');
  });
});

describe('P47 our own leave', () => {
  test('P47 the leave intent is later than our join, applied here and queued', () => {
    const ann = one({ members: ['bob'] });
    ann.serf.broadcastJoin(0, ann.out);
    const joinedAt = ann.seen(SELF)?.ltime as number;
    ann.events();

    const sending = ann.serf.leave(0, ann.out);

    expect(ann.status(SELF)).toBe('leaving');
    expect(ann.seen(SELF)?.ltime).toBeGreaterThan(joinedAt);
    expect(sending.finished).toBe(false);
    expect(ann.takeMessages()).toEqual([
      { kind: 'leaveIntent', ltime: ann.seen(SELF)?.ltime, node: SELF, prune: false },
    ]);
    expect(sending.finished).toBe(true);
    expect(ann.events()).toEqual([`leaving ${SELF}`]);
  });

  test('P47 without another member alive, a leave is finished at once', () => {
    const ann = one({ members: ['bob'] });
    ann.down('bob');

    expect(ann.serf.leave(0, ann.out).finished).toBe(true);
    expect(ann.takeBroadcasts()).toEqual([]);
    expect(ann.status(SELF)).toBe('leaving');
  });

  test('P47 while the agent leaves, a leave intent about it is true, and a seed that answers gets no join', () => {
    const ann = one({ members: ['bob'] });
    ann.serf.leave(0, ann.out);
    ann.takeBroadcasts();

    ann.leaveIntent(SELF, 30);
    ann.serf.broadcastJoin(0, ann.out);

    expect(ann.seen(SELF)).toEqual({ status: 'leaving', ltime: 30 });
    expect(ann.takeMessages()).toMatchObject([{ kind: 'leaveIntent', ltime: 30 }]);
    expect(ann.facts()).toEqual([]);
  });
});

describe('P48 force-leave', () => {
  test('P48 a failed member becomes left here and everywhere', () => {
    const ann = one({ members: ['bob', 'cat'] });
    ann.down('bob');
    ann.events();

    ann.serf.forceLeave('bob', false, 0, ann.out);

    expect(ann.status('bob')).toBe('left');
    expect(ann.takeMessages()).toMatchObject([{ kind: 'leaveIntent', node: 'bob', ltime: 1, prune: false }]);
    expect(ann.events()).toEqual(['left bob']);
  });

  test('P48 unknown names and our own are refused with an error, and nothing changes', () => {
    const ann = one({ members: ['bob'] });

    expect(() => ann.serf.forceLeave('nobody', false, 0, ann.out)).toThrowError(
      expect.objectContaining({ name: 'AgentError', code: 'notFound' }),
    );
    expect(() => ann.serf.forceLeave(SELF, false, 0, ann.out)).toThrowError(
      expect.objectContaining({ name: 'AgentError', code: 'conflict' }),
    );
    expect(ann.out).toEqual([]);
    expect(ann.serf.clocks.member).toBe(1);
  });

  test('P48 prune erases a failed or left member at once, and copies of the intent are stale', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    ann.down('bob');
    ann.leaveIntent('cat', 3);
    ann.down('cat');
    ann.events();
    ann.takeBroadcasts();

    ann.leaveIntent('bob', 6, true);
    ann.serf.forceLeave('cat', true, 0, ann.out);

    expect(ann.serf.view.get('bob')).toBeUndefined();
    expect(ann.serf.view.get('cat')).toBeUndefined();
    expect(ann.events()).toEqual(['left bob', 'reaped bob', 'reaped cat']);
    expect(ann.takeBroadcasts()).toHaveLength(2);
    ann.leaveIntent('bob', 6, true);
    ann.leaveIntent('bob', 6);
    expect(ann.takeBroadcasts()).toEqual([]);
  });

  test('P48 a name that was pruned may come back alive', () => {
    const ann = one({ members: ['bob'] });
    ann.down('bob');
    ann.leaveIntent('bob', 6, true);

    ann.up('bob');

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 6 });
  });

  test('P48 a pruned member that is leaving is erased after the broadcast and propagation times', () => {
    const ann = one({ members: ['bob'] });

    ann.leaveIntent('bob', 6, true);
    ann.pass(2000);
    ann.down('bob', true);
    expect(ann.status('bob')).toBe('left');
    ann.pass(3999);
    expect(ann.status('bob')).toBe('left');
    ann.pass(1);

    expect(ann.serf.view.get('bob')).toBeUndefined();
  });

  test('P48 a pruned member that takes longer to leave is erased when it leaves, and not hidden before', () => {
    const ann = one({ members: ['bob'] });

    ann.leaveIntent('bob', 6, true);
    ann.pass(20_000);
    expect(ann.status('bob')).toBe('leaving');
    ann.events();
    ann.down('bob', true);

    expect(ann.serf.view.get('bob')).toBeUndefined();
    expect(ann.events()).toEqual(['left bob', 'reaped bob']);
  });

  test('P44 a suspect that is leaving is left alone until the suspicion ends', () => {
    const ann = one();
    const row = { ...member('bob'), state: 'suspect' as const };
    ann.serf.handleMemberEvent({ kind: 'memberJoined', member: row }, 0, ann.out);

    ann.leaveIntent('bob', 6, true);
    ann.pass(100_000);
    expect(ann.status('bob')).toBe('leaving');
    ann.down('bob');

    expect(ann.serf.view.get('bob')).toBeUndefined();
  });

  test('P48 L7 a pruned member that was back before anybody saw it leave does not stay leaving (swarm seed 40570)', () => {
    const ann = one({ members: ['bob'] });

    ann.leaveIntent('bob', 6, true);
    ann.joinIntent('bob', 5); // after its restart it knew of no later time
    ann.pass(60_000);

    expect(ann.status('bob')).toBe('alive');
    ann.down('bob');
    expect(ann.status('bob')).toBe('failed');
  });

  test('P48 a pruned member that left and came back is not erased when it fails later', () => {
    const ann = one({ members: ['bob'] });
    ann.leaveIntent('bob', 6, true);
    ann.down('bob', true);

    ann.up('bob');
    ann.pass(60_000);
    ann.down('bob');

    expect(ann.seen('bob')).toEqual({ status: 'failed', ltime: 6 });
  });

  test('P48 an agent never erases itself, not even while it leaves', () => {
    const ann = one({ members: ['bob'] });
    ann.serf.leave(0, ann.out);

    ann.leaveIntent(SELF, 9, true);
    ann.pass(60_000);
    ann.down(SELF, true);

    expect(ann.status(SELF)).toBe('left');
  });

  test('P48 a pruned member that refutes in time stays', () => {
    const ann = one({ members: ['bob'] });

    ann.leaveIntent('bob', 6, true);
    ann.joinIntent('bob', 7);
    ann.pass(60_000);
    ann.down('bob');

    expect(ann.seen('bob')).toEqual({ status: 'failed', ltime: 7 });
  });
});
