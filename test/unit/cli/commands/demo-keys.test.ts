import { expect, test, vi } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { runCli } from '../../../../src/cli/index.ts';
import type { AgentConfig } from '../../../../src/config/schema.ts';
import { createFakeProcess, startFakeAgent } from '../helper.ts';
import { fakeAgent } from '../started-agent.ts';

/** A demo of `nodes` agents that do nothing, up and ready. */
async function demo({ nodes = 3, terminal = true } = {}) {
  const api = await startFakeAgent(
    Object.fromEntries([
      ['PUT /v1/agent/service/register', { status: 200 }],
      ...['api-1', 'web-2', 'api-3'].map((id) => [`PUT /v1/hearsay/drain/${id}`, { status: 200 }]),
    ]),
  );
  const configs: AgentConfig[] = [];
  const agents: ReturnType<typeof fakeAgent>[] = [];
  const failing: { error?: Error } = {};
  const fake = createFakeProcess({
    terminal,
    start: async (config) => {
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
    await vi.waitFor(() => expect(fake.out().slice(before)).toBe(wanted), { timeout: 30_000 });
  };
  const ports = api.requests.map(({ body }) => (body as { Port: number }).Port);
  return {
    ...fake,
    ...{ api, configs, agents, failing, ended, see, ports, at },
    said: () => fake.out().slice(start),
  };
}

const answers = (port: number | undefined): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );

test('k kills an agent with its service, and h starts it again where it was', async () => {
  const { agents, configs, api, see, ports, send, ended, readsKeys } = await demo();
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
  expect(api.requests.at(-1)?.body).toEqual(api.requests[2]?.body);
  send('SIGINT');
  expect(await ended).toBe(0);
  expect(readsKeys()).toBe(false);
  expect(agents[3]?.calls).toEqual(['stop']);
});

test('s stops a service and d drains it; h undoes both, while its agent runs on', async () => {
  const { agents, api, see, ports, send, ended } = await demo();
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
  expect(api.requests.at(-1)?.url).toBe('/v1/hearsay/drain/api-3?enable=true');
  await see('h', [
    'demo-3 runs; api-3 is back in results once its check passes',
    ...['  hearsay why demo-3', '  hearsay resolve api'],
  ]);
  expect(api.requests.at(-1)?.url).toBe('/v1/hearsay/drain/api-3?enable=false');
  expect(await answers(ports[2])).toBe(true);
  expect(agents.flatMap(({ calls }) => calls)).toEqual([]);
  send('SIGINT');
  await ended;
});

test('digits and arrows choose the node, and any other key shows the help', async () => {
  const { see, press, said, out, send, ended } = await demo();
  const help = (node: number): string =>
    `demo-${node}: k kill, s stop service, d drain, h heal; arrows or 1-3 choose a node`;
  expect(out()).toMatch(new RegExp(`\nPress Ctrl-C to stop.\n${help(3)}\n$`));
  await see('1', [help(1)]);
  await see('?', [help(1)]);
  await see('9', [help(1)]);
  const before = said().length;
  press('x2');
  await vi.waitFor(() => expect(said().slice(before)).toBe(`${help(1)}\n${help(2)}\n`));
  send('SIGINT');
  await ended;
});

test('the last agent is not killed, so that somebody is left to ask; a killed first one is not asked', async () => {
  const { see, agents, failing, err, press, send, ended } = await demo({ nodes: 2 });
  await see('1k', [
    'demo-1: k kill, s stop service, d drain, h heal; arrows or 1-2 choose a node',
    'demo-1 and api-1 are killed without a farewell: the others have to notice',
    ...['  hearsay why demo-1', '  hearsay resolve api'],
  ]);
  await see('2k', [
    'demo-2: k kill, s stop service, d drain, h heal; arrows or 1-2 choose a node',
    'demo-2 is the only agent that runs: heal another one first',
  ]);
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
  press('?ksdhsdh');
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
  const api = await startFakeAgent({ 'PUT /v1/agent/service/register': { status: 200 } });
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
