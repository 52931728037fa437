/** The client and a real HTTP server: it follows services, goes on without the agent, and comes back. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ConnectOptions } from '../../../src/client/connection.ts';
import { type ClientInternals, HearsayClient } from '../../../src/client/hearsay-client.ts';
import { connect } from '../../../src/client/index.ts';
import { waitUntil } from '../../support/wait.ts';
import { instance, service } from '../http/data.ts';
import { FakeAgent, member, serve, socketPath } from '../http/fixture.ts';

const QUICK: ClientInternals = { backoff: { first: 1, longest: 5 } };

function client(options: ConnectOptions, internals = QUICK): HearsayClient {
  const one = new HearsayClient(options, internals);
  onTestFinished(() => one.close());
  return one;
}

function cluster(): FakeAgent {
  const agent = new FakeAgent(
    member('ann', { tags: new Map([['zone', 'x']]) }),
    member('bob', { tags: new Map([['zone', 'y']]) }),
  );
  agent.catalog.held = [
    instance('ann', service('db', { id: 'db-1', port: 5432 })),
    instance('bob', service('db', { id: 'db-2', port: 5433 })),
    instance('bob', service('cache', { port: 6379 })),
  ];
  return agent;
}

const ids = (one: { all(): readonly { readonly id: string }[] }): string[] => one.all().map(({ id }) => id);

describe('a client', () => {
  test('follows the services it asked for, in any case, the own zone first', async () => {
    const agent = cluster();
    const server = await serve(agent);
    const hearsay = client({ http: `http://${server.address}` });
    const db = hearsay.discover('DB');
    const none = hearsay.discover('none');
    await Promise.all([db.ready, none.ready]);
    expect(ids(db)).toEqual(['db-1', 'db-2']);
    expect(ids(none)).toEqual([]);
    expect(db.age).toBe(0);
    expect(db.pick()).toMatchObject({ id: 'db-1', node: 'ann', port: 5432, zone: 'x' });

    const cache = hearsay.discover('cache'); // later than the others
    await cache.ready;
    expect(ids(cache)).toEqual(['cache']);
    const again = hearsay.discover('db', { passing: true }); // known already
    expect(ids(again)).toEqual(['db-1', 'db-2']);

    agent.rows.set('ann', member('ann', { tags: new Map([['zone', 'y']]) }));
    agent.touch(['node:ann']);
    await waitUntil('it knows that it is elsewhere', 5000, () =>
      Array.from({ length: 20 }, () => db.pick().zone).every((zone) => zone === 'y'),
    );
    agent.catalog.held = agent.catalog.held.slice(1);
    agent.touch(['service:db']);
    await waitUntil('the change arrives', 5000, () => ids(db).length === 1);
    expect([ids(db), ids(again)]).toEqual([['db-2'], ['db-2']]);
  });

  test('a zone that is named counts where the agent has none, also for a service that is known already', async () => {
    const agent = cluster();
    agent.rows.set('ann', member('ann'));
    const hearsay = client({ http: `http://${(await serve(agent)).address}` });
    const any = hearsay.discover('db');
    const inZone = hearsay.discover('db', { zone: 'y' });
    const picks = (one: typeof any): string[] =>
      [...new Set(Array.from({ length: 100 }, () => one.pick().id))].sort();
    await Promise.all([any.ready, inZone.ready]);
    expect(picks(any)).toEqual(['db-1', 'db-2']);
    expect(picks(inZone)).toEqual(['db-2']);
    expect(picks(hearsay.discover('db', { zone: 'y' }))).toEqual(['db-2']);
  });

  test('all zones are alike where the agent says so', async () => {
    const agent = cluster();
    agent.zoneSettings = { spill: null, hold: 0 };
    const hearsay = client({ http: `http://${(await serve(agent)).address}` });
    const db = hearsay.discover('db');
    await db.ready;
    expect(new Set(Array.from({ length: 100 }, () => db.pick().id)).size).toBe(2);
  });

  test('many services make one stream of all', async () => {
    const agent = cluster();
    const hearsay = client({ http: `http://${(await serve(agent)).address}` });
    const all = Array.from({ length: 300 }, (_, i) => hearsay.discover(`s${i}`));
    const db = hearsay.discover('db');
    await db.ready;
    expect(ids(db).length).toBe(2);
    await Promise.all(all.map(({ ready }) => ready));
    expect(agent.waiting).toBeLessThanOrEqual(1);
  });

  test('a name that no service can have is empty, and keeps no other from its answer', async () => {
    const hearsay = client({ http: `http://${(await serve(cluster())).address}` });
    const db = hearsay.discover('db');
    const long = hearsay.discover('x'.repeat(20_000)); // longer than the agent's headers may be
    const odd = hearsay.discover('ü b');
    await Promise.all([db.ready, long.ready, odd.ready]);
    expect([ids(db).length, ids(long), ids(odd)]).toEqual([2, [], []]);
    expect(() => long.pick()).toThrow('none is registered');
  });

  test('closes at the agent, too', async () => {
    const agent = cluster();
    const hearsay = client({ http: `http://${(await serve(agent)).address}` });
    await hearsay.discover('db').ready;
    await waitUntil('the stream waits', 5000, () => agent.waiting === 1);
    await hearsay.close();
    await waitUntil('nobody waits', 5000, () => agent.waiting === 0);
  });

  test('connects to a socket file', async () => {
    const path = socketPath();
    await serve(cluster(), { listen: { path } });
    const db = client({ http: `unix://${path}` }).discover('db');
    await db.ready;
    expect(ids(db).length).toBe(2);
  });

  test('sends its token, and says why it is refused', async () => {
    const token = 'a-token-of-more-than-thirty-two-characters';
    const server = await serve(cluster(), { tokens: { read: token } });
    const http = `http://${server.address}`;
    const db = client({ http, token }).discover('db');
    await db.ready;
    expect(ids(db).length).toBe(2);

    const warnings: string[] = [];
    const logger = { info: () => undefined, warn: (text: string) => warnings.push(text) };
    const refused = client({ http, logger }).discover('db');
    await waitUntil('it is refused', 5000, () => warnings.length > 0);
    expect(warnings[0]).toMatch(/the agent answered 40[13]/);
    // Also a program without a logger can read why.
    expect(() => refused.pick()).toThrow(/the agent has not answered yet \(the agent answered 40[13]/);
  });

  test('never throws at the start: without an agent, and with an address that is none', async () => {
    const warnings: string[] = [];
    const logger = { info: () => undefined, warn: (text: string) => warnings.push(text) };
    client({ http: 'http://127.35.9.9:1', logger }).discover('db');
    client({ http: 'ftp://x', logger }).discover('db');
    await waitUntil('both say why', 5000, () => warnings.length === 2);
    expect(warnings.sort()).toEqual([
      expect.stringContaining('"ftp://x" is no address of an agent: use http://HOST:PORT or unix:///PATH'),
      expect.stringContaining('ECONNREFUSED'),
    ]);
    expect(() => connect()).not.toThrow();
  });
});

/** `HEARSAY_RECONNECTS=10000` is the campaign. */
const RECONNECTS = Number(process.env['HEARSAY_RECONNECTS'] ?? 1000);
const LIMIT = 60_000 + 30 * RECONNECTS;

describe('while the agent is away', () => {
  test('the list stays and tells its age; then the stream goes on where it ended', async () => {
    const agent = cluster();
    const path = socketPath();
    const first = await serve(agent, { listen: { path } });
    const said: string[] = [];
    const logger = { info: (text: string) => said.push(text), warn: (text: string) => said.push(text) };
    const db = client({ http: `unix://${path}`, logger }).discover('db');
    await db.ready;
    await first.close();
    await waitUntil('it notices', 5000, () => db.age > 0);
    expect(ids(db)).toEqual(['db-1', 'db-2']);
    expect(db.pick().id).toBe('db-1');
    const before = db.age;
    await waitUntil('it grows older', 5000, () => db.age > before + 20);

    agent.catalog.held = agent.catalog.held.filter(({ service: { id } }) => id !== 'db-1');
    agent.touch(['service:db']);
    await serve(agent, { listen: { path } });
    await waitUntil('it is current', 5000, () => db.age === 0);
    expect(ids(db)).toEqual(['db-2']);
    expect(said).toEqual([
      expect.stringMatching(/is away \(.+\): going on with what is known/),
      'hearsay: the agent is back',
    ]);
  });

  test('nothing changed meanwhile: it is current again without a snapshot', async () => {
    const agent = cluster();
    const path = socketPath();
    const first = await serve(agent, { listen: { path } });
    const db = client({ http: `unix://${path}` }).discover('db');
    await db.ready;
    await first.close();
    await waitUntil('it notices', 5000, () => db.age > 0);
    const { reads } = agent.catalog;
    await serve(agent, { listen: { path } });
    await waitUntil('it is current', 5000, () => db.age === 0);
    expect(agent.catalog.reads).toBe(reads);
  });

  test('an agent that is newer than the library is not believed', async () => {
    const { address, requests } = await agentThat((incoming, say) => {
      say('event: resync\ndata: {"index":1,"version":2,"node":"a","zone":null}\n\n');
      void incoming;
    });
    const warnings: string[] = [];
    const logger = { info: () => undefined, warn: (text: string) => warnings.push(text) };
    client({ http: address, logger }).discover('db');
    await waitUntil('it is refused', 5000, () => warnings.length > 0 && requests() > 1);
    expect(warnings[0]).toContain('it sends rows of version 2: this library is too old for it');
  });

  test('1,000 reconnects leave nothing behind', { timeout: LIMIT }, async () => {
    const row = {
      ...service('db'),
      ports: {},
      meta: {},
      node: 'ann',
      address: '127.35.1.1',
      status: 'passing',
    };
    const mark = '{"index":7,"version":1,"node":"ann","zone":null}';
    const { address, requests } = await agentThat((_, say, end) => {
      say(`event: service\ndata: ${JSON.stringify({ service: 'db', index: 7, instances: [row] })}\n\n`);
      say(`event: synced\nid: 7\ndata: ${mark}\n\n`);
      end();
    });
    const db = client({ http: address }, { backoff: { first: 0, longest: 0 } }).discover('db');
    await waitUntil('a tenth', LIMIT, () => requests() > RECONNECTS / 10);
    const [before] = db.all();
    const heap = usedHeap();
    await waitUntil('all', LIMIT, () => requests() > RECONNECTS);
    expect(db.all()).toEqual([before]);
    expect(usedHeap() - heap).toBeLessThan(2_000_000);
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedHeap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

type Answer = (incoming: IncomingMessage, say: (text: string) => void, end: () => void) => void;

/** A server of event streams that behaves as no agent does. */
async function agentThat(answer: Answer): Promise<{ address: string; requests(): number }> {
  let requests = 0;
  const server: Server = createServer((incoming, outgoing) => {
    requests += 1;
    answer(
      incoming,
      (text) => outgoing.write(text),
      () => outgoing.end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.35.1.2', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.35.1.2:${port}`, requests: () => requests };
}
