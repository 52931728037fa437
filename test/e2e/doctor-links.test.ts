/**
 * Faults of a real network that only a measurement tells, each on a host of its own: the agent's findings, which the dashboard and `top`
 * show, have each within seconds, and `hearsay doctor` names it with what mends it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import {
  createNetnsHosts,
  type NetnsHost,
  type NetnsHosts,
  netnsUnsupportedReason,
} from '../support/netns.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

interface Found {
  readonly code: string;
  readonly nodes: readonly string[];
  readonly fix: string;
}

const NAMES = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay'] as const;
const TOLD = 60_000;

interface Fault {
  /** What doctor calls it, and what one agent alone may call it. */
  readonly code: string;
  readonly alone?: string;
  readonly node: (typeof NAMES)[number];
  /** The fix, or the sentence, says this. */
  readonly says: string;
  /** What the host of `node` drops, as it comes in and, with `both`, as it goes out. */
  readonly drops?: readonly string[];
  readonly both?: boolean;
}

const FAULTS: readonly Fault[] = [
  { code: 'largeDatagrams', node: 'bob', says: 'ping -M do -s', drops: ['udp', 'length', '>', '1200'] },
  {
    ...{ code: 'loss', node: 'cat', says: 'UdpRcvbufErrors' },
    drops: ['meta', 'l4proto', 'udp', 'numgen', 'random', 'mod', '100', '<', '30'],
  },
  {
    ...{ code: 'oneWay', alone: 'udpBlocked', node: 'dan' },
    says: 'on dan, and on each firewall between: nft add rule inet filter input ip saddr 10.99.0.1 udp dport 7946 accept',
    drops: ['ip', 'saddr', '10.99.0.1', 'udp', 'dport', '7946'],
  },
  {
    ...{ code: 'udpBlocked', alone: 'oneWay', node: 'eve', says: 'nft add rule inet filter input' },
    ...{ drops: ['udp', 'dport', '7946'], both: true },
  },
  { code: 'hung', node: 'fay', says: 'kill -CONT' },
];

const why = isInstalled('nft') ? netnsUnsupportedReason() : 'nft (nftables) is not installed';
if (why !== undefined) console.warn(`link tests are not tested on a real network: ${why}`);

describe.skipIf(why !== undefined)('faults between hosts', () => {
  let dir = '';
  let hosts: NetnsHosts;
  let agents: readonly HearsayProcess[];
  const http = (): string => (agents[0] as HearsayProcess).http;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'hearsay-links-'));
    hosts = await createNetnsHosts(NAMES.length);
    agents = await Promise.all(
      hosts.list.map((host, i) =>
        startHearsay({
          ...{ name: NAMES[i] as string, ip: host.ip, commandPrefix: host.commandPrefix },
          socket: join(dir, `${NAMES[i]}.sock`),
          args: ['--retry-join', '10.99.0.1'],
        }),
      ),
    );
    await waitUntil('all are members', TOLD, async () => {
      const members = await getJson<readonly unknown[]>(`${http()}/v1/hearsay/members`);
      return members.length === NAMES.length;
    });
  });
  afterAll(async () => {
    for (const { child } of agents) child.kill('SIGCONT');
    await killProcesses();
    await hosts?.close();
    rmSync(dir, { recursive: true });
  });

  /** What the dashboard and `top` read. */
  const shown = async (): Promise<readonly Found[]> =>
    (await getJson<{ findings: readonly Found[] }>(`${http()}/v1/hearsay/findings`)).findings;
  const doctor = async (): Promise<readonly Found[]> => {
    const words = ['doctor', '--json', '--http-addr', http().replace('unix:', 'unix://')];
    const { stdout } = await runHearsay(words, {}, hosts.list[0]?.commandPrefix);
    return (JSON.parse(stdout) as { findings: readonly Found[] }).findings;
  };

  async function make({ node, drops, both }: Fault): Promise<void> {
    const at = NAMES.indexOf(node);
    if (drops === undefined) return void agents[at]?.child.kill('SIGSTOP');
    const nft = (...words: readonly string[]) => hosts.run(hosts.list[at] as NetnsHost, 'nft', ...words);
    await nft('add', 'table', 'inet', 'fault');
    for (const hook of both === true ? ['input', 'output'] : ['input']) {
      await nft('add', 'chain', 'inet', 'fault', hook, `{ type filter hook ${hook} priority 0; }`);
      await nft('add', 'rule', 'inet', 'fault', hook, ...drops, 'drop');
    }
  }

  test('each is shown by one agent, and named by doctor with what mends it', async () => {
    const isOf =
      ({ node }: Fault, codes: readonly (string | undefined)[]) =>
      (found: Found) =>
        codes.includes(found.code) && found.nodes.includes(node);
    expect(
      (await shown()).filter((found) => FAULTS.some((fault) => isOf(fault, [fault.code])(found))),
    ).toEqual([]);
    await Promise.all(FAULTS.map(make));
    const at = performance.now();
    const times = await Promise.all(
      FAULTS.map(async (fault) => {
        const isShown = async (): Promise<boolean> =>
          (await shown()).some(isOf(fault, [fault.code, fault.alone]));
        await waitUntil(`${fault.code} of ${fault.node} is shown`, TOLD, isShown);
        return `${fault.code} ${Math.round(performance.now() - at)}`;
      }),
    );
    console.info(`shown after, in ms: ${times.join(', ')}`);
    let last: readonly Found[] = [];
    await waitUntil('doctor names all of them', TOLD, async () => {
      last = await doctor();
      return FAULTS.every((fault) => last.some(isOf(fault, [fault.code])));
    });
    for (const fault of FAULTS) expect(last.find(isOf(fault, [fault.code]))?.fix).toContain(fault.says);
  });
});
