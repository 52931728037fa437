/** An agent in the process of a program, with the library: the whole way of a lease. */
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { HearsayClient } from '../../../src/client/hearsay-client.ts';
import { type EmbeddedSettings, startAgent } from '../../../src/embed/agent.ts';
import { waitUntil } from '../../support/wait.ts';

async function start(node: string, ip: string, more: EmbeddedSettings = {}) {
  const agent = await startAgent({
    ...{ node, bind: `${ip}:7946`, http: `${ip}:8500`, dns: 'off', logLevel: 'error', ...more },
  });
  onTestFinished(() => agent.stop());
  const hearsay = new HearsayClient({ http: agent.http ?? '' }, { backoff: { first: 5, longest: 50 } });
  onTestFinished(() => hearsay.close());
  return { agent, hearsay };
}

const QUICK = { preset: 'local' };

test('a server that is registered at one agent is found at another, keeps its lease over a restart, and is drained', async () => {
  const ann = await start('ann', '127.35.4.1', QUICK);
  const bob = await start('bob', '127.35.4.2', { ...QUICK, join: [ann.agent.address] });
  const server = createServer((_, outgoing) => outgoing.end('hello')).listen(0, '127.35.4.1');
  onTestFinished(() => void server.close());
  const lease = await ann.hearsay.register({ name: 'web', server, tags: ['v1'], drainFor: 200 });
  let loss: Error | undefined;
  void lease.lost.then((reason) => {
    loss = reason;
  });
  const web = bob.hearsay.discover('web', { tag: 'v1' });
  await waitUntil('bob has it', 10_000, () => web.all().length === 1);
  expect(web.pick()).toMatchObject({ node: 'ann', address: '127.35.4.1', id: lease.service, tags: ['v1'] });
  const answer = await fetch('http://web/', { dispatcher: bob.hearsay.dispatcher() } as RequestInit);
  expect(await answer.text()).toBe('hello');

  await ann.agent.stop();
  const again = await start('ann', '127.35.4.1', { ...QUICK, join: [bob.agent.address] });
  await waitUntil('it is back', 20_000, () => web.all()[0]?.status === 'passing' && web.age === 0);
  expect(loss).toBeUndefined();
  const own = again.hearsay.discover('web');
  await waitUntil('ann has it, too', 10_000, () => own.all().length === 1);

  const drained = lease.drain();
  await waitUntil('nobody is sent to it', 10_000, () => web.all().length === 0);
  await drained;
  expect(server.listening).toBe(false);
  expect(loss).toBeUndefined();
});

test('a setting that is wrong is named, and nothing is left running', async () => {
  await expect(startAgent({ node: 'a', nodee: 'b' })).rejects.toThrow('nodee');
  await expect(startAgent({ node: 'a', bind: '127.35.4.9:70000' })).rejects.toThrow('bind');
});
