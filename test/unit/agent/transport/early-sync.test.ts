import { describe, expect, test } from 'vitest';
import { EarlySync } from '../../../../src/agent/transport/early-sync.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { NEVER } from '../../../../src/base/time.ts';

const GOSSIP = 200;

describe('exchanges after a join', () => {
  test('the first comes within a few gossip rounds', () => {
    const followups = new EarlySync(GOSSIP, createRng(1));
    expect(followups.deadline).toBe(NEVER);
    followups.onPushPullFinished(5, 1_000);
    expect(followups.deadline - 1_000).toBeGreaterThanOrEqual(150);
    expect(followups.deadline - 1_000).toBeLessThanOrEqual(450);
  });

  test('they go on while there is news and end after three without', () => {
    const followups = new EarlySync(GOSSIP, createRng(1));
    let now = 0;
    const quiet: boolean[] = [];
    for (const news of [3, 1, 0, 2, 0, 0, 0]) {
      followups.onPushPullFinished(news, now);
      quiet.push(followups.deadline === NEVER);
      now = followups.deadline === NEVER ? now : followups.deadline;
    }
    expect(quiet).toEqual([false, false, false, false, false, false, true]);
  });

  test('a deadline is due once', () => {
    const followups = new EarlySync(GOSSIP, createRng(1));
    followups.onPushPullFinished(1, 0);
    const { deadline } = followups;
    expect(followups.consumeDeadline(deadline - 1)).toBe(false);
    expect(followups.consumeDeadline(deadline)).toBe(true);
    expect(followups.consumeDeadline(deadline)).toBe(false);
  });

  test('agents that start together do not dial together', () => {
    const deadlines = new Set(
      Array.from({ length: 50 }, (_, i) => {
        const followups = new EarlySync(GOSSIP, createRng(i));
        followups.onPushPullFinished(1, 0);
        return followups.deadline;
      }),
    );
    expect(deadlines.size).toBe(50);
  });
});
