/** `register`: the instance lives as long as its lease, over restarts of the agent, and ends in order. */
import { spawn } from 'node:child_process';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HearsayClient } from '../../../src/client/hearsay-client.ts';
import type { ServiceLease } from '../../../src/client/lease/lease.ts';
import { waitUntil } from '../../support/wait.ts';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
  /** Ends the answer, with a last line if one is given. */
  end(line?: object): void;
}

/** An agent that knows leases only. It can stop, and start again at its address. */
class LeaseAgent {
  readonly seen: Seen[] = [];
  status = 200;
  /** To drains. */
  drainAnswer = '';
  #server: Server | undefined;
  #port = 0;

  get address(): string {
    return `http://127.35.2.1:${this.#port}`;
  }

  get leases(): Seen[] {
    return this.seen.filter(({ method, path }) => method === 'PUT' && path === '/v1/hearsay/lease');
  }

  paths(method: string): string[] {
    return this.seen.filter((one) => one.method === method).map(({ path }) => path);
  }

  async start(): Promise<this> {
    const server = createServer((incoming, outgoing) => {
      let text = '';
      incoming.on('data', (chunk) => {
        text += chunk;
      });
      incoming.on('end', () => {
        const { pathname, searchParams } = new URL(incoming.url ?? '', this.address);
        const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
        const end = (line?: object): void =>
          void outgoing.end(line === undefined ? '' : `${JSON.stringify(line)}\n`);
        this.seen.push({ method: incoming.method ?? '', path: pathname, query: searchParams, body, end });
        if (this.status !== 200) outgoing.writeHead(this.status).end('no');
        else if (pathname.startsWith('/v1/hearsay/drain/')) outgoing.end(this.drainAnswer);
        else if (pathname !== '/v1/hearsay/lease') outgoing.end();
        else
          outgoing.write(`${JSON.stringify({ lease: searchParams.get('lease'), service: body['ID'] })}\n\n`);
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.35.2.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    onTestFinished(() => this.stop());
    return this;
  }

  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}

function client(agent: LeaseAgent): { hearsay: HearsayClient; said: string[] } {
  const said: string[] = [];
  const logger = { info: (text: string) => said.push(text), warn: (text: string) => said.push(text) };
  const hearsay = new HearsayClient({ http: agent.address, logger }, { backoff: { first: 1, longest: 5 } });
  onTestFinished(() => hearsay.close());
  return { hearsay, said };
}

/** Whether a lease was lost, and why. */
const lossOf = (lease: ServiceLease): { reason: string | undefined } => {
  const loss: { reason: string | undefined } = { reason: undefined };
  void lease.lost.then((error) => {
    loss.reason = error.message;
  });
  return loss;
};

describe('register', () => {
  test("sends the definition in Consul's shape, and resolves when it is acknowledged", async () => {
    const agent = await new LeaseAgent().start();
    const { hearsay } = client(agent);
    const lease = await hearsay.register({
      ...{ name: 'api', port: 8080, address: '10.0.0.1', tags: ['v1'], meta: { a: 'b' }, grace: '5s' },
      ...{ weights: { passing: 5, warning: 1 }, check: { TCP: '127.0.0.1:8080', Interval: '1s' } },
    });
    expect(lease.service).toBe('api-8080');
    expect(agent.leases.map(({ body }) => body)).toEqual([
      {
        ...{ Name: 'api', ID: 'api-8080', Port: 8080, Address: '10.0.0.1', Tags: ['v1'], Meta: { a: 'b' } },
        ...{ Weights: { passing: 5, warning: 1 }, Check: { TCP: '127.0.0.1:8080', Interval: '1s' } },
      },
    ]);
    expect([...(agent.leases[0]?.query ?? [])]).toEqual([
      ['lease', lease.lease],
      ['grace', '5s'],
    ]);
    await hearsay.register({ name: 'many', id: 'm', ports: { http: 80, admin: 81 } });
    expect(agent.leases[1]?.body).toEqual({
      ...{ Name: 'many', ID: 'm' },
      Ports: [
        { Name: 'http', Port: 80 },
        { Name: 'admin', Port: 81 },
      ],
    });
  });

  test('waits until a server listens, and needs a port', async () => {
    const agent = await new LeaseAgent().start();
    const { hearsay } = client(agent);
    const server = createServer();
    const registering = hearsay.register({ name: 'api', server });
    await new Promise((resolve) => setImmediate(resolve));
    expect(agent.leases).toEqual([]);
    server.listen(0, '127.35.2.2');
    onTestFinished(() => void server.close());
    const { service } = await registering;
    expect(service).toBe(`api-${(server.address() as AddressInfo).port}`);
    await expect(hearsay.register({ name: 'api' })).rejects.toThrow('register "api" with a server or a port');
    const taken = createTcpServer();
    const refused = hearsay.register({ name: 'api', server: taken });
    taken.listen((server.address() as AddressInfo).port, '127.35.2.2');
    await expect(refused).rejects.toThrow('EADDRINUSE');
  });

  test('rejects at once what can never succeed: a port that is none, an address that is none', async () => {
    const hearsay = new HearsayClient({ http: 'https://127.0.0.1:8500' });
    onTestFinished(() => hearsay.close());
    await expect(hearsay.register({ name: 'api', port: Number.NaN })).rejects.toThrow(
      'register "api" with a server or a port',
    );
    await expect(hearsay.register({ name: 'api', port: 80 })).rejects.toThrow(
      'is no address of an agent: use http://HOST:PORT',
    );
  });

  test('is tried until the agent is there; a refusal rejects', async () => {
    const agent = await new LeaseAgent().start();
    const { hearsay, said } = client(agent);
    agent.stop();
    const registering = hearsay.register({ name: 'api', port: 1 });
    await waitUntil('it has tried', 5000, () => said.length > 2);
    expect(said[0]).toMatch(/the agent does not hold "api-1" \(.*ECONNREFUSED.*\): trying again/);
    await agent.start();
    await registering;
    agent.status = 400;
    await expect(hearsay.register({ name: 'bad', port: 1 })).rejects.toThrow('the agent answered 400: no');
    agent.status = 503;
    const busy = hearsay.register({ name: 'busy', port: 1 });
    await waitUntil(
      'it has tried',
      5000,
      () => agent.leases.filter(({ body }) => body['Name'] === 'busy').length > 2,
    );
    agent.status = 200;
    await busy;
  });
});

describe('a lease', () => {
  test('comes back with its ID when the agent has stopped, and is not lost', async () => {
    const agent = await new LeaseAgent().start();
    const { hearsay } = client(agent);
    const lease = await hearsay.register({ name: 'api', port: 1 });
    const loss = lossOf(lease);
    agent.stop();
    await agent.start();
    await waitUntil('it is held again', 5000, () => agent.leases.length === 2);
    expect(new Set(agent.leases.map(({ query }) => query.get('lease')))).toEqual(new Set([lease.lease]));
    agent.leases.at(-1)?.end(); // in order, without a reason: the agent stops
    await waitUntil('and again', 5000, () => agent.leases.length === 3);
    expect(loss.reason).toBeUndefined();
  });

  test('that the agent ends, or refuses to take back, is lost', async () => {
    const agent = await new LeaseAgent().start();
    const { hearsay } = client(agent);
    const first = lossOf(await hearsay.register({ name: 'a', port: 1 }));
    agent.leases[0]?.end({ lease: 'x', ended: 'its services were deregistered' });
    await waitUntil('it is lost', 5000, () => first.reason !== undefined);
    expect(first.reason).toBe('"a-1" was lost: its services were deregistered');

    const second = lossOf(await hearsay.register({ name: 'b', port: 1 }));
    agent.status = 409;
    agent.leases[1]?.end();
    await waitUntil('it is lost', 5000, () => second.reason !== undefined);
    expect(second.reason).toBe('the agent answered 409: no');
    expect(agent.leases.length).toBe(3); // nobody tries again
  });

  test('is released in order, also while the agent is away', async () => {
    const agent = await new LeaseAgent().start();
    const { hearsay } = client(agent);
    const one = await hearsay.register({ name: 'a', port: 1 });
    const loss = lossOf(one);
    await one.release();
    expect(agent.paths('DELETE')).toEqual([`/v1/hearsay/lease/${one.lease}`]);
    const two = await hearsay.register({ name: 'b', port: 1 });
    agent.stop();
    await two.release();
    await hearsay.close();
    expect(loss.reason).toBeUndefined();
  });

  test('is drained first: out of answers, then the server closes when its requests are done, then it is released', async () => {
    const agent = await new LeaseAgent().start();
    const { hearsay } = client(agent);
    let finish = (): void => undefined;
    const server = createServer((incoming, outgoing) => {
      if (incoming.url === '/slow') finish = () => void outgoing.end('done');
      else outgoing.end('quick');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.35.2.3', resolve));
    const lease = await hearsay.register({ name: 'api', server, drainFor: 100 });
    const get = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const { port } = server.address() as AddressInfo;
        request({ host: '127.35.2.3', port, path, agent: false }, (incoming) => {
          let text = `${incoming.headers.connection} `;
          incoming.on('data', (chunk) => {
            text += chunk;
          });
          incoming.on('end', () => resolve(text));
        })
          .on('error', reject)
          .end();
      });
    const slow = get('/slow');
    await waitUntil('the slow one has begun', 5000, () => finish.name === 'finish');
    const draining = lease.drain();
    expect(lease.drain()).toBe(draining);
    await waitUntil('the agent knows', 5000, () => agent.paths('PUT').length === 2);
    expect(agent.paths('PUT')[1]).toBe(`/v1/hearsay/drain/${lease.service}`);
    expect(await get('/')).toBe('close quick'); // it still serves, and sends clients away
    await waitUntil('the server is closed', 5000, () => !server.listening);
    expect(agent.paths('DELETE')).toEqual([]);
    finish();
    await draining;
    expect(await slow).toMatch(/done$/);
    expect(agent.paths('DELETE').length).toBe(1);
  });

  test('is drained by SIGTERM, and then the process ends by it', async () => {
    const agent = await new LeaseAgent().start();
    const program = `
      import { createServer } from 'node:http';
      import { connect } from '${new URL('../../../src/client/index.ts', import.meta.url).href}';
      const hearsay = connect({ http: '${agent.address}' });
      const server = createServer((_, outgoing) => outgoing.end()).listen(0, '127.35.2.4');
      await hearsay.register({ name: 'api', server, drainFor: 50 });
      console.log('registered');
    `;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
    await waitUntil(
      'it is registered',
      30_000,
      () => output.includes('registered') || child.exitCode !== null,
    );
    expect(output).toBe('registered\n');
    child.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect([agent.paths('PUT').length, agent.paths('DELETE').length]).toEqual([2, 1]);
    expect(agent.paths('PUT')[1]).toMatch(/^\/v1\/hearsay\/drain\/api-\d+$/);
  });
});

describe('a drain', () => {
  const UNDONE = { done: false, sentence: '1 of 2 know; eve has not spoken for 41 s' };

  async function drainWith(answer: string, drainFor: number) {
    const agent = await new LeaseAgent().start();
    agent.drainAnswer = answer;
    const { hearsay, said: log } = client(agent);
    const lease = await hearsay.register({ name: 'api', port: 1, drainFor });
    const startedAt = performance.now();
    await lease.drain();
    return { took: performance.now() - startedAt, log, agent };
  }

  test('ends when all agents know, long before its time is over', async () => {
    const { took, log } = await drainWith(JSON.stringify({ done: true, sentence: '2 of 2 know' }), 60_000);
    expect(took).toBeLessThan(5000);
    expect(log.filter((line) => line.includes('drained'))).toEqual([]);
  });

  test('whose time is over says who does not know', async () => {
    const { log } = await drainWith(JSON.stringify(UNDONE), 60);
    expect(log.join('\n')).toContain('is drained: after 0.06 s 1 of 2 know; eve has not spoken for 41 s');
  });

  test('waits as before where the agent does not say what others know', async () => {
    const { took } = await drainWith('', 300);
    expect(took).toBeGreaterThanOrEqual(280);
  });

  test('does not wait for ever for an agent that is gone', async () => {
    const agent = await new LeaseAgent().start();
    const { hearsay, said: log } = client(agent);
    const lease = await hearsay.register({ name: 'api', port: 1, drainFor: 300 });
    agent.stop();
    await lease.drain();
    expect(log.join('\n')).toContain('is drained: the agent cannot tell others');
  });
});

test('a client that was closed refuses to register and to discover, and what it had begun', async () => {
  const agent = await new LeaseAgent().start();
  const { hearsay } = client(agent);
  const server = createServer();
  const early = hearsay.register({ name: 'api', server });
  const db = hearsay.discover('db');
  await hearsay.close();
  server.listen(0, '127.35.2.5');
  onTestFinished(() => void server.close());
  await expect(early).rejects.toThrow('cannot register "api": this client was closed');
  await expect(hearsay.register({ name: 'api', port: 1 })).rejects.toThrow('connect() returns another');
  expect(() => hearsay.discover('db')).toThrow('cannot discover "db": this client was closed');
  await expect(db.ready).rejects.toThrow('"db" was closed before the agent had answered');
});
