import { describe, expect, test } from 'vitest';
import { LeaveIntent } from '../../../../src/wire/serf.ts';
import { member, one, SELF } from '../one.ts';

describe('P43 member events of swim', () => {
  test('P43 a new member is alive at status time 0, with its tags', () => {
    const ann = one();

    ann.up('bob', { role: 'db' });

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 0 });
    expect(ann.serf.view.get('bob')?.tags).toEqual(new Map([['role', 'db']]));
    expect(ann.events()).toEqual(['joined bob']);
  });

  test('P43 a member that goes down without a leave intent has failed, unless it said itself that it leaves', () => {
    const ann = one({ members: ['bob', 'cat'] });

    ann.now = 70;
    ann.down('bob');
    ann.down('cat', true);

    expect([ann.status('bob'), ann.status('cat')]).toEqual(['failed', 'left']);
    expect(ann.serf.view.get('bob')?.downAt).toBe(70);
    expect(ann.events()).toEqual(['failed bob', 'left cat']);
  });

  test('S1 a member whose row made room for another is erased at once, and one whose row expired is kept', () => {
    const ann = one({ members: ['bob', 'cat'] });
    ann.down('bob');
    for (const [name, displaced] of [
      ['bob', false],
      ['cat', true],
    ] as const)
      ann.serf.handleMemberEvent(
        { kind: 'memberDropped', member: member(name, 'dead'), displaced },
        ann.now,
        ann.out,
      );
    expect([ann.status('bob'), ann.serf.view.get('cat')]).toEqual(['failed', undefined]);
    expect(ann.events()).toEqual(['failed bob', 'reaped cat']);
  });

  test('P43 a member that sent a leave intent goes down as left', () => {
    const ann = one({ members: ['bob'] });

    ann.leaveIntent('bob', 5);
    ann.down('bob', true);

    expect(ann.seen('bob')).toEqual({ status: 'left', ltime: 5 });
    expect(ann.events()).toEqual(['leaving bob', 'left bob']);
  });

  test('P43 a member that is down does not go down again', () => {
    const ann = one({ members: ['bob'] });
    ann.leaveIntent('bob', 5);
    ann.down('bob');
    ann.events();

    ann.down('bob');
    ann.down('nobody');

    expect(ann.status('bob')).toBe('left');
    expect(ann.events()).toEqual([]);
  });

  test('P43 a failed member keeps its row when swim drops its own, and its status time when it returns', () => {
    const ann = one({ members: ['bob'] });
    ann.joinIntent('bob', 9);
    ann.down('bob');

    ann.serf.handleMemberEvent({ kind: 'memberDropped', member: member('bob', 'dead') }, 0, ann.out);
    expect(ann.seen('bob')).toEqual({ status: 'failed', ltime: 9 });
    ann.up('bob', { v: '2' });

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 9 });
    expect(ann.serf.view.get('bob')?.downAt).toBeUndefined();
    expect(ann.serf.view.get('bob')?.tags.get('v')).toBe('2');
  });

  test('P43 a member that rejoins is removed from the failed and left lists', () => {
    const ann = one({ members: ['bob', 'cat'] });
    ann.down('bob');
    ann.leaveIntent('cat', 4);
    ann.down('cat');
    expect(ann.state().leftMembers).toEqual(['cat']);

    ann.up('bob');
    ann.up('cat');
    ann.pass(25 * 3_600_000);

    expect(ann.state().leftMembers).toEqual([]);
    expect([ann.status('bob'), ann.status('cat')]).toEqual(['alive', 'alive']);
  });

  test('P43 an update replaces tags and address, not status or time; one of an unknown member is ignored', () => {
    const ann = one({ members: ['bob'] });
    ann.joinIntent('bob', 3);
    const next = member('bob', 'alive', { role: 'web' });

    ann.serf.handleMemberEvent({ kind: 'memberUpdated', member: next }, 0, ann.out);
    ann.serf.handleMemberEvent({ kind: 'memberUpdated', member: member('nobody') }, 0, ann.out);

    expect(ann.serf.view.get('bob')).toMatchObject({ status: 'alive', statusLTime: 3, member: next });
    expect(ann.serf.view.get('bob')?.tags.get('role')).toBe('web');
    expect(ann.serf.view.size).toBe(2);
    expect(ann.events()).toEqual(['updated bob']);
  });

  test('P60 a name conflict changes nothing here', () => {
    const ann = one({ members: ['bob'] });
    const other = member('eve').identity.address;

    ann.serf.handleMemberEvent({ kind: 'nameConflict', member: member('bob'), other }, 0, ann.out);

    expect(ann.out).toEqual([]);
    expect(ann.status('bob')).toBe('alive');
  });
});

describe('P45 intents that arrive before their member', () => {
  test('P45 a buffered join intent gives the status time', () => {
    const ann = one();

    ann.joinIntent('bob', 6);
    ann.up('bob');

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 6 });
  });

  test('P45 a buffered leave intent makes a new member leaving, so that it goes down as left', () => {
    const ann = one();

    ann.leaveIntent('bob', 6);
    ann.up('bob');
    expect(ann.seen('bob')).toEqual({ status: 'leaving', ltime: 6 });
    ann.down('bob');

    expect(ann.status('bob')).toBe('left');
  });

  test('P45 only the newest intent of a name is kept, of either kind, and only new ones are broadcast', () => {
    const ann = one();

    ann.leaveIntent('bob', 6);
    ann.joinIntent('bob', 7);
    ann.leaveIntent('bob', 6);
    ann.joinIntent('bob', 7);
    ann.leaveIntent('bob', 7);
    ann.up('bob');

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 7 });
    expect(ann.takeMessages()).toMatchObject([{ kind: 'joinIntent', ltime: 7, node: 'bob' }]);
  });

  test('P45 a leave intent about this agent is not buffered, even before its own member event', () => {
    const { serf, lanes } = one({ withoutMembers: true });

    serf.receive(LeaveIntent.encode({ node: SELF, ltime: 9, prune: false }), 0, []);
    serf.handleMemberEvent({ kind: 'memberJoined', member: member(SELF) }, 0, []);

    expect(serf.view.get(SELF)?.status).toBe('alive');
    expect(lanes.intents.size).toBe(0);
    expect(serf.clocks.member).toBe(10);
  });

  test('P45 buffered intents expire after five minutes', () => {
    const ann = one();

    ann.leaveIntent('bob', 6);
    ann.pass(5 * 60_000 + 1);
    ann.up('bob');

    expect(ann.seen('bob')).toEqual({ status: 'alive', ltime: 0 });
  });

  test('S1 at most 4096 unknown names are held, and the first refusal is a fact', () => {
    const ann = one();

    for (let i = 0; i < 5000; i++) ann.joinIntent(`n${i}`, 2);
    expect(ann.takeBroadcasts()).toHaveLength(4096);
    expect(ann.facts()).toEqual([
      { kind: 'intentRefused', node: 'n4096', reason: 'too many intents for unknown members' },
    ]);
    ann.pass(6 * 60_000);
    ann.joinIntent('late', 2);

    expect(ann.takeMessages()).toMatchObject([{ node: 'late' }]);
  });

  test('P18 an intent for an invalid name is refused before it changes anything', () => {
    const ann = one();

    for (const node of ['', 'x'.repeat(256), 'ü'.repeat(128)])
      expect(() => ann.leaveIntent(node, 5)).toThrowError(expect.objectContaining({ code: 'badValue' }));
    expect(ann.takeBroadcasts()).toEqual([]);
    expect(ann.serf.clocks.member).toBe(1);

    ann.leaveIntent('ü'.repeat(64), 5);
    expect(ann.takeBroadcasts()).toHaveLength(1);
  });
});
