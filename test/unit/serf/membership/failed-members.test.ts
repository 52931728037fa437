/** Failed members that peers tell of (A37 in docs/replication.md). */
import { describe, expect, test } from 'vitest';
import type { FailedMember } from '../../../../src/serf/membership/failed-members.ts';
import { LeaveIntent } from '../../../../src/wire/serf.ts';
import { HOUR, member, type One, one } from '../one.ts';

const RECONNECT_TIMEOUT = 24 * HOUR;

const told = (name: string, over: Partial<FailedMember> = {}): FailedMember => ({
  member: member(name, 'dead', { role: 'web' }),
  statusLTime: 5,
  age: HOUR,
  ...over,
});

const learn = (serf: One, failed: FailedMember): boolean =>
  serf.serf.membership.learnFailed(failed, serf.now, serf.out);

const tellsOf = (serf: One): unknown =>
  [...serf.serf.membership.failedMembers.told(serf.now)].map(({ member: { identity }, ...rest }) => ({
    name: identity.name,
    ...rest,
  }));

test('it is listed as failed since its death, with its tags, and told to others in turn', () => {
  const ann = one();
  ann.pass(1000);
  expect(learn(ann, told('bob'))).toBe(true);
  const bob = ann.serf.view.get('bob');
  expect(bob).toMatchObject({ status: 'failed', statusLTime: 5, downAt: 1000 - HOUR });
  expect(bob?.tags).toEqual(new Map([['role', 'web']]));
  expect(ann.events()).toEqual(['failedBefore bob']);
  ann.pass(500);
  expect(tellsOf(ann)).toEqual([{ name: 'bob', statusLTime: 5, age: HOUR + 500 }]);
});

test('it is erased when its time is over, counted from its death', () => {
  const ann = one();
  learn(ann, told('bob', { age: RECONNECT_TIMEOUT - HOUR }));
  ann.pass(HOUR - 60_000);
  expect(ann.status('bob')).toBe('failed');
  ann.pass(120_000);
  expect(ann.status('bob')).toBeUndefined();
  expect(learn(ann, told('bob', { age: RECONNECT_TIMEOUT - 1000 })), 'a peer erases it a little later').toBe(
    false,
  );
});

test.each<[string, Partial<FailedMember>]>([
  ['its time is over', { age: RECONNECT_TIMEOUT + 1 }],
  ['its Lamport time is out of all bounds', { statusLTime: 2 ** 50 }],
])('it is not believed if %s', (_, over) => {
  const ann = one();
  expect(learn(ann, told('bob', over))).toBe(false);
  expect(ann.events()).toEqual([]);
});

test('nothing is learned of this agent itself, nor of who is known here, up or down', () => {
  const ann = one({ members: ['bob', 'cat'] });
  ann.down('cat');
  ann.events();
  for (const name of ['ann', 'bob', 'cat']) expect(learn(ann, told(name))).toBe(false);
  expect([ann.status('bob'), ann.events()]).toEqual(['alive', []]);
});

test('the number of failed members that peers can make us hold is limited', () => {
  const ann = one();
  for (let i = 0; i < 4200; i++) learn(ann, told(`n${i}`));
  expect([...ann.serf.view.all()]).toHaveLength(4096 + 1);
});

describe('what has happened to it since, as far as it is known here, stands', () => {
  test('an operator made it left: a later leave intent of an unknown member is kept', () => {
    const ann = one();
    ann.leaveIntent('bob', 6);
    expect(learn(ann, told('bob'))).toBe(false);
    expect(learn(ann, told('bob', { statusLTime: 7 })), 'it has joined again after that').toBe(true);
  });

  test('an operator had it erased: it stays so, and the peer is told', () => {
    const ann = one({ members: ['bob'] });
    ann.down('bob');
    ann.leaveIntent('bob', 6, true);
    expect(ann.status('bob')).toBeUndefined();
    ann.takeBroadcasts();
    expect(learn(ann, told('bob'))).toBe(false);
    expect(ann.takeMessages()).toEqual([LeaveIntent.create({ node: 'bob', ltime: 6, prune: true })]);
    expect(learn(ann, told('bob', { statusLTime: 7 })), 'it has joined again after that').toBe(true);
  });

  test('its time was over: nobody is told, and a later incarnation is believed', () => {
    const ann = one({ members: ['bob'] });
    ann.down('bob');
    ann.pass(RECONNECT_TIMEOUT + 60_000);
    expect(ann.status('bob')).toBeUndefined();
    expect(learn(ann, told('bob', { statusLTime: 0 }))).toBe(false);
    expect(ann.takeMessages()).toEqual([]);
    const again = { ...member('bob', 'dead'), incarnation: 2 };
    expect(learn(ann, told('bob', { member: again, statusLTime: 0 }))).toBe(true);
  });

  test('it came back and was erased again', () => {
    const ann = one({ members: ['bob'] });
    ann.down('bob');
    ann.leaveIntent('bob', 6, true);
    ann.up('bob');
    ann.down('bob');
    expect(learn(ann, told('bob'))).toBe(false);
    expect(ann.status('bob')).toBe('failed');
  });
});
