/** "Production in one screen" of docs/operations.md, followed to the letter by three hosts: network namespaces, one key, one file. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createNetnsHosts, type NetnsHost, netnsUnsupportedReason } from '../support/netns.ts';
import { isInstalled, killProcesses, runHearsay, startProgram } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const BIN = 'bin/hearsay.js';
const reason = isInstalled('dig') ? netnsUnsupportedReason() : 'dig is missing';

const page = (readFileSync('docs/operations.md', 'utf8').split('## Production in one screen')[1] ?? '').split(
  '\n## ',
)[0] as string;
const inFolder = (text: string, root: string): string =>
  text.replaceAll('/etc/hearsay', root).replaceAll('/var/lib/hearsay', join(root, 'data'));

/** The arguments of the page's commands `hearsay VERB`, with the folders of this test. */
function commandOf(verb: string, root: string): readonly string[] {
  const block = /```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const line = block.split('\n').find((one) => one.startsWith(`hearsay ${verb}`)) ?? '';
  expect(line, verb).not.toBe('');
  return inFolder(line.replace(/#.*/, '').trim(), root).split(' ').slice(1);
}

/** The settings of the page, with the addresses and folders of this test. */
function settingsFor(host: string, root: string, addresses: readonly string[]): string {
  const settings = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const shown = ['10.0.0.5', '10.0.0.6', '10.0.0.7'];
  for (const address of shown) expect(settings).toContain(address);
  const own = shown.reduce((text, address, i) => text.replace(address, addresses[i] as string), settings);
  return inFolder(own, root).concat(`node: ${host}\n`);
}

describe.skipIf(reason !== undefined)(
  `production in one screen (${reason ?? 'in three network namespaces'})`,
  () => {
    let dir = '';
    afterAll(async () => {
      await killProcesses();
      rmSync(dir, { recursive: true, force: true });
    });

    test('three hosts with these settings find each other and a service, and say that all is encrypted', async () => {
      dir = mkdtempSync(join(tmpdir(), 'hearsay-production-'));
      expect(await runHearsay([...commandOf('keygen', dir)])).toMatchObject({ code: 0 });
      const keyring = join(dir, 'keyring');
      const hosts = await createNetnsHosts(3);
      try {
        const logs: (() => string)[] = [];
        for (const [i, { commandPrefix }] of hosts.list.entries()) {
          const root = join(dir, `host-${i + 1}`);
          mkdirSync(join(root, 'services.d'), { recursive: true });
          writeFileSync(join(root, 'keyring'), readFileSync(keyring), { mode: 0o640 });
          const settings = join(root, 'agent.yaml');
          writeFileSync(
            settings,
            settingsFor(
              `host-${i + 1}`,
              root,
              hosts.list.map(({ ip }) => ip),
            ),
          );
          if (i === 0)
            writeFileSync(join(root, 'services.d/web.json'), '{"service": {"name": "web", "port": 8080}}');
          expect(await runHearsay([...commandOf('config check', root)])).toMatchObject({ code: 0 });
          const [nsenter = '', ...words] = commandPrefix;
          logs.push(
            startProgram(nsenter, [...words, process.execPath, BIN, ...commandOf('agent', root)]).log,
          );
        }
        const dig = (host: NetnsHost): Promise<string> =>
          hosts.run(host, 'dig', '+short', '@127.0.0.1', '-p', '8600', '_web._tcp.service.consul', 'SRV');
        for (const host of hosts.list)
          await waitUntil(`${host.ip} finds web`, 30_000, async () =>
            (await dig(host)).includes(' 8080 host-1.'),
          );
        const members = await hosts.run(hosts.list[2] as NetnsHost, process.execPath, BIN, 'members');
        expect(members.match(/ alive /g)).toHaveLength(3);
        const doctor = await hosts.run(
          hosts.list[2] as NetnsHost,
          process.execPath,
          BIN,
          ...commandOf('doctor', dir),
        );
        expect(doctor).toContain('3 members');
        for (const log of logs) expect(log()).toContain('UDP and TCP, encrypted');
      } finally {
        await killProcesses();
        await hosts.close();
      }
    });
  },
);
