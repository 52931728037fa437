/** Real agents in their first seconds: while nothing is known, no reader is told that there is nothing (W1). */
import { Resolver } from 'node:dns/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const A = '127.72.1.1';
const B = '127.72.1.2';

afterEach(killProcesses);
afterAll(killProcesses);

const health = (agent: string, query = '') => `http://${agent}:8500/v1/health/service/web?passing${query}`;
const startB = () => startHearsay({ name: 'b', ip: B, args: ['--retry-join', A] });

async function register(agent: HearsayProcess, name: string, more: object = {}): Promise<void> {
  const body = JSON.stringify({ Name: name, Port: 80, ...more });
  const answer = await httpRequest('PUT', `${agent.http}/v1/agent/service/register`, { body });
  expect(answer.status, answer.body).toBe(200);
}

/** The error code of a look-up of `web`, or its addresses. */
async function lookUp(): Promise<string | undefined> {
  const dns = new Resolver({ timeout: 2_000, tries: 2 });
  dns.setServers([`${B}:8600`]);
  return dns.resolve4('web.service.consul').then(
    (addresses) => addresses.join(),
    (error: NodeJS.ErrnoException) => error.code,
  );
}

describe('a and b know each other, a is suspended, b is killed and started again', () => {
  async function restartB(): Promise<{ a: HearsayProcess; index: string }> {
    const a = await startHearsay({ name: 'a', ip: A });
    await register(a, 'web');
    const before = await startB();
    await waitUntil('b knows web', 20_000, async () => (await getJson<unknown[]>(health(B))).length === 1);
    const index = String((await httpRequest('GET', health(B))).headers['x-consul-index']);
    a.child.kill('SIGSTOP');
    await before.kill();
    await register(await startB(), 'own');
    return { a, index };
  }

  test('nothing known is no answer, and what waits is answered as soon as a is back', async () => {
    const { a, index } = await restartB();
    const parked = [
      httpRequest('GET', health(B, `&index=${index}&wait=30s`)),
      httpRequest('GET', health(B, '&index=7&wait=30s')),
    ];
    const refused = await httpRequest('GET', health(B));
    expect(refused.status, refused.body).toBe(500);
    expect(refused.body).toMatch(/^No cluster leader: this agent has just started/);
    expect(Number(refused.headers['x-consul-index'])).toBeGreaterThan(0);
    const targets = await httpRequest('GET', `http://${B}:8500/v1/hearsay/prometheus`);
    expect(targets.status, targets.body).toBe(503);
    expect(await lookUp()).toBe('ESERVFAIL');
    expect(await getJson(`http://${B}:8500/v1/agent/services`)).toHaveProperty('own');
    a.child.kill('SIGCONT');
    for (const answer of await Promise.all(parked)) {
      expect(answer.status, answer.body).toBe(200);
      expect(JSON.parse(answer.body)).toHaveLength(1);
    }
    expect(await lookUp()).toBe(A);
  }, 90_000);

  test('nobody answers: after five seconds b answers from what it knows, and logs it', async () => {
    await restartB();
    expect((await httpRequest('GET', health(B))).status).toBe(500);
    await waitUntil('b answers', 20_000, async () => (await httpRequest('GET', health(B))).body === '[]');
    expect(await lookUp()).toBe('ENOTFOUND');
  }, 90_000);
});

test('a catalog of 3,000 entries is waited for: not one answer without web', async () => {
  const a = await startHearsay({ name: 'a', ip: A });
  for (let i = 0; i < 30; i++)
    await Promise.all(Array.from({ length: 100 }, (_, k) => register(a, `many${k}`, { ID: `m${i}-${k}` })));
  await register(a, 'web');
  await startB();
  const seen = new Set<string>();
  await waitUntil('b knows web', 20_000, async () => {
    const [answer, addresses] = await Promise.all([httpRequest('GET', health(B)), lookUp()]);
    seen.add(answer.status === 200 ? `200 with ${JSON.parse(answer.body).length}` : `${answer.status}`);
    seen.add(`${addresses}`);
    return answer.status === 200;
  });
  expect([...seen].sort().filter((one) => !['500', 'ESERVFAIL'].includes(one))).toEqual(
    expect.arrayContaining(['200 with 1']),
  );
  expect([...seen]).not.toContain('200 with 0');
  expect([...seen]).not.toContain('ENOTFOUND');
}, 120_000);
