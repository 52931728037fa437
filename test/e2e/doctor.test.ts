/** Faults of real agents, each named by `hearsay doctor` with what mends it; a healthy cluster has no finding. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

interface Found {
  readonly code: string;
  readonly nodes: readonly string[];
  readonly fix: string;
}

const ip = (host: number): string => `127.39.1.${host}`;
/** Faults are told within seconds; the rest is for a busy machine. */
const TOLD = 60_000;
/** What doctor rightly says of a machine that is busy with other tests. */
const BUSY: ReadonlySet<string> = new Set(['stalled', 'unhealthy']);
let ann: HearsayProcess;

beforeAll(async () => {
  ann = await startHearsay({ name: 'ann', ip: ip(1) });
  for (const [i, name] of ['bob', 'cat'].entries())
    await startHearsay({ name, ip: ip(i + 2), args: ['--retry-join', ip(1)] });
  await waitUntil('three members', TOLD, async () => (await examine()).members === 3);
});
afterAll(killProcesses);

async function examine(): Promise<{ code: number; findings: readonly Found[]; members: number }> {
  const { code, stdout } = await runHearsay(['doctor', '--json', '--http-addr', ann.http]);
  const { findings } = JSON.parse(stdout) as { findings: readonly Found[] };
  const members = await getJson<readonly unknown[]>(`${ann.http}/v1/hearsay/members`);
  return { code, findings, members: members.length };
}

/** The finding of this code, as soon as the agent shows it, as the dashboard and `top` do, and doctor has it. */
async function named(code: string): Promise<Found> {
  const isIt = (finding: Found): boolean => finding.code === code;
  await waitUntil(`${code} is shown`, TOLD, async () => {
    const { findings } = await getJson<{ findings: readonly Found[] }>(`${ann.http}/v1/hearsay/findings`);
    return findings.some(isIt);
  });
  return waitUntil(code, TOLD, async () => (await examine()).findings.find(isIt));
}

test('a healthy cluster has no finding, and exit 0', async () => {
  const { code, findings } = await examine();
  expect(findings.filter((finding) => !BUSY.has(finding.code))).toEqual([]);
  expect(code).toBe(findings.length === 0 ? 0 : 1);
});

test('an agent with a key among agents without one', async () => {
  const env = { HEARSAY_GOSSIP_KEY: Buffer.alloc(32, 7).toString('base64') };
  await startHearsay({ name: 'keyed', ip: ip(4), args: ['--retry-join', ip(1)], env });
  expect((await named('noKey')).fix).toContain('HEARSAY_GOSSIP_KEY');
});

test('an agent with another label', async () => {
  await startHearsay({ name: 'labelled', ip: ip(5), args: ['--retry-join', ip(1), '--label', 'other'] });
  expect((await named('wrongLabel')).fix).toContain('--label');
});

test('an agent that advertises an address where nobody answers', async () => {
  const args = ['--retry-join', ip(1), '--advertise', `${ip(99)}:7946`];
  await startHearsay({ name: 'natted', ip: ip(6), args });
  const { nodes, fix } = await named('wrongAddress');
  expect(nodes).toEqual(['natted']);
  expect(fix).toContain('--advertise');
});

test('a name that two agents claim', async () => {
  await startHearsay({ name: 'bob', ip: ip(7), args: ['--retry-join', ip(1)] });
  expect((await named('nameConflict')).nodes).toEqual(['bob']);
});

test('a clock that is an hour off', async () => {
  // Date alone: what the agent measures time with is another clock.
  const shift = `const Real = Date; globalThis.Date = class extends Real {
    constructor(...at) { at.length === 0 ? super(Real.now() + 3_600_000) : super(...at); }
    static now() { return Real.now() + 3_600_000; }
  };`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}` };
  await startHearsay({ name: 'early', ip: ip(9), args: ['--retry-join', ip(1)], env });
  const { nodes, fix } = await named('clock');
  expect(nodes).toEqual(['early']);
  expect(fix).toContain('timedatectl');
});

test('a member that lacks the primary key of the others, asked itself and asked one of them', async () => {
  const [old, primary] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-doctor-keys-'));
  const rings = { both: [primary, old], old: [old] };
  for (const [name, keys] of Object.entries(rings))
    writeFileSync(join(dir, name), JSON.stringify(keys), { mode: 0o600 });
  const start = (name: string, host: number, ring: keyof typeof rings) =>
    startHearsay({ name, ip: ip(host), args: ['--retry-join', ip(11), '--keyring-file', join(dir, ring)] });
  const has = await start('has', 11, 'both');
  const lacks = await start('lacks', 12, 'old');
  const found = async ({ http }: HearsayProcess, code: string): Promise<Found> =>
    waitUntil(`${code} at ${http}`, TOLD, async () => {
      const { stdout } = await runHearsay(['doctor', '--json', '--http-addr', http]);
      return (JSON.parse(stdout) as { findings: readonly Found[] }).findings.find((one) => one.code === code);
    });
  expect((await found(lacks, 'wrongKey')).fix).toContain('the same primary key');
  expect((await found(has, 'wrongAddress')).fix).toContain('HEARSAY_GOSSIP_KEY or --keyring-file');
  rmSync(dir, { recursive: true });
});

test.skipIf(process.getuid?.() !== 0)('a full disk', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-doctor-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir]);
  try {
    const full = await startHearsay({ name: 'full', ip: ip(10), args: ['--data-dir', join(dir, 'data')] });
    expect(() => writeFileSync(join(dir, 'filler'), Buffer.alloc(300_000))).toThrow('ENOSPC');
    const body = JSON.stringify({ Name: 'web', Port: 80 });
    await httpRequest('PUT', `${full.http}/v1/agent/service/register`, { body });
    const code = 'degraded';
    await waitUntil('it is shown', TOLD, async () => {
      const { findings } = await getJson<{ findings: readonly Found[] }>(`${full.http}/v1/hearsay/findings`);
      return findings.some((one) => one.code === code);
    });
    const { stdout } = await runHearsay(['doctor', '--json', '--http-addr', full.http]);
    const { findings } = JSON.parse(stdout) as { findings: readonly Found[] };
    expect(findings.find((one) => one.code === code)?.fix).toContain('df -h');
    await full.kill();
  } finally {
    execFileSync('umount', ['--lazy', dir]);
    rmSync(dir, { recursive: true });
  }
});

test('an agent that waits for the catalog of a member says so, and is not found wanting', async () => {
  const waits = await startHearsay({ name: 'waits', ip: ip(13), args: ['--retry-join', ip(98)] });
  const { code, stdout } = await runHearsay(['doctor', '--json', '--http-addr', waits.http]);
  const { findings } = JSON.parse(stdout) as { findings: readonly Found[] };
  expect(findings.map((one) => one.code)).toEqual(['waiting']);
  expect(code).toBe(0);
});

test('a service without a usable instance', async () => {
  const service = { Name: 'web', Port: 80, Check: { TCP: `${ip(1)}:1`, Interval: '1s' } };
  await httpRequest('PUT', `${ann.http}/v1/agent/service/register`, { body: JSON.stringify(service) });
  expect((await named('serviceDown')).fix).toBe('hearsay why web');
});

test('a member that was killed, with exit 1', async () => {
  const dan = await startHearsay({ name: 'dan', ip: ip(8), args: ['--retry-join', ip(1)] });
  await waitUntil('dan is a member', TOLD, async () => {
    const members = await getJson<readonly { name: string }[]>(`${ann.http}/v1/hearsay/members`);
    return members.some(({ name }) => name === 'dan');
  });
  await dan.kill();
  const { nodes, fix } = await named('failed');
  expect([nodes, fix]).toEqual([['dan'], expect.stringContaining('hearsay forget dan')]);
  expect((await examine()).code).toBe(1);
});
