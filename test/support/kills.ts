/**
 * Kills a real agent at random moments of random writes, and looks for what it had acknowledged in its next life. Every
 * item has one writer, and all write at once, so that many changes share a write to the disk.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rng } from '../../src/base/rng.ts';
import { getJson, httpRequest } from './http.ts';
import { type HearsayProcess, startHearsay } from './processes.ts';
import { sleep } from './wait.ts';

export interface KillOptions {
  readonly kills: number;
  readonly ip: string;
  /** An empty directory. */
  readonly dir: string;
  readonly rng: Rng;
  /** The longest time of writing before a kill, in milliseconds. */
  readonly longestLife?: number;
}

export interface KillReport {
  /** Changes that were answered 200. */
  acknowledged: number;
  /** Changes whose answer did not come before the kill. */
  unanswered: number;
  /** One line for each acknowledged change that was not found. */
  readonly lost: string[];
}

/** A request that gives an item a value, and the value; `''`: it is not there. */
interface Write {
  readonly path: string;
  readonly body?: unknown;
  readonly value: string;
}

interface Item {
  readonly name: string;
  draw(serial: number, coin: boolean): Write;
  read(state: AgentState): string;
}

/** What a start shows. */
interface AgentState {
  readonly services: Readonly<Record<string, { readonly Port: number }>>;
  readonly checks: Readonly<Record<string, { readonly Status: string; readonly Notes: string }>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** A service of a file: its definition is read again, what is ordered for it has to be remembered. */
const FILE_SERVICE = { Name: 'fixed', Port: 1, Check: { CheckID: 'ttl', TTL: '24h', Status: 'passing' } };

const registered = (id: string): Item => ({
  name: id,
  draw: (serial, coin) =>
    coin
      ? { path: `/v1/agent/service/deregister/${id}`, value: '' }
      : {
          path: '/v1/agent/service/register',
          body: { Name: id, Port: 1 + (serial % 65_000) },
          value: `${1 + (serial % 65_000)}`,
        },
  read: ({ services }) => `${services[id]?.Port ?? ''}`,
});

const maintenance = (name: string, path: string, check: string): Item => ({
  name,
  draw: (serial, coin) => ({ path: `${path}?enable=${coin}&reason=r${serial}`, value: coin ? 'on' : '' }),
  read: ({ checks }) => (checks[check] === undefined ? '' : 'on'),
});

const ITEMS: readonly Item[] = [
  ...Array.from({ length: 6 }, (_, i) => registered(`s${i}`)),
  maintenance('node maintenance', '/v1/agent/maintenance', '_node_maintenance'),
  maintenance('maintenance', '/v1/agent/service/maintenance/fixed', '_service_maintenance:fixed'),
  maintenance('drain', '/v1/hearsay/drain/fixed', '_service_draining:fixed'),
  {
    name: 'TTL check',
    draw: (_, coin) => ({
      path: `/v1/agent/check/${coin ? 'pass' : 'fail'}/ttl`,
      value: coin ? 'passing' : 'critical',
    }),
    read: ({ checks }) => checks['ttl']?.Status ?? '',
  },
  {
    name: 'tag',
    draw: (serial, coin) => ({
      path: '/v1/hearsay/tags',
      body: coin ? { delete: ['load'] } : { set: { load: `${serial}` } },
      value: coin ? '' : `${serial}`,
    }),
    read: ({ tags }) => tags['load'] ?? '',
  },
];

export async function killDuringWrites(options: KillOptions): Promise<KillReport> {
  const { kills, ip, dir, rng, longestLife = 300 } = options;
  const file = join(dir, 'fixed.json');
  writeFileSync(file, JSON.stringify(FILE_SERVICE));
  const args = ['--data-dir', join(dir, 'data'), '--service', file, '--open-operator'];
  const report: KillReport = { acknowledged: 0, unanswered: 0, lost: [] };
  const allowed = new Map<Item, string[]>();
  let serial = 0;
  for (let life = 0; life <= kills; life++) {
    const agent = await startHearsay({ name: 'ann', ip, args });
    await compare(agent, allowed, `after kill ${life}`, report.lost);
    if (life === kills) {
      await agent.kill();
      break;
    }
    const isOver = { now: false };
    const writing = ITEMS.map((item) =>
      write(agent, item, () => [serial++, rng.int(3) === 0], allowed, isOver, report),
    );
    await sleep(rng.next() * longestLife);
    isOver.now = true;
    await agent.kill();
    await Promise.all(writing);
  }
  return report;
}

/** Writes one item again and again until the agent is killed. What it may be afterwards is in `allowed`. */
async function write(
  agent: HearsayProcess,
  item: Item,
  next: () => [serial: number, coin: boolean],
  allowed: Map<Item, string[]>,
  isOver: { readonly now: boolean },
  report: KillReport,
): Promise<void> {
  while (!isOver.now) {
    const { path, body, value } = item.draw(...next());
    const possible = allowed.get(item) ?? [''];
    allowed.set(item, [...possible, value]);
    try {
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      const { status } = await httpRequest('PUT', `${agent.http}${path}`, init);
      if (status === 200) report.acknowledged += 1;
      // Deregistering what is not there is 404, and tells as much.
      if (status === 200 || status === 404) allowed.set(item, [value]);
    } catch {
      report.unanswered += 1;
      return;
    }
  }
}

async function compare(
  agent: HearsayProcess,
  allowed: Map<Item, string[]>,
  when: string,
  lost: string[],
): Promise<void> {
  const [services, checks, self] = await Promise.all([
    getJson<AgentState['services']>(`${agent.http}/v1/agent/services`),
    getJson<AgentState['checks']>(`${agent.http}/v1/agent/checks`),
    getJson<{ readonly Member: { readonly Tags: AgentState['tags'] } }>(`${agent.http}/v1/agent/self`),
  ]);
  const state = { services, checks, tags: self.Member.Tags };
  for (const item of ITEMS) {
    const found = item.read(state);
    const possible = allowed.get(item);
    if (possible !== undefined && !possible.includes(found))
      lost.push(`${when}: ${item.name} is "${found}", and may be "${possible.join('", "')}"`);
    allowed.set(item, [found]);
  }
}
