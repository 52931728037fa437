/** Times that go on over restarts: TTL checks, and the time after which a critical service is deregistered. */
import { expect, test } from 'vitest';
import { parseDuration } from '../../src/config/setting.ts';
import { makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';
import { startStory } from './start-story.ts';

/** Three agents; `web-1` is registered at ann, with a TTL check that was updated just now. */
function withTtl(overrides: Parameters<typeof makeTtlCheck>[2]) {
  const story = startStory('ann bob cat', { seed: 41, detail: 'facts' });
  const service = makeService('web-1');
  const checks = [makeTtlCheck('t', 'web-1', overrides)];
  const asked = { kind: 'registerService', service, checks, replaceChecks: true } as const;
  expect(story.runCommand('ann', asked).ok).toBe(true);
  const update = (status: 'passing' | 'critical'): void =>
    void story.runCommand('ann', { kind: 'updateCheck', id: 't', status, output: '' });
  const status = (): string | undefined =>
    story.world.host('ann').runningAgent.view.local.checks().get('t')?.status;
  const restart = (after: string): void => {
    story.stop('ann');
    story.world.run(parseDuration(after));
    story.restart('ann', { restore: true });
  };
  return { story, update, status, restart };
}

test('a TTL of 10 s that was updated, restarted at 4 s: it is critical at 10 s', () => {
  const { story, update, status, restart } = withTtl({ ttl: 10_000 });
  update('passing');
  const began = story.world.now;
  story.run('4s');
  restart('1s');
  story.run('4s');
  expect(status()).toBe('passing');

  expect(story.runUntil(() => status() === 'critical')).toBe(true);
  expect(story.world.now - began).toBeLessThan(10_100);
});

test('a TTL of 6 s does not outlive restarts every 2.5 s', () => {
  const { story, update, status, restart } = withTtl({ ttl: 6_000 });
  update('passing');
  story.run('2s');
  for (let i = 0; i < 3; i++) {
    restart('500ms');
    story.run('2s');
  }
  expect(status()).toBe('critical');
});

test('restarts do not keep a service whose check has been critical for too long', () => {
  const { story, update, restart } = withTtl({ ttl: 3_600_000, deregisterCriticalAfter: 120_000 });
  update('critical');
  const began = story.world.now;
  for (let i = 0; i < 3; i++) {
    story.run('20s');
    restart('10s');
  }
  const isGone = (): boolean => !story.world.host('ann').runningAgent.view.local.services().has('web-1');
  expect(isGone()).toBe(false);

  expect(story.runUntil(isGone, '2m')).toBe(true);
  expect(story.world.now - began).toBeLessThanOrEqual(150_100);
  expect(story.facts('serviceReaped')).toHaveLength(1);
});
