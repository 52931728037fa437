/** DNS over TCP: frames with a length in front, many per connection. What a frame says is not looked at here. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Millis } from '../../base/time.ts';

export interface DnsTcpOptions {
  /** The answer to one query, now or later; `undefined` for none. Never throws or rejects. */
  readonly respond: (query: Buffer, host: string) => Buffer | Promise<Buffer> | undefined;
  /**
   * A connection on which nothing moved for so long is closed, and so is one whose question takes so long to come. D2 asks
   * for 10 s at least.
   */
  readonly idleTimeout: Millis;
  readonly maxConnections: number;
}

const LENGTH_BYTES = 2;
/** Questions of one connection that a recursor is being asked; while there are so many no more are read. */
const MAX_PENDING = 32;
const NOTHING = Buffer.alloc(0);

/** Not yet listening. When there are too many connections the one that asked nothing for longest is closed for the new one. */
export function createTcpServer(options: DnsTcpOptions): { readonly server: Server; closeAll(): void } {
  /** The one that asked nothing for longest comes first. */
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (open.size >= options.maxConnections) closeOldest(open);
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

function closeOldest(open: Set<Socket>): void {
  for (const oldest of open) {
    open.delete(oldest);
    oldest.destroy();
    return;
  }
}

/**
 * Answers frame by frame. While the peer does not read its answers we do not read its questions, so a connection holds
 * little more than one unfinished question and one unsent answer. What has to wait for a recursor does not hold up what
 * comes after it.
 *
 * Source: RFC 7766 §6.2, §7, §8.
 */
function serveConnection(
  socket: Socket,
  { respond: reply, idleTimeout }: DnsTcpOptions,
  asked: () => void,
): void {
  const host = socket.remoteAddress ?? '';
  let waiting: Buffer = NOTHING;
  /** Since when the question that is not yet whole has been coming. */
  let waitingSince: Millis = 0;
  let pending = 0;
  let ended = false;

  const work = (): void => {
    let at = 0;
    while (!socket.writableNeedDrain && socket.writable && pending < MAX_PENDING) {
      const frame = readFrame(waiting, at);
      if (frame === undefined) break;
      at += LENGTH_BYTES + frame.length;
      waitingSince = performance.now();
      asked();
      const answer = reply(frame, host);
      if (Buffer.isBuffer(answer)) socket.write(toFrame(answer));
      else if (answer !== undefined) later(answer);
    }
    waiting = at === waiting.length ? NOTHING : waiting.subarray(at);
    if (socket.writableNeedDrain || pending >= MAX_PENDING) socket.pause();
    else if (ended && pending === 0) socket.end();
    else socket.resume();
  };

  const later = (promised: Promise<Buffer>): void => {
    pending++;
    void promised.then((answer) => {
      pending--;
      if (socket.writable) socket.write(toFrame(answer));
      work();
    });
  };

  socket.on('data', (chunk) => {
    if (waiting.length === 0) waitingSince = performance.now();
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    work();
    // Octet by octet a question could keep its place for ever. One that waits for us to be read is not to blame.
    const isLate = readFrame(waiting, 0) === undefined && performance.now() - waitingSince > idleTimeout;
    if (waiting.length > 0 && isLate) socket.destroy();
  });
  socket.on('drain', work);
  socket.on('end', () => {
    ended = true;
    work();
  });
  socket.setTimeout(idleTimeout, () => socket.destroy());
  socket.on('error', () => socket.destroy()); // resets are the peer's own business
}

function readFrame(bytes: Buffer, at: number): Buffer | undefined {
  if (bytes.length - at < LENGTH_BYTES) return undefined;
  const end = at + LENGTH_BYTES + bytes.readUInt16BE(at);
  return end > bytes.length ? undefined : bytes.subarray(at + LENGTH_BYTES, end);
}

/** In one piece: some clients expect the length and the message in one segment. Source: RFC 7766 §8. */
function toFrame(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  frame.writeUInt16BE(message.length, 0);
  frame.set(message, LENGTH_BYTES);
  return frame;
}
