import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hearsay } from '../helper.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, ...lines: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

interface Row {
  readonly value: unknown;
  readonly origin: string;
}
const SECRET = 's3cret'.repeat(6);

const settings = async (words: readonly string[], env: Record<string, string> = {}, warning = '') => {
  const { code, out, err } = await hearsay(['config', '--json', ...words], { env });
  expect([code, err]).toEqual([0, warning]);
  return JSON.parse(out) as Record<string, Row>;
};

describe('config', () => {
  test('prints every value and its origin', async () => {
    const path = await write(
      'a.yaml',
      '# for the web hosts',
      'node: web-1',
      'swim:',
      '  probeInterval: 4s',
      'tag: {role: web}',
    );
    const words = [
      '--config',
      path,
      '--preset',
      'wan',
      '--retry-join',
      '10.0.0.5',
      '10.0.0.6',
      '--no-swim-stream-ping',
    ];
    const shown = await settings(words, { HEARSAY_SWIM_GOSSIP_NODES: '5', HEARSAY_HTTP_TOKEN: SECRET });
    expect(shown).toMatchObject({
      node: { value: 'web-1', origin: `file ${path}:2` },
      'swim.probeInterval': { value: '4s', origin: `file ${path}:4` },
      'swim.probeTimeout': { value: '3s', origin: 'preset wan' },
      'swim.gossipNodes': { value: 5, origin: 'env HEARSAY_SWIM_GOSSIP_NODES' },
      'swim.streamPing': { value: false, origin: 'flag --no-swim-stream-ping' },
      tag: { value: { role: 'web' }, origin: `file ${path}:5` },
      retryJoin: { value: ['10.0.0.5', '10.0.0.6'], origin: 'flag --retry-join' },
      httpToken: { value: '(set)', origin: 'env HEARSAY_HTTP_TOKEN' },
      bind: { value: '127.0.0.1:7946', origin: 'default' },
    });
  });

  test('is a table without --json, and does not print secrets', async () => {
    const { code, out } = await hearsay(['config'], { env: { HEARSAY_HTTP_TOKEN: SECRET } });
    expect(code).toBe(0);
    expect(out).toMatch(/^SETTING +VALUE +FROM\nnode +host-a +default\n/);
    expect(out).toMatch(/\nhttpToken +\(set\) +env HEARSAY_HTTP_TOKEN\n/);
    expect(out).not.toContain('s3cret');
  });

  test('JSON may contain tabs; of several files the later wins', async () => {
    const one = await write(
      'one.json',
      '{',
      '\t"node": "one",',
      '\t"swim": {',
      '\t\t"gossipNodes": 4',
      '\t}',
      '}',
    );
    const two = await write('two.yml', 'node: two');
    const shown = await settings(['--config', one, two]);
    expect(shown['node']).toEqual({ value: 'two', origin: `file ${two}:1` });
    expect(shown['swim.gossipNodes']).toEqual({ value: 4, origin: `file ${one}:4` });
    expect(await settings([], { HEARSAY_CONFIG: `${one},${two}` })).toEqual(shown);
  });

  test('a directory is read in the order of names, and only its configuration files', async () => {
    await mkdir(join(folder, 'd'));
    await write('d/20-b.yaml', 'node: b', 'datacenter: dc2');
    await write('d/10-a.json', '{"node": "a", "domain": "sd.example"}');
    await write('d/30-c.yaml.bak', 'node: ignored');
    await write('d/keyring.json', '["wb3J0IQk5UkpHWbEOWRHvQ=="]');
    await write('d/web.yaml', 'services: [{name: web}]');
    await write('d/empty.yaml', '');
    const d = join(folder, 'd');
    const passedOver = [
      'empty.yaml (empty)',
      'keyring.json (a keyring: name it with --keyring-file)',
      'web.yaml (a service definition: name it with --service)',
      '30-c.yaml.bak',
    ];
    const shown = await settings(
      ['--config', d],
      {},
      `warning: ${d}: passed over ${passedOver.join(', ')}\n`,
    );
    expect(shown).toMatchObject({
      node: { value: 'b' },
      datacenter: { value: 'dc2' },
      domain: { value: 'sd.example' },
    });
  });

  test('a token file overrides the variable, and is the origin', async () => {
    const token = await write('token', 'abcd'.repeat(8));
    const { httpToken } = await settings(['--http-token-file', token], {
      HEARSAY_HTTP_TOKEN: 'x'.repeat(32),
    });
    expect(httpToken).toEqual({ value: '(set)', origin: `file ${token}` });
    const { httpOperatorToken } = await settings(['--http-operator-token-file', token]);
    expect(httpOperatorToken).toEqual({ value: '(set)', origin: `file ${token}` });
  });

  test('S13 a token that could be guessed is refused, from a variable and from a file', async () => {
    const short = await write('short', 'x'.repeat(31));
    const clause = 'must have at least 32 characters: `hearsay keygen` prints a random one';
    const byFile = await hearsay(['config', '--http-token-file', short]);
    expect([byFile.code, byFile.err]).toEqual([78, `hearsay: ${short}: the token ${clause}\n`]);
    const byEnv = await hearsay(['config'], { env: { HEARSAY_HTTP_READ_TOKEN: 'x' } });
    expect([byEnv.code, byEnv.err]).toEqual([78, `hearsay: HEARSAY_HTTP_READ_TOKEN: ${clause}\n`]);
  });

  test('a file that others can write is used with a warning', async () => {
    const path = await write('open.yaml', 'node: web-1');
    await chmod(path, 0o666);
    const { code, err } = await hearsay(['config', '--config', path]);
    expect([code, err]).toEqual([
      0,
      `warning: ${path} is writable by other users: run \`chmod go-w ${path}\`\n`,
    ]);
  });
});

describe('config check', () => {
  test('a good file', async () => {
    const path = await write('good.yaml', 'node: web-1');
    expect(await hearsay(['config', 'check', path])).toEqual({
      code: 0,
      out: `${path}: no problems found\n`,
      err: '',
    });
  });

  test('a bad file is exit 78 with every problem by line and key; the agent refuses it, too', async () => {
    const path = await write('bad.yaml', 'node: web-1', 'swim:', '  probeInterval: 5ms', 'nodes: 3');
    const first = `${path}:3: swim.probeInterval: must be at least 10ms`;
    const second = `${path}:4: nodes: no such setting; did you mean node?`;
    expect(await hearsay(['config', 'check', path])).toEqual({
      code: 78,
      out: '',
      err: `${first}\n${second}\n`,
    });
    const { code, out } = await hearsay(['config', 'check', '--json', path]);
    expect([code, JSON.parse(out)]).toEqual([78, { ok: false, problems: [first, second], warnings: [] }]);
    expect(await hearsay(['agent', '--config', path])).toEqual({
      code: 78,
      out: '',
      err: `hearsay: ${first}\n`,
    });
  });

  test.each([
    ['syntax', ['node: [a'], ':2: '],
    ['a key given twice', ['node: a', 'node: b'], ':2: Map keys must be unique'],
    ['two documents', ['node: a', '---', 'node: b'], ':2: '],
    [
      'aliases',
      ['node: &a x', 'datacenter: *a'],
      ':2: anchors and aliases are not supported: write the value out',
    ],
    ['keys that are not text', ['1: a'], ':1: a key must be text'],
    ['not a map', ['- a'], ':1: must be a map of settings'],
    [
      'a number where text must stand',
      ['datacenter: 1.10'],
      ':1: datacenter: must be text: put it in quotes',
    ],
    ['depth', [`node: ${'['.repeat(30)}${']'.repeat(30)}`], ':1: is nested too deeply'],
  ])('%s', async (name, lines, problem) => {
    const path = await write(`${name.replaceAll(' ', '-')}.yaml`, ...lines);
    const { code, err } = await hearsay(['config', 'check', path]);
    expect(code).toBe(78);
    expect(err).toContain(path + problem);
  });

  test('a directory of service files is judged, too', async () => {
    await mkdir(join(folder, 'units.d'));
    const d = join(folder, 'units.d');
    const web = await write('units.d/web.yaml', 'service: {name: web, port: 1, check: {htp: x}}');
    const torn = await write('units.d/torn.yaml', 'service: [a');
    const { code, out, err } = await hearsay(['config', 'check', d]);
    expect([code, out]).toEqual([78, '']);
    expect(err).toContain(`${web}:1: check.htp: no such field; did you mean http?\n`);
    expect(err).toContain(`${torn}:2: `);
    await rm(torn);
    await write('units.d/web.yaml', 'service: {name: web, port: 1}');
    expect((await hearsay(['config', 'check', d])).out).toBe(`${d}: no problems found\n`);
  });

  test('what is passed over is named as it is called, however the directory is written', async () => {
    await mkdir(join(folder, 'e'));
    await write('e/agent.yaml', 'node: a');
    await write('e/web.yaml', 'service: {name: web}');
    expect((await hearsay(['config', 'check', `${folder}/e/.`])).err).toBe(
      `warning: ${folder}/e/.: passed over web.yaml (a service definition: name it with --service)\n`,
    );
  });

  test('no such file', async () => {
    const path = join(folder, 'none.yaml');
    expect(await hearsay(['config', 'check', path])).toEqual({
      code: 78,
      out: '',
      err: `${path}: no such file or directory\n`,
    });
  });

  test('a file over the size limit', async () => {
    const path = await write('large.yaml', `node: ${'x'.repeat(1024 * 1024)}`);
    expect((await hearsay(['config', 'check', path])).err).toBe(`${path}: is larger than 1 MB\n`);
  });

  test.each([
    ['a keyring', ['["wb3J0IQk5UkpHWbEOWRHvQ=="]'], ':1: is a keyring: name it with --keyring-file'],
    ['a service definition', ['service: {name: web}'], ':1: is a service definition: name it with --service'],
    ['HCL', ['# consul', 'node_name = "a"'], ':2: this is HCL, which is not read: write it as YAML or JSON'],
  ])('the agent does not take %s for settings: exit 78', async (name, lines, problem) => {
    const path = await write(`${name.replaceAll(' ', '-')}.not`, ...lines);
    const { code, err } = await hearsay(['agent', '--config', path]);
    expect([code, err]).toEqual([78, expect.stringContaining(`hearsay: ${path}${problem}`)]);
  });

  test('judges a service file given alone', async () => {
    const bad = await write('web.yaml', 'services:', '- name: web', '  check: {htp: x}', '- port: 80');
    expect(await hearsay(['config', 'check', bad])).toEqual({
      code: 78,
      out: '',
      err:
        `${bad}:3: check.htp: no such field; did you mean http?\n` +
        `${bad}:4: name: a service must have one: add \`name: web\`\n`,
    });
    const program = await write('program.yaml', 'name: a', 'check: {args: [/bin/true], interval: 5s}');
    const { code, err } = await hearsay(['config', 'check', program]);
    expect([code, err]).toEqual([
      0,
      `warning: ${program}:1: a check runs a program: start the agent with --allow-exec-checks\n`,
    ]);
  });

  test.each([
    ['with a port', ['port: 80', 'tags: [a]'], 1],
    ['with an id and a check', ['ID: web-1', 'check: {tcp: "127.0.0.1:1", interval: 1s}'], 1],
    ['in a list', ['- name: a', '- {port: 80}'], 2],
    ['wrapped', ['# the shop', 'service: {enable_tag_override: true}'], 2],
  ])(
    'N10 a service without a name, %s, is told so, and not that it has no such settings',
    async (_, lines, line) => {
      const path = await write('nameless.yaml', ...lines);
      const wanted = `${path}:${line}: name: a service must have one: add \`name: web\`\n`;
      expect(await hearsay(['config', 'check', path])).toEqual({ code: 78, out: '', err: wanted });
    },
  );

  test('N10 a file of settings, ours or Consul’s, is no service for a key that services have, too', async () => {
    const ours = await write('ours.yaml', 'node: a', 'port: 80');
    expect((await hearsay(['config', 'check', ours])).err).toBe(`${ours}:2: port: no such setting\n`);
    const consuls = await write('consuls.yaml', 'checks: [{tcp: "a:1"}]', 'ports: {http: 1}');
    expect((await hearsay(['config', 'check', consuls])).err).toContain(
      `${consuls}:1: Consul's \`checks\` is `,
    );
  });

  test('judges the service files that a configuration names', async () => {
    await mkdir(join(folder, 'services.d'));
    const web = await write('services.d/web.yaml', 'name: web', 'check: {args: [/bin/true], interval: 1ms}');
    const config = await write(
      'names.yaml',
      `service: [${join(folder, 'services.d')}]`,
      'allowExecChecks: false',
    );
    const { code, err } = await hearsay(['config', 'check', config]);
    expect(code).toBe(78);
    expect(err).toBe(`${web}:2: check.args: checks that run programs need allowExecChecks, which is false\n`);
    await write('services.d/web.yaml', 'name: web', 'check: {args: [/bin/true], interval: 1s}');
    const allowed = await write('allowed.yaml', `service: [${web}]`, 'allowExecChecks: true');
    expect(await hearsay(['config', 'check', allowed])).toMatchObject({ code: 0, err: '' });
  });
});
