import { describe, expect, test } from 'vitest';
import { EarlySync } from '../../../../src/agent/transport/early-sync.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { NEVER } from '../../../../src/base/time.ts';
import type { Member, MemberState, MembersView } from '../../../../src/swim/types.ts';

const GOSSIP = 200;

const rows = (states: Readonly<Record<string, MemberState>>): MembersView => {
  const all = Object.entries(states).map(
    ([name, state]) => ({ identity: { name }, state }) as unknown as Member,
  );
  return { self: all[0], all: () => all[Symbol.iterator]() } as unknown as MembersView;
};

describe('the peer of a push/pull', () => {
  const chosen = (states: Readonly<Record<string, MemberState>>): Set<string | undefined> =>
    new Set(
      Array.from(
        { length: 200 },
        (_, seed) => new EarlySync(GOSSIP, createRng(seed)).choosePeer(rows(states))?.identity.name,
      ),
    );

  test('is another member that is alive', () => {
    const states = {
      ann: 'alive',
      bob: 'dead',
      cat: 'alive',
      dan: 'left',
      eve: 'suspect',
      fay: 'alive',
    } as const;
    const names = chosen(states);
    names.delete(undefined); // a few draws found none that is alive
    expect([...names].sort()).toEqual(['cat', 'fay']);
  });

  test('is nobody if no other member is alive', () => {
    expect(chosen({ ann: 'alive' })).toEqual(new Set([undefined]));
    expect(chosen({ ann: 'alive', bob: 'dead', cat: 'left' })).toEqual(new Set([undefined]));
  });
});

describe('push/pulls after a join', () => {
  test('the first comes within a few gossip rounds', () => {
    const earlySync = new EarlySync(GOSSIP, createRng(1));
    expect(earlySync.deadline).toBe(NEVER);
    earlySync.onPushPullFinished(5, 1_000);
    expect(earlySync.deadline - 1_000).toBeGreaterThanOrEqual(150);
    expect(earlySync.deadline - 1_000).toBeLessThanOrEqual(450);
  });

  test('they go on while there is news and end after three without', () => {
    const earlySync = new EarlySync(GOSSIP, createRng(1));
    let now = 0;
    const quiet: boolean[] = [];
    for (const news of [3, 1, 0, 2, 0, 0, 0]) {
      earlySync.onPushPullFinished(news, now);
      quiet.push(earlySync.deadline === NEVER);
      now = earlySync.deadline === NEVER ? now : earlySync.deadline;
    }
    expect(quiet).toEqual([false, false, false, false, false, false, true]);
  });

  test('a deadline is due once', () => {
    const earlySync = new EarlySync(GOSSIP, createRng(1));
    earlySync.onPushPullFinished(1, 0);
    const { deadline } = earlySync;
    const members = rows({ ann: 'alive', bob: 'alive' });
    const nameAt = (now: number): string | undefined =>
      earlySync.consumeDeadline(now, members)?.identity.name;
    expect(nameAt(deadline - 1)).toBeUndefined();
    expect(nameAt(deadline)).toBe('bob');
    expect(nameAt(deadline)).toBeUndefined();
  });

  test('agents that start together do not dial together', () => {
    const deadlines = new Set(
      Array.from({ length: 50 }, (_, i) => {
        const earlySync = new EarlySync(GOSSIP, createRng(i));
        earlySync.onPushPullFinished(1, 0);
        return earlySync.deadline;
      }),
    );
    expect(deadlines.size).toBe(50);
  });
});
