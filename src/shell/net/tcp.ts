/**
 * The TCP side of gossip: a listener and dials, told apart by `StreamId`. It moves bytes, bounds how many streams
 * there are and how long they last, and knows nothing of what is said on them.
 */
import { createServer, connect as dialTcp, type Server, type Socket } from 'node:net';
import type { Input, StreamId } from '../../agent/contract/machine.ts';
import { type Address, isLoopback, toAddress } from '../../base/address.ts';
import { errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';
import { peerAddress, toUint8Array } from './udp.ts';

export interface Tcp {
  readonly address: Address;
  /** Streams that still hold a socket, in either direction. */
  readonly size: number;
  /** `streamOpened` or `streamClosed` follows. */
  open(stream: StreamId, to: Address): void;
  /** After `end` the agent hears no more of this stream. Never reuse the memory of `bytes`. */
  write(stream: StreamId, bytes: Uint8Array, end: boolean): void;
  /** Drops it at once; nothing follows. */
  destroy(stream: StreamId): void;
  close(): Promise<void>;
}

export type StreamInput = Extract<Input, { stream: StreamId }>;

export interface TcpEvents {
  onInput(input: StreamInput): void;
  /** Someone dialed and was turned away. */
  onRefused(from: Address, why: string): void;
  /** The listener itself failed, with a code such as `EMFILE`; it goes on listening. */
  onError(code: string): void;
}

export interface TcpLimits {
  /** Streams accepted at once, from all sources but loopback. */
  readonly inbound: number;
  readonly perSource: number;
  /** Streams accepted at once from loopback, where a whole cluster may live and one source says little. */
  readonly loopback: number;
  readonly idleTimeout: Millis;
  readonly totalTimeout: Millis;
  /** How long a stream may stay once all is said, for the peer to hang up first. */
  readonly lingerTimeout: Millis;
  /** Bytes one stream may bring, and bytes that may wait to go out on one. */
  readonly maxBytes: number;
  isLocal(ip: Uint8Array): boolean;
}

export const TCP_LIMITS: TcpLimits = {
  inbound: 32,
  perSource: 4,
  loopback: 128,
  idleTimeout: 10_000,
  totalTimeout: 60_000,
  lingerTimeout: 2_000,
  maxBytes: 21 * 1024 * 1024, // 20 MiB of push/pull and its envelope
  isLocal: isLoopback,
};

/** Rejects with Node's error if it cannot bind. */
export async function openTcp(at: Address, events: TcpEvents, limits: TcpLimits = TCP_LIMITS): Promise<Tcp> {
  // Half-open, so that a peer that ends its half still gets what is on its way; we always end ours.
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  await listen(server, at);
  server.on('error', (error) => events.onError(errorCode(error)));
  const streams = new Streams(events, limits);
  server.on('connection', (socket) => streams.accept(socket));
  const bound = server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : at.port;
  let closed: Promise<void> | undefined;
  return {
    address: toAddress(at.ip, port),
    get size() {
      return streams.size;
    },
    open: (stream, to) => streams.open(stream, to),
    write: (stream, bytes, end) => streams.write(stream, bytes, end),
    destroy: (stream) => streams.destroy(stream),
    close: () => {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        streams.destroyAll();
      });
      return closed;
    },
  };
}

const listen = (server: Server, at: Address): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: at.port, host: at.host, ipv6Only: false, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });

interface Stream {
  readonly id: StreamId;
  readonly socket: Socket;
  /** Who dialed us; `undefined` for our own dials. */
  readonly from: Address | undefined;
  /** The agent wants, or may expect, nothing more of it. */
  done: boolean;
  received: number;
  /** The limit of its whole life; later of its lingering. */
  end: NodeJS.Timeout | undefined;
}

class Streams {
  readonly #events: TcpEvents;
  readonly #limits: TcpLimits;
  readonly #streams = new Map<StreamId, Stream>();
  /** Accepted streams by source; loopback counts as one source. */
  readonly #sources = new Map<string, number>();
  #remote = 0;
  #nextAccepted: StreamId = 1;

  constructor(events: TcpEvents, limits: TcpLimits) {
    this.#events = events;
    this.#limits = limits;
  }

  get size(): number {
    return this.#streams.size;
  }

  accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) return void socket.destroy();
    const from = peerAddress(remoteAddress, remotePort);
    const why = this.#refusalReason(from);
    if (why !== undefined) {
      socket.on('error', () => {});
      socket.destroy();
      return this.#events.onRefused(from, why);
    }
    const stream = this.#nextAccepted;
    this.#nextAccepted += 2;
    this.#count(from, 1);
    this.#track(stream, socket, from);
    this.#events.onInput({ kind: 'streamAccepted', stream, from });
  }

  open(stream: StreamId, to: Address): void {
    const socket = dialTcp({ host: to.host, port: to.port, allowHalfOpen: true, noDelay: true });
    socket.once('connect', () => {
      if (this.#streams.get(stream)?.done === false) this.#events.onInput({ kind: 'streamOpened', stream });
    });
    this.#track(stream, socket, undefined);
  }

  write(id: StreamId, bytes: Uint8Array, end: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.done) return;
    const { socket } = stream;
    if (socket.writableLength + bytes.length > this.#limits.maxBytes)
      return this.#fail(stream, 'the peer reads too slowly');
    if (!end) return void socket.write(bytes);
    stream.done = true;
    // Closing now could reset the connection and take the answer away from the peer: it hangs up first.
    socket.once('finish', () =>
      this.#setDeadline(stream, this.#limits.lingerTimeout, 'the peer does not hang up'),
    );
    socket.end(bytes);
  }

  destroy(id: StreamId): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.done = true;
    stream.socket.destroy();
    this.#release(stream);
  }

  destroyAll(): void {
    for (const id of [...this.#streams.keys()]) this.destroy(id);
  }

  #track(id: StreamId, socket: Socket, from: Address | undefined): void {
    const { idleTimeout, totalTimeout } = this.#limits;
    const stream: Stream = { id, socket, from, done: false, received: 0, end: undefined };
    this.#setDeadline(stream, totalTimeout, `not finished after ${seconds(totalTimeout)}`);
    this.#streams.set(id, stream);
    socket.setTimeout(idleTimeout);
    socket.on('timeout', () =>
      this.#fail(
        stream,
        socket.connecting
          ? `no connection after ${seconds(idleTimeout)}`
          : `silent for ${seconds(idleTimeout)}`,
      ),
    );
    socket.on('data', (bytes) => this.#onData(stream, bytes));
    socket.on('end', () => {
      this.#notifyClosed(stream);
      socket.end();
    });
    socket.on('error', (error) => this.#fail(stream, describeSocketError(error)));
    socket.on('close', () => {
      this.#notifyClosed(stream);
      this.#release(stream);
    });
  }

  #onData(stream: Stream, bytes: Uint8Array): void {
    if (stream.done) return;
    stream.received += bytes.length;
    if (stream.received > this.#limits.maxBytes)
      return this.#fail(stream, `more than ${this.#limits.maxBytes} bytes`);
    this.#events.onInput({ kind: 'streamData', stream: stream.id, bytes: toUint8Array(bytes) });
  }

  #setDeadline(stream: Stream, span: Millis, why: string): void {
    clearTimeout(stream.end);
    stream.end = setTimeout(() => this.#fail(stream, why), span);
    stream.end.unref();
  }

  #fail(stream: Stream, why: string): void {
    stream.socket.destroy();
    this.#notifyClosed(stream, why);
  }

  #notifyClosed(stream: Stream, why?: string): void {
    if (stream.done) return;
    stream.done = true;
    const closed = { kind: 'streamClosed', stream: stream.id } as const;
    this.#events.onInput(why === undefined ? closed : { ...closed, why });
  }

  #release(stream: Stream): void {
    clearTimeout(stream.end);
    if (!this.#streams.delete(stream.id)) return;
    if (stream.from !== undefined) this.#count(stream.from, -1);
  }

  #refusalReason(from: Address): string | undefined {
    const { inbound, perSource, loopback, isLocal } = this.#limits;
    const ofSource = this.#sources.get(this.#sourceOf(from)) ?? 0;
    if (isLocal(from.ip))
      return ofSource >= loopback ? `${loopback} streams from this machine are open` : undefined;
    if (this.#remote >= inbound) return `${inbound} streams are open`;
    return ofSource >= perSource ? `${perSource} streams from this address are open` : undefined;
  }

  #count(from: Address, by: 1 | -1): void {
    if (!this.#limits.isLocal(from.ip)) this.#remote += by;
    const source = this.#sourceOf(from);
    const count = (this.#sources.get(source) ?? 0) + by;
    if (count > 0) this.#sources.set(source, count);
    else this.#sources.delete(source);
  }

  #sourceOf(from: Address): string {
    return this.#limits.isLocal(from.ip) ? 'loopback' : from.host;
  }
}

const seconds = (span: Millis): string => `${span / 1000} s`;

/** Why a connection failed, as a person would say it. */
function describeSocketError(error: Error): string {
  const code = errorCode(error);
  return SAID[code] ?? code;
}

const SAID: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'the peer hung up',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'no route to that host',
  ENETUNREACH: 'no route to that network',
};
