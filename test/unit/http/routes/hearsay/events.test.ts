/** `/v1/hearsay/events`: what a client that follows all changes receives and skips. S23. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HttpServer } from '../../../../../src/http/server/server.ts';
import { waitUntil } from '../../../../support/wait.ts';
import { instance, service } from '../../data.ts';
import { FakeAgent, member, SEED, send, serve } from '../../fixture.ts';

interface Frame {
  readonly event: string;
  readonly id: string;
  readonly data: unknown;
}

class Follower {
  text = '';
  ended = false;
  headers: IncomingMessage['headers'] = {};
  readonly #call: ClientRequest;

  constructor(server: HttpServer, path = '/v1/hearsay/events', lastEventId?: number) {
    const [host, port] = server.address.split(':');
    const headers = lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) };
    this.#call = request({ host, port, path, headers, agent: false }, (answer) => {
      this.headers = answer.headers;
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
    onTestFinished(() => this.stop());
  }

  get frames(): Frame[] {
    return this.text
      .split('\n\n')
      .filter((frame) => frame.startsWith('event:'))
      .map((frame) => {
        const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1] ?? '';
        return { event: field('event'), id: field('id'), data: JSON.parse(field('data')) };
      });
  }

  /** Names of events and of their members or services, in order. */
  get words(): string[] {
    return this.frames.map(({ event, data }) => {
      const { name, service: of } = data as { name?: string; service?: string };
      return `${event} ${name ?? of ?? ''}`.trim();
    });
  }

  seen(event: string): Promise<true> {
    return waitUntil(`it receives "${event}"`, 5000, () => this.words.includes(event) || undefined);
  }

  stop(): void {
    this.#call.destroy();
  }
}

function cluster(): FakeAgent {
  const agent = new FakeAgent(member('ann'), member('bob'));
  agent.catalog.held = [instance('bob', service('Web', { port: 8080, tags: ['v1'] }))];
  return agent;
}

describe('GET /v1/hearsay/events', () => {
  test('first the present state, then each change with the new state', async () => {
    const agent = cluster();
    const follower = new Follower(await serve(agent));
    await follower.seen('synced');
    expect(follower.words).toEqual(['resync', 'member ann', 'member bob', 'service web', 'synced']);
    expect(follower.headers['content-type']).toBe('text/event-stream');

    agent.rows.set('bob', member('bob', { status: 'failed', state: 'dead' }));
    agent.touch(['node:bob']);
    await waitUntil('the failure arrives', 5000, () => follower.frames.length === 7);
    agent.catalog.held = [];
    agent.touch(['service:web']);
    await waitUntil('the empty service arrives', 5000, () => follower.frames.length === 8);
    expect(follower.frames.slice(5)).toMatchObject([
      { event: 'member', data: { name: 'bob', status: 'failed' } },
      { event: 'service', id: String(SEED + 1), data: { service: 'web', instances: [{ node: 'bob' }] } },
      { event: 'service', id: String(SEED + 2), data: { service: 'web', instances: [] } },
    ]);
  });

  test('a row has all that a balancer needs, with the address of its node if it has none', async () => {
    const agent = cluster();
    agent.rows.set('bob', member('bob', { tags: new Map([['zone', 'b']]) }));
    agent.catalog.held = [
      instance('bob', service('Web', { port: 8080, tags: ['v1'] })),
      instance(
        'cat',
        service('Web', {
          ...{ id: 'web-2', address: '10.9.9.9', draining: true, weights: { passing: 3, warning: 1 } },
          ...{ meta: new Map([['v', '2']]), ports: [{ name: 'admin', port: 81, isDefault: false }] },
        }),
        { status: 'draining', unconfirmed: true },
      ),
    ];
    for (const node of ['ann', 'bob'])
      agent.coordinates.set(node, {
        ...{ vec: [node === 'ann' ? 0 : 0.004, 0, 0, 0, 0, 0, 0, 0], error: 1 },
        ...{ adjustment: 0, height: 0 },
      });
    const follower = new Follower(await serve(agent), '/v1/hearsay/events?type=service');
    await follower.seen('synced');
    expect(follower.frames[1]?.data).toEqual({
      service: 'web',
      index: SEED,
      instances: [
        {
          ...{ id: 'Web', node: 'bob', address: '10.0.0.1', port: 8080, ports: {}, tags: ['v1'], meta: {} },
          ...{ weights: { passing: 1, warning: 1 }, zone: 'b', rtt: 4, status: 'passing', draining: false },
          ...{ priority: 1, weight: 1 },
        },
        {
          ...{ id: 'web-2', node: 'cat', address: '10.9.9.9', port: 80, ports: { admin: 81 }, tags: [] },
          ...{ meta: { v: '2' }, weights: { passing: 3, warning: 1 }, zone: null, rtt: null },
          ...{ status: 'draining', draining: true, restored: true, priority: 1, weight: 0 },
        },
      ],
    });
  });

  test('a snapshot says which version of the rows it has, and where the agent is', async () => {
    const agent = cluster();
    agent.rows.set('ann', member('ann', { tags: new Map([['zone', 'a']]) }));
    const follower = new Follower(await serve(agent), '/v1/hearsay/events?type=service');
    await follower.seen('synced');
    const mark = { index: SEED, version: 1, node: 'ann', zone: 'a' };
    expect(follower.frames[0]).toMatchObject({ event: 'resync', data: mark });
    expect(follower.frames.at(-1)).toMatchObject({ event: 'synced', data: mark });

    agent.rows.set('ann', member('ann', { tags: new Map([['zone', 'b']]) }));
    agent.touch(['node:ann']);
    await follower.seen('agent');
    expect(follower.frames.at(-1)).toMatchObject({ event: 'agent', data: { node: 'ann', zone: 'b' } });
  });

  test('a node whose address or tags change takes the rows of its services along', async () => {
    const agent = cluster();
    const follower = new Follower(await serve(agent), '/v1/hearsay/events?type=service');
    await follower.seen('synced');
    agent.rows.set('bob', member('bob', { tags: new Map([['zone', 'b']]) }));
    agent.touch(['node:bob']);
    await waitUntil('the row arrives', 5000, () => follower.frames.length === 4);
    expect(follower.frames[3]).toMatchObject({ event: 'service', data: { instances: [{ zone: 'b' }] } });
  });

  test('`service` selects services in any case, and tells of one that does not exist yet', async () => {
    const agent = cluster();
    agent.catalog.held.push(instance('bob', service('other')));
    const server = await serve(agent);
    const follower = new Follower(server, '/v1/hearsay/events?service=WEB&service=db');
    await follower.seen('synced');
    expect(follower.words).toEqual(['resync', 'service web', 'service db', 'synced']);
    expect(follower.frames[2]?.data).toMatchObject({ instances: [] });
    agent.catalog.held.push(instance('bob', service('db')));
    agent.touch(['service:other']);
    agent.touch(['service:db']);
    await waitUntil('the new one arrives', 5000, () => follower.frames.length === 5);
    expect(follower.frames[4]?.data).toMatchObject({ service: 'db', instances: [{ id: 'db' }] });

    const many = Array.from({ length: 257 }, (_, i) => `service=s${i}`).join('&');
    expect((await send(server, `/v1/hearsay/events?${many}`)).status).toBe(400);
  });

  test('a client that reconnects with the last id gets only what changed since, each thing once', async () => {
    const agent = cluster();
    const server = await serve(agent);
    agent.touch(['node:ann']);
    const seen = SEED + 1;
    for (let i = 0; i < 5; i++) agent.touch(['node:bob']);
    agent.rows.delete('bob');
    agent.touch(['node:bob', 'service:web']);
    const follower = new Follower(server, undefined, seen);
    await follower.seen('synced');
    expect(follower.words).toEqual(['member bob', 'service web', 'synced']);
    expect(follower.frames[0]).toMatchObject({ id: '', data: { name: 'bob', status: 'gone' } });
    expect(follower.frames.map(({ id }) => id)).toEqual(['', '', String(SEED + 7)]);

    const again = new Follower(server, undefined, SEED + 7);
    await again.seen('synced');
    expect(again.words).toEqual(['synced']);
  });

  test.each([
    ['from a life before this one', SEED - 1000],
    ['from the future', SEED + 1000],
  ])('an id %s: everything again, after resync', async (_, id) => {
    const follower = new Follower(await serve(cluster()), undefined, id);
    await follower.seen('synced');
    expect(follower.words[0]).toBe('resync');
  });

  test('an id older than the change log: everything again', async () => {
    const agent = cluster();
    for (let i = 0; i < 10_000; i++) agent.touch(['node:bob']);
    const follower = new Follower(await serve(agent), undefined, SEED + 1);
    await follower.seen('synced');
    expect(follower.words[0]).toBe('resync');
  });

  test('S23: a client that does not read costs nothing, and then gets the latest state', async () => {
    const agent = cluster();
    const follower = new Follower(await serve(agent), '/v1/hearsay/events?type=member');
    await follower.seen('synced');
    // All happen in one turn, so the stream sees them together.
    for (let i = 0; i < 500; i++) agent.touch(['node:bob']);
    await waitUntil('the last arrives', 5000, () => follower.frames.at(-1)?.id === String(SEED + 500));
    expect(follower.frames.length).toBeLessThan(10);
  });

  test('types that were not requested are not sent, and an unknown type is refused', async () => {
    const agent = cluster();
    const server = await serve(agent);
    const follower = new Follower(server, '/v1/hearsay/events?type=service');
    await follower.seen('synced');
    agent.touch(['members']);
    agent.touch(['service:web']);
    await waitUntil('the service arrives', 5000, () => follower.frames.length === 4);
    expect(follower.words).toEqual(['resync', 'service web', 'synced', 'service web']);
    const refused = await send(server, '/v1/hearsay/events?type=weather');
    expect([refused.status, refused.body]).toEqual([
      400,
      'Invalid type "weather": use member, service, partitions',
    ]);
  });

  test('a client that disconnects is not waited for, and a server that stops ends the stream', async () => {
    const agent = cluster();
    const server = await serve(agent);
    const gone = new Follower(server);
    await gone.seen('synced');
    await waitUntil('it waits', 5000, () => agent.waiting === 1 || undefined);
    gone.stop();
    await waitUntil('nobody waits', 5000, () => agent.waiting === 0 || undefined);

    const stays = new Follower(server);
    await stays.seen('synced');
    await server.close();
    await waitUntil('the stream has ended', 5000, () => stays.ended || undefined);
  });
});
