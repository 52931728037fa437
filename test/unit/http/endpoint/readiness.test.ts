/** What HTTP readers are told until the agent knows the catalog, and the marks of what is only remembered (W1, F7). */
import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Readiness } from '../../../../src/agent/contract/view.ts';
import { instance, service } from '../data.ts';
import { FakeAgent, member, portOf, SEED, send, serve, until } from '../fixture.ts';

const WAITS: Readiness = { ready: false, reason: 'it has just started', remembers: false };
const REMEMBERS: Readiness = { ...WAITS, remembers: true };

function starting(readiness: Readiness): FakeAgent {
  const agent = new FakeAgent(member('ann'));
  agent.readiness = readiness;
  return agent;
}

const CONSUL = [
  ...['health/service/web', 'health/service/web?passing', 'health/checks/web', 'health/node/ann'],
  ...['health/state/any', 'catalog/nodes', 'catalog/services', 'catalog/service/web', 'catalog/node/ann'],
  ...['catalog/node-services/ann', 'health/connect/web', 'coordinate/nodes', 'health/service/consul'],
].map((path) => `/v1/${path}`);
const OWN = ['prometheus', 'prometheus?service=web', 'resolve/web', 'owner/web?key=k', 'why?service=web'].map(
  (path) => `/v1/hearsay/${path}`,
);

describe('an agent that knows nothing yet', () => {
  test.each([...CONSUL.map((path) => [path, 500] as const), ...OWN.map((path) => [path, 503] as const)])(
    '%s is %d with a sentence and an index, then 200',
    async (path, status) => {
      const agent = starting(WAITS);
      agent.catalog.held = [instance('ann', service('web'))];
      const server = await serve(agent);
      const refused = await send(server, path);
      expect(refused.status, refused.body).toBe(status);
      expect(refused.body).toContain('it has just started');
      expect(refused.headers).toMatchObject({
        'x-consul-index': String(SEED),
        'x-consul-knownleader': 'false',
        'retry-after': '1',
      });
      agent.readiness = { ready: true };
      agent.touch(['readiness']);
      expect((await send(server, path)).status).toBe(200);
    },
  );

  test.each([
    ...['agent/services', 'agent/checks', 'agent/self', 'agent/members', 'catalog/datacenters', 'event/list'],
    ...['hearsay/members', 'hearsay/info', 'hearsay/health', 'status/leader'],
  ])('/v1/%s does not wait: it is about this agent', async (path) => {
    const server = await serve(starting(WAITS));
    expect((await send(server, `/v1/${path}`)).status).toBe(200);
  });

  test('a long poll parks, whatever its index, and is answered when the agent is ready', async () => {
    const agent = starting(WAITS);
    const server = await serve(agent);
    const answers = Promise.all(
      [1, SEED, SEED + 99].map((index) => send(server, `/v1/health/service/web?index=${index}&wait=9s`)),
    );
    await until(() => agent.waiting === 3);
    agent.touch(['nodes']);
    agent.catalog.held = [instance('ann', service('web'))];
    agent.touch(['service:web']);
    agent.readiness = { ready: true };
    agent.touch(['readiness']);
    for (const answer of await answers) {
      expect(answer.status).toBe(200);
      expect(answer.json()).toHaveLength(1);
    }
  });

  test('a long poll whose wait is over first gets the refusal', async () => {
    const server = await serve(starting(WAITS));
    expect((await send(server, '/v1/health/service/web?index=1&wait=50ms')).status).toBe(500);
  });

  test('the event stream sends nothing before the agent is ready, then everything', async () => {
    const agent = starting(WAITS);
    const server = await serve(agent);
    let text = '';
    const call = request(
      { host: '127.0.0.1', port: portOf(server), path: '/v1/hearsay/events' },
      (incoming) => {
        incoming.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        incoming.on('error', () => undefined);
      },
    );
    call.on('error', () => undefined).end();
    await until(() => agent.waiting > 0);
    expect(text).not.toContain('event:');
    agent.catalog.held = [instance('bob', service('web'), { unconfirmed: true })];
    agent.readiness = { ready: true };
    agent.touch(['readiness']);
    await until(() => text.includes('event: synced'));
    expect(text).toContain('"status":"passing","draining":false,"restored":true');
    agent.catalog.held = [instance('bob', service('web'))];
    agent.touch(['service:web']);
    await until(() => text.includes('"status":"passing","draining":false}'));
    call.destroy();
  });
});

describe('an agent that remembers its last run', () => {
  const remembering = (readiness: Readiness): FakeAgent => {
    const agent = starting(readiness);
    agent.rows.set('bob', member('bob'));
    agent.catalog.held = [
      instance('bob', service('web'), { unconfirmed: true }),
      instance('ann', service('own')),
    ];
    agent.restoredAt = -55_000; // the clock shows 5,000
    return agent;
  };
  const MARKS = {
    'x-consul-lastcontact': '60000',
    'x-consul-knownleader': 'false',
    'x-hearsay-restored': new Date(SEED - 60_000).toISOString(),
  };

  test.each([...CONSUL.filter((path) => !/ann|connect|checks|coordinate/.test(path)), ...OWN])(
    '%s is answered with its age',
    async (path) => {
      const answer = await send(await serve(remembering(REMEMBERS)), path);
      expect(answer.status, answer.body).toBe(200);
      if (!path.includes('consul')) expect(answer.headers).toMatchObject(MARKS);
    },
  );

  test.each([
    'health/service/nope',
    'health/service/web?tag=none',
    'hearsay/resolve/nope',
    'catalog/node/nope',
  ])('/v1/%s would be none, and that is not known', async (path) => {
    const server = await serve(remembering(REMEMBERS));
    expect((await send(server, `/v1/${path}`)).status).toBe(path.startsWith('hearsay') ? 503 : 500);
  });

  test('it stays marked after the wait until it is confirmed, and only what shows it', async () => {
    const agent = remembering({ ready: true });
    const server = await serve(agent);
    expect((await send(server, '/v1/health/service/web')).headers).toMatchObject(MARKS);
    expect((await send(server, '/v1/health/service/nope')).body).toBe('[]');
    const own = await send(server, '/v1/health/service/own');
    expect(own.headers).toMatchObject({ 'x-consul-lastcontact': '0', 'x-consul-knownleader': 'true' });
    expect(own.headers).not.toHaveProperty('x-hearsay-restored');
    agent.restoredAt = undefined;
    agent.catalog.held = [instance('bob', service('web'))];
    agent.touch(['service:web']);
    const confirmed = await send(server, '/v1/health/service/web');
    expect(confirmed.headers).toMatchObject({ 'x-consul-lastcontact': '0', 'x-consul-knownleader': 'true' });
    expect(confirmed.headers).not.toHaveProperty('x-hearsay-restored');
  });
});
