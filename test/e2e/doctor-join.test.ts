/** `hearsay doctor --join` from a host without an agent: what it says of real agents, and behind real firewalls. */
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createNetnsHosts,
  type NetnsHost,
  type NetnsHosts,
  netnsUnsupportedReason,
} from '../support/netns.ts';
import { isInstalled, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';

interface Report {
  readonly code: number;
  readonly codes: readonly string[];
}

const ip = (host: number): string => `127.43.1.${host}`;
const KEY = Buffer.alloc(32, 7).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 8).toString('base64');

async function examine(
  seed: string,
  { key, args = [] }: { readonly key?: string | undefined; readonly args?: readonly string[] } = {},
  prefix?: readonly string[],
): Promise<Report> {
  const env = key === undefined ? {} : { HEARSAY_GOSSIP_KEY: key };
  const { code, stdout } = await runHearsay(['doctor', '--json', '--join', seed, ...args], env, prefix);
  const { findings } = JSON.parse(stdout) as { findings: readonly { readonly code: string }[] };
  return { code, codes: findings.map((finding) => finding.code) };
}

afterAll(killProcesses);

describe('agents that differ in key and label', () => {
  let silent: Server;
  beforeAll(async () => {
    await startHearsay({ name: 'plain', ip: ip(1) });
    await startHearsay({ name: 'keyed', ip: ip(2), key: KEY });
    await startHearsay({ name: 'labeled', ip: ip(3), args: ['--label', 'x'] });
    silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(7946, ip(5), resolve));
  });
  afterAll(() => silent.close());

  test.each([
    ['the same, without a key', ip(1), {}, 'well'],
    ['the same key', ip(2), { key: KEY }, 'well'],
    ['the same label', ip(3), { args: ['--label', 'x'] }, 'well'],
    ['a missing key', ip(2), {}, 'noKey'],
    ['a wrong key', ip(2), { key: OTHER_KEY }, 'wrongKey'],
    ['a key where there is none', ip(1), { key: KEY }, 'notEncrypted'],
    ['a missing label', ip(3), {}, 'wrongLabel'],
    ['a wrong label', ip(3), { args: ['--label', 'y'] }, 'wrongLabel'],
    ['a label where there is none', ip(1), { args: ['--label', 'y'] }, 'wrongLabel'],
    ['the port of HTTP', `${ip(1)}:8500`, {}, 'noGossip'],
    ['nobody', ip(4), {}, 'refused'],
    ['what accepts and is silent', ip(5), {}, 'unanswered'],
    ['a name of nobody', 'nobody.invalid', {}, 'unresolved'],
  ] as const)('%s', async (_, seed, options, wanted) => {
    const expected = wanted === 'well' ? { code: 0, codes: [] } : { code: 1, codes: [wanted] };
    expect(await examine(seed, options)).toEqual(expected);
  });

  test('what is no address, and nodes beside --join, are wrong usage', async () => {
    expect((await runHearsay(['doctor', '--join', 'a:b:c'])).code).toBe(2);
    expect((await runHearsay(['doctor', 'ann', '--join', ip(1)])).code).toBe(2);
  });
});

const why = isInstalled('nft') ? netnsUnsupportedReason() : 'nft (nftables) is not installed';
if (why !== undefined) console.warn(`doctor --join is not tested behind firewalls: ${why}`);

describe.skipIf(why !== undefined)('firewalls', () => {
  let hosts: NetnsHosts;
  beforeAll(async () => {
    hosts = await createNetnsHosts(2);
    const [seed] = hosts.list;
    await startHearsay({
      ...{ name: 'seed', ip: seed?.ip as string, commandPrefix: seed?.commandPrefix as readonly string[] },
      socket: join(tmpdir(), `hearsay-doctor-join-${process.pid}.sock`),
      key: KEY,
    });
  });
  afterAll(async () => {
    await killProcesses();
    await hosts?.close();
  });

  /** What the second host finds while the first drops what comes in and matches. */
  const behind = async (...matches: readonly (readonly string[])[]): Promise<Report> => {
    const [host] = hosts.list;
    const nft = (...words: readonly string[]) => hosts.run(host as NetnsHost, 'nft', ...words);
    await nft('add', 'table', 'inet', 'fault');
    await nft('add', 'chain', 'inet', 'fault', 'in', '{ type filter hook input priority 0; }');
    for (const match of matches) await nft('add', 'rule', 'inet', 'fault', 'in', ...match, 'drop');
    try {
      return await examine('10.99.0.1', { key: KEY }, hosts.list[1]?.commandPrefix);
    } finally {
      await nft('delete', 'table', 'inet', 'fault');
    }
  };

  test.each([
    ['none', [], { code: 0, codes: [] }],
    ['UDP is dropped', [['udp', 'dport', '7946']], { code: 1, codes: ['udpBlocked'] }],
    ['TCP is dropped', [['tcp', 'dport', '7946']], { code: 1, codes: ['tcpBlocked'] }],
    ['all is dropped', [['ip', 'saddr', '10.99.0.2']], { code: 1, codes: ['timeout'] }],
    ['long datagrams are dropped', [['udp', 'length', '>', '1200']], { code: 1, codes: ['largeDatagrams'] }],
  ] as const)('%s', async (_, matches, expected) => {
    expect(await behind(...matches)).toEqual(expected);
  });
});
