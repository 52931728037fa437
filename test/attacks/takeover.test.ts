/** S13: another account of the host, and the scope `operator` (finding 8 of issue 14). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { isInstalled, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';
import { KEY } from './attacker.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hearsay-takeover-'));
afterEach(killProcesses);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const EVIL = Buffer.alloc(32, 66).toString('base64');
const NOBODY = 65_534;

/** A request of another account of this host. */
function asNobody(method: string, url: string, body = ''): string {
  const words = ['-s', '-m', '10', '-X', method, '-w', ' [%{http_code}]', '-d', body, url];
  return spawnSync('curl', words, { uid: NOBODY, gid: NOBODY, encoding: 'utf8' }).stdout;
}

const canActAsNobody = process.geteuid?.() === 0 && isInstalled('curl');

test.skipIf(!canActAsNobody)(
  'another account reads and registers, and changes no keys and no members',
  async () => {
    const keyring = (name: string): string => join(scratch, `keyring-${name}`);
    const start = (name: string, host: number, join?: string) => {
      writeFileSync(keyring(name), JSON.stringify([KEY]), { mode: 0o600 });
      const more = join === undefined ? {} : { join };
      return startHearsay({
        name,
        ip: `127.78.11.${host}`,
        args: ['--keyring-file', keyring(name)],
        ...more,
      });
    };
    const ann = await start('ann', 1);
    const bob = await start('bob', 2, ann.ip);
    await waitUntil('both are members', 15_000, async () => (await ann.members()).length === 2);

    const key = JSON.stringify({ key: EVIL });
    for (const [path, body] of [
      ['/v1/hearsay/keys/install', key],
      ['/v1/hearsay/keys/use', key],
      ['/v1/hearsay/keys/remove', JSON.stringify({ key: KEY })],
      ['/v1/agent/force-leave/bob?prune', ''],
      ['/v1/hearsay/forget/bob', ''],
      ['/v1/hearsay/join', JSON.stringify({ seeds: ['127.78.11.66'] })],
      ['/v1/hearsay/tags', JSON.stringify({ set: { role: 'evil' } })],
      ['/v1/agent/reload', ''],
      ['/v1/agent/leave', ''],
    ] as const)
      expect(`${path} ${asNobody('PUT', ann.http + path, body)}`).toMatch(/ Permission denied: .*\[403\]$/);
    expect(asNobody('GET', `${ann.http}/v1/agent/join/127.78.11.66`)).toContain('[403]');
    expect(asNobody('GET', `${ann.http}/v1/agent/members`)).toContain('[200]');
    expect(asNobody('PUT', `${ann.http}/v1/agent/service/register`, '{"Name":"web"}')).toContain('[200]');

    const { headers } = await httpRequest('PUT', `${ann.http}/v1/agent/leave`);
    const file = decodeURI(headers['x-hearsay-token-file'] as string);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(spawnSync('cat', [file], { uid: NOBODY, gid: NOBODY }).status).not.toBe(0);
    for (const name of ['ann', 'bob']) expect(JSON.parse(readFileSync(keyring(name), 'utf8'))).toEqual([KEY]);
    expect((await ann.members()).map(({ status }) => status)).toEqual(['alive', 'alive']);

    // The agent's own user needs no token on the command line.
    const left = await runHearsay(['leave', '--http-addr', ann.http]);
    expect([left.code, left.stderr]).toEqual([0, '']);
    await waitUntil('bob has seen it leave', 15_000, async () => {
      const rows = await getJson<{ name: string; status: string }[]>(`${bob.http}/v1/hearsay/members`);
      return rows.find(({ name }) => name === 'ann')?.status === 'left';
    });
  },
);

test('--open-operator opens it again, and says so at the start', async () => {
  const args = ['--data-dir', join(scratch, 'open'), '--open-operator'];
  const ann = await startHearsay({ name: 'ann', ip: '127.78.12.1', args });
  expect(ann.log()).toContain('openOperator: every account of this host may change gossip keys');
  expect((await httpRequest('PUT', `${ann.http}/v1/agent/leave`)).status).toBe(200);
});

test('an agent without a key and a data directory is open, to try it out', async () => {
  const ann = await startHearsay({ name: 'ann', ip: '127.78.13.1' });
  expect((await httpRequest('PUT', `${ann.http}/v1/agent/leave`)).status).toBe(200);
});
