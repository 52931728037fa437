/**
 * What agents may be set to beside one another: every protocol of Serf that a real agent speaks, ours at the lowest we speak, and
 * compression on both sides or one, in plaintext and under a key. Events and queries pass both ways, and nobody complains.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { runSerf, wireComplaints } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

const KEY = Buffer.alloc(16, 5).toString('base64');
/** Longer than an LZW header is: a datagram with it is smaller when compressed. */
const PAYLOAD = 'again and '.repeat(40);

const RUNS = [
  {
    run: 'ours compresses, theirs does not',
    net: 53,
    ours: [],
    theirs: ['-disable-compression'],
  },
  {
    run: 'theirs compresses, ours does not, under a key',
    net: 54,
    key: KEY,
    ours: ['--no-swim-compression'],
    theirs: [],
  },
  { run: 'theirs speaks 2', net: 55, ours: [], theirs: ['-protocol=2'], speaks: 2 },
  { run: 'theirs speaks 3', net: 56, ours: [], theirs: ['-protocol=3'], speaks: 3 },
  {
    run: 'theirs speaks 4, ours 3',
    net: 57,
    ours: ['--serf-protocol', '3'],
    theirs: ['-protocol=4'],
    speaks: 4,
  },
] as const;

afterEach(killProcesses);

describe.skipIf(!isInstalled('serf'))('with real Serf agents', { timeout: 120_000 }, () => {
  test.each(RUNS)('P1 P7 $run', async ({ net, ours, theirs, ...more }) => {
    const ip = (host: number): string => `127.0.${net}.${host}`;
    const speaks = 'speaks' in more ? more.speaks : 5;
    const key = 'key' in more ? { key: more.key } : {};
    const h1 = await startHearsay({ name: 'h1', ip: ip(1), tags: { role: 'web' }, args: ours, ...key });
    const join = `${ip(1)}:7946`;
    const s1 = await startSerf({ name: 's1', ip: ip(11), join, tags: { role: 'db' }, args: theirs, ...key });
    const h2 = await startHearsay({ name: 'h2', ip: ip(2), join, args: ours, ...key });
    const agents: readonly AgentProcess[] = [h1, s1, h2];
    const roleAt = async (witness: AgentProcess, name: string): Promise<string | undefined> => {
      const row = (await witness.members()).find((one) => one.name === name);
      return row?.status === 'alive' ? (row.tags['role'] ?? '') : undefined;
    };
    for (const witness of agents)
      for (const [name, role] of [
        ['h1', 'web'],
        ['s1', 'db'],
      ] as const)
        await waitUntil(
          `${witness.name} sees ${name}`,
          20_000,
          async () => (await roleAt(witness, name)) === role,
        );

    expect((await runSerf(s1, ['event', 'theirs', PAYLOAD])).code).toBe(0);
    expect((await runHearsay(['event', 'ours', PAYLOAD, '--http-addr', h1.http])).code).toBe(0);
    for (const agent of [h1, h2])
      await waitUntil(`${agent.name} has heard both`, 20_000, async () => {
        const list = await getJson<{ Name: string; Payload: string }[]>(`${agent.http}/v1/event/list`);
        const whole = list.filter(({ Payload }) => Buffer.from(Payload, 'base64').toString() === PAYLOAD);
        return (
          whole
            .map(({ Name }) => Name)
            .sort()
            .join() === 'ours,theirs'
        );
      });
    await waitUntil('s1 has heard ours', 20_000, () => s1.log().includes('messageUserEventType: ours'));

    // Queries are of protocol 4.
    if (speaks >= 4) {
      expect((await runSerf(s1, ['reachability'])).stdout).toMatch(/Successfully contacted all live nodes/);
      const asked = await runHearsay(['reachability', '--json', '--http-addr', h1.http]);
      expect(JSON.parse(asked.stdout)).toMatchObject({ unresponsive: [], expected: 3 });
    }
    const info = await runSerf(s1, ['info']);
    expect(info.code, info.stderr).toBe(0);
    for (const agent of agents) expect(agent.child.exitCode, agent.name).toBeNull();
    expect(wireComplaints(s1.log())).toEqual([]);
    await Promise.all(agents.map((agent) => agent.kill()));
  });
});
