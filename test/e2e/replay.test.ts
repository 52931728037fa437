/**
 * Three agents on real sockets are recorded while one of them is killed. Each recording replays to the same decisions, that
 * of the killed agent as far as it was written, and no recording has a secret.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const KEY = Buffer.alloc(32, 'replay').toString('base64');
const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const LIMIT = 60_000;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-replay-'));
});
afterAll(async () => {
  await killProcesses();
  rmSync(dir, { recursive: true });
});

const fileOf = (name: string): string => join(dir, `${name}.rec`);
const launch = (name: string, i: number, ...args: string[]): Promise<HearsayProcess> =>
  startHearsay({
    ...{ name, ip: `127.0.71.${i}`, key: KEY },
    args: ['--record', fileOf(name), '--data-dir', join(dir, name), ...args],
    ...(i === 1 ? {} : { join: '127.0.71.1' }),
  });
const replay = (file: string, ...args: string[]) =>
  spawnSync(process.execPath, [BIN, 'replay', file, ...args], { encoding: 'utf8' });

test('recordings of three agents, one of which is killed, replay to the same decisions', async () => {
  const ann = await launch('ann', 1);
  const bob = await launch('bob', 2, '--record-redact');
  const cat = await launch('cat', 3);
  await fire(bob, 'open sesame');
  await waitUntil('cat receives it', LIMIT, () =>
    readFileSync(fileOf('cat'), 'utf8').includes('userEventReceived'),
  );
  await cat.kill();
  for (const agent of [ann, bob])
    await waitUntil(`${agent.name} sees cat as failed`, LIMIT, async () =>
      (await getJson<{ name: string; status: string }[]>(`${agent.http}/v1/hearsay/members`)).some(
        ({ name, status }) => name === 'cat' && status === 'failed',
      ),
    );
  await bob.leave();
  await ann.leave();

  for (const name of ['ann', 'bob', 'cat']) {
    const { status, stdout, stderr } = replay(fileOf(name), '--json', '--facts');
    expect([name, status, stderr]).toEqual([name, 0, '']);
    const replayed = JSON.parse(stdout);
    expect(replayed).toMatchObject({ node: name, same: true, end: name === 'cat' ? 'cut' : 'stopped' });
    expect(replayed.inputs).toBeGreaterThan(10);
    const facts = replayed.facts.map(({ text }: { text: string }) => text);
    expect(facts.includes('memberFailed node=cat')).toBe(name !== 'cat');
    expect(statSync(fileOf(name)).mode & 0o777).toBe(0o600);
  }

  const text = readFileSync(fileOf('bob'), 'utf8');
  expect(text.includes(KEY)).toBe(false);
  expect(text.includes(Buffer.from('open sesame').toString('base64'))).toBe(false);
  expect(readFileSync(fileOf('ann'), 'utf8').includes(KEY)).toBe(false);

  const changed = readFileSync(fileOf('ann'));
  const at = changed.length >> 1;
  changed[at] = (changed[at] as number) ^ 0x04;
  writeFileSync(fileOf('changed'), changed);
  const damaged = replay(fileOf('changed'));
  expect(damaged.status).toBe(78);
  const [, from, to] = /\(bytes (\d+) to (\d+)\)/.exec(damaged.stdout) ?? [];
  expect(Number(from) <= at && at <= Number(to)).toBe(true);
});

test('an agent that restarts keeps the recording of its previous run', async () => {
  const before = readFileSync(fileOf('cat'));
  const cat = await startHearsay({
    ...{ name: 'cat', ip: '127.0.71.3', key: KEY },
    args: ['--record', fileOf('cat'), '--data-dir', join(dir, 'cat')],
  });
  expect(readFileSync(`${fileOf('cat')}.1`).equals(before)).toBe(true);
  await cat.leave();
  expect(replay(fileOf('cat')).status).toBe(0);
  expect(replay(`${fileOf('cat')}.1`).status).toBe(0);
});

const unmountable =
  spawnSync('sh', [
    '-c',
    'd=$(mktemp -d) && mount -t tmpfs none "$d"; s=$?; umount "$d"; rmdir "$d"; exit $s',
  ]).status !== 0;
if (unmountable) console.warn('skipped: a full disk on a real file system, which needs root and mount');

test.skipIf(unmountable)('a full disk ends the recording, not the agent', async () => {
  const small = join(dir, 'small');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', small]);
  try {
    const file = join(small, 'eve.rec');
    const eve = await startHearsay({ name: 'eve', ip: '127.0.71.4', key: KEY, args: ['--record', file] });
    await waitUntil('the disk is full', LIMIT, async () => {
      for (let i = 0; i < 20; i++) await fire(eve, 'x'.repeat(300));
      const { degraded } = await getJson<{ degraded: readonly string[] }>(`${eve.http}/v1/hearsay/info`);
      return degraded.some((clause) => clause.includes('ENOSPC'));
    });
    expect(eve.log().match(/recording ended/g)).toHaveLength(1);
    const { status, stdout } = replay(file);
    expect([status, stdout]).toEqual([0, expect.stringContaining('all the same')]);
    await eve.leave();
  } finally {
    await killProcesses();
    execFileSync('umount', ['-l', small]);
  }
});

async function fire({ http }: HearsayProcess, payload: string): Promise<void> {
  const answer = await fetch(`${http}/v1/event/fire/deploy`, { method: 'PUT', body: payload });
  expect(answer.status).toBe(200);
}
