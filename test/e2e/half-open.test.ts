/**
 * A lease held from another host whose power fails: nothing closes the connection. The blank line that the agent writes is not
 * acknowledged, and TCP gives up on it.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNetnsHosts, type NetnsHosts, netnsUnsupportedReason } from '../support/netns.ts';
import { killProcesses, startProgram } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const unsupported = netnsUnsupportedReason();

let hosts: NetnsHosts | undefined;
beforeAll(async () => {
  if (unsupported === undefined) hosts = await createNetnsHosts(2);
});
afterAll(async () => {
  await killProcesses();
  await hosts?.close();
});

test.skipIf(unsupported !== undefined)(
  'a holder that is gone without a word is found by the blank line',
  async () => {
    const net = hosts as NetnsHosts;
    const [owner, far] = net.list;
    if (owner === undefined || far === undefined) throw new Error('there are two hosts');
    const http = `http://${owner.ip}:8500`;
    const start = (host: typeof owner, ...words: readonly string[]) => {
      const [program = '', ...before] = host.commandPrefix;
      return startProgram(program, [...before, process.execPath, BIN, ...words]);
    };
    const ask = (...words: readonly string[]): Promise<string> =>
      net.run(owner, process.execPath, BIN, ...words, '--http-addr', http);
    // Some 3 s instead of 15 minutes.
    await net.run(owner, 'sh', '-c', 'echo 3 > /proc/sys/net/ipv4/tcp_retries2');
    start(
      owner,
      ...['agent', '--node', 'owner', '--bind', `${owner.ip}:7946`, '--dns', 'off'],
      ...['--http', `${owner.ip}:8500`, '--insecure'],
    );
    await waitUntil('the agent answers', 30_000, async () => (await ask('info')) !== '');
    const holder = start(far, 'lease', 'far:80', '--http-addr', http, '--grace', '1m');
    await waitUntil('it is held', 30_000, () => holder.log().includes('far-80 is registered'));

    await net.partition([far]);
    const startedAt = performance.now();
    const why = async (): Promise<string> =>
      ask('why', 'far').catch((error: { stdout: string }) => error.stdout);
    await waitUntil('the agent has noticed', 60_000, async () =>
      (await why()).includes('its process on owner closed the connection'),
    );
    expect(performance.now() - startedAt).toBeLessThan(40_000);

    // The holder finds the silence, too, and comes back with the same lease when it can.
    await net.partition([]);
    await waitUntil('it is held again', 120_000, async () => (await why()).includes('in results'));
  },
);
