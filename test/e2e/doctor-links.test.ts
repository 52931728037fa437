/**
 * Faults of a real network that only a measurement tells, each on a host of its own: the agent's findings, which the dashboard and `top`
 * show, have each within seconds, and `hearsay doctor` names it with what mends it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DoctorRuns, type Found, foundBy } from '../support/doctor.ts';
import { getJson } from '../support/http.ts';
import {
  createNetnsHosts,
  type NetnsHost,
  type NetnsHosts,
  netnsUnsupportedReason,
  startOnHosts,
} from '../support/netns.ts';
import { type HearsayProcess, isInstalled, killProcesses } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const NAMES = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gus'] as const;
/** Faults are told within seconds; the rest is for a busy machine. */
const TOLD = 120_000;
/** What doctor rightly says of a machine that is busy with other tests. */
const BUSY: ReadonlySet<string> = new Set(['stalled', 'unhealthy']);

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
  {
    ...{ code: 'failed', alone: 'suspect', node: 'gus', says: 'hearsay forget gus' },
    drops: ['ip', 'saddr', '10.99.0.0/24'],
  },
];

const why = isInstalled('nft') ? netnsUnsupportedReason() : 'nft (nftables) is not installed';
if (why !== undefined) console.warn(`link tests are not tested on a real network: ${why}`);

describe.skipIf(why !== undefined)('faults between hosts', () => {
  let dir = '';
  let hosts: NetnsHosts;
  let agents: readonly HearsayProcess[];
  let doctor: DoctorRuns;
  const http = (): string => (agents[0] as HearsayProcess).http;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'hearsay-links-'));
    hosts = await createNetnsHosts(NAMES.length);
    agents = await startOnHosts(hosts, NAMES, dir);
    await waitUntil('all are members', TOLD, async () => {
      const members = await getJson<readonly unknown[]>(`${http()}/v1/hearsay/members`);
      return members.length === NAMES.length;
    });
    // Until another member has sent its catalog, the agent says so in place of an answer.
    await waitUntil('its catalog is ready', TOLD, () => getJson(`${http()}/v1/catalog/services`));
    doctor = new DoctorRuns(http(), hosts.list[0]?.commandPrefix);
  });
  afterAll(async () => {
    for (const { child } of agents ?? []) child.kill('SIGCONT');
    await killProcesses();
    await hosts?.close();
    rmSync(dir, { recursive: true });
  });

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

  test('none: no finding', async () => {
    // A machine that stands still lets agents suspect one another for a moment: what stays is a false alarm.
    await waitUntil('no finding', TOLD, async () => {
      const found = [...(await foundBy(http())), ...(await doctor.next()).findings];
      const wrong = found.filter(({ code }) => !BUSY.has(code));
      if (wrong.length > 0) throw new Error(JSON.stringify(wrong));
      return true;
    });
  });

  test('each is shown by one agent, and named by doctor with what mends it', async () => {
    const isOf = (fault: Fault, { code, nodes }: Found): boolean =>
      code === fault.code && nodes.includes(fault.node);
    const isShown = (fault: Fault, { code, nodes }: Found): boolean =>
      [fault.code, fault.alone].includes(code) && nodes.includes(fault.node);
    await Promise.all(FAULTS.map(make));
    const madeAt = performance.now();
    const missing = new Set(FAULTS);
    const times: string[] = [];
    await waitUntil('all are shown', TOLD, async () => {
      const found = await foundBy(http());
      for (const fault of missing)
        if (found.some((one) => isShown(fault, one))) {
          missing.delete(fault);
          times.push(`${fault.code} ${Math.round(performance.now() - madeAt)}`);
        }
      return noneIsLeft(missing, found);
    });
    console.info(`shown after, in ms: ${times.join(', ')}`);
    // A run measures anew, and chance decides how many datagrams get lost: each fault is named by one of them.
    const unnamed = new Set(FAULTS);
    await waitUntil('doctor names all', TOLD, async () => {
      const { code, findings } = await doctor.next();
      expect(code).toBe(1);
      for (const fault of unnamed)
        if (findings.some((one) => isOf(fault, one) && one.fix.includes(fault.says))) unnamed.delete(fault);
      return noneIsLeft(unnamed, findings);
    });
  });
});

function noneIsLeft(faults: ReadonlySet<Fault>, found: readonly Found[]): true {
  const left = [...faults].map(({ code, node }) => `${code} of ${node}`);
  if (left.length > 0) throw new Error(`${left.join(', ')}, but: ${JSON.stringify(found)}`);
  return true;
}
