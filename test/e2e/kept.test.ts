/** A 200 is a promise: what an agent with a data directory has acknowledged is there after kill -9 and after an orderly stop. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { getJson, httpRequest } from '../support/http.ts';
import { killDuringWrites } from '../support/kills.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';

const KILLS = 30;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-kept-'));
});
afterAll(async () => {
  await killProcesses();
  rmSync(dir, { recursive: true });
});

test(`killed ${KILLS} times at random moments of random writes: 0 acknowledged changes are lost`, {
  timeout: 300_000,
}, async () => {
  const rng = createRng(Date.now() % 1_000_000);
  const report = await killDuringWrites({ kills: KILLS, ip: '127.0.69.2', dir, rng });
  expect(report.lost).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(KILLS);
});

test('N1: a registration, maintenance and a tag are kept by a stop and a kill right after their 200', {
  timeout: 120_000,
}, async () => {
  const args = ['--data-dir', join(dir, 'stopped'), '--open-operator'];
  const start = (): Promise<HearsayProcess> => startHearsay({ name: 'bob', ip: '127.0.69.3', args });
  const put = async (agent: HearsayProcess, path: string, body: unknown): Promise<void> => {
    const { status, headers } = await httpRequest('PUT', `${agent.http}${path}`, {
      body: JSON.stringify(body),
    });
    expect([status, headers['x-hearsay-unsaved']]).toEqual([200, undefined]);
  };
  for (const [round, end] of (['leave', 'kill'] as const).entries()) {
    const agent = await start();
    await put(agent, '/v1/agent/service/register', { Name: 'web', Port: 1 + round });
    await put(agent, '/v1/agent/service/maintenance/web?enable=true', {});
    await put(agent, '/v1/hearsay/tags', { set: { round: `${round}` } });
    await agent[end]();
    const again = await start();
    const services = await getJson<Record<string, unknown>>(`${again.http}/v1/agent/services`);
    expect(services).toMatchObject({ web: { Port: 1 + round } });
    const checks = await getJson<Record<string, unknown>>(`${again.http}/v1/agent/checks`);
    expect(Object.keys(checks)).toEqual(['_service_maintenance:web']);
    expect((await again.members())[0]?.tags).toMatchObject({ round: `${round}` });
    await again.kill();
  }
});
