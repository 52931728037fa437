/**
 * Eight agents with five services each, real HTTP and TCP targets, and what can happen to them: at the end every
 * agent's answers equal the truth, and nobody healthy was ever missing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { createServer as createTcp, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { type AgentProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';

type Ours = AgentProcess & { readonly http: string };
interface Entry {
  readonly Node: { readonly Node: string };
  readonly Service: { readonly ID: string };
}

const AGENTS = 8;
const SERVICES = 5;
/** G8: equality within a push/pull interval and 30 s after the last fault; checks run each second. */
const SETTLED = 60_000;
const ip = (host: number): string => `127.0.62.${host}`;
const portOf = (service: number): number => 19_000 + service;

let dir = '';
const agents = new Map<number, Ours>();
const targets = new Map<string, Server | HttpServer>();

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-faults-'));
});
afterAll(async () => {
  await killProcesses();
  for (const target of targets.values()) target.close();
  rmSync(dir, { recursive: true });
});

const launch = async (host: number, keepsData: boolean): Promise<Ours> => {
  const agent = await startHearsay({
    name: `n${host}`,
    ip: ip(host),
    args: [
      ...(keepsData ? ['--data-dir', join(dir, `d${host}`)] : []),
      ...['--retry-join', ip(1), '--retry-join', ip(2)],
    ],
  });
  agents.set(host, agent);
  return agent;
};

/** Even services answer HTTP, odd ones only take connections. */
function open(host: number, service: number): Promise<void> {
  const target =
    service % 2 === 0
      ? createHttp((_, answer) => answer.end('ok'))
      : createTcp((socket) => socket.on('error', () => undefined).end());
  targets.set(`${host}/${service}`, target);
  return new Promise((resolve) => target.listen(portOf(service), ip(host), resolve));
}

function close(host: number, service: number): Promise<unknown> {
  const target = targets.get(`${host}/${service}`) as Server | HttpServer;
  targets.delete(`${host}/${service}`);
  if ('closeAllConnections' in target) target.closeAllConnections();
  return new Promise((resolve) => target.close(resolve));
}

async function register(host: number, service: number): Promise<void> {
  const at = `${ip(host)}:${portOf(service)}`;
  const check = service % 2 === 0 ? { HTTP: `http://${at}/` } : { TCP: at };
  const answer = await httpRequest('PUT', `http://${ip(host)}:8500/v1/agent/service/register`, {
    body: JSON.stringify({
      Name: `s${service}`,
      ID: `s${service}-${host}`,
      Port: portOf(service),
      Check: { ...check, Interval: '1s', Timeout: '1s', Status: 'passing' },
    }),
  });
  expect(answer.status, answer.body).toBe(200);
}

const passing = async (agent: Ours, service: number): Promise<string[]> =>
  (await getJson<Entry[]>(`${agent.http}/v1/health/service/s${service}?passing`))
    .map((entry) => entry.Service.ID)
    .sort();

/** Every agent that is up gives exactly these instances of every service. */
const settle = (isUp: (host: number, service: number) => boolean): Promise<unknown> =>
  Promise.all(
    [...agents.values()].map((agent) =>
      waitUntil(`${agent.name} tells the truth`, SETTLED, async () => {
        for (let service = 0; service < SERVICES; service++) {
          const truth = [];
          for (let host = 1; host <= AGENTS; host++)
            if (isUp(host, service)) truth.push(`s${service}-${host}`);
          const seen = await passing(agent, service);
          if (seen.join() !== truth.sort().join()) throw new Error(`s${service}: [${seen}] for [${truth}]`);
        }
        return true;
      }),
    ),
  );

test('eight agents, forty services, and all that can happen to them', { timeout: 600_000 }, async () => {
  for (let host = 1; host <= AGENTS; host++) {
    await launch(host, host !== 7);
    for (let service = 0; service < SERVICES; service++) await open(host, service);
  }
  for (let host = 1; host <= AGENTS; host++)
    for (let service = 0; service < SERVICES; service++) await register(host, service);
  await settle(() => true);

  // From here on n1's services are well, and n2 watches that nobody ever loses them.
  const missed: string[] = [];
  let watching = true;
  const watch = (async () => {
    while (watching) {
      const witness = agents.get(2);
      if (witness === undefined) break;
      const seen = await passing(witness, 0);
      if (!seen.includes('s0-1')) missed.push(seen.join());
      await sleep(200);
    }
  })();

  await close(3, 0); // a target stops
  await settle((host, service) => !(host === 3 && service === 0));
  await open(3, 0);

  const killed = agents.get(4) as Ours; // an agent dies
  agents.delete(4);
  await killed.kill();
  await settle((host) => host !== 4);
  await launch(4, true); // and returns with its data directory: nobody registers anything again
  await settle(() => true);

  const stopped = agents.get(5) as Ours; // an agent is stopped for a while
  agents.delete(5);
  stopped.child.kill('SIGSTOP');
  await settle((host) => host !== 5);
  stopped.child.kill('SIGCONT');
  agents.set(5, stopped);
  await settle(() => true);

  const forgetful = agents.get(7) as Ours; // one without a data directory returns with nothing
  agents.delete(7);
  await forgetful.kill();
  await launch(7, false);
  await settle((host) => host !== 7);
  for (let service = 0; service < SERVICES; service++) await register(7, service);
  await settle(() => true);

  const leaver = agents.get(8) as Ours; // one leaves in order
  agents.delete(8);
  await leaver.leave();
  await settle((host) => host !== 8);

  watching = false;
  await watch;
  expect(missed).toEqual([]);
});
