/** S1, S19: work that is cheap to ask for and dear to do (findings 6 and 14 of issue 14). Work is measured in processor time. */
import { afterEach, expect, test } from 'vitest';
import { NO_BYTES } from '../../src/base/bytes.ts';
import { encodeFilter } from '../../src/wire/filter.ts';
import { Query } from '../../src/wire/serf.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { Attacker, counter, cpuMillis, KEY, octets, PORT, toUserMessage } from './attacker.ts';

afterEach(killProcesses);

test.each([
  ['queries of 32 filters that are dear to compile', 40, 32, '(?:(?:){0,7}){0,250}'],
  ['250 queries of one filter, 148 bytes each', 250, 1, '(((){1000}){7})?'],
])('%s: five datagrams a second cost a member little', async (_, count, filters, expr) => {
  const net = 60 + filters;
  const ann = await startHearsay({ name: 'ann', ip: `127.22.${net}.1`, key: KEY });
  const bob = await startHearsay({ name: 'bob', ip: `127.22.${net}.2`, key: KEY, join: ann.ip });
  const mallory = await Attacker.at(`127.22.${net}.9`, KEY);
  await mallory.join(ann.ip);
  await waitUntil('mallory is a member', 15_000, async () => (await bob.members()).length === 3);
  const filter = encodeFilter({ kind: 'tag', tag: 'hearsay', expr }).slice();
  const sender = { addr: octets(mallory.ip), port: PORT, sourceNode: mallory.name, timeout: 1e9 };
  let ltime = 100;
  const before = [cpuMillis(ann), cpuMillis(bob)];
  for (let shot = 0; shot < 20; shot++) {
    const bodies = Array.from({ length: count }, () =>
      Query.encode(
        Query.create({
          ...{ ...sender, ltime: ++ltime, id: ltime, name: 'q', payload: NO_BYTES },
          filters: Array.from({ length: filters }, () => filter),
        }),
      ).slice(),
    );
    mallory.send(ann.ip, bodies.map(toUserMessage), true);
    await sleep(200);
  }
  const spent = [cpuMillis(ann) - (before[0] ?? 0), cpuMillis(bob) - (before[1] ?? 0)];
  process.stdout.write(`${expr}: ${spent.join(' and ')} ms of processor time in 4 s\n`);
  expect(await counter(ann.http, 'queries_refused')).toBeGreaterThan(0);
  for (const one of spent) expect(one).toBeLessThan(1500);
  for (const agent of [ann, bob]) expect(agent.log()).not.toContain('"msg":"member suspected"');
  mallory.close();
});
