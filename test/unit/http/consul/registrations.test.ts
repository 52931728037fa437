import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { localCheck, service } from '../data.ts';
import { FakeAgent, member, put, send, serve, until } from '../fixture.ts';

const register = '/v1/agent/service/register';

async function world() {
  const agent = new FakeAgent(member('ann'));
  agent.local.put(service('web', { id: 'web-1' }), localCheck('service:web-1', { serviceId: 'web-1' }));
  return { agent, server: await serve(agent) };
}

describe('PUT /v1/agent/service/register', () => {
  test('a registration reaches the agent whole, and the reply is an empty 200', async () => {
    const { agent, server } = await world();
    const answer = await put(server, register, {
      Name: 'api',
      Port: 9001,
      Tags: ['a'],
      Check: { TTL: '30s' },
      Checks: null,
    });
    expect([answer.status, answer.body, answer.headers['content-length']]).toEqual([200, '', '0']);
    expect(agent.commands).toMatchObject([
      {
        kind: 'registerService',
        service: { id: 'api', name: 'api', port: 9001, tags: ['a'] },
        checks: [{ id: 'service:api', serviceId: 'api', probe: { kind: 'ttl', ttl: 30_000 } }],
        replaceChecks: false,
      },
    ]);
  });

  test.each([
    ['', false],
    ['?replace-existing-checks', true],
    ['?replace-existing-checks=', true],
    ['?replace-existing-checks=true', true],
    ['?replace-existing-checks=false', false],
  ])('R2 with %j earlier checks are dropped: %s', async (query, replaceChecks) => {
    const { agent, server } = await world();
    await put(server, register + query, { Name: 'api' });
    expect(agent.commands).toMatchObject([{ replaceChecks }]);
  });

  test('J1 J3 keys in lower case, as python-consul sends them, and null for what is unset', async () => {
    const { agent, server } = await world();
    const body = '{"name":"pweb","id":"pweb-1","enabletagoverride":true,"check":{"ttl":"30s"},"Meta":null}';
    expect((await put(server, register, body)).status).toBe(200);
    expect(agent.commands).toMatchObject([{ service: { id: 'pweb-1', enableTagOverride: true } }]);
  });

  test('J5 text after the first value is ignored', async () => {
    const { agent, server } = await world();
    for (const tail of ['\n{"Name":"other"}', ' nonsense', '}', ' "', '\0'])
      expect([tail, (await put(server, register, `{"Name":"a}\\"b"}${tail}`)).status]).toEqual([tail, 400]);
    for (const tail of ['\n{"Name":"other"}', ' nonsense', '}', ' "', '\0'])
      expect([tail, (await put(server, register, `{"Name":"api","Tags":["}"]}${tail}`)).status]).toEqual([
        tail,
        200,
      ]);
    expect(agent.commands.map((one) => one.kind === 'registerService' && one.service.name)).toEqual(
      Array(5).fill('api'),
    );
  });

  test.each([
    ['nothing', '', /EOF/],
    ['no JSON', '{Name}', /^Request decode failed/],
    ['half of one', '{"Name":"a"', /^Request decode failed/],
    ['a list', '[]', /object/],
    ['null', 'null', /object/],
    ['a text', '"a"', /object/],
    ['no name', '{}', /^Missing service name$/],
    ['a port in words', '{"Name":"a","Port":"80"}', /^Request decode failed/],
    ['an unknown key', '{"Name":"a","Script":"x"}', /json: unknown field "Script"/],
    ['an invalid check', '{"Name":"a","Check":{"HTTP":"http://127.0.0.1/"}}', /^Invalid check: /],
  ])('J4 J5 R6 %s is 400 and nothing is registered', async (_, body, sentence) => {
    const { agent, server } = await world();
    const answer = await put(server, register, body);
    expect([answer.status, answer.body]).toEqual([400, expect.stringMatching(sentence)]);
    expect(agent.commands).toEqual([]);
  });

  test('half a megabyte of unclosed quotes is refused at once', async () => {
    const { server } = await world();
    const start = performance.now();
    expect((await put(server, register, `{"${'\\"'.repeat(250_000)}`)).status).toBe(400);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('S14 a check that runs a program is refused, with the whole registration', async () => {
    const { agent, server } = await world();
    const check = { Args: ['/bin/true'], Interval: '10s' };
    for (const body of [
      { Name: 'api', Check: check },
      { Name: 'api', Checks: [{ TTL: '10s' }, { script_args: ['/bin/true'], Interval: '10s' }] },
    ]) {
      const answer = await put(server, register, body);
      expect([answer.status, answer.body]).toEqual([400, expect.stringContaining('Scripts are disabled')]);
    }
    expect((await put(server, '/v1/agent/check/register', { Name: 'c', ...check })).status).toBe(400);
    expect(agent.commands).toEqual([]);
  });

  test('a refusal of the agent keeps its status and message', async () => {
    const { agent, server } = await world();
    agent.reply = () => Promise.reject(new AgentError('tooLarge', 'too much for one node'));
    const answer = await put(server, register, { Name: 'api' });
    expect([answer.status, answer.body]).toEqual([413, 'too much for one node']);
  });
});

describe('the other writes of services', () => {
  test('deregister: T6 any id, 404 for an unknown one, 400 for none', async () => {
    const { agent, server } = await world();
    agent.local.put(service('web', { id: 'a/b c:80' }));
    expect((await put(server, '/v1/agent/service/deregister/web-1')).status).toBe(200);
    expect((await put(server, '/v1/agent/service/deregister/a/b%20c:80')).status).toBe(200);
    expect(agent.commands).toEqual([
      { kind: 'deregisterService', id: 'web-1' },
      { kind: 'deregisterService', id: 'a/b c:80' },
    ]);
    const unknown = await put(server, '/v1/agent/service/deregister/web');
    expect([unknown.status, unknown.body, unknown.headers['x-consul-index']]).toEqual([
      404,
      expect.stringMatching(/^Unknown service ID "web"/),
      '1',
    ]);
    expect((await put(server, '/v1/agent/service/deregister/')).status).toBe(400);
    expect(agent.commands).toHaveLength(2);
  });

  test('maintenance of a service and of the node', async () => {
    const { agent, server } = await world();
    await put(server, '/v1/agent/service/maintenance/web-1?enable=true&reason=r%20s');
    await put(server, '/v1/agent/service/maintenance/web-1?enable=0');
    await put(server, '/v1/agent/maintenance?enable=T&reason=night');
    await put(server, '/v1/agent/maintenance?enable=false');
    expect(agent.commands).toEqual([
      { kind: 'maintenance', service: 'web-1', on: true, reason: 'r s' },
      { kind: 'maintenance', service: 'web-1', on: false, reason: '' },
      { kind: 'maintenance', on: true, reason: 'night' },
      { kind: 'maintenance', on: false, reason: '' },
    ]);
  });

  test.each([
    ['/v1/agent/service/maintenance/web-1', 400],
    ['/v1/agent/service/maintenance/web-1?enable=', 400],
    ['/v1/agent/service/maintenance/web-1?enable=maybe', 400],
    ['/v1/agent/service/maintenance/?enable=true', 400],
    ['/v1/agent/service/maintenance/nope?enable=true', 404],
    ['/v1/agent/maintenance', 400],
    ['/v1/agent/maintenance?enable=x', 400],
  ])('%s is %d', async (path, status) => {
    const { agent, server } = await world();
    expect((await put(server, path)).status).toBe(status);
    expect(agent.commands).toEqual([]);
  });
});

describe('writes of checks', () => {
  test('register: of the node, of a service here, 404 for a service that is not', async () => {
    const { agent, server } = await world();
    const path = '/v1/agent/check/register';
    expect((await put(server, path, { Name: 'disk', TTL: '10s' })).status).toBe(200);
    expect((await put(server, path, '{"name":"svcchk","ttl":"10s","serviceid":"web-1"}')).status).toBe(200);
    expect(agent.commands).toMatchObject([
      { kind: 'registerCheck', check: { id: 'disk', serviceId: '' } },
      { kind: 'registerCheck', check: { id: 'svcchk', serviceId: 'web-1' } },
    ]);
    const unknown = await put(server, path, { Name: 'x', TTL: '10s', ServiceID: 'web' });
    expect([unknown.status, unknown.body]).toEqual([404, 'ServiceID "web" does not exist']);
    expect((await put(server, path, { TTL: '10s' })).status).toBe(400);
    expect((await put(server, path, { Name: 'x', TTL: '10s', Status: 'fine' })).status).toBe(400);
    expect(agent.commands).toHaveLength(2);
  });

  test('deregister', async () => {
    const { agent, server } = await world();
    expect((await put(server, '/v1/agent/check/deregister/service:web-1')).status).toBe(200);
    expect(agent.commands).toEqual([{ kind: 'deregisterCheck', id: 'service:web-1' }]);
    const unknown = await put(server, '/v1/agent/check/deregister/nope');
    expect([unknown.status, unknown.body]).toEqual([404, expect.stringContaining('Unknown check ID "nope"')]);
    expect((await put(server, '/v1/agent/check/deregister/')).status).toBe(400);
  });

  test('pass, warn, fail, with the note as output', async () => {
    const { agent, server } = await world();
    await put(server, '/v1/agent/check/pass/service:web-1?note=all%20well');
    await put(server, '/v1/agent/check/warn/service:web-1');
    await put(server, '/v1/agent/check/fail/service:web-1?note=');
    const id = 'service:web-1';
    expect(agent.commands).toEqual([
      { kind: 'updateCheck', id, status: 'passing', output: 'all well' },
      { kind: 'updateCheck', id, status: 'warning', output: '' },
      { kind: 'updateCheck', id, status: 'critical', output: '' },
    ]);
  });

  test('update has the status in the body', async () => {
    const { agent, server } = await world();
    const path = '/v1/agent/check/update/service:web-1';
    expect((await put(server, path, { Status: 'passing', Output: 'ok' })).status).toBe(200);
    expect((await put(server, path, '{"status":"critical","output":null,"Namespace":""}')).status).toBe(200);
    expect(agent.commands).toMatchObject([
      { status: 'passing', output: 'ok' },
      { status: 'critical', output: '' },
    ]);
    for (const body of [{}, { Status: 'maintenance' }, { Status: 'Passing' }]) {
      const answer = await put(server, path, body);
      expect([answer.status, answer.body]).toEqual([400, expect.stringMatching(/^Invalid check status/)]);
    }
    expect((await put(server, path, { Status: 'passing', Color: 'red' })).status).toBe(400);
    expect(agent.commands).toHaveLength(2);
  });

  test('a check that is unknown, or not TTL: 404 with both phrases that programs search for', async () => {
    const { agent, server } = await world();
    agent.local.put(
      service('db'),
      localCheck('tcp', {
        probe: { kind: 'tcp', target: 'x:1', tls: false, tlsServerName: '', tlsSkipVerify: false },
      }),
    );
    for (const id of ['nope', 'tcp'])
      for (const word of ['pass', 'warn', 'fail', 'update']) {
        const answer = await put(server, `/v1/agent/check/${word}/${id}`, { Status: 'passing' });
        expect(answer.status).toBe(404);
        expect(answer.body).toContain(`Unknown check ID "${id}"`);
        expect(answer.body).toContain(`CheckID "${id}" does not have associated TTL`);
      }
    expect(agent.commands).toEqual([]);
  });

  test('T13 the seven writes that legacy clients do with GET', async () => {
    const { agent, server } = await world();
    agent.reply = async () =>
      agent.commands.at(-1)?.kind === 'join' ? { joined: 1, failed: [] } : undefined;
    for (const path of [
      'service/deregister/web-1',
      'check/pass/service:web-1?note=fine',
      'check/warn/service:web-1',
      'check/fail/service:web-1',
      'check/deregister/service:web-1',
      'join/10.0.0.2',
      'force-leave/bob',
    ])
      expect([path, (await send(server, `/v1/agent/${path}`)).status]).toEqual([path, 200]);
    expect(agent.commands).toHaveLength(7);
    for (const path of [
      'service/register',
      'service/maintenance/web-1?enable=true',
      'maintenance?enable=true',
      'check/register',
      'check/update/service:web-1',
      'leave',
    ])
      expect([path, (await send(server, `/v1/agent/${path}`)).status]).toEqual([path, 405]);
    expect(agent.commands).toHaveLength(7);
  });
});

describe('PUT /v1/hearsay/drain/:id', () => {
  test('excludes an instance and includes it again; only one that is registered here', async () => {
    const { agent, server } = await world();
    expect((await put(server, '/v1/hearsay/drain/web-1?enable=true')).body).toBe('');
    await put(server, '/v1/hearsay/drain/web-1?enable=false');
    expect(agent.commands).toEqual([
      { kind: 'drain', service: 'web-1', on: true },
      { kind: 'drain', service: 'web-1', on: false },
    ]);
    expect((await put(server, '/v1/hearsay/drain/web-1')).status).toBe(400);
    expect((await put(server, '/v1/hearsay/drain/?enable=true')).status).toBe(400);
    expect((await put(server, '/v1/hearsay/drain/nope?enable=true')).status).toBe(404);
    expect(agent.commands).toHaveLength(2);
  });
});

test('R4 the reply waits for the agent', async () => {
  const { agent, server } = await world();
  let finish = (): void => undefined;
  agent.reply = () =>
    new Promise((resolve) => {
      finish = () => resolve(undefined);
    });
  let answered = false;
  const registered = put(server, register, { Name: 'api' }).finally(() => {
    answered = true;
  });
  await until(() => agent.commands.length === 1);
  await send(server, '/');
  expect(answered).toBe(false);
  finish();
  expect((await registered).status).toBe(200);
});

test('a change that cannot be kept is answered 200 and says why; one that can has no such header', async () => {
  const { agent, server } = await world();
  const header = async (path: string): Promise<unknown[]> => {
    const body = path.endsWith('tags') ? { set: { a: 'b' } } : { Name: 'api' };
    const { status, headers } = await put(server, path, body);
    return [status, headers['x-hearsay-unsaved']];
  };
  for (const path of [register, '/v1/agent/service/maintenance/web-1?enable=true', '/v1/hearsay/tags']) {
    agent.reply = async () => ({ unsaved: 'ENOSPC' });
    expect(await header(path)).toEqual([200, 'ENOSPC']);
    agent.reply = async () => undefined;
    expect(await header(path)).toEqual([200, undefined]);
  }
});
