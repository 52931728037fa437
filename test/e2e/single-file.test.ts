/** The single executable: it runs without Node and without a file beside it, and is an agent like any other. */
import { execFile } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildSingleFile } from '../../contrib/release/single-file.ts';
import { VERSION } from '../../src/base/version.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const run = promisify(execFile);
const [OTHER, OURS] = ['127.38.1.1', '127.38.1.2'];
/** Nothing of this checkout, and no Node. */
const env = { PATH: '/nonexistent', NO_COLOR: '1' };

let dir = '';
let program = '';
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-single-'));
  program = await buildSingleFile(join(dir, 'hearsay'));
});
afterAll(async () => {
  await killProcesses();
  rmSync(dir, { recursive: true, force: true });
});

test('it says its version, reads a file of settings, and has the license of Node beside it', async () => {
  const version = await run(program, ['version'], { cwd: dir, env });
  expect(version).toEqual({ stdout: `hearsay ${VERSION}\n`, stderr: '' });
  const settings = join(dir, 'agent.yaml');
  writeFileSync(settings, 'node: single\n');
  expect((await run(program, ['config', 'check', settings], { env })).stdout).toContain('no problems found');
  expect(readFileSync(join(dir, 'THIRD_PARTY_NOTICES'), 'utf8')).toContain(`Node.js ${process.version}`);
});

test('an agent of it joins, and its service is found by DNS at both', async () => {
  const other = await startHearsay({ name: 'from-dist', ip: OTHER });
  const ours = await startHearsay({ name: 'single', ip: OURS, join: OTHER, program: [program] });
  const service = join(dir, 'web.json');
  writeFileSync(service, JSON.stringify({ service: { name: 'web', port: 8080 } }));
  await run(program, ['register', service, '--http-addr', ours.http], { env });
  for (const ip of [OURS, OTHER]) {
    const resolver = new Resolver({ timeout: 2000, tries: 1 });
    resolver.setServers([`${ip}:8600`]);
    await waitUntil(`${ip} answers for web`, 10_000, async () => {
      const [record] = await resolver.resolveSrv('_web._tcp.service.consul').catch(() => []);
      return record?.port === 8080;
    });
  }
  await ours.leave();
  expect(ours.child.exitCode).toBe(0);
  await waitUntil('the other has seen it leave', 10_000, async () =>
    (await other.members()).some(({ name, status }) => name === 'single' && status === 'left'),
  );
});
