/**
 * The TCP side of gossip: a listener and outgoing connections, each a stream with a `StreamId`. It moves bytes, and
 * limits the number of streams, their duration and their size.
 */
import { createServer, connect as dialTcp, type Server, type Socket } from 'node:net';
import type { DialFailure, Input, StreamId } from '../../agent/contract/machine.ts';
import { type Address, toAddress } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { describeError, errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';
import { peerAddress, toUint8Array } from './udp.ts';

export interface Tcp {
  readonly address: Address;
  /** How many streams hold a socket, in either direction. */
  readonly size: number;
  /** Dials. Either `streamOpened` or `streamClosed` follows. */
  open(stream: StreamId, to: Address): void;
  /** After `end` no input of this stream follows. The caller must not reuse the memory of `bytes`. */
  write(stream: StreamId, bytes: Uint8Array, end: boolean): void;
  /** It stays open while nothing is said on it, and no limit counts it any more; keep-alives notice a peer that is gone. */
  hold(stream: StreamId): void;
  /** Closes it at once; no input follows. */
  destroy(stream: StreamId): void;
  close(): Promise<void>;
}

export type StreamInput = Extract<Input, { stream: StreamId }>;

export interface TcpEvents {
  onInput(input: StreamInput): void;
  /** An incoming connection was refused, because of a limit. */
  onRefused(from: Address, reason: string): void;
  /** The listener failed with a code such as `EMFILE`; it goes on listening. */
  onError(code: string): void;
}

export interface TcpLimits {
  /**
   * Most accepted streams at once. The agent has fewer that wait for a request (stream-slots.ts); the others have their response, and one
   * of those is closed to make room.
   */
  readonly inbound: number;
  readonly idleTimeout: Millis;
  readonly totalTimeout: Millis;
  /** Lingering close: how long the peer may take to close its half after we ended ours. */
  readonly lingerTimeout: Millis;
  /** Most bytes that one stream may receive, and that may wait to be sent on one. */
  readonly maxBytes: number;
}

export const TCP_LIMITS: TcpLimits = {
  inbound: 512,
  idleTimeout: 30_000, // the agent gives up before (`swim.streamTimeout`), unless it was late itself
  totalTimeout: 60_000,
  lingerTimeout: 2_000,
  maxBytes: 21 * 1024 * 1024, // 20 MiB of push/pull and its envelope
};

/** Rejects with Node's error if it cannot bind. */
export async function openTcp(at: Address, events: TcpEvents, limits: TcpLimits = TCP_LIMITS): Promise<Tcp> {
  // Half-open connections: a peer that has ended its half still receives what we send. We always end our half.
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
    hold: (stream) => streams.hold(stream),
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
  /** The source of an accepted stream that counts; `undefined` for a stream that we dialed, or hold. */
  from: Address | undefined;
  /** The agent gets no further input of this stream. */
  done: boolean;
  received: number;
  /** Fires at the total timeout, after `end` at the linger timeout. */
  timer: NodeJS.Timeout | undefined;
}

class Streams {
  readonly #events: TcpEvents;
  readonly #limits: TcpLimits;
  readonly #streams = new Map<StreamId, Stream>();
  #accepted = 0;
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
    if (!this.#makeRoom()) {
      socket.on('error', () => {});
      socket.destroy();
      return this.#events.onRefused(from, `${this.#limits.inbound} streams are open`);
    }
    const stream = this.#nextAccepted;
    this.#nextAccepted += 2;
    this.#accepted += 1;
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
    // Lingering close: a close now could reset the connection before the peer has read the answer, so it closes first.
    socket.once('finish', () =>
      this.#setDeadline(stream, this.#limits.lingerTimeout, 'the peer did not close the connection'),
    );
    socket.end(bytes);
  }

  hold(id: StreamId): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.done) return;
    const { socket, from } = stream;
    clearTimeout(stream.timer);
    socket.setTimeout(0);
    socket.setKeepAlive(true, KEEP_ALIVE);
    stream.from = undefined;
    if (from !== undefined) this.#accepted -= 1;
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
    const stream: Stream = { id, socket, from, done: false, received: 0, timer: undefined };
    this.#setDeadline(stream, totalTimeout, `not finished after ${seconds(totalTimeout)}`);
    this.#streams.set(id, stream);
    socket.setTimeout(idleTimeout);
    socket.on('timeout', () =>
      this.#fail(stream, `${socket.connecting ? 'no connection' : 'no data'} for ${seconds(idleTimeout)}`),
    );
    socket.on('data', (bytes) => this.#onData(stream, bytes));
    socket.on('end', () => {
      this.#notifyClosed(stream);
      socket.end();
    });
    socket.on('error', (error) =>
      this.#fail(stream, describeError(error), DIAL_FAILURES.get(errorCode(error))),
    );
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

  #setDeadline(stream: Stream, span: Millis, reason: string): void {
    clearTimeout(stream.timer);
    stream.timer = setTimeout(() => this.#fail(stream, reason), span);
    stream.timer.unref();
  }

  #fail(stream: Stream, reason: string, failure?: DialFailure): void {
    stream.socket.destroy();
    this.#notifyClosed(stream, reason, failure);
  }

  #notifyClosed(stream: Stream, reason?: string, failure?: DialFailure): void {
    if (stream.done) return;
    stream.done = true;
    const closed = { kind: 'streamClosed', stream: stream.id } as const;
    this.#events.onInput({
      ...closed,
      ...(reason === undefined ? {} : { why: reason }),
      ...(failure === undefined ? {} : { failure }),
    });
  }

  #release(stream: Stream): void {
    clearTimeout(stream.timer);
    if (!this.#streams.delete(stream.id)) return;
    if (stream.from !== undefined) this.#accepted -= 1;
    // Invariant: the number of accepted streams is never negative.
    assert(this.#accepted >= 0, 'more streams released than accepted');
  }

  /** Closes the oldest stream that has its response, and whose peer should have closed it; false: there is none. */
  #makeRoom(): boolean {
    if (this.#accepted < this.#limits.inbound) return true;
    for (const { id, from, done } of this.#streams.values()) {
      if (from === undefined || !done) continue;
      this.destroy(id);
      return true;
    }
    return false;
  }
}

/** Errors of `connect` by which an attempt to dial says something about the host. */
const DIAL_FAILURES: ReadonlyMap<string, DialFailure> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['EHOSTUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['ETIMEDOUT', 'timeout'],
]);

/** An idle stream is tested this often: below the time after which a NAT or a firewall forgets it, mostly. */
const KEEP_ALIVE: Millis = 60_000;

const seconds = (span: Millis): string => `${span / 1000} s`;
