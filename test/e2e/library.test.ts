/** The Node library and HAProxy with real agents: nothing fails while instances and agents are restarted one after another. */
import { afterEach, expect, test } from 'vitest';
import { runRolling } from '../rolling/rolling.ts';
import { isInstalled, killProcesses } from '../support/processes.ts';

afterEach(killProcesses);

test('all instances and then all agents are restarted, and no request fails', async () => {
  const reports = await runRolling({ hosts: 3, network: '127.35.6', requests: 1000, quiet: 100 });
  for (const [kind, { sent, failures, answered }] of Object.entries(reports)) {
    expect([kind, failures]).toEqual([kind, []]);
    expect(sent).toBeGreaterThanOrEqual(1000);
    expect([...answered].sort()).toEqual(['0', '1', '2']);
  }
  expect(Object.keys(reports).length).toBe(isInstalled('haproxy') ? 4 : 3);
});
