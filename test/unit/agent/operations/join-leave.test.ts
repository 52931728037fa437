import { describe, expect, test } from 'vitest';
import type { Seed } from '../../../../src/agent/contract/commands.ts';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import {
  JoinLeave,
  type JoinLeaveHost,
  joinAdvice,
  joinFailure,
} from '../../../../src/agent/operations/join-leave.ts';
import type { PushPullRequest } from '../../../../src/agent/transport/stream-host.ts';
import { type Address, toAddress } from '../../../../src/base/address.ts';
import { serfSection } from '../../../../src/config/protocol.ts';
import { withDefaults } from '../../../../src/config/setting.ts';
import type { BroadcastHandle } from '../../../../src/serf/membership/membership.ts';
import type { Member } from '../../../../src/swim/types.ts';

const at = (host: number): Address => toAddress(Uint8Array.of(127, 0, 0, host), 7946);
const seed = (text: string, ...addresses: Address[]): Seed => ({ text, addresses });

function createJoinLeave(
  finished: { intent: boolean; dead: boolean | undefined } = { intent: false, dead: false },
) {
  const dialed: PushPullRequest[] = [];
  const steps: string[] = [];
  const self = { identity: { address: at(1) } } as Member;
  const members = { self, upCount: 1 };
  const host: JoinLeaveHost = {
    members,
    dialPushPull: (sync) => void dialed.push(sync),
    broadcastJoin: () => void steps.push('joined'),
    leaveSerf: () => {
      steps.push('leaveSerf');
      return {
        get finished() {
          return finished.intent;
        },
      };
    },
    leaveSwim: (): BroadcastHandle | undefined => {
      steps.push('leaveSwim');
      if (finished.dead === undefined) return undefined;
      return {
        get finished() {
          return finished.dead === true;
        },
      };
    },
    pausing: {
      start: () => void steps.push('pause'),
      advance: () => finished.dead === true,
      get deadline() {
        return 1000;
      },
      report: { peers: 2, told: 1 },
    },
  };
  const out: Effect[] = [];
  const commands = new JoinLeave(host, withDefaults(serfSection));
  const replies = () => out.filter((effect) => effect.kind === 'reply');
  return { commands, dialed, steps, out, replies, finished, members };
}

const joinBy = (seeds: readonly Seed[]) => ({ kind: 'join', seeds }) as const;

describe('joining', () => {
  test('every seed is dialed at once, and one that answers is enough', () => {
    const { commands, dialed, out, replies, steps } = createJoinLeave();
    commands.join(1, joinBy([seed('a', at(2)), seed('b', at(3))]), 0, out);
    expect(dialed.map((one) => one.to.key)).toEqual(['127.0.0.2:7946', '127.0.0.3:7946']);

    commands.onPushPullFinished(
      dialed[0] as PushPullRequest,
      { ok: false, why: 'connection refused' },
      10,
      out,
    );
    expect(replies()).toEqual([]);
    commands.onPushPullFinished(dialed[1] as PushPullRequest, { ok: true, news: 1 }, 20, out);

    expect(replies()).toEqual([
      {
        kind: 'reply',
        request: 1,
        result: { ok: true, value: { joined: 1, failed: [{ addr: 'a', error: 'connection refused' }] } },
      },
    ]);
    expect(steps).toEqual(['joined']);
  });

  test("a seed's addresses are tried one after another", () => {
    const { commands, dialed, out, replies } = createJoinLeave();
    commands.join(1, joinBy([seed('a', at(2), at(3))]), 0, out);
    expect(dialed).toHaveLength(1);
    commands.onPushPullFinished(dialed[0] as PushPullRequest, { ok: false, why: 'no' }, 10, out);
    expect(dialed).toHaveLength(2);
    commands.onPushPullFinished(dialed[1] as PushPullRequest, { ok: true, news: 0 }, 20, out);
    expect(replies()).toMatchObject([{ result: { ok: true, value: { joined: 1, failed: [] } } }]);
  });

  test('the join intent is broadcast once, at the first answer', () => {
    const { commands, dialed, out, steps } = createJoinLeave();
    commands.join(1, joinBy([seed('a', at(2)), seed('b', at(3))]), 0, out);
    for (const sync of dialed) commands.onPushPullFinished(sync, { ok: true, news: 1 }, 10, out);
    expect(steps).toEqual(['joined']);
  });

  test('if no seed answers, the report and the error name each with its reason', () => {
    const { commands, dialed, out, replies } = createJoinLeave();
    commands.join(
      1,
      joinBy([seed('a', at(2)), { text: 'nowhere', addresses: [], error: 'no such host' }]),
      0,
      out,
    );
    commands.onPushPullFinished(
      dialed[0] as PushPullRequest,
      { ok: false, why: 'connection refused' },
      10,
      out,
    );
    const failed = [
      { addr: 'nowhere', error: 'no such host', cause: 'name' as const },
      { addr: 'a', error: 'connection refused' },
    ];
    expect(replies()).toEqual([
      { kind: 'reply', request: 1, result: { ok: true, value: { joined: 0, failed } } },
    ]);
    expect(joinFailure({ joined: 0, failed }).message).toMatch(
      /nowhere: no such host; a: connection refused/,
    );
  });

  test.each([
    [['name'], 'check the name and the name server of this host, or give an address'],
    [['self'], 'name another agent'],
    [[undefined], 'check that an agent runs there, with the same key and label'],
    [['self', undefined], 'check that an agent runs there, with the same key and label'],
    [['name', 'name', 'self'], 'check the name and the name server of this host, or give an address'],
    [
      [undefined, 'name'],
      'check the name and the name server of this host, or give an address; check that an agent runs there, with the same key and label',
    ],
  ] as const)('N26 the advice is about what went wrong: %j', (causes, advice) => {
    const failed = causes.map((cause) => ({
      addr: 'a',
      error: 'e',
      ...(cause === undefined ? {} : { cause }),
    }));
    expect(joinAdvice({ joined: 0, failed })).toBe(advice);
    expect(joinFailure({ joined: 0, failed }).message).toContain(`): ${advice}`);
  });

  test.each([
    ['before', [at(1), at(2)]],
    ['after', [at(2), at(1)]],
  ])('a seed with our own address %s another one failed at the other', (_, addresses) => {
    const { commands, dialed, out, replies } = createJoinLeave();
    commands.join(1, joinBy([seed('all.example', ...addresses)]), 0, out);
    commands.onPushPullFinished(dialed[0] as PushPullRequest, { ok: false, why: 'timed out' }, 10, out);
    const failed = [{ addr: 'all.example', error: 'timed out' }];
    expect(replies()).toMatchObject([{ result: { value: { joined: 0, failed } } }]);
    expect(JSON.stringify(replies())).not.toContain('cause');
  });

  test('an agent does not join itself', () => {
    const { commands, dialed, out, replies } = createJoinLeave();
    commands.join(1, joinBy([seed('me', at(1))]), 0, out);
    expect(dialed).toEqual([]);
    expect(replies()).toMatchObject([
      { result: { value: { joined: 0, failed: [{ error: 'this is the agent itself', cause: 'self' }] } } },
    ]);
  });

  test('two joins at once do not mix their seeds', () => {
    const { commands, dialed, out, replies } = createJoinLeave();
    commands.join(1, joinBy([seed('a', at(2))]), 0, out);
    commands.join(2, joinBy([seed('b', at(3))]), 0, out);
    commands.onPushPullFinished(dialed[1] as PushPullRequest, { ok: true, news: 1 }, 10, out);
    expect(replies().map((one) => one.request)).toEqual([2]);
  });
});

describe('leaving', () => {
  test("first Serf's intent, then memberlist's dead message, then a while longer probes are answered", () => {
    const { commands, out, steps, finished, replies } = createJoinLeave();
    commands.leave(1, 0, out);
    expect(steps).toEqual(['leaveSerf']);

    finished.intent = true;
    commands.advance(200, out);
    expect(steps).toEqual(['leaveSerf', 'leaveSwim']);

    finished.dead = true;
    commands.advance(400, out);
    expect(replies()).toEqual([]);
    expect(commands.deadline).toBe(1400);

    commands.advance(1399, out);
    expect(commands.stopped).toBe(false);
    commands.advance(1400, out);
    expect(commands.stopped).toBe(true);
    expect(replies()).toMatchObject([{ request: 1, result: { ok: true } }]);
    expect(out.at(-1)).toEqual({ kind: 'stopped' });
  });

  test('a message that is not sent in time does not stop the leave', () => {
    const { commands, out } = createJoinLeave();
    commands.leave(1, 0, out);
    commands.advance(5_000, out);
    commands.advance(10_000, out);
    commands.advance(11_000, out);
    expect(commands.stopped).toBe(true);
    expect(out).toContainEqual({ kind: 'fact', fact: { kind: 'leaveFinished', propagated: false } });
  });

  test('an agent that joins its first member leaves once that has answered', () => {
    const { commands, dialed, out, steps, members } = createJoinLeave();
    commands.join(1, joinBy([seed('a', at(2))]), 0, out);
    commands.leave(2, 100, out);
    commands.advance(200, out);
    expect([steps, commands.leaving]).toEqual([[], true]);
    members.upCount = 2;
    commands.onPushPullFinished(dialed[0] as PushPullRequest, { ok: true, news: 1 }, 300, out);
    commands.advance(300, out);
    expect(steps).toEqual(['joined', 'leaveSerf']);
  });

  test.each([
    ['nobody answers', 5100],
    ['it is refused', 300],
  ])('it does not wait for ever when %s', (how, until) => {
    const { commands, dialed, out, steps } = createJoinLeave();
    commands.join(1, joinBy([seed('a', at(2))]), 0, out);
    commands.leave(2, 100, out);
    const refused = { ok: false, why: 'refused' } as const;
    if (until === 300) commands.onPushPullFinished(dialed[0] as PushPullRequest, refused, 300, out);
    else commands.advance(until - 1, out);
    expect([how, steps]).toEqual([how, []]);
    commands.advance(until, out);
    expect(steps).toEqual(['leaveSerf']);
  });

  test('a member of a cluster does not wait for a join', () => {
    const { commands, out, steps, members } = createJoinLeave();
    members.upCount = 3;
    commands.join(1, joinBy([seed('a', at(2))]), 0, out);
    commands.leave(2, 100, out);
    expect(steps).toEqual(['leaveSerf']);
  });

  test('without other members it stops at once', () => {
    const { commands, out } = createJoinLeave({ intent: true, dead: undefined });
    commands.leave(1, 0, out);
    expect(commands.stopped).toBe(true);
  });

  test('every leave command gets a reply, and joins are rejected', () => {
    const { commands, out, replies } = createJoinLeave({ intent: true, dead: true });
    commands.leave(1, 0, out);
    commands.leave(2, 0, out);
    commands.join(3, joinBy([seed('a', at(2))]), 0, out);
    expect(replies()).toMatchObject([{ request: 3, result: { ok: false, error: { code: 'badRequest' } } }]);
    commands.advance(1_000, out);
    expect(replies().map((one) => one.request)).toEqual([3, 1, 2]);
  });
});
