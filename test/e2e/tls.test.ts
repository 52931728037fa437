/** The HTTP API over TLS: the commands, other clients, certificates of clients, and a renewal without a stop. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { isInstalled, killProcesses, runHearsay, startProgram } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const BIN = 'bin/hearsay.js';
const IP = '127.38.5.1';
const URL = `https://${IP}:8500`;

interface Started {
  readonly log: () => string;
  readonly pid: number;
}

/** It answers nobody who does not speak TLS, so `startHearsay` cannot wait for it. */
async function start(...args: readonly string[]): Promise<Started> {
  const words = ['agent', '--node', 'tls', '--bind', IP, '--http', `${IP}:8500`, '--dns', 'off', ...args];
  const { child, log } = startProgram(process.execPath, [BIN, ...words]);
  await waitUntil(
    'it is ready or has ended',
    15_000,
    () => log().includes('is ready') || child.exitCode !== null,
  );
  return { log, pid: child.pid as number };
}

/** The serial number of the certificate that the agent shows to a new connection. */
const shownSerial = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: IP, port: 8500, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
  });

describe.skipIf(!isInstalled('openssl'))('HTTP over TLS (skipped without openssl)', () => {
  let dir = '';
  let authority: ReturnType<typeof createAuthority>;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'hearsay-tls-'));
    authority = createAuthority(dir, 'ca');
  });
  afterAll(async () => {
    await killProcesses();
    rmSync(dir, { recursive: true, force: true });
  });

  test('commands verify the certificate, and plain HTTP is not answered', async () => {
    const { cert, key } = authority.issue('plain', IP);
    const { log } = await start('--http-tls-cert', cert, '--http-tls-key', key);
    expect(log()).toContain(`http    ${URL}`);
    const trusting = await runHearsay(['info', '--http-addr', URL, '--ca-file', authority.cert]);
    expect(trusting).toMatchObject({ code: 0, stdout: expect.stringContaining('version') });
    const byVariable = { HEARSAY_HTTP_ADDR: URL, HEARSAY_HTTP_CA_FILE: authority.cert };
    expect(await runHearsay(['members'], byVariable)).toMatchObject({ code: 0 });
    const untrusting = await runHearsay(['info', '--http-addr', URL]);
    expect(untrusting).toMatchObject({ code: 3, stderr: expect.stringContaining('--ca-file') });
    const other = createAuthority(dir, 'other');
    expect(await runHearsay(['info', '--http-addr', URL, '--ca-file', other.cert])).toMatchObject({
      code: 3,
    });
    expect(await runHearsay(['info', '--http-addr', `http://${IP}:8500`])).toMatchObject({ code: 3 });
    const missing = await runHearsay(['info', '--http-addr', URL, '--ca-file', join(dir, 'nosuch')]);
    expect(missing).toMatchObject({ code: 78, stderr: expect.stringContaining('nosuch') });
    await killProcesses();
  });

  test('a reload takes over a renewed certificate; open connections go on; a broken one changes nothing', async () => {
    const [cert, key] = [join(dir, 'served.pem'), join(dir, 'served.key')];
    const install = (issued: { cert: string; key: string }): void => {
      copyFileSync(issued.cert, cert);
      copyFileSync(issued.key, key);
    };
    install(authority.issue('first', IP));
    const agent = await start('--http-tls-cert', cert, '--http-tls-key', key);
    const before = await shownSerial();
    // A blocking query that waits over the reload.
    const ca = readFileSync(authority.cert);
    const waiting = new Promise<number>((resolve, reject) => {
      const path = '/v1/health/service/web?index=1000000&wait=3s';
      request(`${URL}${path}`, { ca }, (response) => resolve(response.resume().statusCode ?? 0))
        .once('error', reject)
        .end();
    });
    install(authority.issue('second', IP));
    process.kill(agent.pid, 'SIGHUP');
    await waitUntil('the new certificate is shown', 10_000, async () => (await shownSerial()) !== before);
    expect(agent.log()).toContain('the certificate of the HTTP API was read again');
    expect(await waiting).toBe(200);
    const second = await shownSerial();
    writeFileSync(cert, 'no certificate');
    process.kill(agent.pid, 'SIGHUP');
    await waitUntil('the reload is refused', 10_000, () =>
      agent.log().includes('httpTlsCert and httpTlsKey cannot be used'),
    );
    expect(await shownSerial()).toBe(second);
    await killProcesses();
  });

  test('with a client authority, only clients with a certificate of it are answered', async () => {
    const server = authority.issue('server', IP);
    const clients = createAuthority(dir, 'clients');
    await start(
      '--http-tls-cert',
      server.cert,
      '--http-tls-key',
      server.key,
      '--http-tls-client-ca',
      clients.cert,
    );
    const env = { HEARSAY_HTTP_ADDR: URL, HEARSAY_HTTP_CA_FILE: authority.cert };
    const without = await runHearsay(['info'], env);
    expect(without).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('HEARSAY_HTTP_CLIENT_CERT_FILE'),
    });
    const show = ({ cert, key }: { cert: string; key: string }): Record<string, string> => ({
      ...{ ...env, HEARSAY_HTTP_CLIENT_CERT_FILE: cert, HEARSAY_HTTP_CLIENT_KEY_FILE: key },
    });
    expect(await runHearsay(['info'], show(clients.issue('ops')))).toMatchObject({ code: 0 });
    expect(await runHearsay(['info'], show(authority.issue('stranger')))).toMatchObject({ code: 3 });
    await killProcesses();
  });

  test('bytes that are no handshake close the connection and nothing else', async () => {
    const { cert, key } = authority.issue('sturdy', IP);
    await start('--http-tls-cert', cert, '--http-tls-key', key);
    const closed = Array.from({ length: 50 }, (_, i) => {
      const socket = connectTcp(8500, IP)
        .on('error', () => undefined)
        .resume();
      socket.end(i % 2 === 0 ? 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' : Buffer.alloc(3000, i));
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.all(closed);
    expect(await runHearsay(['info', '--http-addr', URL, '--ca-file', authority.cert])).toMatchObject({
      code: 0,
    });
    await killProcesses();
  });

  test('settings that cannot work are told with what to do, and exit 78', async () => {
    const { cert, key } = authority.issue('bad', IP);
    const foreign = authority.issue('foreign', IP).key;
    const refusals: [string[], string][] = [
      [['--http-tls-cert', cert], 'set both, or none'],
      [['--http-tls-cert', cert, '--http-tls-key', foreign], 'cannot be used'],
      [['--http-tls-cert', cert, '--http-tls-key', join(dir, 'nosuch')], 'nosuch cannot be read'],
      [['--http-tls-cert', cert, '--http-tls-key', key, '--http', `unix:${dir}/s.sock`], 'has no TLS'],
    ];
    for (const [args, sentence] of refusals) {
      const { code, stderr } = await runHearsay([
        'agent',
        '--bind',
        IP,
        '--http',
        `${IP}:8500`,
        '--dns',
        'off',
        ...args,
      ]);
      expect(stderr).toContain(sentence);
      expect(code).toBe(78);
    }
  });
});
