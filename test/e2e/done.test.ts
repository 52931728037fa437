/**
 * `hearsay drain --wait` among five agents, and one of Serf where it is installed: exit code 0 means that no agent answers with the
 * instance over DNS or HTTP at that moment; with an agent that is suspended it is 4, and the agent is named.
 */
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const WITHIN = 30_000;
const ip = (i: number): string => `127.56.1.${i}`;
let agents: HearsayProcess[] = [];
const withSerf = isInstalled('serf');

beforeAll(async () => {
  const first = await startHearsay({ name: 'n1', ip: ip(1) });
  const join = `${ip(1)}:7946`;
  const rest = await Promise.all([2, 3, 4, 5].map((i) => startHearsay({ name: `n${i}`, ip: ip(i), join })));
  agents = [first, ...rest];
  if (withSerf) await startSerf({ name: 's1', ip: ip(9), join });
  const all = agents.length + (withSerf ? 1 : 0);
  await waitUntil('all know each other', WITHIN, async () => {
    const lists = await Promise.all(
      agents.map(({ http }) => getJson<readonly unknown[]>(`${http}/v1/agent/members`)),
    );
    return lists.every((list) => list.length === all);
  });
}, 90_000);
afterAll(killProcesses);

const answersOverHttp = async ({ http }: HearsayProcess, service: string): Promise<number> =>
  (await getJson<readonly unknown[]>(`${http}/v1/health/service/${service}?passing`)).length;

async function answersOverDns(agent: HearsayProcess, service: string): Promise<number> {
  const resolver = new Resolver({ timeout: 5000, tries: 1 });
  resolver.setServers([`${agent.ip}:8600`]);
  const absent = (error: NodeJS.ErrnoException): never[] => {
    if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return [];
    throw error;
  };
  return (await resolver.resolveSrv(`${service}.service.consul`).catch(absent)).length;
}

async function registerEverywhere(id: string): Promise<void> {
  const body = JSON.stringify({ Name: id, ID: id, Port: 8080, Address: '127.56.1.1' });
  await httpRequest('PUT', `${agents[0]?.http}/v1/agent/service/register`, { body });
  await waitUntil(`${id} is known`, WITHIN, async () =>
    (await Promise.all(agents.map((agent) => answersOverHttp(agent, id)))).every((count) => count === 1),
  );
}

const drain = (id: string, wait: string) =>
  runHearsay(['drain', id, '--wait', wait, '--http-addr', `http://${ip(1)}:8500`]);

test('0: no agent answers with it any more', { timeout: 60_000 }, async () => {
  await registerEverywhere('web');
  const { code, stdout, stderr } = await drain('web', '20s');
  const answers = await Promise.all(
    agents.flatMap((agent) => [answersOverHttp(agent, 'web'), answersOverDns(agent, 'web')]),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(answers).toEqual(Array.from({ length: 10 }, () => 0));
  const apart = withSerf ? '; s1 is an agent of Serf and does not take part' : '';
  expect(stdout).toBe(`web is draining\n5 of 5 know${apart}\n`);
  const status = await runHearsay(['sync-status', 'web', '--json', '--http-addr', `http://${ip(3)}:8500`]);
  expect(JSON.parse(status.stdout)).toMatchObject({ done: true, known: 5, expected: 5, missing: [] });
});

test('4: an agent is suspended, and named', { timeout: 60_000 }, async () => {
  await registerEverywhere('api');
  agents[4]?.child.kill('SIGSTOP');
  try {
    const { code, stdout } = await drain('api', '1500ms');
    expect(stdout).toMatch(/^api is draining\n4 of 5 know; n5 has not spoken for [\d.]+ s/);
    expect(code).toBe(4);
  } finally {
    agents[4]?.child.kill('SIGCONT');
  }
  const { code } = await drain('api', '20s');
  expect(code).toBe(0);
  expect(await answersOverHttp(agents[4] as HearsayProcess, 'api')).toBe(0);
});
