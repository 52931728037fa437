/** `every` of the library with two real agents: each tick calls back one of the two processes. */
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

test('a callback runs once at each tick, on one host or the other', async () => {
  await startHearsay({ name: 'e1', ip: '127.53.2.1' });
  await startHearsay({ name: 'e2', ip: '127.53.2.2', join: '127.53.2.1' });
  const calls: { readonly tick: number; readonly node: string; readonly by: string }[] = [];
  const clients = ['127.53.2.1', '127.53.2.2'].map((ip) => ({
    ip,
    client: connect({ http: `http://${ip}:8500` }),
  }));
  for (const { ip, client } of clients)
    await client.every(
      '1s',
      'beat',
      ({ tick, node }) => void calls.push({ tick: tick.getTime(), node, by: ip }),
      { overlap: 'allow' },
    );
  const nodes = (): number => new Set(calls.map(({ node }) => node)).size;
  await waitUntil(
    'both have been called, and ten ticks have come',
    60_000,
    () => nodes() === 2 && calls.length >= 10,
  );
  await Promise.all(clients.map(({ client }) => client.close()));
  expect(calls.filter(({ node, by }) => `127.53.2.${node.slice(1)}` !== by)).toEqual([]);
  expect(new Set(calls.map(({ tick }) => tick)).size).toBe(calls.length);
}, 120_000);
