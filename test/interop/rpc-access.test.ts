/** Serf's RPC behind keys: what Debian's unchanged `serf` may do, and what it is told where it may not. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { isInstalled, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { runSerf } from '../support/serf.ts';

const run = promisify(execFile);
const ip = (host: number): string => `127.24.9.${host}`;
const KEY = Buffer.alloc(32, 1).toString('base64');

afterAll(killProcesses);

describe.skipIf(!isInstalled('serf'))('S13 who may', () => {
  const key = 'k'.repeat(40);

  test('S13 with a key, clients need it', async () => {
    const agent = await startHearsay({
      ...{ name: 'keyed', ip: ip(1), args: ['--rpc', `${ip(1)}:7373`], env: { HEARSAY_RPC_AUTH: key } },
    });
    const without = await runSerf(agent, ['members']);
    expect([without.code, without.stderr + without.stdout]).toEqual([
      1,
      expect.stringContaining('Authentication required'),
    ]);
    const wrong = await runSerf(agent, ['members', '-rpc-auth=wrong']);
    expect(wrong.stderr + wrong.stdout).toContain('Invalid authentication token');
    const right = await runSerf(agent, ['members', `-rpc-auth=${key}`]);
    expect([right.code, right.stdout]).toEqual([0, expect.stringContaining('keyed')]);
    await agent.kill();
  });

  test('S13 with a gossip key operators need a token, and the agent says where it is', async () => {
    const agent = await startHearsay({
      ...{ name: 'closed', ip: ip(2), key: KEY, args: ['--rpc', `${ip(2)}:7373`] },
    });
    expect((await runSerf(agent, ['members'])).code).toBe(0);
    const refused = await runSerf(agent, ['keys', '-list']);
    expect(refused.code).toBe(1);
    const path = /find one in (\S+)/.exec(refused.stderr + refused.stdout)?.[1] ?? '';
    const { stdout: token } = await run('cat', [path]);
    const allowed = await runSerf(agent, ['keys', '-list', `-rpc-auth=${token.trim()}`]);
    expect([allowed.code, allowed.stdout]).toEqual([0, expect.stringContaining(KEY)]);
    await agent.kill();
  });

  test('S13 an address that is open to the network, or taken, is a sentence and exit 78', async () => {
    const start = (rpc: string) =>
      runHearsay(['agent', '--bind', `${ip(3)}:0`, '--http', 'off', '--dns', 'off', '--rpc', rpc]);
    expect(await start('0.0.0.0:7373')).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('set HEARSAY_RPC_AUTH or rpcAuthFile'),
    });
    const other = createServer().listen(7373, ip(3));
    expect(await start(ip(3))).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('which is in use'),
    });
    other.close();
  });
});
