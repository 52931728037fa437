/**
 * Faults of real agents, all made at once in one cluster: the agent's findings, which the dashboard and `top` show, have each, and
 * `hearsay doctor` names it with what mends it. Before that, the healthy cluster has no finding.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DoctorRun, DoctorRuns, type Found, foundBy } from '../support/doctor.ts';
import { getJson, httpRequest } from '../support/http.ts';
import {
  type AgentProcessOptions,
  type HearsayProcess,
  killProcesses,
  startHearsay,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

/** Two checkouts may run this file at once, and an agent of the other would answer in place of one of these. */
const net = 3 + (process.pid % 250);
const ip = (host: number): string => `127.39.${net}.${host}`;
/** Faults are told within seconds; the rest is for a busy machine. */
const TOLD = 60_000;
/** What doctor rightly says of a machine that is busy with other tests. */
const BUSY: ReadonlySet<string> = new Set(['stalled', 'unhealthy']);
let ann: HearsayProcess;
let runs: DoctorRuns;
const times: string[] = [];

beforeAll(async () => {
  const args = ['--retry-join', ip(1)];
  [ann] = await Promise.all([
    startHearsay({ name: 'ann', ip: ip(1) }),
    ...['bob', 'cat'].map((name, i) => startHearsay({ name, ip: ip(i + 2), args })),
  ]);
  runs = new DoctorRuns(ann.http);
  await waitUntil('three members', TOLD, async () => (await memberNames()).length === 3);
  // Until another member has sent its catalog, the agent says so in place of an answer.
  await waitUntil('its catalog is ready', TOLD, () => getJson(`${ann.http}/v1/catalog/services`));
});
afterAll(async () => {
  console.info(`shown after, in ms: ${times.join(', ')}`);
  await killProcesses();
});

const memberNames = async (): Promise<readonly string[]> =>
  (await getJson<readonly { name: string }[]>(`${ann.http}/v1/hearsay/members`)).map(({ name }) => name);

const started = new Map<string, HearsayProcess>();

/** In place of the agent that an earlier try of the same test has left at this address. */
async function start(options: AgentProcessOptions): Promise<HearsayProcess> {
  await started.get(options.ip)?.kill();
  const agent = await startHearsay(options);
  started.set(options.ip, agent);
  return agent;
}

interface Asked {
  readonly node?: string;
  readonly at?: HearsayProcess;
}

/** The finding of this code, as soon as the agent shows it, as the dashboard and `top` do, and doctor has it. */
async function named(code: string, { node, at = ann }: Asked = {}): Promise<Found> {
  const isIt = (one: Found): boolean => one.code === code && (node === undefined || one.nodes.includes(node));
  const madeAt = performance.now();
  await waitUntil(`${code} is shown`, TOLD, async () => (await foundBy(at.http)).some(isIt));
  times.push(`${code} ${Math.round(performance.now() - madeAt)}`);
  const its = at === ann ? runs : new DoctorRuns(at.http);
  return waitUntil(`${code} is named`, TOLD, async () => (await its.next()).findings.find(isIt));
}

test('a healthy cluster has no finding, and exit 0', async () => {
  let last: DoctorRun | undefined;
  const others = (): readonly Found[] => (last?.findings ?? []).filter(({ code }) => !BUSY.has(code));
  // A machine that stands still lets agents suspect one another for a moment: what stays is a false alarm.
  await waitUntil('no finding', TOLD, async () => {
    last = await runs.next();
    if (others().length > 0) throw new Error(JSON.stringify(others()));
    return true;
  });
  expect(last?.code).toBe(last?.findings.length === 0 ? 0 : 1);
});

describe.concurrent('faults', () => {
  test('an agent with a key among agents without one', async () => {
    const env = { HEARSAY_GOSSIP_KEY: Buffer.alloc(32, 7).toString('base64') };
    await start({ name: 'keyed', ip: ip(4), args: ['--retry-join', ip(1)], env });
    expect((await named('noKey')).fix).toContain('HEARSAY_GOSSIP_KEY');
  });

  test('an agent with another label', async () => {
    await start({ name: 'labelled', ip: ip(5), args: ['--retry-join', ip(1), '--label', 'other'] });
    expect((await named('wrongLabel')).fix).toContain('--label');
  });

  test('an agent that advertises an address where nobody answers', async () => {
    const args = ['--retry-join', ip(1), '--advertise', `${ip(99)}:7946`];
    await start({ name: 'natted', ip: ip(6), args });
    const { nodes, fix } = await named('wrongAddress');
    expect(nodes).toEqual(['natted']);
    expect(fix).toContain('--advertise');
  });

  test('a name that two agents claim', async () => {
    await start({ name: 'bob', ip: ip(7), args: ['--retry-join', ip(1)] });
    expect((await named('nameConflict')).nodes).toEqual(['bob']);
  });

  test('a clock that is an hour off', async () => {
    // Date alone: what the agent measures time with is another clock.
    const shift = `const Real = Date; globalThis.Date = class extends Real {
      constructor(...at) { at.length === 0 ? super(Real.now() + 3_600_000) : super(...at); }
      static now() { return Real.now() + 3_600_000; }
    };`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}` };
    await start({ name: 'early', ip: ip(9), args: ['--retry-join', ip(1)], env });
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
    const startWith = (ring: keyof typeof rings, name: string, host: number) => {
      const args = ['--retry-join', ip(11), '--keyring-file', join(dir, ring)];
      return start({ name, ip: ip(host), args });
    };
    const [has, lacks] = await Promise.all([startWith('both', 'has', 11), startWith('old', 'lacks', 12)]);
    const [itself, other] = await Promise.all([
      named('wrongKey', { at: lacks }),
      named('missingKey', { node: 'lacks', at: has }),
    ]);
    expect(itself.fix).toContain('the same primary key');
    expect(other.fix).toContain('HEARSAY_GOSSIP_KEY or --keyring-file');
    rmSync(dir, { recursive: true });
  });

  test.skipIf(process.getuid?.() !== 0)('a full disk', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'hearsay-doctor-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir]);
    try {
      const full = await start({ name: 'full', ip: ip(10), args: ['--data-dir', join(dir, 'data')] });
      expect(() => writeFileSync(join(dir, 'filler'), Buffer.alloc(300_000))).toThrow('ENOSPC');
      const body = JSON.stringify({ Name: 'web', Port: 80 });
      await httpRequest('PUT', `${full.http}/v1/agent/service/register`, { body });
      expect((await named('degraded', { at: full })).fix).toContain('df -h');
      await full.kill();
    } finally {
      execFileSync('umount', ['--lazy', dir]);
      rmSync(dir, { recursive: true });
    }
  });

  test('an agent that waits for the catalog of a member says so, and is not found wanting', async () => {
    const { code, findings } = await waitUntil('doctor asks while the agent waits', TOLD, async () => {
      const waits = await start({ name: 'waits', ip: ip(13), args: ['--retry-join', ip(98)] });
      const run = await new DoctorRuns(waits.http).next();
      // The agent waits for five seconds: a machine may be too slow to ask in time.
      return run.findings.every((one) => one.code !== 'noCatalog') && run;
    });
    expect(findings.map((one) => one.code).filter((one) => !BUSY.has(one))).toEqual(['waiting']);
    expect(code).toBe(findings.length === 1 ? 0 : 1);
  });

  test('a service without a usable instance', async () => {
    const service = { Name: 'web', Port: 80, Check: { TCP: `${ip(1)}:1`, Interval: '1s' } };
    await httpRequest('PUT', `${ann.http}/v1/agent/service/register`, { body: JSON.stringify(service) });
    expect((await named('serviceDown')).fix).toBe('hearsay why web');
  });

  test('a member that was killed, with exit 1', async () => {
    const dan = await start({ name: 'dan', ip: ip(8), args: ['--retry-join', ip(1)] });
    await waitUntil('dan is a member', TOLD, async () => (await memberNames()).includes('dan'));
    await dan.kill();
    const { nodes, fix } = await named('failed', { node: 'dan' });
    expect([nodes, fix]).toEqual([['dan'], expect.stringContaining('hearsay forget dan')]);
    expect((await runs.next()).code).toBe(1);
  });
});
