/** A33 to A36: real agents, and ledgers that nobody should be able to write, or to exceed (finding 1 of issue 14). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Service } from '../../src/model/service.ts';
import { encodeDelta } from '../../src/wire/catalog.ts';
import { isInstalled, killProcesses, startHearsay, startSerf } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { Attacker, instances, KEY, register } from './attacker.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hearsay-attacks-'));
afterEach(killProcesses);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const CEILING = 2 ** 52;
const stolen: Service = {
  kind: 'service',
  ...{ id: 'pay-1', name: 'payments', tags: [], address: '6.6.6.6', port: 666 },
  ...{ ports: [], taggedAddresses: new Map(), meta: new Map(), weights: { passing: 1, warning: 1 } },
  ...{ enableTagOverride: false, draining: false },
};
const theft = (owner: string, epoch: number): Uint8Array =>
  encodeDelta({
    ...{ owner, epoch, from: 0, to: 5, swept: 0 },
    entries: [{ key: 's:pay-1', version: 5, value: stolen }],
  }).slice();

test('24 bytes from anybody erase nothing', async () => {
  const ann = await startHearsay({ name: 'ann', ip: '127.74.11.1' });
  const bob = await startHearsay({ name: 'bob', ip: '127.74.11.2', join: ann.ip });
  await register(ann.http, { ID: 'pay-1', Name: 'payments', Port: 443 });
  const shown = (): Promise<string> => instances(bob.http, 'payments');
  await waitUntil('bob sees it', 10_000, async () => (await shown()) === 'ann :443');
  const eve = await Attacker.at('127.74.11.66');
  for (const top of ['0010000000000000', '000fffffffffffff'])
    eve.sendRaw(bob.ip, Buffer.from(`08c80183a165cf${top}a16fa3616e6ea17401`, 'hex'));
  for (let i = 0; i < 30; i++) {
    expect(await shown()).toBe('ann :443');
    await sleep(100);
  }
  await register(ann.http, { ID: 'pay-1', Name: 'payments', Port: 444 });
  await waitUntil('bob sees the change', 10_000, async () => (await shown()) === 'ann :444');
  eve.close();
});

test("a member's forgery at the top is never shown, and nothing of it is on disk after restarts", async () => {
  const data = (name: string) => ['--data-dir', join(scratch, name)];
  const key = { key: KEY };
  const ann = await startHearsay({ name: 'ann', ip: '127.74.12.1', ...key, args: data('ann') });
  let bob = await startHearsay({ name: 'bob', ip: '127.74.12.2', ...key, join: ann.ip, args: data('bob') });
  await register(ann.http, { ID: 'pay-1', Name: 'payments', Address: '10.0.0.1', Port: 443 });
  const shown = (): Promise<string> => instances(bob.http, 'payments');
  await waitUntil('bob sees it', 10_000, async () => (await shown()) === 'ann 10.0.0.1:443');
  const mallory = await Attacker.at('127.74.12.9', KEY);
  await mallory.join(ann.ip);
  const names = async (): Promise<string> => (await bob.members()).map(({ name }) => name).join();
  await waitUntil('mallory is a member', 15_000, async () => (await names()).includes('mallory'));
  for (const ip of [ann.ip, bob.ip])
    mallory.sendUser(ip, theft('ann', CEILING - 1), theft('ann', CEILING - 2 ** 46));
  for (let i = 0; i < 50; i++) {
    expect(await shown()).toBe('ann 10.0.0.1:443');
    await sleep(100);
  }
  // A plausible epoch is shown until ann has outbid it.
  mallory.sendUser(bob.ip, theft('ann', (Date.now() + 60_000) * 1024));
  await sleep(200);
  await waitUntil('ann has outbid it', 10_000, async () => (await shown()) === 'ann 10.0.0.1:443');
  mallory.close();
  await bob.leave();
  bob = await startHearsay({ name: 'bob', ip: '127.74.12.2', ...key, join: ann.ip, args: data('bob') });
  await register(ann.http, { ID: 'pay-1', Name: 'payments', Address: '10.0.0.1', Port: 444 });
  await waitUntil('bob sees the change', 10_000, async () => (await shown()) === 'ann 10.0.0.1:444');
});

test('who forges ten times a second is shown for a moment, and then not any more', async () => {
  const ann = await startHearsay({ name: 'ann', ip: '127.23.31.1', key: KEY });
  const others = [
    await startHearsay({ name: 'bob', ip: '127.23.31.2', key: KEY, join: ann.ip }),
    await startHearsay({ name: 'cat', ip: '127.23.31.3', key: KEY, join: ann.ip }),
  ];
  await register(ann.http, { ID: 'pay-1', Name: 'payments', Address: '10.0.0.1', Port: 443 });
  const mallory = await Attacker.at('127.23.31.9', KEY);
  await mallory.join(ann.ip);
  for (const { http } of others)
    await waitUntil('all see it', 15_000, async () => (await instances(http, 'payments')).endsWith(':443'));
  await sleep(2000); // mallory is a member by now
  const start = performance.now();
  let epoch = (Date.now() + 60_000) * 1024;
  let [reads, forged, lastForged] = [0, 0, 0];
  while (performance.now() - start < 12_000) {
    epoch += 5000 * 1024;
    for (const { ip } of others) mallory.sendUser(ip, theft('ann', epoch));
    for (let i = 0; i < 4; i++) {
      for (const { http } of others) {
        reads += 1;
        if ((await instances(http, 'payments')) === 'ann 10.0.0.1:443') continue;
        forged += 1;
        lastForged = performance.now() - start;
      }
      await sleep(20);
    }
  }
  console.log(`forged in ${forged} of ${reads} reads, for the last time after ${Math.round(lastForged)} ms`);
  expect(lastForged).toBeLessThan(4000);
  await register(ann.http, { ID: 'pay-1', Name: 'payments', Address: '10.0.0.1', Port: 444 });
  for (const { http } of others)
    await waitUntil('a change is seen', 12_000, async () =>
      (await instances(http, 'payments')).endsWith(':444'),
    );
  mallory.close();
});

test.skipIf(!isInstalled('serf'))('nobody registers services for an agent of Serf', async () => {
  const ann = await startHearsay({ name: 'ann', ip: '127.74.13.1', key: KEY });
  await startSerf({ name: 'sam', ip: '127.74.13.3', key: KEY, join: ann.ip });
  await waitUntil('sam is a member', 10_000, async () => (await ann.members()).length === 2);
  const eve = await Attacker.at('127.74.13.66', KEY);
  eve.sendUser(ann.ip, theft('sam', 1));
  await sleep(3000);
  expect(await instances(ann.http, 'payments')).toBe('');
  eve.close();
});
