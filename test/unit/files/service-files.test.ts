import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  assertNoProblems,
  readServiceFiles,
  readServiceText,
  type ServiceFileOptions,
} from '../../../src/files/service-files.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-service-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, ...lines: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

const problemsOf = async (text: string, options: ServiceFileOptions = {}): Promise<readonly string[]> =>
  (await readServiceText('f', text, options)).problems;

describe('a file holds', () => {
  test.each([
    ['one service', '{"name": "a"}', ['a']],
    ['one service, wrapped', 'service: {name: a}', ['a']],
    ['several', 'services: [{name: a}, {name: b}]', ['a', 'b']],
    ['both, in any letter case', 'Service: {Name: a}\nSERVICES: [{name: b}]', ['a', 'b']],
    ['a list', '- name: a\n- {id: b-1, name: b}\n', ['a', 'b-1']],
  ])('%s', async (_, text, ids) => {
    const { registrations, problems } = await readServiceText('f', text, {});
    expect(problems).toEqual([]);
    expect(registrations.map(({ service }) => service.id)).toEqual(ids);
  });

  test('registrations that know their line and their text', async () => {
    const text = 'services:\n- name: a\n- name: b\n  check: {ttl: 5s}\n';
    const { registrations } = await readServiceText('f', text, {});
    expect(registrations.map(({ location }) => location)).toEqual(['f:2', 'f:3']);
    expect(registrations[1]).toMatchObject({
      body: { name: 'b', check: { ttl: '5s' } },
      checks: [{ id: 'service:b', probe: { kind: 'ttl', ttl: 5000 } }],
    });
  });
});

describe('a problem names file, line and key', () => {
  const http = 'http: "http://127.0.0.1/"';
  test.each([
    ['no name', 'port: 80', 'f:1: name: a service must have one: add `name: web`'],
    ['a name that is a number', 'name: 5', 'f:1: name: must be text: put it in quotes'],
    ['a bad name', 'port: 1\nname: a b', 'f:2: name: Invalid service name "a b": must be 1 to 128 letters'],
    ['an unknown field', 'name: a\nprot: 80', 'f:2: prot: no such field; did you mean port?'],
    ['one in a check', `name: a\ncheck:\n  htp: x`, 'f:3: check.htp: no such field; did you mean http?'],
    [
      'a misspelled long key',
      `name: a\ncheck:\n  ${http}\n  interval: 5s\n  deregister_critical_service_aftr: 5m`,
      'f:5: check.deregister_critical_service_aftr: no such field; did you mean deregister_critical_service_after?',
    ],
    [
      'an unknown weight',
      'name: a\nweights: {pasing: 1}',
      'f:2: weights.pasing: no such field; did you mean passing?',
    ],
    ['a tag that is a number', 'name: a\ntags: [v1, 2]', 'f:2: tags[2]: must be text: put it in quotes'],
    [
      'a number in meta',
      'name: a\nmeta:\n  version: 1.10',
      'f:3: meta.version: must be text: put it in quotes',
    ],
    ['a port as text', 'name: a\nport: "80"', 'f:2: port: must be a whole number'],
    ['a port too high', 'name: a\nport: 70000', 'f:2: port: Invalid service port 70000: must be -1 to 65535'],
    [
      'a check without a kind',
      'name: a\ncheck:\n  interval: 5s',
      'f:2: check: the check has no kind: add one of http, tcp',
    ],
    ['a TTL of nothing', 'name: a\ncheck: {ttl: 0s}', 'f:2: check.ttl: must be longer than 0s'],
    ['no interval', `name: a\ncheck: {${http}}`, 'f:2: check: Interval must be > 0'],
    [
      'the second check',
      `name: a\nchecks:\n- ttl: 5s\n- {tcp: x, interval: 5s}`,
      'f:4: checks[2].tcp: must be host:port',
    ],
    [
      'a URL that is none',
      'name: a\ncheck: {http: "http://a:b/", interval: 5s}',
      'f:2: check.http: must be a URL such as http:',
    ],
    [
      'a wrong method',
      `name: a\ncheck: {${http}, interval: 5s,\n  method: "?"}`,
      'f:3: check.method: Method "?" cannot be used',
    ],
    ['syntax', 'name: [a', 'f:1: Flow sequence'],
    ['no service', '', 'f:1: contains no service'],
    ['no map', 'web', 'f:1: a service must be a map'],
    ['an item that is no map', '- name: a\n- b\n', 'f:2: a service must be a map'],
    ['services that are no list', '\nservices: {name: a}', 'f:2: services must be a list'],
    [
      'keys beside',
      'service: {name: a}\nport: 80',
      'f:2: port: is not allowed beside service: put it into the service',
    ],
    [
      'a keyring',
      '["wb3J0IQk5UkpHWbEOWRHvQ=="]',
      'f:1: is a keyring: name it with --keyring-file, not --service',
    ],
    [
      "Consul's HCL",
      '# web\nservice {\n  name = "web"\n}',
      'f:2: this is HCL, which is not read: write it as YAML or JSON',
    ],
    ['HCL without a block', 'name = "web"', 'f:1: this is HCL'],
  ])('%s', async (_, text, problem) => {
    const problems = await problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test('of every service and check, not only the first', async () => {
    const text = 'services:\n- port: 1\n- name: b\n  checks:\n  - {ttl: x}\n  - {htp: y}\n- name: c\n';
    expect(await problemsOf(text)).toEqual([
      'f:2: name: a service must have one: add `name: web`',
      'f:5: checks[1].ttl: "x" is not a duration such as 500ms or 1m30s',
      'f:6: checks[2].htp: no such field; did you mean http?',
    ]);
  });
});

describe('durations out of range are refused, not changed', () => {
  const check = (more: string): Promise<readonly string[]> =>
    problemsOf(`name: a\ncheck: {tcp: "127.0.0.1:1", ${more}}`);
  test.each([
    ['interval: 1ms', 'check.interval: must be at least 1s'],
    [
      'interval: 5',
      'check.interval: must be at least 1s: a number is nanoseconds, so write a unit, such as 10s',
    ],
    ['interval: 5s, timeout: 5', 'check.timeout: must be at least 1ms: a number is nanoseconds'],
    ['interval: 5s, timeout: -5s', 'check.timeout: must not be negative'],
    ['interval: 5s, deregister_critical_service_after: 5s', 'after: must be at least 1m'],
    ['interval: 5s, output_max_size: 5000', 'check.output_max_size: must be at most 4096'],
  ])('%s', async (more, problem) => {
    expect(await check(more)).toEqual([expect.stringContaining(problem)]);
  });

  test('a number of nanoseconds in range is a duration', async () => {
    expect(await check('interval: 5000000000')).toEqual([]);
  });

  test('a TTL that is over at once', async () => {
    expect(await problemsOf('name: a\ncheck: {ttl: 10}')).toEqual([
      expect.stringContaining('f:2: check.ttl: must be at least 1ms: a number is nanoseconds'),
    ]);
  });
});

describe('IDs are used once', () => {
  test('of services, in one file and in several', async () => {
    expect(await problemsOf('- name: a\n- name: a\n')).toEqual([
      'f:2: name: two services have the ID "a"; the other one is at f:1',
    ]);
    const one = await write('one.yaml', 'name: web');
    const two = await write('two.yaml', '# again', 'id: web', 'name: api');
    expect((await readServiceFiles([one, two], {})).problems).toEqual([
      `${two}:2: id: two services have the ID "web"; the other one is at ${one}:1`,
    ]);
  });

  test('of checks, in one service and in two', async () => {
    const twice = 'name: a\nchecks: [{id: x, ttl: 5s}, {id: x, ttl: 9s}]';
    expect(await problemsOf(twice)).toEqual(['f:2: checks[2]: another check of this service has the ID "x"']);
    const both = '- {name: a, check: {id: x, ttl: 5s}}\n- {name: b, check: {id: x, ttl: 5s}}';
    expect(await problemsOf(both)).toEqual([
      'f:2: name: two checks have the ID "x"; the other one is of the service at f:1',
    ]);
  });
});

describe('a check that runs a program', () => {
  const text = 'name: a\ncheck:\n  args: [/bin/true]\n  interval: 5s';
  test('is refused for the reason that is given, with line and key', async () => {
    expect(await problemsOf(text, { refuseExec: 'not here: go elsewhere' })).toEqual([
      'f:3: check.args: not here: go elsewhere',
    ]);
    expect(await problemsOf(text)).toEqual([]);
  });

  test('J8 may have fields of Consul that are not kept: a warning names file, line and key', async () => {
    const web = 'name: web\ntoken: secret\ncheck:\n  ttl: 10s\n  timeout: 1s\nnamespace: team';
    const { problems, warnings } = await readServiceText('f', web, {});
    expect(problems).toEqual(['f:6: namespace: must be left out: there is only the default one']);
    expect(warnings).toEqual([
      'f:5: check.timeout: is not kept: it has no use in a check of this kind, which is ttl',
      'f:2: token: is not kept: there are no ACLs',
    ]);
  });

  test('is only read from a file that nobody else can write, if the reader wants that', async () => {
    const path = await write('open.yaml', text);
    await chmod(path, 0o666);
    const { problems, registrations } = await readServiceFiles([path], { trustedOnly: true });
    expect(registrations).toEqual([]);
    expect(problems).toEqual([
      expect.stringContaining(`${path}: can be written by other users (mode 0666): run \`chmod go-w`),
    ]);
    const lenient = await readServiceFiles([path], {});
    expect([lenient.problems, lenient.warnings.length]).toEqual([[], 1]);
  });
});

describe('a directory', () => {
  test('has its YAML and JSON files read in the order of names; others are passed over, and named', async () => {
    const dir = join(folder, 'services.d');
    await mkdir(join(dir, 'old'), { recursive: true });
    await write('services.d/20-b.yml', 'name: b');
    await write('services.d/10-a.json', '{"name": "a"}');
    await write('services.d/30-c.yaml.bak', 'name: c');
    await write('services.d/.hidden.yaml', 'name: d');
    const { registrations, warnings, problems } = await readServiceFiles([dir], {});
    expect(registrations.map(({ location }) => location)).toEqual([
      `${dir}/10-a.json:1`,
      `${dir}/20-b.yml:1`,
    ]);
    expect([warnings, problems]).toEqual([[`${dir}: passed over 30-c.yaml.bak, old`], []]);
  });

  test('may be empty, but must be there', async () => {
    const dir = join(folder, 'empty.d');
    await mkdir(dir);
    expect((await readServiceFiles([dir], {})).problems).toEqual([]);
    const none = join(folder, 'none.d');
    expect((await readServiceFiles([none], {})).problems).toEqual([`${none}: no such file or directory`]);
  });
});

test('an alias of another node is judged where the node is known', async () => {
  const text = 'name: a\ncheck: {alias_node: other}';
  expect(await problemsOf(text)).toEqual([]);
  expect(await problemsOf(text, { node: 'OTHER' })).toEqual([]);
  expect(await problemsOf(text, { node: 'this' })).toEqual([
    expect.stringContaining('f:2: check.alias_node: AliasNode "other": an alias check follows services'),
  ]);
});

test('the first problem is thrown, with the number of the others', async () => {
  const found = await readServiceText('f', '- port: 1\n- port: 2\n', {});
  expect(() => assertNoProblems(found)).toThrow(
    'f:1: name: a service must have one: add `name: web` (and 1 more: `hearsay config check FILE` shows all)',
  );
});
