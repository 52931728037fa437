import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { runCli } from '../../../../src/cli/index.ts';
import type { Io } from '../../../../src/cli/io.ts';
import type { AgentConfig } from '../../../../src/config/schema.ts';
import { createFakeProcess, startFakeAgent } from '../helper.ts';
import { fakeAgent } from '../started-agent.ts';
import { occupyDemoPorts } from './demo-ports.ts';

let freePorts: () => void;
beforeAll(async () => {
  freePorts = await occupyDemoPorts();
});
afterAll(() => freePorts());

/** A demo of `nodes` agents that do nothing, up and ready. */
async function demo({ nodes = 3, terminal = true } = {}) {
  const api = await startFakeAgent(
    Object.fromEntries([
      ['PUT /v1/agent/service/register', { status: 200 }],
      ['PUT /v1/hearsay/lease', { lease: 'a' }],
      ...['api-1', 'web-2', 'api-3'].map((id) => [`PUT /v1/hearsay/drain/${id}`, { status: 200 }]),
    ]),
  );
  const configs: AgentConfig[] = [];
  const agents: ReturnType<typeof fakeAgent>[] = [];
  const failing: { error?: Error } = {};
  const networks: Parameters<Io['startAgent']>[3][] = [];
  const fake = createFakeProcess({
    terminal,
    start: async (config, _read, _stopping, links) => {
      networks.push(links);
      if (failing.error !== undefined) throw failing.error;
      configs.push(config);
      const agent = fakeAgent(config, configs.length);
      agents.push(agent);
      return { ...agent.started, http: api.url.slice('http://'.length) };
    },
  });
  const ended = runCli(['demo', '--nodes', String(nodes)], fake.io);
  await vi.waitFor(() => expect(fake.out()).toContain('Press Ctrl-C'), { timeout: 30_000 });
  const at = ` --http-addr ${api.url}`;
  const start = fake.out().length;
  /** Presses keys, and waits for what they print. */
  const see = async (keys: string, lines: readonly string[]): Promise<void> => {
    const before = fake.out().length;
    fake.press(keys);
    const wanted = `${lines.map((line) => (line.startsWith('  hearsay') ? line + at : line)).join('\n')}\n`;
    await vi.waitFor(() => expect(fake.out().slice(before) || fake.err()).toBe(wanted), { timeout: 30_000 });
  };
  /** Without those of the lease. */
  const requests = () => api.requests.filter(({ url }) => !url.startsWith('/v1/hearsay/lease'));
  const leases = () => api.requests.filter(({ url }) => url.startsWith('/v1/hearsay/lease'));
  const ports = requests().map(({ body }) => (body as { Port: number }).Port);
  return {
    ...fake,
    ...{ requests, leases, configs, agents, failing, ended, see, ports, at },
    links: () => networks[0],
    said: () => fake.out().slice(start),
  };
}

const helpOf = (node: number, nodes = 3): readonly string[] => [
  `demo-${node}: k kill, c cut off, i cut what comes in, o cut what goes out,`,
  `  s stop service, d drain, h heal; w kill worker; arrows or 1-${nodes} choose a node`,
];

const answers = (port: number | undefined): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );

test('k kills an agent with its service, and h starts it again where it was', async () => {
  const { agents, configs, requests, see, ports, send, ended, readsKeys } = await demo();
  expect(readsKeys()).toBe(true);
  await see('k', [
    'demo-3 and api-3 are killed without a farewell: the others have to notice',
    ...['  hearsay why demo-3', '  hearsay resolve api'],
  ]);
  expect(agents.map(({ calls }) => calls)).toEqual([[], [], ['stop']]);
  expect(await answers(ports[2])).toBe(false);
  for (const key of 'kd') await see(key, ['demo-3 does not run: press h to start it again']);
  await see('h', [
    'demo-3 is started again; api-3 is back in results once its check passes',
    ...['  hearsay why demo-3', '  hearsay resolve api'],
  ]);
  expect(configs[3]).toMatchObject({
    ...{ node: 'demo-3', bind: { host: '127.0.0.1', port: 40_003 }, join: ['127.0.0.1:40001'] },
  });
  expect(await answers(ports[2])).toBe(true);
  expect(requests().at(-1)?.body).toEqual(requests()[2]?.body);
  send('SIGINT');
  expect(await ended).toBe(0);
  expect(readsKeys()).toBe(false);
  expect(agents[3]?.calls).toEqual(['stop']);
});

test('s stops a service and d drains it; h undoes both, while its agent runs on', async () => {
  const { agents, requests, see, ports, send, ended } = await demo();
  await see('s', [
    'api-3 is stopped, demo-3 is not: its check fails within a second',
    ...['  hearsay why api', '  hearsay resolve api'],
  ]);
  expect(await answers(ports[2])).toBe(false);
  await see('s', ['api-3 is stopped already: press h to heal it']);
  await see('d', [
    'api-3 is draining: it answers, and gets no new clients',
    ...['  hearsay why api', '  hearsay resolve api'],
  ]);
  expect(requests().at(-1)?.url).toBe('/v1/hearsay/drain/api-3?enable=true');
  await see('h', [
    'demo-3 runs; api-3 is back in results once its check passes',
    ...['  hearsay why demo-3', '  hearsay resolve api'],
  ]);
  expect(requests().at(-1)?.url).toBe('/v1/hearsay/drain/api-3?enable=false');
  expect(await answers(ports[2])).toBe(true);
  expect(agents.flatMap(({ calls }) => calls)).toEqual([]);
  send('SIGINT');
  await ended;
});

test('c, i and o cut the gossip of a node, both ways or one, and h connects it again', async () => {
  const { links, see, agents, send, ended } = await demo();
  const [cut, other] = agents.map(({ started }) => started.address).slice(1);
  const open = () => [links()?.passes(cut, other), links()?.passes(other, cut)];
  const words = ['  hearsay why demo-2', '  hearsay doctor'];
  const heal = ['demo-2 runs; web-2 is back in results once its check passes'];
  await see('2', helpOf(2));
  for (const [key, said, ways] of [
    ['c', 'demo-2 is cut off, and runs on: each side takes the other for failed', [false, false]],
    ['i', 'demo-2 hears nobody, and is heard: packets pass one way only', [true, false]],
    ['o', 'demo-2 hears the others, and is not heard: packets pass one way only', [false, true]],
  ] as const) {
    expect(open()).toEqual([true, true]);
    await see(key, [said, ...words]);
    expect(open()).toEqual(ways);
    await see('h', [...heal, '  hearsay why demo-2', '  hearsay resolve web']);
  }
  expect(open()).toEqual([true, true]);
  expect(agents.flatMap(({ calls }) => calls)).toEqual([]);
  send('SIGINT');
  await ended;
});

test('h asks for the lease of a worker that does not run again, with the same lease', async () => {
  const { leases, see, send, ended } = await demo();
  await see('w', ['the worker does not run: press h to start it again']); // this agent has ended it at once
  expect(leases()).toHaveLength(1);
  await see('h', [
    'demo-3 runs; api-3 is back in results once its check passes',
    ...['  hearsay why demo-3', '  hearsay resolve api'],
  ]);
  expect(leases()).toHaveLength(2);
  expect(new Set(leases().map(({ url }) => url)).size).toBe(1);
  send('SIGINT');
  await ended;
});

test('digits and arrows choose the node, and any other key shows the help', async () => {
  const { see, press, said, out, send, ended } = await demo();
  expect(out()).toMatch(new RegExp(`\nPress Ctrl-C to stop.\n${helpOf(3).join('\n')}\n$`));
  for (const key of '1?9') await see(key, helpOf(1));
  const before = said().length;
  press('x2');
  await vi.waitFor(() => expect(said().slice(before)).toBe(`${[...helpOf(1), ...helpOf(2)].join('\n')}\n`));
  send('SIGINT');
  await ended;
});

test('the last agent is not killed, so that somebody is left to ask; a killed first one is not asked', async () => {
  const { see, agents, failing, err, press, send, ended } = await demo({ nodes: 2 });
  await see('1k', [
    ...helpOf(1, 2),
    'demo-1 and api-1 are killed without a farewell: the others have to notice',
    ...['  hearsay why demo-1', '  hearsay resolve api'],
  ]);
  await see('2k', [...helpOf(2, 2), 'demo-2 is the only agent that runs: heal another one first']);
  expect(agents.map(({ calls }) => calls)).toEqual([['stop'], []]);
  failing.error = new AgentError('failed', 'its port is taken');
  press('1h');
  await vi.waitFor(() => expect(err()).toContain('demo-1: its port is taken; press h to try to heal it\n'));
  delete failing.error;
  await see('h', [
    'demo-1 is started again; api-1 is back in results once its check passes',
    ...['  hearsay why demo-1', '  hearsay resolve api'],
  ]);
  send('SIGTERM');
  expect(await ended).toBe(0);
});

test('without a terminal there are no keys and no help', async () => {
  const { said, readsKeys, out, send, ended } = await demo({ terminal: false });
  expect([said(), readsKeys()]).toEqual(['', false]);
  expect(out()).not.toContain('kill');
  send('SIGINT');
  await ended;
});

test('what is printed for keys has 80 columns at most', async () => {
  const { out, press, send, ended } = await demo();
  press('?ciohwwksdhsdh');
  await vi.waitFor(() => expect(out()).toContain('demo-3 runs; api-3'), { timeout: 30_000 });
  const from = out().indexOf('Press Ctrl-C');
  expect(
    out()
      .slice(from)
      .split('\n')
      .filter((line) => line.length > 78),
  ).toEqual([]); // 50 nodes have two digits
  send('SIGINT');
  await ended;
});

test('one signal while agents start: no more are started, those that run stop, and nothing is shown', async () => {
  const agents: ReturnType<typeof fakeAgent>[] = [];
  const fake = createFakeProcess({
    terminal: true,
    start: (config, _read, stopping) =>
      new Promise((resolve) => {
        const agent = fakeAgent(config, agents.length + 1);
        agents.push(agent);
        if (agents.length === 1) resolve(agent.started);
        else stopping?.addEventListener('abort', () => resolve(agent.started));
      }),
  });
  const ended = runCli(['demo', '--nodes', '5'], fake.io);
  await vi.waitFor(() => expect(agents).toHaveLength(2), { timeout: 30_000 });
  fake.send('SIGTERM');
  expect(await ended).toBe(0);
  expect(agents.map(({ calls }) => calls)).toEqual([['stop'], ['stop']]);
  expect([fake.out(), fake.readsKeys()]).toEqual(['', false]);
});

test('a signal while a node is healed does not wait for its seed, and stops it, too', async () => {
  const agents: ReturnType<typeof fakeAgent>[] = [];
  const api = await startFakeAgent({
    'PUT /v1/agent/service/register': { status: 200 },
    'PUT /v1/hearsay/lease': { lease: 'a' },
  });
  const fake = createFakeProcess({
    terminal: true,
    start: (config, _read, stopping) =>
      new Promise((resolve) => {
        const agent = fakeAgent(config, agents.length + 1);
        agents.push(agent);
        const started = { ...agent.started, http: api.url.slice('http://'.length) };
        if (agents.length < 3) resolve(started);
        else stopping?.addEventListener('abort', () => resolve(started));
      }),
  });
  const ended = runCli(['demo', '--nodes', '2'], fake.io);
  await vi.waitFor(() => expect(fake.readsKeys()).toBe(true), { timeout: 30_000 });
  fake.press('kh');
  await vi.waitFor(() => expect(agents).toHaveLength(3), { timeout: 30_000 });
  fake.send('SIGTERM');
  expect(await ended).toBe(0);
  expect(agents.map(({ calls }) => calls.at(-1))).toEqual(['stop', 'stop', 'stop']);
});
