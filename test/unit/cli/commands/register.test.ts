import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hearsay, startFakeAgent, unusedUrl } from '../helper.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-register-'));
});
afterAll(() => rm(folder, { recursive: true }));

const OK = { 'PUT /v1/agent/service/register': { status: 200 } };

/** Registers what is written into a file of that name. */
async function register(name: string, text: string, words: readonly string[] = [], answers: object = OK) {
  const path = join(folder, name);
  await writeFile(path, text, { mode: 0o600 });
  const { url, requests } = await startFakeAgent(answers as Record<string, object>);
  const ran = await hearsay(['register', path, ...words, '--http-addr', url]);
  return { ...ran, path, requests, bodies: requests.map(({ body }) => body) };
}

describe('register takes', () => {
  const check = { HTTP: 'http://127.0.0.1:80/', Interval: '10s' };
  test.each([
    ['a bare service', '{"ID":"a","Name":"web","Port":80}', [{ ID: 'a', Name: 'web', Port: 80 }]],
    ["Consul's file", JSON.stringify({ service: { name: 'web', check } }), [{ name: 'web', check }]],
    ['several', '{"services":[{"name":"a"},{"name":"b"}]}', [{ name: 'a' }, { name: 'b' }]],
    ['both words', 'Service: {name: a}\nSERVICES: [{name: b}]', [{ name: 'a' }, { name: 'b' }]],
    ['a list', '- name: a\n- id: b-1\n  name: b\n', [{ name: 'a' }, { id: 'b-1', name: 'b' }]],
    [
      'YAML',
      'name: web\nport: 8080\nenable_tag_override: true\ntags: [v1]\nmeta: {__proto__: x}\n',
      [
        JSON.parse(
          '{"name":"web","port":8080,"enable_tag_override":true,"tags":["v1"],"meta":{"__proto__":"x"}}',
        ),
      ],
    ],
  ])('%s', async (_, text, bodies) => {
    const ran = await register('a.yaml', text);
    expect([ran.code, ran.err]).toEqual([0, '']);
    expect(ran.bodies).toEqual(bodies);
    expect(ran.requests[0]?.url).toBe('/v1/agent/service/register');
  });

  test('stdin', async () => {
    const { url, requests } = await startFakeAgent(OK);
    const ran = await hearsay(['register', '-', '--http-addr', url], { input: '{"name":"web"}' });
    expect(ran).toEqual({ code: 0, out: 'web is registered\n', err: '' });
    expect(requests[0]?.body).toEqual({ name: 'web' });
    const bad = await hearsay(['register', '-', '--http-addr', url], { input: '\n\nname: [\n' });
    expect(bad.code).toBe(2);
    expect(bad.err).toMatch(/^hearsay: stdin:\d: /);
  });

  test('--replace-checks, to remove earlier checks', async () => {
    const { requests } = await register('a.json', '{"name":"web"}', ['--replace-checks']);
    expect(requests[0]?.url).toBe('/v1/agent/service/register?replace-existing-checks=true');
  });
});

describe('register reports', () => {
  test('the registered services', async () => {
    const two = '{"services":[{"name":"a"},{"id":"b-1","name":"b"}]}';
    expect((await register('a.json', two)).out).toBe('a is registered\nb-1 is registered\n');
    const { out } = await register('a.json', two, ['--json']);
    expect(JSON.parse(out)).toEqual({ registered: ['a', 'b-1'], failed: [] });
  });

  test("file, line and the agent's error for a refused service; the others are tried", async () => {
    const { url, requests } = await startFakeAgent({
      'PUT /v1/agent/service/register': { status: 400, body: 'Invalid check: no Interval' },
    });
    const path = join(folder, 'two.yaml');
    await writeFile(path, 'services:\n- name: a\n- name: b\n', { mode: 0o600 });
    const ran = await hearsay(['register', path, '--http-addr', url]);
    expect(ran).toEqual({
      code: 2,
      out: '',
      err: `hearsay: ${path}:2: a: Invalid check: no Interval\nhearsay: ${path}:3: b: Invalid check: no Interval\n`,
    });
    expect(requests).toHaveLength(2);
    const json = await hearsay(['register', path, '--json', '--http-addr', url]);
    expect(JSON.parse(json.out)).toMatchObject({ registered: [], failed: [{ id: 'a' }, { id: 'b' }] });
  });

  test('once that no agent answers', async () => {
    const path = join(folder, 'two.json');
    await writeFile(path, '[{"name":"a"},{"name":"b"}]', { mode: 0o600 });
    const ran = await hearsay(['register', path, '--http-addr', await unusedUrl()]);
    expect([ran.code, ran.err.match(/no agent answers/g)?.length]).toEqual([3, 1]);
  });

  test('that others can write the file', async () => {
    const path = join(folder, 'open.json');
    await writeFile(path, '{"name":"a"}');
    await chmod(path, 0o666);
    const { url } = await startFakeAgent(OK);
    const ran = await hearsay(['register', path, '--http-addr', url]);
    expect([ran.code, ran.err]).toEqual([
      0,
      `warning: ${path} is writable by other users: run \`chmod go-w ${path}\`\n`,
    ]);
  });
});

test.each([
  ['', ':1: contains no service'],
  ['services: []\n', ':1: contains no service'],
  ['\nservices: {name: a}\n', ':2: services must be a list'],
  ['web', ':1: a service must be a map'],
  ['- name: a\n- b\n', ':2: a service must be a map'],
  ['port: 80\n', ':1: name: a service must have one: add `name: web`'],
  ['name: 5\n', ':1: name: must be text: put it in quotes'],
  ['service: {name: a}\nport: 80\n', ':2: port: is not allowed beside service'],
  ['- name: a\n- name: a\n', ':2: name: two services have the ID "a"'],
  ['name: a\nname: b\n', ':2: '],
  ['{"name": "a"', ':1: '],
  ['name: &x a\nid: *x\n', ':2: anchors and aliases are not supported'],
])('a bad file is exit 2, and nothing is sent: %j', async (text, sentence) => {
  const ran = await register('bad.yaml', text);
  expect([ran.code, ran.out, ran.requests.length]).toEqual([2, '', 0]);
  expect(ran.err).toContain(`hearsay: ${ran.path}${sentence}`);
});

test('a missing file is exit 2', async () => {
  const path = join(folder, 'none.yaml');
  expect(await hearsay(['register', path])).toEqual({
    code: 2,
    out: '',
    err: `hearsay: ${path}: no such file or directory\n`,
  });
});

describe('ids are encoded in the path', () => {
  const ID = 'host/a b:1';
  const IN_PATH = 'host%2Fa%20b%3A1';
  const run = async (route: string, ...words: string[]) => {
    const { url, requests } = await startFakeAgent({ [route]: { status: 200 } });
    const ran = await hearsay([...words, '--http-addr', url]);
    expect([ran.code, ran.err]).toEqual([0, '']);
    return [requests[0]?.url, ran.out];
  };

  test('deregister', async () => {
    const route = `PUT /v1/agent/service/deregister/${IN_PATH}`;
    expect(await run(route, 'deregister', ID)).toEqual([route.slice(4), `${ID} is deregistered\n`]);
  });

  test('maint, of one service and of the node', async () => {
    const route = `PUT /v1/agent/service/maintenance/${IN_PATH}`;
    expect(await run(route, 'maint', 'on', ID, '--reason', 'a & b')).toEqual([
      `${route.slice(4)}?enable=true&reason=a+%26+b`,
      `${ID} is in maintenance\n`,
    ]);
    expect(await run(route, 'maint', 'off', ID)).toEqual([
      `${route.slice(4)}?enable=false`,
      `${ID} is no longer in maintenance\n`,
    ]);
    expect(await run('PUT /v1/agent/maintenance', 'maint', 'on', '--json')).toEqual([
      '/v1/agent/maintenance?enable=true',
      '{"id":null,"maintenance":true}\n',
    ]);
  });

  test('drain', async () => {
    const route = `PUT /v1/hearsay/drain/${IN_PATH}`;
    expect(await run(route, 'drain', 'on', ID)).toEqual([
      `${route.slice(4)}?enable=true`,
      `${ID} is draining\n`,
    ]);
    expect(await run(route, 'drain', ID)).toEqual([`${route.slice(4)}?enable=true`, `${ID} is draining\n`]);
    expect(await run(route, 'drain', 'off', ID, '--json')).toEqual([
      `${route.slice(4)}?enable=false`,
      `{"id":"${ID}","draining":false}\n`,
    ]);
  });
});

test.each([
  [['deregister', 'x'], 'PUT /v1/agent/service/deregister/x'],
  [['maint', 'on', 'x'], 'PUT /v1/agent/service/maintenance/x'],
  [['drain', 'on', 'x'], 'PUT /v1/hearsay/drain/x'],
])('%j of a service that is not here is exit 4', async (words, route) => {
  const { url } = await startFakeAgent({ [route]: { status: 404, body: 'Unknown service ID "x"' } });
  const ran = await hearsay([...words, '--http-addr', url]);
  expect(ran).toEqual({
    code: 4,
    out: '',
    err: 'hearsay: Unknown service ID "x" `hearsay services NAME` shows the IDs\n',
  });
});
