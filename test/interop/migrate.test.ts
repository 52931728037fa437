/** G17: a host that ran Serf goes on with hearsay, without a word on whom to join: its snapshot says it. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { makeTempDir, runSerf, wireComplaints } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

test.skipIf(!isInstalled('serf'))(
  'P62 the snapshot of the real agent is enough to be back in the cluster under its name',
  { timeout: 120_000 },
  async () => {
    const snapshot = `${makeTempDir()}/serf.snapshot`;
    const ip = (host: number): string => `127.0.48.${host}`;
    const s1 = await startSerf({ name: 's1', ip: ip(11) });
    const args = [`-snapshot=${snapshot}`];
    const s2 = await startSerf({ name: 's2', ip: ip(12), join: `${ip(11)}:7946`, args });
    const seenBy = async (agent: { members: typeof s1.members }, name: string): Promise<string | undefined> =>
      (await agent.members()).find((one) => one.name === name)?.status;
    await waitUntil('the snapshot names s1', 20_000, async () => {
      await runSerf(s2, ['event', `n${performance.now()}`]); // it is flushed when there is more to write
      return readFileSync(snapshot, 'utf8').includes('alive: s1 ');
    });
    const eventTime = async (agent: AgentProcess): Promise<string | undefined> =>
      /^\s*event_time = (\d+)$/m.exec((await runSerf(agent, ['info'])).stdout)?.[1];
    await waitUntil('s1 has heard all events of s2', 20_000, async () => {
      const times = await Promise.all([eventTime(s1), eventTime(s2)]);
      return times[0] !== undefined && times[0] === times[1];
    });

    await s2.kill();
    await runSerf(s1, ['event', '-coalesce=false', 'meanwhile', '']);
    const moved = await startHearsay({ name: 's2', ip: ip(12), args: ['--import-serf-snapshot', snapshot] });

    await waitUntil('s2 sees s1', 20_000, async () => (await seenBy(moved, 's1')) === 'alive');
    await waitUntil('s1 sees s2', 20_000, async () => (await seenBy(s1, 's2')) === 'alive');
    const heard = async (): Promise<string[]> =>
      (await getJson<{ Name: string }[]>(`http://${moved.ip}:8500/v1/event/list`)).map(({ Name }) => Name);
    await waitUntil('s2 hears what was fired meanwhile', 20_000, async () =>
      (await heard()).includes('meanwhile'),
    );
    expect((await s1.members()).length).toBe(2);
    expect(wireComplaints(s1.log())).toEqual([]);
  },
);
