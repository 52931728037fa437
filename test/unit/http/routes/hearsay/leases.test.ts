/** `/v1/hearsay/lease`: what the holder of a lease receives, and what the agent is told of its connection. */
import { type ClientRequest, request } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { BlockingQueries } from '../../../../../src/http/endpoint/blocking.ts';
import { HttpError } from '../../../../../src/http/endpoint/reply/reply.ts';
import type { HttpServer } from '../../../../../src/http/server/server.ts';
import { check, instance, service } from '../../data.ts';
import { FakeAgent, member, portOf, put, send, serve, until } from '../../fixture.ts';

class Holder {
  text = '';
  ended = false;
  headers: Readonly<Record<string, unknown>> = {};
  readonly #call: ClientRequest;

  constructor(server: HttpServer, query = '', body: unknown = { Name: 'web', Port: 80 }) {
    const path = `/v1/hearsay/lease${query}`;
    const at = { host: '127.0.0.1', port: portOf(server), method: 'PUT', agent: false } as const;
    this.#call = request({ ...at, path }, (answer) => {
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
    this.#call.end(JSON.stringify(body));
    onTestFinished(() => this.close());
  }

  get lines(): unknown[] {
    return this.text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  close(): void {
    this.#call.destroy();
  }
}

/** An agent that holds leases as the registry does: by the last holder. */
class LeasingAgent extends FakeAgent {
  constructor() {
    super(member('ann'));
    this.reply = async () => {
      const command = this.commands.at(-1);
      if (command?.kind !== 'holdLease') return undefined;
      const { lease: id, holder, grace, registrations } = command;
      const services = registrations.map((one) => one.service.id);
      this.local.leases().set(id, { id, holder, grace, services, reason: '' });
      return undefined;
    };
  }

  kinds(): string[] {
    return this.commands.map(({ kind }) => kind);
  }
}

async function leasing() {
  const agent = new LeasingAgent();
  return { agent, server: await serve(agent) };
}

describe('PUT /v1/hearsay/lease', () => {
  test('the first line names the lease and its services; the connection is open then', async () => {
    const { agent, server } = await leasing();
    const holder = new Holder(server, '?lease=L&grace=5s');
    await until(() => holder.lines.length > 0);
    expect(holder.lines).toEqual([{ lease: 'L', service: 'web', services: ['web'] }]);
    expect(holder.headers['content-type']).toBe('application/x-ndjson');
    expect(agent.commands[0]).toMatchObject({ kind: 'holdLease', lease: 'L', grace: 5000 });
    expect(holder.ended).toBe(false);
  });

  test('several services of one process in a list; without an ID the agent makes one, with 10 s of grace', async () => {
    const { agent, server } = await leasing();
    const holder = new Holder(server, '', [{ Name: 'web' }, { Name: 'api', ID: 'a1' }]);
    await until(() => holder.lines.length > 0);
    expect(holder.lines).toMatchObject([{ service: 'web', services: ['web', 'a1'] }]);
    expect(agent.commands[0]).toMatchObject({ grace: 10_000 });
    expect((holder.lines[0] as { lease: string }).lease).toMatch(/^[\da-f-]{36}$/);
  });

  test('a connection that closes ends the lease of its own holder', async () => {
    const { agent, server } = await leasing();
    const holder = new Holder(server, '?lease=L');
    await until(() => holder.lines.length > 0);
    const held = agent.commands[0] as { readonly holder: string };
    holder.close();
    await until(() => agent.commands.length > 1);
    expect(agent.commands[1]).toEqual({ kind: 'closeLease', lease: 'L', holder: held.holder });
  });

  test('one that is taken over is told so, and ends', async () => {
    const { agent, server } = await leasing();
    const first = new Holder(server, '?lease=L');
    await until(() => first.lines.length > 0);
    const second = new Holder(server, '?lease=L');
    await until(() => second.lines.length > 0);
    agent.touch(['lease:L']);
    await until(() => first.ended);
    expect(first.lines[1]).toEqual({ lease: 'L', ended: 'another connection holds it' });
    expect(second.ended).toBe(false);
  });

  test('one whose services are deregistered is told so, and ends', async () => {
    const { agent, server } = await leasing();
    const holder = new Holder(server, '?lease=L');
    await until(() => holder.lines.length > 0);
    agent.local.leases().delete('L');
    agent.touch(['lease:L']);
    await until(() => holder.ended);
    expect(holder.lines[1]).toEqual({ lease: 'L', ended: 'its services were deregistered' });
  });

  test('when the agent stops it ends without a word, and the lease is not closed', async () => {
    const { agent, server } = await leasing();
    const holder = new Holder(server, '?lease=L');
    await until(() => holder.lines.length > 0);
    await server.close();
    await until(() => holder.ended);
    expect([holder.lines.length, agent.kinds()]).toEqual([1, ['holdLease']]);
  });

  test('what is malformed is refused with a sentence, and nothing is held', async () => {
    const { agent, server } = await leasing();
    const refused = async (path: string, body: unknown): Promise<string> => {
      const { status, body: text } = await put(server, `/v1/hearsay/lease${path}`, body);
      return `${status} ${text}`;
    };
    expect(await refused('?grace=soon', { Name: 'web' })).toContain('400 Invalid grace time');
    expect(await refused('', { Nme: 'web' })).toContain('400 ');
    expect(await refused('', 7)).toContain('400 ');
    const exec = { Name: 'web', Check: { Args: ['/bin/true'], Interval: '1s' } };
    expect(await refused('', exec)).toContain('400 Scripts are disabled');
    expect(agent.commands).toEqual([]);
  });

  test('where nobody more can wait nothing is held: 429', async () => {
    const { agent, server } = await leasing();
    const limit = vi.spyOn(BlockingQueries.prototype, 'requireRoom').mockImplementation(() => {
      throw new HttpError(429, 'Too many blocking queries');
    });
    onTestFinished(() => limit.mockRestore());
    expect((await put(server, '/v1/hearsay/lease', { Name: 'web' })).status).toBe(429);
    expect(agent.commands).toEqual([]);
  });

  test('what is probably not meant is said in a header', async () => {
    const { server } = await leasing();
    const check = { HTTP: 'http://127.0.0.1:1/', Interval: '1ms' };
    const holder = new Holder(server, '', { Name: 'web', Check: check });
    await until(() => holder.lines.length > 0);
    expect(holder.headers['x-hearsay-warning']).toContain('Interval of a check is raised to 1s');
  });
});

describe('DELETE /v1/hearsay/lease/:id', () => {
  test('ends it, with a reason if there is one; an unknown one is 404', async () => {
    const { agent, server } = await leasing();
    const holder = new Holder(server, '?lease=L');
    await until(() => holder.lines.length > 0);
    const path = '/v1/hearsay/lease/L?reason=137:%20killed';
    expect((await send(server, path, { method: 'DELETE' })).status).toBe(200);
    expect(agent.commands[1]).toEqual({ kind: 'releaseLease', lease: 'L', reason: '137: killed' });
    const unknown = await send(server, '/v1/hearsay/lease/M', { method: 'DELETE' });
    expect([unknown.status, unknown.body]).toEqual([
      404,
      'There is no lease "M" on this agent: it has ended already',
    ]);
  });
});

test('GET /v1/hearsay/leases lists them', async () => {
  const { server } = await leasing();
  const holder = new Holder(server, '?lease=L&grace=1m');
  await until(() => holder.lines.length > 0);
  expect((await send(server, '/v1/hearsay/leases')).json()).toEqual([
    { lease: 'L', services: ['web'], held: true, grace: '1m', reason: '' },
  ]);
});

test('why tells that the process has closed the connection', async () => {
  const agent = new FakeAgent(member('ann'));
  const output = 'its process on ann closed the connection';
  const lease = check('_service_lease:web', { serviceId: 'web', type: 'lease', status: 'critical', output });
  agent.catalog.held = [instance('ann', service('web'), { checks: [lease], status: 'critical' })];
  const answer = await send(await serve(agent), '/v1/hearsay/why?service=web');
  expect(answer.json()).toMatchObject({
    instances: [
      {
        summary: `out of results: ${output}`,
        reasons: [{ kind: 'lease', excludes: true, message: output, source: 'ann' }],
      },
    ],
  });
});
