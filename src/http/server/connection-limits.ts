/**
 * Limits on connections, on the time a client may take to send a request, and on pipelining. All local programs share
 * one address, so loopback has only the total.
 */
import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopback, parseIp } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import type { Millis } from '../../base/time.ts';

export interface ConnectionLimits {
  /** Connections at once. */
  readonly maxConnections: number;
  /** Connections at once from one address that is not loopback. */
  readonly maxConnectionsPerAddress: number;
  /** The time in which a client must have sent its headers, and its whole request. Replies may take any time. */
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
 * Requests of one connection that wait for their replies. Programs send one at a time. Node reads and buffers whatever
 * is sent, so a client that sends thousands and reads nothing costs megabytes.
 */
export const MAX_PIPELINED = 256;

/** Refused sockets that get a reply; beyond that they are closed at once. */
const MAX_REFUSED = 256;
const REFUSAL_MILLIS = 1000;
const MESSAGE = 'Too many connections: close some, or wait';
const REFUSAL = `HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: ${MESSAGE.length}\r\n\r\n${MESSAGE}`;

/** Checks the limits before the HTTP parser gets a socket: a refused one costs no parser. */
export function limitConnections(
  server: Server,
  limits: Pick<ConnectionLimits, 'maxConnections' | 'maxConnectionsPerAddress'>,
  isTls: boolean,
): void {
  const parsers = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const perAddress = new Map<string, number>();
  let total = 0;
  let refused = 0;

  server.on('connection', (socket) => {
    const address = limitedAddress(socket);
    const ofAddress = address === undefined ? 0 : (perAddress.get(address) ?? 0);
    if (total >= limits.maxConnections || ofAddress >= limits.maxConnectionsPerAddress) {
      refused += 1;
      socket.once('close', () => {
        refused -= 1;
      });
      // Before the handshake of TLS no reply can be read.
      rejectSocket(socket, refused <= MAX_REFUSED && !isTls);
      return;
    }
    total += 1;
    if (address !== undefined) perAddress.set(address, ofAddress + 1);
    socket.once('close', () => {
      total -= 1;
      // Invariant: no connection is counted out twice.
      assert(total >= 0, 'more connections were closed than accepted');
      if (address === undefined) return;
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
    for (const parse of parsers) parse.call(server, socket);
  });
}

/** Closes the connection of a client that pipelines requests without reading the replies. */
export function limitPipelining(serve: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, number>();
  return (incoming, outgoing) => {
    const { socket } = incoming;
    const pending = waiting.get(socket) ?? 0;
    if (pending >= MAX_PIPELINED) return void socket.destroy();
    waiting.set(socket, pending + 1);
    outgoing.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    serve(incoming, outgoing);
  };
}

/** Lingers for a moment: closing a socket with unread bytes would reset the connection and destroy the reply. */
function rejectSocket(socket: Socket, withReply: boolean): void {
  socket.on('error', () => socket.destroy());
  if (!withReply) return void socket.destroy();
  socket.end(REFUSAL);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), REFUSAL_MILLIS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** `undefined` for loopback. */
function limitedAddress({ remoteAddress }: Socket): string | undefined {
  if (remoteAddress === undefined) return undefined;
  const ip = parseIp(remoteAddress);
  return ip !== undefined && isLoopback(ip) ? undefined : remoteAddress;
}
