/** User events between hearsay and real Serf agents: fired there, heard here, and the other way round. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { makeTempDir, runSerf, wireComplaints, writePrivateFile } from '../support/serf.ts';
import { sleep, waitUntil } from '../support/wait.ts';

interface Heard {
  readonly Name: string;
  readonly Payload: string | null;
  readonly ID: string;
}

afterEach(killProcesses);

test.skipIf(!isInstalled('serf'))(
  'an event fired on either side is heard once by all; who joins later hears only what is new',
  { timeout: 120_000 },
  async () => {
    const dir = makeTempDir();
    const log = writePrivateFile(dir, 'heard', '');
    const ip = (host: number): string => `127.0.44.${host}`;
    const join = `${ip(1)}:7946`;
    const h1 = await startHearsay({ name: 'h1', ip: ip(1) });
    const handler = `user=read p; echo "$SERF_USER_EVENT $p" >> ${log}`;
    const s1 = await startSerf({ name: 's1', ip: ip(11), join, args: [`-event-handler=${handler}`] });
    const h2 = await startHearsay({ name: 'h2', ip: ip(2), join });
    const heard = (agent: AgentProcess): Promise<Heard[]> =>
      getJson<Heard[]>(`http://${agent.ip}:8500/v1/event/list`);
    const names = async (agent: AgentProcess): Promise<string[]> =>
      (await heard(agent)).map(({ Name }) => Name);
    const handled = async (): Promise<string> => readFileSync(log, 'utf8');

    const there = await runSerf(s1, ['event', 'from-serf', 'v1']);
    expect(there.code, there.stderr).toBe(0);
    const here = await runHearsay(['event', 'from-hearsay', 'v2', '--http-addr', h1.http]);
    expect(here.code, here.stderr).toBe(0);

    for (const agent of [h1, h2])
      await waitUntil(`${agent.name} has heard both`, 10_000, async () => (await names(agent)).length === 2);
    await waitUntil('the handler of the real agent has heard both', 10_000, async () => {
      const lines = await handled();
      return lines.includes('from-serf v1') && lines.includes('from-hearsay v2');
    });
    const [one, two] = await Promise.all([heard(h1), heard(h2)]);
    const sorted = (list: Heard[]): Heard[] => [...list].sort((a, b) => (a.Name < b.Name ? -1 : 1));
    // The lower half of an id is each agent's own: it carries the index of the event there.
    const shared = (events: Heard[]) =>
      sorted(events).map((event) => ({ ...event, ID: event.ID.slice(0, 18) }));
    expect(shared(one)).toEqual(shared(two));
    expect(sorted(one).map(({ Name, Payload }) => [Name, Payload])).toEqual([
      ['from-hearsay', 'djI='],
      ['from-serf', 'djE='],
    ]);

    const h3 = await startHearsay({ name: 'h3', ip: ip(3), join });
    await runSerf(s1, ['event', '-coalesce=false', 'later', '']);
    await waitUntil('h3 has heard what came after it', 10_000, async () =>
      (await names(h3)).includes('later'),
    );
    await sleep(1000); // nothing more comes
    expect(await names(h3)).toEqual(['later']);
    expect((await names(h1)).sort()).toEqual(['from-hearsay', 'from-serf', 'later']);
    expect(wireComplaints(s1.log())).toEqual([]);
  },
);

test.skipIf(!isInstalled('serf'))(
  'an agent that was down hears what the real agent fired meanwhile, and raises no clock of its',
  { timeout: 180_000 },
  async () => {
    const ip = (host: number): string => `127.0.44.${host}`;
    const dir = makeTempDir();
    const s1 = await startSerf({ name: 's1', ip: ip(21) });
    const start = (join?: string): Promise<AgentProcess> =>
      startHearsay({
        ...{ name: 'h1', ip: ip(22), args: ['--data-dir', dir] },
        ...(join === undefined ? {} : { join }),
      });
    const heard = async (agent: AgentProcess): Promise<string[]> =>
      (await getJson<Heard[]>(`http://${agent.ip}:8500/v1/event/list`)).map(({ Name }) => Name);
    const clocks = async (): Promise<unknown> => {
      const { stdout } = await runSerf(s1, ['info', '-format=json']);
      const { serf } = JSON.parse(stdout) as { serf: Record<string, string> };
      return { event: serf['event_time'], query: serf['query_time'] };
    };
    const fire = (name: string) => runSerf(s1, ['event', '-coalesce=false', name, '']);
    const met = async (agent: AgentProcess): Promise<boolean> =>
      (await agent.members()).filter(({ status }) => status === 'alive').length === 2;
    let h1 = await start(`${ip(21)}:7946`);
    await fire('before');
    await waitUntil('h1 has heard of it', 10_000, async () => (await heard(h1)).includes('before'));
    await sleep(1500); // until it is saved
    const before = await clocks();

    for (let restart = 0; restart < 2; restart++) {
      await h1.kill();
      h1 = await start();
      await waitUntil('h1 sees s1', 20_000, () => met(h1));
    }
    expect(await heard(h1)).toEqual([]);
    expect(await clocks()).toEqual(before);

    await h1.kill();
    await fire('while-down');
    h1 = await start();
    await waitUntil('h1 hears it', 20_000, async () => (await heard(h1)).includes('while-down'));
    expect(await heard(h1)).toEqual(['while-down']);
    expect(wireComplaints(s1.log())).toEqual([]);
  },
);
