import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { isPortFree } from '../../../../src/cli/commands/demo-cluster.ts';
import { runCli } from '../../../../src/cli/index.ts';
import type { AgentConfig } from '../../../../src/config/schema.ts';
import { createFakeProcess, hearsay, startFakeAgent } from '../helper.ts';
import { fakeAgent } from '../started-agent.ts';
import { occupyDemoPorts } from './demo-ports.ts';

let freePorts: () => void;
beforeAll(async () => {
  freePorts = await occupyDemoPorts();
});
afterAll(() => freePorts());

describe('the demo', () => {
  test('starts agents that join the first, each with a service, and shows what to try', async () => {
    const api = await startFakeAgent({
      'PUT /v1/agent/service/register': { status: 200 },
      'PUT /v1/hearsay/lease': { lease: 'a' },
    });
    const configs: AgentConfig[] = [];
    const agents: ReturnType<typeof fakeAgent>[] = [];
    const { io, out, send } = createFakeProcess({
      start: async (config) => {
        configs.push(config);
        const agent = fakeAgent(config, configs.length);
        agents.push(agent);
        return { ...agent.started, http: api.url.slice('http://'.length) };
      },
    });
    const ended = runCli(['demo', '--nodes', '4'], io);
    await vi.waitFor(() => expect(out()).toContain('Press Ctrl-C'), { timeout: 30_000 });

    expect(configs.map(({ node }) => node)).toEqual(['demo-1', 'demo-2', 'demo-3', 'demo-4']);
    expect(configs.map(({ join: seeds }) => seeds[0])).toEqual([
      undefined,
      '127.0.0.1:40001',
      '127.0.0.1:40001',
      '127.0.0.1:40001',
    ]);
    expect(configs.every(({ bind }) => bind.host === '127.0.0.1' && bind.port === 0)).toBe(true);
    const registered = api.requests.filter(({ url }) => url.startsWith('/v1/agent/'));
    const bodies = registered.map(({ body }) => body as { Port: number; Check: { HTTP: string } });
    expect(bodies).toMatchObject([
      { Name: 'api', ID: 'api-1' },
      { Name: 'web', ID: 'web-2' },
      { Name: 'api', ID: 'api-3' },
      { Name: 'web', ID: 'web-4' },
    ]);
    // N19: each can be dialed, where it is registered and where it is checked.
    for (const [at, { Port, Check }] of bodies.entries())
      for (const url of [`http://127.0.0.1:${Port}/`, Check.HTTP])
        expect(await (await fetch(url)).text()).toBe(
          `${at % 2 === 0 ? 'api' : 'web'}-${at + 1} of demo-${at + 1}\n`,
        );
    const leased = api.requests.filter(({ url }) => url.startsWith('/v1/hearsay/lease?lease='));
    expect(leased.map(({ method, body }) => [method, body])).toEqual([
      ['PUT', expect.objectContaining({ Name: 'worker', ID: 'worker-1' })],
    ]);
    const worker = `http://127.0.0.1:${(leased[0] as { body: { Port: number } }).body.Port}/`;
    expect(await (await fetch(worker)).text()).toBe('worker-1 of the demo\n');
    expect(out()).toContain(`The dashboard is at ${api.url}/ui/\n`);
    expect(out()).toContain(`curl http://$(hearsay resolve web --http-addr ${api.url} | head -1)/\n`);
    expect(out()).toMatch(/^NODE +GOSSIP +HTTP +DNS +SERVICE\ndemo-1 +127\.0\.0\.1:40001 +http:.* api-1\n/);
    expect(out()).toContain(`\n  hearsay members --http-addr ${api.url}\n`);
    expect(out()).toContain(`\n  hearsay resolve web --http-addr ${api.url}\n`);
    expect(out()).toContain('SRV web.service.hearsay');
    expect(out()).toContain('demo-4.node.hearsay');

    send('SIGINT');
    expect(await ended).toBe(0);
    expect(agents.flatMap(({ calls }) => calls)).toEqual(['stop', 'stop', 'stop', 'stop']);
    for (const url of [worker, ...bodies.map(({ Check }) => Check.HTTP)])
      await expect(fetch(url)).rejects.toThrow();
  });

  test('stops the started agents if one cannot start', async () => {
    const agents: ReturnType<typeof fakeAgent>[] = [];
    const { code, err } = await hearsay(['demo'], {
      start: async (config) => {
        if (agents.length === 2) throw new AgentError('failed', 'out of ports');
        const agent = fakeAgent(config, agents.length + 1);
        agents.push(agent);
        return agent.started;
      },
    });
    expect([code, err]).toEqual([1, 'hearsay: out of ports\n']);
    expect(agents.map(({ calls }) => calls)).toEqual([['stop'], ['stop']]);
  });
});

test('a demo whose agent refuses the service reports why, and leaves no agent running', async () => {
  const { url } = await startFakeAgent({
    'PUT /v1/agent/service/register': { status: 400, body: 'that is no service' },
  });
  const agents: ReturnType<typeof fakeAgent>[] = [];
  const { code, err } = await hearsay(['demo', '--nodes', '2'], {
    start: async (config) => {
      const agent = fakeAgent(config, agents.length + 1);
      agents.push(agent);
      return { ...agent.started, http: url.slice('http://'.length) };
    },
  });
  expect([code, err]).toEqual([2, 'hearsay: that is no service\n']);
  expect(agents.map(({ calls }) => calls)).toEqual([['stop'], ['stop']]);
});

test('a port is free only if neither UDP nor TCP has it', async () => {
  const { address, close } = await new Promise<{ address: { port: number }; close: () => void }>(
    (resolve) => {
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1', () =>
        resolve({ address: socket.address(), close: () => void socket.close() }),
      );
    },
  );
  onTestFinished(close);
  expect(await isPortFree(address.port)).toBe(false);

  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await isPortFree(port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await isPortFree(port)).toBe(true);
});
