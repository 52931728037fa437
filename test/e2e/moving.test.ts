/** A host whose address changes while its agent runs, as after a new lease: the others follow, and it was never down. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createNetnsHosts,
  type NetnsHost,
  type NetnsHosts,
  netnsUnsupportedReason,
} from '../support/netns.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

/** Generous: the goal is 6 s, on a machine that is not busy. */
const LIMIT = 60_000;
const FIRST = '10.99.0.1';

const why = netnsUnsupportedReason();
if (why !== undefined) console.warn(`a changing address is not tested: ${why}`);

let dir = '';
let hosts: NetnsHosts | undefined;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-moving-'));
});
afterAll(async () => {
  await killProcesses();
  await hosts?.close();
  rmSync(dir, { recursive: true });
});

const launch = (host: NetnsHost, name: string): Promise<HearsayProcess> =>
  startHearsay({
    name,
    ip: host.ip,
    commandPrefix: host.commandPrefix,
    socket: join(dir, `${name}.sock`),
    args: ['--bind', '0.0.0.0:7946', '--dns', 'off', '--retry-join', FIRST],
  });

const rowOf = async (agent: HearsayProcess, name: string): Promise<string> => {
  const row = (await agent.members()).find((member) => member.name === name);
  return `${row?.addr} ${row?.status}`;
};

const seen = (agents: readonly HearsayProcess[], name: string, row: string): Promise<unknown> =>
  Promise.all(
    agents.map((agent) =>
      waitUntil(`${agent.name} sees ${name} as ${row}`, LIMIT, async () => {
        const now = await rowOf(agent, name);
        return now === row || Promise.reject(new Error(now));
      }),
    ),
  );

test.skipIf(why !== undefined)(
  'another address: followed everywhere, nobody held it for failed',
  async () => {
    hosts = await createNetnsHosts(3);
    const [first, , mover] = hosts.list as [NetnsHost, NetnsHost, NetnsHost];
    const agents = [await launch(first, 'n1')];
    for (const [i, host] of hosts.list.slice(1).entries()) agents.push(await launch(host, `n${i + 2}`));
    await seen(agents, 'n3', '10.99.0.3:7946 alive');

    await hosts.run(mover, 'ip', 'addr', 'del', '10.99.0.3/24', 'dev', 'eth0');
    await hosts.run(mover, 'ip', 'addr', 'add', '10.99.0.33/24', 'dev', 'eth0');

    await seen(agents, 'n3', '10.99.0.33:7946 alive');
    for (const agent of agents) expect(agent.log()).not.toMatch(/"node":"n3".*"msg":"member failed"/);
  },
);
