/** `every`: the job that is registered, and what becomes of a call at a tick. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { AgentConnection } from '../../../src/client/connection.ts';
import { type EveryOptions, startEvery, type TickCallback, type TickRun } from '../../../src/client/every.ts';

const TICK = '2030-01-31T03:00:00.000Z';

async function start(
  callback: TickCallback,
  { options, status = 200 }: { options?: EveryOptions; status?: number } = {},
) {
  const puts: { readonly path: string; readonly body: unknown }[] = [];
  const agent = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      puts.push({ path: `${request.method} ${request.url}`, body: JSON.parse(text) });
      response.writeHead(status).end('no such schedule');
    });
  });
  await new Promise<void>((resolve) => agent.listen(0, '127.53.2.9', resolve));
  onTestFinished(() => void agent.close());
  const http = `http://127.53.2.9:${(agent.address() as AddressInfo).port}`;
  const leased: { name: string; server: Server; released: boolean }[] = [];
  const scheduled = startEvery(
    {
      connection: new AgentConnection({ http }, {}),
      register: async ({ name, server }) => {
        const lease = { name, server, released: false };
        leased.push(lease);
        return {
          release: async () => {
            lease.released = true;
          },
        };
      },
    },
    '5m',
    'sweep',
    callback,
    options,
  );
  const call = async (body: unknown): Promise<[number, string]> => {
    const address = leased[0]?.server.address() as AddressInfo | undefined;
    const response = await fetch(`http://127.0.0.1:${address?.port ?? 0}/sweep`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return [response.status, (await response.text()).trim()];
  };
  return { puts, leased, scheduled, call };
}

test('registers the same job everywhere, at whatever port this process is called', async () => {
  const { puts, leased, scheduled } = await start(() => {}, { options: { retries: 2, timeout: '10s' } });
  const { stop } = await scheduled;
  expect(leased.map(({ name }) => name)).toEqual(['job-sweep']);
  expect(puts).toEqual([
    {
      path: 'PUT /v1/hearsay/job/sweep',
      body: {
        ...{ every: '5m', retries: 2, timeout: '10s', service: 'job-sweep' },
        post: 'http://127.0.0.1:{port}/sweep',
      },
    },
  ]);
  await stop();
  expect([leased[0]?.released, leased[0]?.server.listening]).toEqual([true, false]);
});

test('a tick calls back with what is known of it, and what is thrown is a run that failed', async () => {
  const runs: TickRun[] = [];
  const { scheduled, call } = await start((run) => {
    runs.push(run);
    if (run.attempt > 1) throw new Error('the disk is full');
  });
  await using _ = await scheduled;
  const body = { job: 'sweep', tick: TICK, attempt: 1, token: 17, node: 'db-1' };
  expect(await call(body)).toEqual([200, 'done']);
  expect(runs[0]).toMatchObject({ job: 'sweep', tick: new Date(TICK), attempt: 1, token: 17, node: 'db-1' });
  expect(await call({ ...body, attempt: 2 })).toEqual([500, 'the disk is full']);
  expect(await call({ ...body, job: 'other' })).toEqual([500, 'this process runs sweep, not other']);
  expect((await call('x'.repeat(5000)))[0]).toBe(500);
  expect(runs).toHaveLength(2);
});

test('a schedule that the agent refuses leaves nothing behind', async () => {
  const { scheduled, leased } = await start(() => {}, { status: 400 });
  await expect(scheduled).rejects.toThrow('no such schedule');
  expect([leased[0]?.released, leased[0]?.server.listening]).toEqual([true, false]);
});
