/** Two nodes with one name, one of them a real Serf agent: the newcomer stops and says why, whichever it is. */
import { afterEach, expect, test } from 'vitest';
import { isInstalled, killProcesses, startHearsay, startSerf } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

test.skipIf(!isInstalled('serf'))(
  'P60 the one that fewer members know by the name goes',
  { timeout: 400_000 },
  async () => {
    const ip = (host: number): string => `127.0.47.${host}`;
    const join = `${ip(1)}:7946`;
    const h1 = await startHearsay({ name: 'h1', ip: ip(1) });
    const s1 = await startSerf({ name: 's1', ip: ip(11), join });
    const s2 = await startSerf({ name: 's2', ip: ip(12), join });
    const h2 = await startHearsay({ name: 'h2', ip: ip(2), join });
    const steady = [h1, h2, s1, s2];
    for (const agent of steady)
      await waitUntil(`${agent.name} sees all`, 20_000, async () => {
        const members = await agent.members();
        return members.length === 4 && members.every(({ status }) => status === 'alive');
      });

    const ours = await startHearsay({ name: 's1', ip: ip(3), join });
    await waitUntil('ours has stopped', 60_000, () => ours.child.exitCode !== null);
    expect(ours.child.exitCode, ours.log()).toBe(78);
    expect(ours.log()).toContain('start it with another (--node NAME)');

    const theirs = await startSerf({ name: 'h2', ip: ip(13), join });
    await waitUntil('theirs has stopped', 60_000, () => theirs.child.exitCode !== null);

    await sleep(3000); // nobody follows them
    for (const agent of steady) {
      expect(agent.child.exitCode, agent.name).toBeNull();
      expect((await agent.members()).map(({ addr, status }) => `${addr} ${status}`).sort()).toEqual(
        steady.map(({ ip: at }) => `${at}:7946 alive`).sort(),
      );
    }
  },
);
