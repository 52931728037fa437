/**
 * The Node library over a long life: `node --expose-gc --import tsx test/bench/library-memory.ts`. An agent that ends the stream
 * after each snapshot makes it reconnect 10,000 times, while a million instances are picked; the heap after both must not have
 * grown. With `--kill` a real agent is killed, and a minute later the list still stands and says its age.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HearsayClient } from '../../src/client/hearsay-client.ts';
import type { StreamedInstance } from '../../src/client/instance.ts';
import { httpRequest } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';

const RECONNECTS = 10_000;
const PICKS = 1_000_000;
const WARM_UP = 500;
const GROWTH_LIMIT_MB = 2;

const heapMb = (): number => {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error('run it with --expose-gc');
  for (let i = 0; i < 3; i++) gc();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

async function measureMemory(): Promise<boolean> {
  let connections = 0;
  const row = (id: string): StreamedInstance => ({
    ...{ id, node: 'n1', address: '127.0.0.1', port: 1, ports: {}, weights: { passing: 1, warning: 1 } },
    ...{ tags: [], meta: {}, zone: null, rtt: null, status: 'passing', draining: false },
  });
  const rows = JSON.stringify({ service: 'db', instances: ['db-1', 'db-2', 'db-3'].map(row) });
  const server = createServer((_, response) => {
    connections += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: resync\ndata: {"index":${connections},"zone":null}\n\n`);
    response.write(`event: service\ndata: ${rows}\n\n`);
    response.end(`event: synced\nid: ${connections}\ndata: {"index":${connections},"zone":null}\n\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.56.3.1', resolve));
  const { port } = server.address() as AddressInfo;
  const hearsay = new HearsayClient(
    { http: `http://127.56.3.1:${port}` },
    { backoff: { first: 0.1, longest: 0.1 } },
  );
  const db = hearsay.discover('db');
  await db.ready;
  if (db.all().length !== 3) throw new Error(`the list has ${db.all().length} instances`);
  const pick = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const one = db.pick();
      one.start();
      one.finish(false);
    }
  };
  while (connections < WARM_UP) await sleep(5);
  pick(WARM_UP);
  const before = heapMb();
  const startedAt = performance.now();
  for (let done = 0; done < PICKS; done += PICKS / 100) {
    pick(PICKS / 100);
    while (connections < WARM_UP + (RECONNECTS * done) / PICKS) await sleep(5);
  }
  while (connections < WARM_UP + RECONNECTS) await sleep(5);
  const grown = heapMb() - before;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(
    `${PICKS} picks and ${RECONNECTS} reconnects in ${seconds} s: the heap was ${before.toFixed(2)} MB and has grown by ${grown.toFixed(2)} MB`,
  );
  await hearsay.close();
  server.close();
  return grown < GROWTH_LIMIT_MB;
}

async function measureKilledAgent(): Promise<boolean> {
  const agent = await startHearsay({ name: 'n1', ip: '127.56.2.1' });
  const body = JSON.stringify({ Name: 'db', ID: 'db-1', Port: 5432, Address: '127.56.2.1' });
  await httpRequest('PUT', `${agent.http}/v1/agent/service/register`, { body });
  const hearsay = new HearsayClient({ http: agent.http });
  const db = hearsay.discover('db');
  while (db.all().length === 0) await sleep(20);
  await agent.kill();
  await sleep(60_000);
  const { id } = db.pick();
  console.log(
    `60 s after the agent was killed the library picks ${id} from a list of ${db.age.toFixed(0)} ms`,
  );
  await hearsay.close();
  await killProcesses();
  return id === 'db-1' && db.age > 59_000 && db.age < 65_000;
}

const isOk = process.argv.includes('--kill') ? await measureKilledAgent() : await measureMemory();
process.exitCode = isOk ? 0 : 1;
