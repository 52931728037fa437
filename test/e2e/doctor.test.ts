/** Faults of real agents, each named by `hearsay doctor` with what mends it; a healthy cluster has no finding. */
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

/** The finding of this code, as soon as it is there. */
const named = (code: string): Promise<Found> =>
  waitUntil(code, TOLD, async () => (await examine()).findings.find((finding) => finding.code === code));

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

test('a service without a usable instance', async () => {
  const service = { Name: 'web', Port: 80, Check: { TCP: `${ip(1)}:1`, Interval: '1s' } };
  await httpRequest('PUT', `${ann.http}/v1/agent/service/register`, { body: JSON.stringify(service) });
  expect((await named('serviceDown')).fix).toBe('hearsay why web');
});

test('a member that was killed, with exit 1', async () => {
  const dan = await startHearsay({ name: 'dan', ip: ip(8), args: ['--retry-join', ip(1)] });
  await waitUntil('four members', TOLD, async () => (await examine()).members === 4);
  await dan.kill();
  const { nodes, fix } = await named('failed');
  expect([nodes, fix]).toEqual([['dan'], expect.stringContaining('hearsay forget dan')]);
  expect((await examine()).code).toBe(1);
});
