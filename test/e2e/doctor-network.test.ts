/** Faults of a real network, each on a host of its own: `hearsay doctor` names them with what mends them. */
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

const NAMES = ['ann', 'bob', 'cat', 'dan'] as const;
/** Some rounds of probes; the rest is for a busy machine. */
const TOLD = 120_000;

/** What doctor rightly says of a machine that is busy with other tests. */
const BUSY: ReadonlySet<string> = new Set(['stalled', 'unhealthy']);

const why = isInstalled('nft') ? netnsUnsupportedReason() : 'nft (nftables) is not installed';
if (why !== undefined) console.warn(`doctor is not tested on a real network: ${why}`);

describe.skipIf(why !== undefined)('a fault of the network', () => {
  let dir = '';
  let hosts: NetnsHosts;
  let ann: HearsayProcess;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'hearsay-doctor-'));
    hosts = await createNetnsHosts(NAMES.length);
    const agents = await Promise.all(
      hosts.list.map((host, i) =>
        startHearsay({
          name: NAMES[i] as string,
          ip: host.ip,
          commandPrefix: host.commandPrefix,
          socket: join(dir, `${NAMES[i]}.sock`),
          args: ['--retry-join', '10.99.0.1'],
        }),
      ),
    );
    ann = agents[0] as HearsayProcess;
    await waitUntil('all are members', TOLD, async () => {
      const members = await getJson<readonly unknown[]>(`${ann.http}/v1/hearsay/members`);
      return members.length === NAMES.length;
    });
    // Until another member has sent its catalog, the agent says so in place of an answer.
    await waitUntil('its catalog is ready', TOLD, () => getJson(`${ann.http}/v1/catalog/services`));
  });
  afterAll(async () => {
    await killProcesses();
    await hosts?.close();
    rmSync(dir, { recursive: true });
  });

  const findings = async (): Promise<readonly Found[]> => {
    const address = ann.http.replace('unix:', 'unix://');
    const words = ['doctor', '--json', '--http-addr', address];
    const { stdout } = await runHearsay(words, {}, hosts.list[0]?.commandPrefix);
    return (JSON.parse(stdout) as { findings: readonly Found[] }).findings;
  };
  const named = (code: string, node: string): Promise<Found> =>
    waitUntil(`${code} of ${node}`, TOLD, async () =>
      (await findings()).find((finding) => finding.code === code && finding.nodes.includes(node)),
    );
  /** Drops what comes in on a host and matches. */
  const drop = (host: number, ...match: readonly string[]) => dropAt(['input'], host, match);
  const dropAt = async (hooks: readonly string[], host: number, match: readonly string[]): Promise<void> => {
    const nft = (...words: readonly string[]) => hosts.run(hosts.list[host] as NetnsHost, 'nft', ...words);
    await nft('add', 'table', 'inet', 'fault');
    for (const hook of hooks) {
      await nft('add', 'chain', 'inet', 'fault', hook, `{ type filter hook ${hook} priority 0; }`);
      await nft('add', 'rule', 'inet', 'fault', hook, ...match, 'drop');
    }
  };

  test('none: no finding', async () => {
    const found = (await findings()).map(({ code }) => code);
    expect(found.filter((code) => !BUSY.has(code))).toEqual([]);
  });

  test('UDP that is dropped while TCP passes', async () => {
    await dropAt(['input', 'output'], 1, ['udp', 'dport', '7946']);
    const { fix } = await named('udpBlocked', 'bob');
    expect(fix).toContain('nft add rule');
  });

  test('UDP that passes one way only', async () => {
    await drop(2, 'ip', 'saddr', '10.99.0.1', 'udp', 'dport', '7946');
    expect((await named('oneWay', 'cat')).nodes).toEqual(['ann', 'cat']);
  });

  test('a host that is gone', async () => {
    await drop(3, 'ip', 'saddr', '10.99.0.0/24');
    expect((await named('failed', 'dan')).fix).toContain('hearsay forget dan');
  });
});
