/** Leases in a simulated cluster: a process that dies is answered nowhere, and a restart of the agent shows no gap. I33. */
import { expect, test } from 'vitest';
import type { StoryOptions } from '../../src/sim/scenarios/story.ts';
import { makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';
import { startStory } from './start-story.ts';

const HOSTS = Array.from({ length: 100 }, (_, i) => `h${i}`);
const GRACE = 10_000;
const ROUNDS = 10;

function leasing(names = 'ann bob cat', options: Partial<StoryOptions> = {}) {
  const story = startStory(names, { seed: 51, detail: 'facts', ...options });
  const hold = (by: string, holder: string, ...ids: readonly string[]): boolean =>
    story.runCommand(by, {
      ...{ kind: 'holdLease', lease: `lease-of-${by}`, holder, grace: GRACE },
      registrations: ids.map((id) => ({
        service: makeService(id),
        checks: [makeTtlCheck(`of-${id}`, id)],
      })),
    }).ok;
  const close = (by: string, holder: string): boolean =>
    story.runCommand(by, { kind: 'closeLease', lease: `lease-of-${by}`, holder }).ok;
  const isUsable = (id: string) => (observer: string) =>
    story.passing(observer, id.replace(/-\d+$/, '')).includes(id);
  const isKnown = (id: string) => (observer: string) => story.instance(observer, id) !== undefined;
  return { story, hold, close, isUsable, isKnown };
}

test('a crash is absent everywhere at once, and gone after the grace', () => {
  const { story, hold, close, isUsable, isKnown } = leasing();
  expect(hold('ann', 'first', 'web-1', 'api-1')).toBe(true);
  expect(story.runUntil(() => story.everywhere(isUsable('web-1')), '5s')).toBe(true);
  close('ann', 'first');
  const times = story.timeUntilEach((label) => !isUsable('web-1')(label), 5000);
  expect(Math.max(...times.values())).toBeLessThan(500);
  expect(story.everywhere(isKnown('web-1'))).toBe(true);
  expect(story.instance('cat', 'api-1')?.checks.map(({ output }) => output)).toContain(
    'its process on ann closed the connection',
  );
  story.run('15s');
  expect(story.everywhere((label) => !isKnown('web-1')(label))).toBe(true);
  expect(story.lawChecker.judgments.I33).toBeGreaterThan(10);
});

test('one that comes back is not ended by its old connection', () => {
  const { story, hold, close, isUsable } = leasing();
  hold('ann', 'first', 'web-1');
  hold('ann', 'second', 'web-1');
  close('ann', 'first');
  story.run('30s');
  expect(story.everywhere(isUsable('web-1'))).toBe(true);
});

test('an agent that restarts shows no gap, and forgets whoever does not come back within the grace', () => {
  const { story, hold, isUsable, isKnown } = leasing();
  hold('ann', 'first', 'web-1');
  expect(story.runUntil(() => story.everywhere(isUsable('web-1')), '5s')).toBe(true);
  story.runCommand('ann', { kind: 'pause', duration: 30_000 });
  story.run('3s');
  story.restart('ann', { restore: true });
  expect(story.runUntil(() => !isUsable('web-1')('bob'), '5s')).toBe(false);
  hold('ann', 'second', 'web-1');
  expect(story.runUntil(() => !isUsable('web-1')('bob'), '30s')).toBe(false);

  story.runCommand('ann', { kind: 'pause', duration: 30_000 });
  story.run('3s');
  story.restart('ann', { restore: true });
  story.run('15s');
  expect(story.everywhere((label) => !isKnown('web-1')(label))).toBe(true);
});

test('at 100 agents a crash is absent everywhere within half a second, with 2 % loss', () => {
  const { story, hold, isUsable } = leasing(HOSTS.join(' '), {
    seed: 52,
    linkQuality: { loss: 0.02 },
    bootstrapped: 'byPushPull',
  });
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const by = HOSTS[(round * 7) % HOSTS.length] as string;
    const id = `web-${round}`;
    hold(by, `${round}`, id);
    expect(story.timeUntilEach(isUsable(id), 20_000).size).toBe(HOSTS.length);
    story.sendCommand(by, { kind: 'closeLease', lease: `lease-of-${by}`, holder: `${round}` });
    times.push(...story.timeUntilEach((label) => !isUsable(id)(label), 5000).values());
  }
  times.sort((a, b) => a - b);
  const p = (share: number): number => times[Math.ceil(share * times.length) - 1] as number;
  expect(times).toHaveLength(ROUNDS * HOSTS.length);
  console.info(`crash to absence, 100 agents: p50 ${p(0.5)} ms, p99 ${p(0.99)} ms, max ${p(1)} ms`);
  expect(p(0.99)).toBeLessThan(500);
});
