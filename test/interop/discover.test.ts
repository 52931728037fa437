/** `--discover NAME`: hosts on one LAN find each other by multicast DNS, a real Serf agent among them, and strangers do not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNetnsHosts, type NetnsHosts, netnsUnsupportedReason } from '../support/netns.ts';
import { isInstalled, killProcesses, startHearsay, startSerf } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const why = netnsUnsupportedReason() ?? (isInstalled('serf') ? undefined : 'serf is not installed');
if (why !== undefined) console.warn(`discovery on a LAN is not tested: ${why}`);

let dir = '';
let hosts: NetnsHosts | undefined;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-discover-'));
});
afterAll(async () => {
  await killProcesses();
  await hosts?.close();
  rmSync(dir, { recursive: true });
});

test.skipIf(why !== undefined)(
  'agents of one name join one another, whoever starts first; one of another name stays alone',
  async () => {
    hosts = await createNetnsHosts(5);
    const [a, b, c, d, e] = hosts.list as [
      never,
      never,
      never,
      never,
      never,
    ] as unknown as NetnsHosts['list'];
    const ours = (name: string, host: typeof a, cluster: string, args: readonly string[] = []) =>
      startHearsay({
        ...{ name, ip: host?.ip ?? '', commandPrefix: host?.commandPrefix ?? [] },
        socket: join(dir, `${name}.sock`),
        args: ['--dns', 'off', '--discover', cluster, ...args],
      });
    // Those that name no interface send where the route says. Serf asks over IPv6, too, and gives up where it cannot.
    for (const host of [b, d])
      if (host) await hosts.run(host, 'ip', 'route', 'add', '224.0.0.0/4', 'dev', 'eth0');
    if (b) await hosts.run(b, 'ip', 'addr', 'add', 'fd00::2/64', 'dev', 'eth0', 'nodad');
    const first = await ours('first', a, 'web');
    const args = ['-discover=web'];
    await startSerf({ name: 'real', ip: b?.ip ?? '', commandPrefix: b?.commandPrefix ?? [], args });
    // Our agent has no other way to the Serf agent than its answer, nor that one to ours than ours.
    const names = async (): Promise<string[]> => (await first.members()).map(({ name }) => name).sort();
    const sees = (...all: string[]) =>
      waitUntil(`${all.join(' ')} are members`, 30_000, async () => `${await names()}` === `${all}`);
    await sees('first', 'real');
    const last = await ours('last', c, 'web');
    await sees('first', 'last', 'real');
    const wide = await ours('on-all-addresses', d, 'web', ['--bind', '0.0.0.0:7946']);
    await sees('first', 'last', 'on-all-addresses', 'real');
    const other = await ours('other', e, 'db');
    await waitUntil('it has looked', 10_000, () => other.log().length > 0);
    expect(await names()).toHaveLength(4);
    expect((await other.members()).map(({ name }) => name)).toEqual(['other']);
    for (const agent of [last, wide]) expect(agent.log()).toContain('discover: found agents on the LAN');
  },
  120_000,
);
