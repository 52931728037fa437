/** S1: members that do not exist (finding 10 of issue 14). */
import { afterEach, expect, test } from 'vitest';
import { NO_BYTES } from '../../src/base/bytes.ts';
import { PushNodeState } from '../../src/wire/memberlist.ts';
import { encodePushPull, sealStream } from '../../src/wire/stream-writer.ts';
import { getJson, httpRequest } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { Attacker, KEY, nonce, octets, peakMegabytes } from './attacker.ts';

afterEach(killProcesses);

/** Five times as fast as by default, and a table that is full sooner. */
const ARGS = [
  '--swim-probe-interval',
  '200ms',
  '--swim-probe-timeout',
  '100ms',
  '--swim-max-members',
  '1000',
];

/** Members at addresses where nobody answers. */
function ghosts(count: number, prefix: string): Uint8Array {
  const nodes = Array.from({ length: count }, (_, i) =>
    PushNodeState.create({
      ...{ name: `${prefix}${i}`, addr: octets('127.22.49.1'), port: 7000 + (i % 1000), meta: NO_BYTES },
      ...{ vsn: Uint8Array.of(1, 5, 2, 2, 5, 5), incarnation: 1, state: 0 },
    }),
  );
  return encodePushPull({ kind: 'pushPull', join: false, nodes, userState: NO_BYTES });
}

test('5,000 invented members take little memory, hide no death for long, and keep no event from members', async () => {
  const ip = (n: number): string => `127.22.41.${n}`;
  const ann = await startHearsay({ name: 'ann', ip: ip(1), key: KEY, args: ARGS });
  const more = { key: KEY, join: ann.ip, args: ARGS };
  const bob = await startHearsay({ name: 'bob', ip: ip(2), ...more });
  const cat = await startHearsay({ name: 'cat', ip: ip(3), ...more });
  const mallory = await Attacker.at(ip(9), KEY);
  await mallory.join(ann.ip);
  await waitUntil('mallory is a member', 15_000, async () => (await bob.members()).length === 4);
  await sleep(2000); // each has answered the others
  for (const to of [ann.ip, bob.ip]) {
    const envelope = { ...mallory.envelope, compress: true };
    await mallory.dial(to, sealStream(ghosts(5_000, 'ghost-'), envelope, { role: 'dialer', nonce }));
  }
  const count = async (): Promise<number> =>
    (await getJson<readonly unknown[]>(`${ann.http}/v1/agent/members`)).length;
  await waitUntil('the last of them is known', 60_000, async () => {
    const checks = await getJson<readonly unknown[]>(`${ann.http}/v1/health/node/ghost-900`);
    return checks.length > 0;
  });
  await sleep(1000);

  await httpRequest('PUT', `${ann.http}/v1/event/fire/deploy`, { body: 'x' });
  const fired = performance.now();
  for (const { http, name } of [bob, cat])
    await waitUntil(`${name} has the event`, 20_000, async () => {
      return (await getJson<readonly unknown[]>(`${http}/v1/event/list`)).length === 1;
    });
  const heard = performance.now() - fired;
  const killed = performance.now();
  await cat.kill();
  const isFailed = async (): Promise<boolean> => {
    const checks = await getJson<{ Status: string }[]>(`${ann.http}/v1/health/node/cat`);
    return checks.some(({ Status }) => Status === 'critical');
  };
  await waitUntil('ann shows cat as failed', 60_000, isFailed);
  process.stdout.write(
    `event heard after ${Math.round(heard)} ms, death known after ${Math.round(performance.now() - killed)} ms, ` +
      `${await count()} members, memory at most ${Math.round(peakMegabytes(ann))} MB\n`,
  );
  expect(await count()).toBeLessThanOrEqual(1000 + 50);
  expect(peakMegabytes(ann)).toBeLessThan(200);
  mallory.close();
});
