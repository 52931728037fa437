/** Discovery over fake UDP sockets, through the package that decodes. */
import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { decode, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Address, parseAddress } from '../../../../../src/base/address.ts';
import { Meter } from '../../../../../src/base/meter.ts';
import { validateClusterName } from '../../../../../src/config/names.ts';
import {
  MAX_ANSWERS_PER_SECOND,
  MAX_FOUND,
  POLL_MS,
  QUIET_MS,
  startDiscovery,
} from '../../../../../src/shell/net/discovery/discovery.ts';
import { addressesIn, answersTo } from '../../../../../src/shell/net/discovery/messages.ts';
import { startLanDiscovery } from '../../../../../src/shell/net/discovery/start.ts';

const at = (text: string): Address => parseAddress(text, 7946) as Address;
const OWN = { cluster: 'web', node: 'n1', address: at('10.0.0.1') };
const SERVICE = '_serf_web._tcp.local';
const QUERY = encode({ type: 'query', id: 7, questions: [{ type: 'PTR', name: SERVICE }] });

class FakeSocket extends EventEmitter {
  readonly sent: { readonly packet: Packet; readonly port: number; readonly address: string }[] = [];
  readonly calls: string[] = [];
  failWith: string | undefined;
  isBound = false;
  sendError: Error | null = null;

  /** As Node does: what comes of it is said later. */
  bind(port: number, host: string, done: () => void): void {
    this.calls.push(`bind ${host}:${port}`);
    queueMicrotask(() => {
      if (this.failWith !== undefined)
        return void this.emit(
          'error',
          Object.assign(new Error('no'), { code: this.failWith, syscall: 'bind' }),
        );
      this.isBound = true;
      this.emit('listening');
      done();
    });
  }
  send(
    bytes: Buffer,
    _at: number,
    _length: number,
    port: number,
    address: string,
    done: (error: Error | null) => void,
  ): void {
    if (!this.isBound) this.emit('listening'); // Node binds it to a free port
    this.isBound = true;
    this.sent.push({ packet: decode(bytes), port, address });
    done(this.sendError);
  }
  receive(bytes: Uint8Array, address = '10.0.0.2', port = 40_000): void {
    this.emit('message', Buffer.from(bytes), { address, port });
  }
  addMembership(group: string, host: string): void {
    this.calls.push(`join ${group} ${host}`);
  }
  setMulticastInterface(host: string): void {
    this.calls.push(`send from ${host}`);
  }
  close(): void {
    this.calls.push('close');
  }
  dropMembership(): void {}
  setMulticastTTL(): void {}
  setMulticastLoopback(): void {}
  address = () => ({ port: 5353 });
}

let listener: FakeSocket;
let asker: FakeSocket;
let found: (readonly string[])[] = [];
let said: string[] = [];
let stop = (): void => {};
/** Sends go out in a later turn. */
const sent = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

async function start(prepare = (): void => {}): Promise<void> {
  listener = new FakeSocket();
  asker = new FakeSocket();
  [found, said] = [[], []];
  prepare();
  const { stop: end } = startDiscovery({
    announcement: () => OWN,
    interface: '10.0.0.1',
    onFound: (addresses) => found.push(addresses),
    onFailed: (code) => said.push(`failed ${code}`),
    onTrouble: (code) => said.push(`trouble ${code}`),
    onDropped: () => said.push('dropped'),
    sockets: { listener: listener as unknown as Socket, asker: asker as unknown as Socket },
  });
  stop = end;
  await sent();
}

const answerOf = (node: string, address: string, cluster = 'web'): Uint8Array => {
  const answers = answersTo([{ type: 'PTR', name: `_serf_${cluster}._tcp.local` }], {
    ...{ cluster, node, address: at(address) },
  });
  return encode({ type: 'response', answers });
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  stop();
  vi.useRealTimers();
});

describe('asking', () => {
  test('at the start and every minute, on the interface that gossip is bound to', async () => {
    await start();
    expect(listener.calls).toEqual(['bind 0.0.0.0:5353', 'join 224.0.0.251 10.0.0.1', 'send from 10.0.0.1']);
    await vi.advanceTimersByTimeAsync(2 * POLL_MS);
    expect(asker.sent.map(({ packet, ...to }) => [packet.questions?.[0], to])).toEqual(
      Array.from({ length: 3 }, () => [
        { name: SERVICE, type: 'PTR', class: 'IN' },
        { port: 5353, address: '224.0.0.251' },
      ]),
    );
  });

  test('answers of many are told at once, each address once, and never our own', async () => {
    await start();
    for (const [node, address] of [
      ['n2', '10.0.0.2'],
      ['n3', '10.0.0.3:80'],
      ['n2', '10.0.0.2'],
      ['n1', '10.0.0.1'],
      ['v6', '[fd00::5]'],
    ] as const)
      asker.receive(answerOf(node, address));
    asker.receive(answerOf('stranger', '10.0.0.9', 'db'));
    expect(found).toEqual([]);
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(found).toEqual([['10.0.0.2:7946', '10.0.0.3:80', '[fd00::5]:7946']]);
    asker.receive(answerOf('n2', '10.0.0.2'));
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect(found).toHaveLength(1);
  });

  test('what strangers tell is bounded: after one poll, and in all', async () => {
    await start();
    for (let i = 0; i < 200; i++) asker.receive(answerOf(`a${i}`, `10.0.1.${i}`));
    await vi.advanceTimersByTimeAsync(POLL_MS);
    for (let i = 0; i < 200; i++) asker.receive(answerOf(`b${i}`, `10.0.2.${i}`));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(found.map((some) => some.length)).toEqual([MAX_FOUND, MAX_FOUND]);
    expect(found[1]?.every((one) => one.startsWith('10.0.2.'))).toBe(true);
  });

  test('a send that fails is told, and tried again', async () => {
    await start(() => {
      asker.sendError = Object.assign(new Error('no'), { code: 'ENETUNREACH' });
    });
    expect(said).toEqual(['trouble ENETUNREACH']);
    asker.sendError = null;
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect(asker.sent).toHaveLength(2);
    expect(said).toHaveLength(1);
  });
});

describe('answering', () => {
  test('a plain query is answered to its sender, with its number and question', async () => {
    await start();
    listener.receive(QUERY);
    await sent();
    const [{ packet, port, address } = {} as never] = listener.sent;
    expect([port, address, packet.id, packet.questions?.[0]?.name]).toEqual([40_000, '10.0.0.2', 7, SERVICE]);
    expect(packet.answers?.map(({ type, name }) => `${type} ${name}`)).toEqual([
      `PTR ${SERVICE}`,
      `SRV n1.${SERVICE}`,
      'A n1.local',
      `TXT n1.${SERVICE}`,
    ]);
    expect(addressesIn(packet.answers ?? [], 'WEB').map(({ key }) => key)).toEqual(['10.0.0.1:7946']);
  });

  test('one from the port of mDNS is answered to all', async () => {
    await start();
    listener.receive(QUERY, '10.0.0.2', 5353);
    await sent();
    expect(listener.sent.map(({ port, address }) => [port, address])).toEqual([[5353, '224.0.0.251']]);
  });

  test('what asks for something else is passed over', async () => {
    await start();
    for (const name of ['_serf_db._tcp.local', 'n1.local', 'local', '_http._tcp.local'])
      listener.receive(encode({ type: 'query', questions: [{ type: 'PTR', name }] }));
    listener.receive(answerOf('n2', '10.0.0.2'));
    await sent();
    expect(listener.sent).toEqual([]);
    expect(said).toEqual([]);
  });

  test('more queries in one second than an agent answers, and a port where nobody is, are dropped', async () => {
    await start();
    listener.receive(QUERY, '10.0.0.2', 0);
    expect(said).toEqual(['dropped']);
    for (let i = 0; i < MAX_ANSWERS_PER_SECOND + 3; i++) listener.receive(QUERY);
    await sent();
    expect(listener.sent).toHaveLength(MAX_ANSWERS_PER_SECOND);
    expect(said).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(1_000);
    listener.receive(QUERY);
    await sent();
    expect(listener.sent).toHaveLength(MAX_ANSWERS_PER_SECOND + 1);
  });

  test('a name that is no label is announced as one that no other agent has', () => {
    for (const node of ['web_1', 'a.b', 'x'.repeat(128), 'ä']) {
      const own = { cluster: 'w'.repeat(57), node, address: at('10.0.0.1') };
      const answers = answersTo([{ type: 'PTR', name: `_serf_${own.cluster}._tcp.local` }], own);
      const target = answers.find(({ type }) => type === 'A')?.name ?? '';
      expect(target).toMatch(/^[A-Za-z0-9-]{1,63}\.local$/);
      const heard = decode(encode({ type: 'response', answers })).answers ?? [];
      expect(addressesIn(heard, own.cluster).map(({ key }) => key)).toEqual(['10.0.0.1:7946']);
    }
  });
});

describe('what goes wrong', () => {
  test.each(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'])(
    'no socket (%s): told once, and closed',
    async (code) => {
      await start(() => {
        listener.failWith = code;
      });
      expect(said).toEqual([`failed ${code}`]);
      await vi.advanceTimersByTimeAsync(2 * POLL_MS);
      expect(asker.sent.length).toBeLessThanOrEqual(1);
      expect([listener.calls.at(-1), asker.calls.at(-1)]).toEqual(['close', 'close']);
    },
  );

  test('after the end nothing is said, sent or told', async () => {
    await start();
    asker.receive(answerOf('n2', '10.0.0.2'));
    stop();
    listener.receive(QUERY);
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect([found, said, listener.sent, asker.sent.length]).toEqual([[], [], [], 1]);
  });

  test('bytes that are no DNS are dropped and counted; no bytes do harm', async () => {
    await start();
    for (const socket of [listener, asker]) socket.receive(Uint8Array.of(1, 2, 3));
    expect(said).toEqual(['dropped', 'dropped']);
    fc.assert(
      fc.property(
        fc.constantFrom(Buffer.from(QUERY), Buffer.from(answerOf('n2', '10.0.0.2'))),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 8 }),
        fc.nat(300),
        (valid, changes, length) => {
          const bytes = Buffer.from(valid);
          for (const [i, octet] of changes) bytes[i % bytes.length] = octet;
          for (const socket of [listener, asker]) socket.receive(bytes.subarray(0, length));
        },
      ),
      { numRuns: 2_000 },
    );
    await sent();
  });

  test.each([
    ['port 0', '10.0.0.2', 0],
    ['all addresses', '0.0.0.0', 7946],
    ['multicast', '224.0.0.251', 7946],
    ['no address', 'x', 7946],
  ])('an address that no agent has is passed over: %s', (_, data, port) => {
    const records = [
      { name: SERVICE, type: 'PTR', data: 'i' },
      { name: 'i', type: 'SRV', data: { target: 't', port } },
      { name: 't', type: 'A', data },
    ] as const;
    expect(addressesIn(records, 'web')).toEqual([]);
    const good = [
      records[0],
      { ...records[1], data: { target: 't', port: 1 } },
      { ...records[2], data: '10.0.0.2' },
    ];
    expect(addressesIn(good as never, 'web')).toHaveLength(1);
  });
});

test('a cluster name is one label, or the start says so', () => {
  for (const name of ['', 'a.b', 'x'.repeat(58), 'a b', 'ä'])
    expect(() => validateClusterName(name)).toThrow('must be 1 to 57 letters');
  expect(() => validateClusterName('x'.repeat(57))).not.toThrow();
});

test('an agent that finds its port taken says what to do, and runs', async ({ skip }) => {
  vi.useRealTimers();
  const taken = createSocket('udp4'); // without reuseAddr nobody can share it
  onTestFinished(() => void taken.close());
  const isOurs = await new Promise<boolean>((resolve) => {
    taken.once('error', () => resolve(false));
    taken.bind(5353, '0.0.0.0', () => resolve(true));
  });
  skip(!isOurs, 'a program of this host has UDP port 5353, and may share it');
  const lines: string[] = [];
  const discovery = await startLanDiscovery({
    ...{ cluster: 'web', view: { node: 'n1', address: at('127.0.0.1') }, bound: at('127.0.0.1') },
    ...{ meter: new Meter(), setDiscovered: () => undefined },
    logger: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
  });
  onTestFinished(() => discovery?.stop());
  await vi.waitFor(() => expect(lines.join()).toContain('give --retry-join instead'), 5_000);
});
