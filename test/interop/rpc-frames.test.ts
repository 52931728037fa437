/**
 * What serf-rpc 0.2.1 from npm sends, frame by frame: the client itself is not installed, for its dependencies (docs/serf.md). It
 * counts `Seq` from 0, fills what is not given with null, writes keys of commands on keys in small letters, sends no body where it
 * has none, and sends header and body apart.
 */
import { connect, type Socket } from 'node:net';
import { Packr, Unpackr } from 'msgpackr';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ValueReader } from '../../src/rpc/protocol/value-reader.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.24.10.${host}`;
const [KEY, NEXT] = [1, 2].map((octet) => Buffer.alloc(32, octet).toString('base64')) as [string, string];
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/** What serf-rpc adds to the body that its caller gives. A command that is not named here has no body. */
const DEFAULTS: Readonly<Record<string, object>> = {
  handshake: { Version: 1 },
  event: { Name: null, Payload: null, Coalesce: true },
  join: { Existing: [], Replay: false },
  'members-filtered': { Tags: null, Status: null, Name: null },
  'force-leave': { Node: null },
  tags: { Tags: {}, DeleteTags: [] },
  stream: { Type: null },
  monitor: { LogLevel: null },
  stop: { Stop: null },
  query: { Name: null, Payload: null },
  respond: { ID: null, Payload: null },
  'install-key': { key: null },
  'use-key': { key: null },
  'remove-key': { key: null },
};

function framesOf(command: string, seq: number, body: object = {}): Buffer[] {
  const header = packr.pack({ Command: command, Seq: seq });
  const defaults = DEFAULTS[command];
  if (defaults === undefined) return [header];
  const missing = Object.entries(defaults).filter(([key]) => !(key in body));
  return [header, packr.pack({ ...body, ...Object.fromEntries(missing) })];
}

interface Header {
  readonly Seq: number;
  readonly Error: string;
}

class Client {
  readonly values: unknown[] = [];
  readonly #socket: Socket;
  #seq = 0;

  constructor(host: string) {
    this.#socket = connect(7373, host);
    this.#socket.setNoDelay(true);
    const reader = new ValueReader();
    this.#socket.on('data', (chunk) => {
      reader.push(chunk);
      for (let value = reader.next(); value !== undefined; value = reader.next())
        this.values.push(unpackr.unpack(Buffer.from(value)));
    });
    this.#socket.on('error', (error) => this.values.push(error));
  }

  /** Sends a request; returns the error of its reply and, with `hasBody`, what follows it. */
  async call(command: string, body?: object, hasBody = false): Promise<readonly [Header, unknown]> {
    const seq = this.#seq++;
    for (const frame of framesOf(command, seq, body)) this.#socket.write(frame);
    const count = hasBody ? 2 : 1;
    await waitUntil(`${command} is answered`, 10_000, () => this.values.length >= count);
    return this.values.splice(0, count) as unknown as [Header, unknown];
  }

  close(): void {
    this.#socket.destroy();
  }
}

test('the frames are those that serf-rpc 0.2.1 sent on Node 20, recorded', () => {
  const hex = (...of: Parameters<typeof framesOf>): string => Buffer.concat(framesOf(...of)).toString('hex');
  expect(hex('handshake', 0)).toBe('82a7436f6d6d616e64a968616e647368616b65a35365710081a756657273696f6e01');
  expect(hex('members', 1)).toBe('82a7436f6d6d616e64a76d656d62657273a353657101');
  expect(hex('members-filtered', 2, { Name: 'one-.*' })).toBe(
    '82a7436f6d6d616e64b06d656d626572732d66696c7465726564a35365710283a44e616d65a66f6e652d2e2aa454616773c0a6537461747573c0',
  );
  expect(hex('event', 3, { Name: 'e', Payload: 'v1' })).toBe(
    '82a7436f6d6d616e64a56576656e74a35365710383a44e616d65a165a75061796c6f6164a27631a8436f616c65736365c3',
  );
  expect(hex('install-key', 6, { Key: 'x'.repeat(44) })).toBe(
    `82a7436f6d6d616e64ab696e7374616c6c2d6b6579a35365710682a34b6579d92c${'78'.repeat(44)}a36b6579c0`,
  );
});

describe.skipIf(!isInstalled('serf'))('beside a real agent (skipped where serf is not installed)', () => {
  let agents: AgentProcess[];

  beforeAll(async () => {
    const theirs = await startSerf({ name: 'one-s', ip: ip(1), key: KEY, tags: { role: 'web' } });
    const args = ['--rpc', `${ip(2)}:7373`, '--open-operator'];
    const join = `${ip(1)}:7946`;
    const mine = await startHearsay({
      name: 'one-h',
      ip: ip(2),
      key: KEY,
      args,
      join,
      tags: { role: 'web' },
    });
    agents = [mine, theirs];
    for (const agent of agents)
      await waitUntil(`${agent.name} sees both`, 20_000, async () => (await agent.members()).length === 2);
  });
  afterAll(killProcesses);

  /** Every command of serf-rpc once; returns what is the same from agent to agent. */
  async function converse({ ip: host }: AgentProcess): Promise<Record<string, unknown>> {
    const client = new Client(host);
    const told: Record<string, unknown> = {};
    const call = async (command: string, body?: object, hasBody = false): Promise<unknown> => {
      const [header, reply] = await client.call(command, body, hasBody);
      told[`${Object.keys(told).length} ${command}`] = header;
      return reply;
    };
    const names = (reply: unknown): string[] =>
      (reply as { Members: { Name: string }[] }).Members.map(({ Name }) => Name).sort();
    await call('handshake');
    told['all'] = names(await call('members', undefined, true));
    told['filtered'] = names(await call('members-filtered', { Name: '.*-s' }, true));
    told['stats'] = Object.keys((await call('stats', undefined, true)) as object).sort();
    await call('stream', { Type: 'user:from-serf-rpc' });
    // The reply to the event and the record of the stream come in either order.
    const [reply] = await client.call('event', { Name: 'from-serf-rpc', Payload: 'v1', Coalesce: false });
    await waitUntil('the event has come', 10_000, () => client.values.length >= 2);
    const values = [reply, ...client.values.splice(0)] as (Header & { readonly Event?: string })[];
    const event = values.find((value) => value.Event === 'user');
    const header = values[values.indexOf(event as never) - 1] as Header;
    told['answered'] = values.filter((value) => value !== event && value !== header);
    told['event'] = [header, { ...event, LTime: 0 }];
    await call('stop', { Stop: header.Seq });
    await call('tags', { Tags: { role: 'web', x: '1' } });
    await call('tags', { DeleteTags: ['x'] });
    await call('force-leave', { Node: 'nobody' });
    for (const Key of [KEY, NEXT]) await call('install-key', { Key }, true);
    told['keys'] = await call('list-keys', undefined, true);
    await call('remove-key', { Key: NEXT }, true);
    told['join'] = await call('join', { Existing: [`${ip(1)}:7946`] }, true);
    client.close();
    return told;
  }

  test('every command is answered as a real agent answers it', async () => {
    const [mine, theirs] = [
      await converse(agents[0] as AgentProcess),
      await converse(agents[1] as AgentProcess),
    ];
    expect(mine).toEqual(theirs);
    expect(theirs).toMatchObject({ all: ['one-h', 'one-s'], filtered: ['one-s'] });
  });
});
