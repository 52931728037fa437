/**
 * What a client may take of us: connections and time to ask. All local programs share one address, so loopback has
 * only the total.
 */
import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopback, parseIp } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';

export interface ConnectionLimits {
  /** Connections at once. */
  readonly maxConnections: number;
  /** Connections at once from one address that is not loopback. */
  readonly maxConnectionsPerAddress: number;
  /** A client must have sent its headers, and its whole request, in this time. Answers may take for ever. */
  readonly headersTimeout: Millis;
  readonly requestTimeout: Millis;
}

/** Source: T4 (docs/consul.md), S23 (docs/security.md). */
export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = {
  maxConnections: 4096,
  maxConnectionsPerAddress: 64,
  headersTimeout: 15_000,
  requestTimeout: 60_000,
};

/**
 * Requests of one connection that wait for their answers. Programs send one at a time; Node reads and keeps all that is
 * sent, and so whoever sends thousands and reads nothing costs megabytes.
 */
export const MAX_PIPELINED = 256;

/** Refused sockets that are still told why; beyond that they are just closed. */
const MAX_REFUSED = 256;
const REFUSAL_MILLIS = 1000;
const SENTENCE = 'Too many connections: close some, or wait';
const REFUSAL = `HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: ${SENTENCE.length}\r\n\r\n${SENTENCE}`;

/** Puts the limits between the listening socket and the HTTP parser: a refused socket costs no parser. */
export function limitConnections(
  server: Server,
  limits: Pick<ConnectionLimits, 'maxConnections' | 'maxConnectionsPerAddress'>,
): void {
  const parsers = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const perAddress = new Map<string, number>();
  let total = 0;
  let refused = 0;

  server.on('connection', (socket) => {
    const counted = limitedAddress(socket);
    const held = counted === undefined ? 0 : (perAddress.get(counted) ?? 0);
    if (total >= limits.maxConnections || held >= limits.maxConnectionsPerAddress) {
      refused += 1;
      socket.once('close', () => {
        refused -= 1;
      });
      rejectSocket(socket, refused <= MAX_REFUSED);
      return;
    }
    total += 1;
    if (counted !== undefined) perAddress.set(counted, held + 1);
    socket.once('close', () => {
      total -= 1;
      if (counted === undefined) return;
      const left = (perAddress.get(counted) ?? 1) - 1;
      if (left === 0) perAddress.delete(counted);
      else perAddress.set(counted, left);
    });
    for (const parse of parsers) parse.call(server, socket);
  });
}

/** Cuts the connection of a client that sends more and more, and does not wait for answers. */
export function limitPipelining(serve: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, number>();
  return (incoming, outgoing) => {
    const { socket } = incoming;
    const before = waiting.get(socket) ?? 0;
    if (before >= MAX_PIPELINED) return void socket.destroy();
    waiting.set(socket, before + 1);
    outgoing.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    serve(incoming, outgoing);
  };
}

/** Reads on for a moment: closing with unread bytes would reset the connection and destroy the answer. */
function rejectSocket(socket: Socket, politely: boolean): void {
  socket.on('error', () => socket.destroy());
  if (!politely) return void socket.destroy();
  socket.end(REFUSAL);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), REFUSAL_MILLIS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

function limitedAddress({ remoteAddress }: Socket): string | undefined {
  if (remoteAddress === undefined) return undefined;
  const ip = parseIp(remoteAddress);
  return ip !== undefined && isLoopback(ip) ? undefined : remoteAddress;
}
