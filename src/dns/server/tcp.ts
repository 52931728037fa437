/** DNS over TCP: length-prefixed frames, many per connection (RFC 7766). The content of frames is not parsed here. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Millis } from '../../base/time.ts';

export interface DnsTcpOptions {
  /** The response to one query, at once or later; `undefined` for none. Must not throw or reject. */
  readonly respond: (query: Buffer, host: string) => Buffer | Promise<Buffer> | undefined;
  /**
   * Closes a connection that was idle, or whose query was incomplete, for this long: at least 10 s (docs/consul-dns.md
   * D2).
   */
  readonly idleTimeout: Millis;
  readonly maxConnections: number;
}

const LENGTH_BYTES = 2;
/** Forwarded queries per connection. While this many wait for a recursor, no more queries are read. */
const MAX_PENDING = 32;
const NO_BYTES = Buffer.alloc(0);

/**
 * Creates a server that does not listen yet. At `maxConnections`, a new connection evicts the one without queries for
 * longest.
 */
export function createTcpServer(options: DnsTcpOptions): { readonly server: Server; closeAll(): void } {
  /** In LRU order: the connection without queries for longest comes first. */
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (open.size >= options.maxConnections) evictOldest(open);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serveConnection(socket, options, () => {
      if (open.delete(socket)) open.add(socket);
    });
  });
  return {
    server,
    closeAll: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

function evictOldest(open: Set<Socket>): void {
  for (const oldest of open) {
    open.delete(oldest);
    oldest.destroy();
    return;
  }
}

/**
 * Answers frame by frame. Backpressure: while the client does not read responses, its queries are not read, so a
 * connection holds little more than one incomplete query and one unsent response. Forwarded queries do not delay later
 * ones.
 *
 * Source: RFC 7766 §6.2, §7, §8.
 */
function serveConnection(socket: Socket, { respond, idleTimeout }: DnsTcpOptions, onQuery: () => void): void {
  const host = socket.remoteAddress ?? '';
  let buffered: Buffer = NO_BYTES;
  /** When the first byte of the incomplete query arrived. */
  let bufferedSince: Millis = 0;
  /** Queries that wait for a recursor. */
  let pending = 0;
  let ended = false;

  const serveFrames = (): void => {
    let at = 0;
    while (!socket.writableNeedDrain && socket.writable && pending < MAX_PENDING) {
      const frame = readFrame(buffered, at);
      if (frame === undefined) break;
      at += LENGTH_BYTES + frame.length;
      bufferedSince = performance.now();
      onQuery();
      const response = respond(frame, host);
      if (Buffer.isBuffer(response)) socket.write(toFrame(response));
      else if (response !== undefined) writeLater(response);
    }
    buffered = at === buffered.length ? NO_BYTES : buffered.subarray(at);
    if (socket.writableNeedDrain || pending >= MAX_PENDING) socket.pause();
    else if (ended && pending === 0) socket.end();
    else socket.resume();
  };

  const writeLater = (promised: Promise<Buffer>): void => {
    pending++;
    void promised.then((response) => {
      pending--;
      if (socket.writable) socket.write(toFrame(response));
      serveFrames();
    });
  };

  socket.on('data', (chunk) => {
    if (buffered.length === 0) bufferedSince = performance.now();
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    serveFrames();
    // A query that drips in byte by byte (slowloris) never lets the socket time out. A complete one waits for us
    // instead.
    const isLate = readFrame(buffered, 0) === undefined && performance.now() - bufferedSince > idleTimeout;
    if (buffered.length > 0 && isLate) socket.destroy();
  });
  socket.on('drain', serveFrames);
  socket.on('end', () => {
    ended = true;
    serveFrames();
  });
  socket.setTimeout(idleTimeout, () => socket.destroy());
  socket.on('error', () => socket.destroy()); // a reset by the client is no error of ours
}

/** The frame at `at` without its length; `undefined` while it is incomplete. */
function readFrame(bytes: Buffer, at: number): Buffer | undefined {
  if (bytes.length - at < LENGTH_BYTES) return undefined;
  const end = at + LENGTH_BYTES + bytes.readUInt16BE(at);
  return end > bytes.length ? undefined : bytes.subarray(at + LENGTH_BYTES, end);
}

/** Length and message in one buffer, since some clients expect them in one segment. Source: RFC 7766 §8. */
function toFrame(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  frame.writeUInt16BE(message.length, 0);
  frame.set(message, LENGTH_BYTES);
  return frame;
}
