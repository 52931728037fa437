/** A real agent that starts while everybody else is down: it answers from its data directory, and says so. */
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const A = '127.0.66.1';
const B = '127.0.66.2';
const UNCONFIRMED = 'Unconfirmed: restored from before the restart';

interface Entry {
  readonly Node: { readonly Node: string; readonly Address: string };
  readonly Service: { readonly ID: string; readonly Port: number };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Output: string }[];
}

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-warm-'));
});
afterAll(async () => {
  await killProcesses();
  rmSync(dir, { recursive: true });
});

const launch = (name: string, ip: string, joins?: string) =>
  startHearsay({
    name,
    ip,
    args: ['--data-dir', join(dir, name)],
    ...(joins === undefined ? {} : { join: joins }),
  });

/** How A answers for the service: node, address, id and what is said of the node. */
async function answer(): Promise<string[]> {
  const found = await getJson<Entry[]>(`http://${A}:8500/v1/health/service/warm-db?passing`);
  return found.map(({ Node, Service, Checks }) => {
    const health = Checks.find(({ CheckID }) => CheckID === 'serfHealth');
    return `${Node.Node} ${Node.Address} ${Service.ID}:${Service.Port} ${health?.Status}: ${health?.Output}`;
  });
}

const answers = (what: string, expected: string, limit: number): Promise<unknown> =>
  waitUntil(what, limit, async () => {
    const seen = await answer();
    if (seen.join() === expected) return true;
    throw new Error(seen.join());
  });

test('what it remembers of a node that is down is answered at once, marked, and confirmed when the node is back', async () => {
  const first = await launch('a', A);
  const second = await launch('b', B, A);
  const registered = await httpRequest('PUT', `${second.http}/v1/agent/service/register`, {
    body: JSON.stringify({ Name: 'warm-db', ID: 'warm-db-1', Port: 5432 }),
  });
  expect(registered.status, registered.body).toBe(200);
  const confirmed = `b ${B} warm-db-1:5432 passing: Agent alive and reachable`;
  await answers('a sees the service', confirmed, 20_000);
  await waitUntil('the catalog is on disk', 60_000, () =>
    readFileSync(join(dir, 'a', 'catalog')).includes('warm-db-1'),
  );
  await Promise.all([first.kill(), second.kill()]);

  const born = performance.now();
  await launch('a', A);
  const up = performance.now();
  expect(await answer()).toEqual([`b ${B} warm-db-1:5432 passing: ${UNCONFIRMED}`]);
  const answered = performance.now();
  const { headers } = await httpRequest('GET', `http://${A}:8500/v1/health/service/warm-db`);
  expect(headers).toMatchObject({ 'x-consul-knownleader': 'false' });
  expect(Number(headers['x-consul-lastcontact'])).toBeGreaterThan(0);
  expect(Date.parse(String(headers['x-hearsay-restored']))).toBeLessThan(Date.now());
  expect((await httpRequest('GET', `http://${A}:8500/v1/health/service/other`)).status).toBe(500);
  console.info(
    `first answer ${Math.round(up - born)} ms after the start, the warm one ${Math.round(answered - up)} ms later`,
  );
  expect(answered - up).toBeLessThan(1_000); // G12

  const dns = new Resolver({ timeout: 2_000, tries: 3 });
  dns.setServers([`${A}:8600`]);
  expect(await dns.resolve4('warm-db.service.consul')).toEqual([B]);
  expect(await getJson<unknown[]>(`http://${A}:8500/v1/agent/members`)).toHaveLength(1);

  await launch('b', B);
  await answers('the answer is confirmed', confirmed, 60_000);
  await waitUntil('the mark is gone', 20_000, async () => {
    const marked = await httpRequest('GET', `http://${A}:8500/v1/health/service/warm-db`);
    return marked.headers['x-hearsay-restored'] === undefined;
  });
  expect(await dns.resolve4('warm-db.service.consul')).toEqual([B]);
}, 170_000);
