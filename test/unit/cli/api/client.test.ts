import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hearsay, startFakeAgent, unusedUrl } from '../helper.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

const MEMBERS = { 'GET /v1/hearsay/members': [] };

describe('the address of the agent', () => {
  test('--http-addr wins over HEARSAY_HTTP_ADDR', async () => {
    const agent = await startFakeAgent(MEMBERS);
    const env = { HEARSAY_HTTP_ADDR: await unusedUrl() };
    expect(await hearsay(['members', '--json', '--http-addr', agent.url], { env })).toEqual({
      code: 0,
      out: '[]\n',
      err: '',
    });
    const { code } = await hearsay(['members'], { env: { HEARSAY_HTTP_ADDR: agent.url.slice(7) } });
    expect(code).toBe(0);
  });

  test('a unix socket', async () => {
    const agent = await startFakeAgent(MEMBERS, { path: join(folder, 'agent.sock') });
    expect((await hearsay(['members', '--http-addr', agent.url])).code).toBe(0);
    const gone = await hearsay(['members', '--http-addr', `unix://${folder}/none.sock`]);
    expect(gone.code).toBe(3);
  });

  test('no agent is exit 3, and the error says what to do', async () => {
    const url = await unusedUrl();
    const { code, out, err } = await hearsay(['members', '--http-addr', url]);
    expect([code, out]).toEqual([3, '']);
    expect(err).toBe(
      `hearsay: no agent answers at ${url} (ECONNREFUSED): start one with \`hearsay agent\` or point --http-addr at it\n`,
    );
  });

  test.each([
    'https://127.0.0.1:8500/path',
    'http://',
    'ftp://x',
    'http://a:1/path',
    'unix:',
    'http://u:p@h',
  ])('%s is not an address: exit 2 for a flag, 78 for a variable', async (address) => {
    const byFlag = await hearsay(['info', '--http-addr', address]);
    expect(byFlag.code).toBe(2);
    expect(byFlag.err).toContain('--http-addr: ');
    const byEnv = await hearsay(['info'], { env: { HEARSAY_HTTP_ADDR: address } });
    expect(byEnv.code).toBe(78);
    expect(byEnv.err).toContain('HEARSAY_HTTP_ADDR: ');
  });
});

describe('request headers', () => {
  test('carry a token from variable or file, and a header no form can send (S12)', async () => {
    const agent = await startFakeAgent(MEMBERS);
    const file = join(folder, 'token');
    await writeFile(file, 'from-file\n', { mode: 0o600 });
    const env = { HEARSAY_HTTP_TOKEN: 'from-env' };
    await hearsay(['members', '--http-addr', agent.url], { env });
    await hearsay(['members', '--http-addr', agent.url, '--token-file', file], { env });
    await hearsay(['members', '--http-addr', agent.url]);
    expect(agent.requests.map(({ headers }) => headers['x-consul-token'])).toEqual([
      'from-env',
      'from-file',
      undefined,
    ]);
    expect(agent.requests[0]?.headers['x-agent-request']).toBe('1');
  });

  test('a token file that is writable by others, missing or empty is refused (S25)', async () => {
    const file = join(folder, 'open-token');
    await writeFile(file, 'abc');
    await chmod(file, 0o666);
    const open = await hearsay(['members', '--token-file', file]);
    expect([open.code, open.err]).toEqual([
      78,
      `hearsay: ${file}: is writable by other users: run \`chmod 600 ${file}\`\n`,
    ]);
    const missing = await hearsay(['members', '--token-file', join(folder, 'none')]);
    expect([missing.code, missing.err]).toEqual([
      78,
      `hearsay: ${join(folder, 'none')}: no such file or directory\n`,
    ]);
    const empty = join(folder, 'empty');
    await writeFile(empty, '\n', { mode: 0o600 });
    expect((await hearsay(['members', '--token-file', empty])).code).toBe(78);
  });
});

describe('responses', () => {
  const ask = async (status: number, body: string) => {
    const { url } = await startFakeAgent({ 'GET /v1/hearsay/info': { status, body } });
    return hearsay(['info', '--http-addr', url]);
  };

  test.each([
    [400, 'that is not a name', 2, 'hearsay: that is not a name\n'],
    [404, 'no node of that name', 4, 'hearsay: no node of that name\n'],
    [404, 'Unknown service ID "x". Ensure it.', 4, 'Ensure it. `hearsay services NAME` shows the IDs\n'],
    [409, '{"error":"it is alive"}', 4, 'hearsay: it is alive\n'],
    [500, 'disk full', 1, 'hearsay: disk full\n'],
    [503, '', 1, 'hearsay: the agent returned status 503\n'],
    [404, '<h1>not here</h1>', 1, 'is not a hearsay agent: point --http-addr at one\n'],
    [403, 'refused', 1, 'hearsay: refused; pass the token in HEARSAY_HTTP_TOKEN or --token-file\n'],
    [500, 'bad \u001b[2Jnode\nname', 1, 'hearsay: bad [2Jnode name\n'],
    [200, '<html>', 1, 'is not a hearsay agent: point --http-addr at one\n'],
    [200, '{"node":5}', 1, 'returned an unexpected response (version: '],
  ])('%d %j is exit %d', async (status, body, code, sentence) => {
    const ran = await ask(status, body);
    expect([ran.code, ran.out]).toEqual([code, '']);
    expect(ran.err).toContain(sentence);
  });
});

test('a read of an agent that hangs ends after 5 s, and says so', async () => {
  const server = createServer(); // it accepts, and never answers
  await new Promise<void>((resolve) => server.listen(0, '127.73.1.2', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const ran = await hearsay(['info', '--http-addr', `http://127.73.1.2:${port}`]);
  expect(ran.code).toBe(3);
  expect(ran.err).toContain('(no response for 5s)');
});
