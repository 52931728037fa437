/** Recursors on loopback for tests, and agents that forward to them. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { type Answer, decode, encode, type Packet } from 'dns-packet';
import { type Address, parseIp, toAddress } from '../../../../src/base/address.ts';
import type { DnsOptions } from '../../../../src/dns/options.ts';
import { NODES, type ServiceRow } from '../catalog.ts';
import { frame, startServer, type TestServer } from '../fixture.ts';

export const RA = 0x0080;
export const NXDOMAIN = 3;
export const SERVFAIL = 2;

export type Respond = (question: Packet, bytes: Buffer) => Buffer | readonly Buffer[] | undefined;

export interface TestRecursor {
  readonly at: Address;
  /** Datagrams and TCP messages it got, oldest first. */
  readonly received: { readonly bytes: Buffer; readonly port: number; readonly tcp: boolean }[];
  readonly udp: Socket;
}

/** What a test has opened. Each test file closes it after each test. */
export const closing: (() => unknown)[] = [];
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

/** A recursor on loopback that answers over both transports with what `respond` returns. */
export async function startRecursor(respond: Respond): Promise<TestRecursor> {
  const { udp, tcp, port } = await bound();
  const received: TestRecursor['received'] = [];
  udp.on('message', (bytes: Buffer, from: RemoteInfo) => {
    received.push({ bytes, port: from.port, tcp: false });
    for (const answer of [respond(decode(bytes), bytes) ?? []].flat())
      udp.send(answer, from.port, from.address);
  });
  tcp.on('connection', (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      const bytes = chunk.subarray(2);
      received.push({ bytes, port: socket.remotePort as number, tcp: true });
      for (const answer of [respond(decode(bytes), bytes) ?? []].flat()) socket.write(frame(answer));
    });
  });
  let open = true;
  udp.once('close', () => {
    open = false;
  });
  closing.push(
    () => open && udp.close(),
    () => tcp.close(),
  );
  return { at: toAddress(parseIp('127.0.0.1') as Uint8Array, port), received, udp };
}

/** Sockets on one port for both transports. A port that is free for one may be taken for the other. */
async function bound(): Promise<{ udp: Socket; tcp: Server; port: number }> {
  for (;;) {
    const udp = createSocket('udp4').bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const { port } = udp.address();
    const tcp = createServer({ allowHalfOpen: true });
    const listening = await new Promise((done) => {
      tcp.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true));
    });
    if (listening === true) return { udp, tcp, port };
    udp.close();
  }
}

export async function startServerWith(
  servers: readonly TestRecursor[],
  options: Partial<DnsOptions> = {},
  services: readonly ServiceRow[] = [],
): Promise<TestServer> {
  const recursors = { servers: servers.map(({ at }) => at), strategy: 'sequential', timeout: 300 } as const;
  const opened = await startServer(
    { recursors, ...options },
    services.length === 0 ? undefined : NODES,
    services,
  );
  closing.push(() => opened.close());
  return opened;
}

/** A response that repeats the question in its letter case. */
export function respondTo(bytes: Buffer, records: readonly Answer[], flags = RA): Buffer {
  const { id, questions = [] } = decode(bytes);
  const response = encode({ type: 'response', id: id ?? 0, flags, questions, answers: [...records] });
  response.set(bytes.subarray(12, 12 + (questions[0]?.name.length ?? 0) + 2), 12); // does not rely on encode() to keep the letter case
  return response;
}

export const A = (name: string, ip = '192.0.2.1', ttl = 30): Answer => ({ type: 'A', name, ttl, data: ip });
export const answering =
  (ip = '192.0.2.1', ttl = 30): Respond =>
  (question, bytes) =>
    respondTo(bytes, [A(question.questions?.[0]?.name as string, ip, ttl)]);
export const servfail: Respond = (_, bytes) => respondTo(bytes, [], RA | SERVFAIL);
