/** `partitions`: what a handler is asked to do, in which order, and what the agent hears of it. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { HearsayClient } from '../../../src/client/hearsay-client.ts';
import type { PartitionHandler, PartitionWorker } from '../../../src/client/lease/partitions.ts';
import { waitUntil } from '../../support/wait.ts';

/** An agent that acknowledges leases, and leaves workers to the test. */
class PoolAgent {
  readonly told: string[] = [];
  readonly bodies: unknown[] = [];
  status = 200;
  worker: ServerResponse | undefined;
  attached = 0;
  #server: Server | undefined;
  #port = 0;

  get address(): string {
    return `http://127.52.2.1:${this.#port}`;
  }

  async start(): Promise<this> {
    const server = createServer((incoming, outgoing) => {
      let text = '';
      incoming.on('data', (chunk) => {
        text += chunk;
      });
      incoming.on('end', () => {
        const { pathname, searchParams } = new URL(incoming.url ?? '', this.address);
        if (pathname === '/v1/hearsay/lease' && incoming.method === 'PUT')
          outgoing.write(`${JSON.stringify({ lease: 'l', service: 'w-1' })}\n`);
        else this.#take(`${incoming.method} ${pathname}`, searchParams.toString(), text, outgoing);
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.52.2.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    onTestFinished(() => this.stop());
    return this;
  }

  #take(path: string, query: string, text: string, outgoing: ServerResponse): void {
    this.told.push(query === '' ? path : `${path}?${query}`);
    if (text !== '') this.bodies.push(JSON.parse(text));
    if (!path.startsWith('PUT /v1/hearsay/partitions/')) outgoing.end();
    else if (this.status !== 200) outgoing.writeHead(this.status).end('no');
    else {
      this.attached += 1;
      this.worker = outgoing;
      this.say({ worker: `s${this.attached}`, id: 'w-1', node: 'n' });
    }
  }

  say(...lines: object[]): void {
    this.worker?.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}

interface Scene {
  readonly agent: PoolAgent;
  readonly hearsay: HearsayClient;
  readonly worker: PartitionWorker;
  readonly done: string[];
  readonly said: string[];
}

async function start(handler: Partial<PartitionHandler> = {}): Promise<Scene> {
  const agent = await new PoolAgent().start();
  const [done, said]: [string[], string[]] = [[], []];
  const logger = { info: () => undefined, warn: (text: string) => void said.push(text) };
  const hearsay = new HearsayClient({ http: agent.address, logger }, { backoff: { first: 5, longest: 20 } });
  const lease = await hearsay.register({ name: 'tasks', id: 'w-1', port: 1, sigterm: false });
  const worker = await hearsay.partitions(lease, 8, {
    ...(handler.quorum === undefined ? {} : { quorum: handler.quorum }),
    acquire: handler.acquire ?? (({ partition, token }) => void done.push(`acquire ${partition} ${token}`)),
    release:
      handler.release ??
      (({ partition, signal }, lost) =>
        void done.push(`release ${partition}${lost ? ' lost' : ''}${signal.aborted ? '' : ' not aborted'}`)),
  });
  onTestFinished(() => hearsay.close());
  return { agent, hearsay, worker, done, said };
}

test('a worker takes part as the instance of its lease, and does what its agent tells it', async () => {
  const { agent, worker, done } = await start();
  expect(agent.told).toEqual(['PUT /v1/hearsay/partitions/tasks/8?id=w-1']);
  agent.say({ acquire: 3, token: 7 }, { acquire: 4, token: 7 });
  await waitUntil('it holds two', 5000, () => done.length === 2);
  expect([...worker.held]).toEqual([
    [3, 7],
    [4, 7],
  ]);
  agent.say({ release: 3, token: 7, lost: false });
  await waitUntil('the agent knows', 5000, () => agent.bodies.length === 1);
  expect(agent.told[1]).toBe('PUT /v1/hearsay/worker/s1/released');
  expect(agent.bodies).toEqual([{ partition: 3, token: 7 }]);
  expect(done).toEqual(['acquire 3 7', 'acquire 4 7', 'release 3']);
  expect([...worker.held.keys()]).toEqual([4]);
});

test('a worker that asks for a quorum tells its agent', async () => {
  const { agent } = await start({ quorum: 3 });
  expect(agent.told).toEqual(['PUT /v1/hearsay/partitions/tasks/8?id=w-1&quorum=3']);
});

test('a release waits for the acquisition, and the agent hears of it only when the handler has let go', async () => {
  const order: string[] = [];
  let go: () => void = () => undefined;
  const wait = (): Promise<void> =>
    new Promise((resolve) => {
      go = resolve;
    });
  const { agent } = await start({
    acquire: () => {
      order.push('acquire');
      return wait();
    },
    release: () => {
      order.push('release');
      return wait();
    },
  });
  agent.say({ acquire: 1, token: 5 }, { release: 1, token: 5, lost: false });
  await waitUntil('it acquires', 5000, () => order.length === 1);
  go();
  await waitUntil('it releases', 5000, () => order.length === 2);
  expect(agent.bodies).toEqual([]);
  go();
  await waitUntil('the agent knows', 5000, () => agent.bodies.length === 1);
});

test('when the agent goes all is lost at once, and the worker begins again when it is back', async () => {
  const { agent, worker, done, said } = await start();
  agent.say({ acquire: 3, token: 7 });
  await waitUntil('it holds one', 5000, () => done.length === 1);
  agent.stop();
  await waitUntil('it is lost', 5000, () => done.length === 2);
  expect(done[1]).toBe('release 3 lost');
  expect(worker.held.size).toBe(0);
  await agent.start();
  await waitUntil('it takes part again', 5000, () => agent.attached === 2);
  expect(agent.bodies).toEqual([]);
  expect(said.join()).toContain('trying again');
});

test('a handler that fails is logged, and lets go all the same', async () => {
  const fail = (): never => {
    throw new Error('no disk');
  };
  const { agent, said } = await start({ acquire: fail, release: fail });
  agent.say({ acquire: 3, token: 7 }, { release: 3, token: 7, lost: false });
  await waitUntil('the agent knows', 5000, () => agent.bodies.length === 1);
  expect(said.filter((text) => text.includes('no disk'))).toHaveLength(2);
});

test('what it does not hold, or holds by another token, it is not asked to let go', async () => {
  const { agent, done } = await start();
  agent.say(
    { release: 9, token: 1, lost: false },
    { acquire: 3, token: 7 },
    { release: 3, token: 6, lost: false },
  );
  agent.say({ acquire: 4, token: 8 });
  await waitUntil('it holds both', 5000, () => done.length === 2);
  expect(done).toEqual(['acquire 3 7', 'acquire 4 8']);
});

test('closing the client lets all go, and says so before the lease ends', async () => {
  const { agent, hearsay, done } = await start();
  agent.say({ acquire: 3, token: 7 });
  await waitUntil('it holds one', 5000, () => done.length === 1);
  await hearsay.close();
  expect(done).toEqual(['acquire 3 7', 'release 3']);
  expect(agent.told.slice(1)).toEqual([
    'DELETE /v1/hearsay/worker/s1',
    expect.stringMatching(/^DELETE .v1.hearsay.lease./),
  ]);
});

test('a pool that the agent refuses rejects at once', async () => {
  const agent = await new PoolAgent().start();
  agent.status = 400;
  const hearsay = new HearsayClient({ http: agent.address });
  onTestFinished(() => hearsay.close());
  const lease = await hearsay.register({ name: 'tasks', id: 'w-1', port: 1, sigterm: false });
  const handler = { acquire: () => undefined, release: () => undefined };
  await expect(hearsay.partitions(lease, 5000, handler)).rejects.toThrow('the agent answered 400: no');
});
