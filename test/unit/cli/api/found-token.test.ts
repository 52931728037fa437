import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { formatOperatorToken } from '../../../../src/files/operator-token.ts';
import { hearsay } from '../helper.ts';

const SECRET = 'ab'.repeat(32);

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-cli-token-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Answers 403 and names a file, until a request has a token; then 200. */
async function startClosedAgent(file: string) {
  const tokens: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const token = request.headers['x-consul-token'] as string | undefined;
    tokens.push(token);
    if (token === undefined)
      response.writeHead(403, { 'x-hearsay-token-file': encodeURI(file) }).end('needs the scope operator');
    else response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, tokens };
}

test('S13 a command finds the operator token of the agent it talks to', async () => {
  const file = join(scratch(), 'operator token');
  const { address, tokens } = await startClosedAgent(file);
  const token = formatOperatorToken(address, SECRET);
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const ran = await hearsay(['leave', '--http-addr', `http://${address}`]);
  expect([ran.code, ran.err]).toEqual([0, '']);
  expect(tokens).toEqual([undefined, token]);
});

test('S13 it sends no token of another agent, and the content of no other file', async () => {
  const folder = scratch();
  const file = join(folder, 'operator-token');
  const link = join(folder, 'link');
  symlinkSync(file, link);
  for (const [named, content, mode] of [
    [file, formatOperatorToken('127.0.0.1:1', SECRET), 0o600],
    [file, 'root:x:0:0', 0o600],
    [file, 'SAME', 0o644],
    [link, 'SAME', 0o600],
    [join(folder, 'none'), 'SAME', 0o600],
    [folder, 'SAME', 0o600],
  ] as const) {
    const { address, tokens } = await startClosedAgent(named);
    writeFileSync(file, content === 'SAME' ? formatOperatorToken(address, SECRET) : content);
    chmodSync(file, mode);
    const ran = await hearsay(['leave', '--http-addr', address]);
    expect([ran.code, ran.err]).toEqual([
      1,
      'hearsay: needs the scope operator; pass the token in HEARSAY_HTTP_TOKEN or --token-file\n',
    ]);
    expect(tokens).toEqual([undefined]);
  }
});

test('S13 a token that was given is not replaced', async () => {
  const file = join(scratch(), 'operator-token');
  const { address, tokens } = await startClosedAgent(file);
  await hearsay(['leave', '--http-addr', address], { env: { HEARSAY_HTTP_TOKEN: 'mine' } });
  expect(tokens).toEqual(['mine']);
});
