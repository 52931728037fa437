/** `/v1/hearsay/partitions` and `/v1/hearsay/worker`: what readers see, what a worker is told, and what its agent hears of it. */
import { type ClientRequest, request } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AgentError } from '../../../../../src/base/errors.ts';
import type { HttpServer } from '../../../../../src/http/server/server.ts';
import type { PartitionView, PoolView } from '../../../../../src/partitions/types.ts';
import { instance, service } from '../../data.ts';
import { FakeAgent, member, portOf, put, SEED, send, serve, until } from '../../fixture.ts';

const A = { node: 'ann', id: 'w1' };
const B = { node: 'bob', id: 'w2' };
const HELD = { state: 'held', holder: A, token: 5, next: undefined } as const;
const ROWS: readonly (readonly [PartitionView, string])[] = [
  [{ partition: 0, state: 'held', holder: A, token: 5, next: undefined }, 'w1 on ann holds it.'],
  [
    { partition: 1, state: 'held', holder: A, token: 5, next: B },
    'w1 on ann holds it, and it is to go to w2 on bob.',
  ],
  [
    { ...HELD, partition: 8, handover: { from: B, reason: 'was draining' } },
    'w1 on ann holds it, since w2 on bob was draining.',
  ],
  [
    { ...HELD, partition: 9, handover: { from: B, reason: undefined } },
    'w1 on ann holds it, since w2 on bob had more than its share.',
  ],
  [
    { partition: 2, state: 'releasing', holder: A, token: 5, next: B },
    'w1 on ann was told to let it go, and has not yet: w2 on bob waits for it.',
  ],
  [
    { partition: 3, state: 'passing', holder: undefined, token: 5, next: B },
    'It was let go, and is on its way to w2 on bob.',
  ],
  [
    { partition: 4, state: 'passing', holder: undefined, token: 5, next: undefined },
    'It was let go, and is kept: no worker is usable.',
  ],
  [
    { partition: 5, state: 'claimed', holder: undefined, token: undefined, next: A },
    'Nobody has it: w1 on ann claims it, and waits whether another worker does, too.',
  ],
  [
    { partition: 6, state: 'free', holder: undefined, token: undefined, next: B },
    'Nobody has it: its holder is gone, and w2 on bob will claim it.',
  ],
  [
    { partition: 7, state: 'free', holder: undefined, token: undefined, next: undefined },
    'Nobody has it: no worker is usable.',
  ],
];
const POOL: PoolView = {
  ...{ service: 'tasks', count: 8, quorum: 1 },
  workers: [
    { ...A, usable: true },
    { ...B, usable: false },
  ],
  partitions: ROWS.map(([row]) => row),
};

class Worker {
  text = '';
  ended = false;
  readonly #call: ClientRequest;

  constructor(server: HttpServer, query = '?id=w1') {
    const path = `/v1/hearsay/partitions/Tasks/8${query}`;
    const at = { host: '127.0.0.1', port: portOf(server), method: 'PUT', agent: false } as const;
    this.#call = request({ ...at, path }, (answer) => {
      answer.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
      });
      answer.on('error', () => undefined);
      answer.on('end', () => {
        this.ended = true;
      });
    });
    this.#call.on('error', () => undefined);
    this.#call.end();
    onTestFinished(() => this.close());
  }

  get lines(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  close(): void {
    this.#call.destroy();
  }
}

/** An agent that lets everybody take part. */
async function attaching() {
  const agent = new FakeAgent(member('ann'));
  agent.reply = async () => {
    const command = agent.commands.at(-1);
    if (command?.kind === 'attachWorker') agent.workers.set(command.session, []);
    return undefined;
  };
  const server = await serve(agent);
  const session = (): string => [...agent.workers.keys()].at(-1) ?? '';
  const has = (...rows: [number, number, boolean?, boolean?][]): void => {
    const told = rows.map(([partition, token, releasing = false, lost = false]) => ({
      ...{ partition, token, releasing, lost },
    }));
    agent.workers.set(session(), told);
    agent.touch(['partitions:tasks:8']);
  };
  return { agent, server, session, has };
}

describe('GET /v1/hearsay/partitions', () => {
  test('shows all pools, and one of them, with a sentence for each partition', async () => {
    const agent = new FakeAgent(member('ann'));
    agent.pools.set('tasks:8', POOL);
    const server = await serve(agent);
    const all = (await send(server, '/v1/hearsay/partitions')).json() as (typeof POOL)[];
    expect(all).toMatchObject([{ service: 'tasks', count: 8, workers: POOL.workers }]);
    expect((await send(server, '/v1/hearsay/partitions/Tasks/8')).json()).toEqual(all[0]);
    expect(all[0]?.partitions).toEqual(
      ROWS.map(([{ holder = null, token = null, next = null, handover: _, ...row }, summary]) => ({
        ...{ ...row, holder, token, next, summary },
      })),
    );
  });

  test('says that too few workers are in view', async () => {
    const agent = new FakeAgent(member('ann'));
    agent.pools.set('tasks:8', { ...POOL, quorum: 3 });
    const server = await serve(agent);
    const { quorum, partitions } = (await send(server, '/v1/hearsay/partitions/tasks/8')).json() as {
      quorum: number;
      partitions: { partition: number; summary: string }[];
    };
    expect([quorum, partitions.find(({ partition }) => partition === 7)?.summary]).toEqual([
      3,
      'Nobody has it: 2 workers are in view, and 3 must be.',
    ]);
  });

  test('a pool that nobody takes part in is empty, and can be waited for', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    expect((await send(server, '/v1/hearsay/partitions/tasks/8')).json()).toEqual({
      ...{ service: 'tasks', count: 8, quorum: 1, node: 'ann', workers: [], partitions: [] },
    });
    const parked = send(server, `/v1/hearsay/partitions/tasks/8?index=${SEED}`);
    await until(() => agent.waiting > 0);
    agent.pools.set('tasks:8', POOL);
    agent.touch(['partitions:tasks:8']);
    expect((await parked).json()).toMatchObject({ workers: POOL.workers });
  });

  test.each(['tasks/0', 'tasks/1025', 'tasks/x', 'tasks/-1', 'tasks/1.5', 'a%20b/8', `${'a'.repeat(129)}/8`])(
    '%s is refused',
    async (path) => {
      const server = await serve(new FakeAgent(member('ann')));
      expect((await send(server, `/v1/hearsay/partitions/${path}`)).status).toBe(400);
    },
  );
});

describe('PUT /v1/hearsay/partitions', () => {
  test.each(['0', '-1', 'x', '1.5', '100000'])('a quorum of %s is refused', async (quorum) => {
    const { server, agent } = await attaching();
    expect((await put(server, `/v1/hearsay/partitions/tasks/8?id=w1&quorum=${quorum}`)).status).toBe(400);
    expect(agent.commands).toEqual([]);
  });

  test('asks for a quorum', async () => {
    const { server, agent } = await attaching();
    const worker = new Worker(server, '?id=w1&quorum=3');
    await until(() => worker.lines.length === 1);
    expect(agent.commands[0]).toMatchObject({ kind: 'attachWorker', quorum: 3 });
  });

  test('tells a worker what it acquires and has to release, each once', async () => {
    const { agent, server, session, has } = await attaching();
    const worker = new Worker(server);
    await until(() => worker.lines.length === 1);
    expect(worker.lines[0]).toEqual({ worker: session(), id: 'w1', node: 'ann' });
    expect(agent.commands[0]).toMatchObject({
      ...{ kind: 'attachWorker', pool: { service: 'tasks', count: 8 }, worker: 'w1', session: session() },
    });
    has([3, 7], [4, 8]);
    await until(() => worker.lines.length === 3);
    has([3, 7], [4, 8, true]);
    await until(() => worker.lines.length === 4);
    has([3, 7, true, true]);
    await until(() => worker.lines.length === 5);
    has([4, 12]);
    await until(() => worker.lines.length === 6);
    expect(worker.lines.slice(1)).toEqual([
      ...[
        { acquire: 3, token: 7 },
        { acquire: 4, token: 8 },
      ],
      ...[
        { release: 4, token: 8, lost: false },
        { release: 3, token: 7, lost: true },
      ],
      { acquire: 4, token: 12 },
    ]);
  });

  test('lets go for the worker what it was never told of', async () => {
    const { agent, server, session, has } = await attaching();
    const worker = new Worker(server);
    await until(() => worker.lines.length === 1);
    has([3, 7, true]);
    await until(() => agent.commands.length > 1);
    expect(agent.commands[1]).toEqual({
      ...{ kind: 'releasePartition', session: session(), partition: 3, token: 7 },
    });
    expect(worker.lines).toHaveLength(1);
  });

  test('writes a blank line while there is nothing to tell, and hears when the process goes', async () => {
    const { agent, server, session } = await attaching();
    const worker = new Worker(server);
    await until(() => worker.text.endsWith('\n\n'));
    worker.close();
    await until(() => agent.commands.length > 1);
    expect(agent.commands[1]).toEqual({ kind: 'detachWorker', session: session(), inOrder: false });
  });

  test('ends with a reason when another process takes part as the same instance', async () => {
    const { agent, server, session } = await attaching();
    const worker = new Worker(server);
    await until(() => worker.lines.length === 1);
    agent.workers.delete(session());
    agent.touch(['partitions:tasks:8']);
    await until(() => worker.ended);
    expect(worker.lines[1]).toEqual({ ended: 'another process takes part as this instance' });
  });

  test('finds the one instance of the service on its node, and asks which if there are several or none', async () => {
    const { agent, server } = await attaching();
    const none = await put(server, '/v1/hearsay/partitions/tasks/8');
    expect(none).toMatchObject({ status: 400 });
    expect(none.body).toContain('register it first');
    agent.catalog.held = [instance('ann', service('tasks', { id: 'w7' })), instance('bob', service('tasks'))];
    const worker = new Worker(server, '');
    await until(() => worker.lines.length === 1);
    expect(worker.lines[0]).toMatchObject({ id: 'w7' });
    agent.catalog.held = [
      instance('ann', service('tasks', { id: 'w7' })),
      instance('ann', service('tasks', { id: 'w8' })),
    ];
    expect((await put(server, '/v1/hearsay/partitions/tasks/8')).body).toContain('say which one');
  });
});

describe('/v1/hearsay/worker', () => {
  test('a worker says that it has let a partition go, and that it takes part no more', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    const released = '/v1/hearsay/worker/s1/released';
    expect((await put(server, released, { partition: 3, token: 7 })).status).toBe(200);
    expect((await send(server, '/v1/hearsay/worker/s1', { method: 'DELETE' })).status).toBe(200);
    expect(agent.commands).toEqual([
      { kind: 'releasePartition', session: 's1', partition: 3, token: 7 },
      { kind: 'detachWorker', session: 's1', inOrder: true },
    ]);
    agent.reply = () => Promise.reject(new AgentError('notFound', 'begin again'));
    expect((await put(server, released, { partition: 3, token: 7 })).status).toBe(404);
    for (const body of ['null', '[]', '{"partition":"3","token":7}', '{"partition":3}', '{'])
      expect([body, (await put(server, released, body)).status]).toEqual([body, 400]);
  });
});

test('the event stream has pools for whoever asks for them', async () => {
  const agent = new FakeAgent(member('ann'));
  agent.pools.set('tasks:8', POOL);
  agent.pools.set('other:2', { ...POOL, service: 'other', count: 2 });
  const server = await serve(agent);
  let text = '';
  const at = { host: '127.0.0.1', port: portOf(server), agent: false };
  const call = request({ ...at, path: '/v1/hearsay/events?type=partitions&service=Tasks' }, (answer) => {
    answer.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    answer.on('error', () => undefined);
  });
  call.on('error', () => undefined);
  call.end();
  onTestFinished(() => void call.destroy());
  const count = (): number => text.match(/^event: partitions$/gm)?.length ?? 0;
  await until(() => text.includes('event: synced'));
  expect(count()).toBe(1);
  agent.touch(['partitions:other:2']);
  agent.touch(['partitions:tasks:8']);
  await until(() => count() === 2);
  expect(text).not.toContain('"service":"other"');
});
