/** A real agent and its data directory: killed at any moment, damaged, full, used twice. It starts, serves and says so. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/agent/contract/machine.ts';
import { decodeSnapshotFile } from '../../src/shell/storage/snapshot.ts';
import { getJson, httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';

interface Info {
  readonly incarnation: number;
  readonly degraded: readonly string[];
}
interface Entry {
  readonly Service: { readonly ID: string };
}

const IP = '127.0.68.1';
const KILLS = 30;
/** A new agent is up well within this; a moment is drawn from it. */
const LONGEST_LIFE = 600;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-disk-'));
});
afterAll(async () => {
  await killProcesses();
  rmSync(dir, { recursive: true });
});

const launch = (data: string, ...args: string[]): Promise<HearsayProcess> =>
  startHearsay({ name: 'ann', ip: IP, args: ['--data-dir', data, ...args] });

const infoOf = (agent: HearsayProcess): Promise<Info> => getJson<Info>(`${agent.http}/v1/hearsay/info`);

async function register(agent: HearsayProcess, service: string): Promise<void> {
  const body = JSON.stringify({ Name: service, Port: 80 });
  const answer = await httpRequest('PUT', `${agent.http}/v1/agent/service/register`, { body });
  expect(answer.status, answer.body).toBe(200);
}

/** It answers for what is registered with it. */
async function serves(agent: HearsayProcess, service: string): Promise<void> {
  const seen = await getJson<Entry[]>(`${agent.http}/v1/health/service/${service}?passing`);
  expect(seen.map(({ Service }) => Service.ID)).toEqual([service]);
}

function onDisk(data: string): Snapshot | undefined {
  if (!readdirSync(data).includes('snapshot')) return undefined;
  const read = decodeSnapshotFile(readFileSync(join(data, 'snapshot')));
  if (typeof read === 'string') throw new Error(`the snapshot is damaged: ${read}`);
  return read;
}

const quarantines = (agent: HearsayProcess): number =>
  agent.log().split('quarantined, starting without it').length - 1;

test(`I3, I17: killed ${KILLS} times at any moment: it starts and serves each time, and nothing goes back`, {
  timeout: 300_000,
}, async () => {
  const data = join(dir, 'killed');
  let before: Snapshot | undefined;
  const lives: number[] = [];
  for (let life = 0; life < KILLS; life++) {
    const agent = await launch(data);
    const { incarnation, degraded } = await infoOf(agent);
    expect(degraded).toEqual([]);
    expect(quarantines(agent)).toBe(0);
    expect(incarnation).toBe((before?.incarnation ?? 0) + 1);
    if (before?.registered?.services.length) await serves(agent, 'web');
    await register(agent, 'web'); // gives it something to write at this moment
    await serves(agent, 'web');
    const moment = Math.random() * LONGEST_LIFE;
    await sleep(moment);
    await agent.kill();
    lives.push(Math.round(moment));
    const after = onDisk(data);
    const told = `after life ${life}, of ${lives.at(-1)} ms`;
    expect(after?.incarnation ?? 0, told).toBeGreaterThanOrEqual(before?.incarnation ?? 0);
    expect(after?.epoch ?? 0, told).toBeGreaterThanOrEqual(before?.epoch ?? 0);
    before = after;
  }
  // Most lives were long enough to leave a trace.
  expect(before?.incarnation).toBeGreaterThan(KILLS / 2);
  expect(
    readdirSync(data).filter((name) => !['snapshot', 'catalog', 'lock', 'operator-token'].includes(name)),
  ).toEqual(readdirSync(data).filter((name) => name.endsWith('.tmp')));
});

describe('G15', () => {
  test('a snapshot torn, flipped or empty: it starts, serves, sets the file aside with one line, and writes a new one', {
    timeout: 120_000,
  }, async () => {
    const data = join(dir, 'damaged');
    const first = await launch(data);
    await register(first, 'web');
    await waitUntil('it is on disk', 20_000, () => onDisk(data)?.registered?.services.length === 1);
    await first.kill();
    const whole = readFileSync(join(data, 'snapshot'));
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 1;
      return bytes;
    };
    const half = whole.length >> 1;
    for (const bad of [Buffer.alloc(0), whole.subarray(0, half), flipped(3), flipped(whole.length - 1)]) {
      writeFileSync(join(data, 'snapshot'), bad);
      const agent = await launch(data);
      expect(quarantines(agent)).toBe(1);
      expect(readFileSync(join(data, 'snapshot.bad'))).toEqual(bad);
      await register(agent, 'db');
      await serves(agent, 'db');
      await waitUntil('a new one is written', 30_000, () => onDisk(data) !== undefined);
      await waitUntil('it is well again', 30_000, async () => (await infoOf(agent)).degraded.length === 0);
      await agent.kill();
    }
  });

  const why = whyNoMount();
  if (why !== undefined) console.warn(`a full disk is not tested on real file systems: ${why}`);
  test.skipIf(why !== undefined)(
    'a full disk: it starts, serves, says so, and recovers when there is room',
    {
      timeout: 120_000,
    },
    async () => {
      const data = join(dir, 'full');
      mkdirSync(data, { mode: 0o700 });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'none', data]);
      try {
        const fill = (): void => {
          spawnSync('dd', ['if=/dev/zero', `of=${join(data, 'ballast')}`, 'bs=4k'], { stdio: 'ignore' });
        };
        fill();
        const agent = await launch(data);
        await register(agent, 'web');
        await serves(agent, 'web');
        const shown = await waitUntil('it is shown', 30_000, async () => (await infoOf(agent)).degraded[0]);
        expect(shown).toBe('the data directory cannot be used, state is in memory only: ENOSPC');
        const told = await runHearsay(['info', '--http-addr', agent.http]);
        expect(told.stdout).toContain(`degraded     ${shown}`);
        const fullAt = performance.now();
        await waitUntil('it has tried again', 30_000, () => performance.now() - fullAt > 6_000);
        expect(agent.log().split('data directory cannot be used').length - 1).toBe(1);

        rmSync(join(data, 'ballast'));
        const freedAt = performance.now();
        await waitUntil('it recovers', 30_000, async () => (await infoOf(agent)).degraded.length === 0); // G15
        console.info(`recovered ${((performance.now() - freedAt) / 1000).toFixed(1)} s after there was room`);
        expect(onDisk(data)?.registered?.services).toHaveLength(1);

        fill(); // full again, and killed: what was whole stays whole
        await register(agent, 'db');
        await waitUntil('it is shown again', 30_000, async () => (await infoOf(agent)).degraded.length > 0);
        await agent.kill();
        const again = await launch(data);
        await serves(again, 'web');
        expect(quarantines(again)).toBe(0);
        await again.kill();
      } finally {
        execFileSync('umount', ['-l', data]);
      }
    },
  );

  test.skipIf(why !== undefined)(
    'a read-only disk: it starts with what it remembers and serves',
    {
      timeout: 60_000,
    },
    async () => {
      const data = join(dir, 'read-only');
      mkdirSync(data, { mode: 0o700 });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'none', data]);
      try {
        const agent = await launch(data);
        await register(agent, 'web');
        await waitUntil('it is on disk', 20_000, () => onDisk(data)?.registered?.services.length === 1);
        await agent.kill();
        execFileSync('mount', ['-o', 'remount,ro', data]);
        const again = await launch(data);
        await serves(again, 'web');
        const shown = await waitUntil('it is shown', 30_000, async () => (await infoOf(again)).degraded[0]);
        expect(shown).toContain('EROFS');
        execFileSync('mount', ['-o', 'remount,rw', data]);
        await waitUntil('it recovers', 30_000, async () => (await infoOf(again)).degraded.length === 0);
        await again.kill();
      } finally {
        execFileSync('umount', ['-l', data]);
      }
    },
  );
});

test('a data directory has one agent: the second ends with 78 and names the first; after a kill -9 it may', async () => {
  const data = join(dir, 'locked');
  const first = await launch(data);
  const clash = await runHearsay(['agent', '--bind', '127.0.68.2:7946', '--dns', 'off', '--data-dir', data]);
  expect(clash.code).toBe(78);
  expect(clash.stderr).toBe(
    `hearsay: the data directory ${data} is used by another agent (pid ${first.child.pid}): stop it, or choose another directory with --data-dir\n`,
  );
  await first.kill();
  expect(readdirSync(data)).toContain('lock');
  const second = await launch(data);
  await second.leave();
  expect(readdirSync(data)).not.toContain('lock');
});

/** Only root may mount, and not in every container. */
function whyNoMount(): string | undefined {
  const place = mkdtempSync(join(tmpdir(), 'hearsay-mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', 'none', place]).status !== 0) return 'it needs root and mount';
    spawnSync('umount', [place]);
    return undefined;
  } finally {
    rmSync(place, { recursive: true });
  }
}
