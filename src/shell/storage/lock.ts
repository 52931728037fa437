/**
 * One agent for one data directory: a Unix socket in it that its holder listens on. The kernel lets go of it when the holder
 * dies, however it dies, so no process id has to be judged: ids come again, and mean nothing in another container.
 */
import { randomUUID } from 'node:crypto';
import { link, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';

export type Lock =
  | { readonly kind: 'held'; release(): void }
  /** `pid` is absent if the holder does not answer: it may be stopped. */
  | { readonly kind: 'taken'; readonly pid?: number }
  /** This place cannot hold a lock: full, read-only, or without sockets. */
  | { readonly kind: 'none'; readonly why: string };

/** A live process answers at once, unless its loop is busy. */
const PATIENCE: Millis = 2_000;
/** In which agents that start at the same moment have seen one another's locks. */
const SETTLED: Millis = 50;
/** Of a path in `sockaddr_un`, without the byte that ends it; of the systems we run on, the smallest. */
const LONGEST_PATH = 103;
/** A stale lock is taken away at most so often: whoever still meets one has met other agents that start. */
const ATTEMPTS = 3;

export async function acquireLock(path: string): Promise<Lock> {
  if (Buffer.byteLength(path) > LONGEST_PATH) return { kind: 'none', why: 'ENAMETOOLONG' };
  const token = randomUUID();
  let hasCleared = false;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const server = await listen(path, token).catch(errorCode);
    if (typeof server !== 'string') {
      const other = hasCleared ? await otherHolder(path, token) : undefined;
      if (other === undefined) return { kind: 'held', release: () => void server.close() };
      server.close();
      return taken(other);
    }
    if (server !== 'EADDRINUSE') return { kind: 'none', why: server };
    const holder = await readHolder(path);
    if (holder !== 'dead') return taken(holder);
    const quicker = await removeStaleLock(path, `${path}.${token}`);
    if (typeof quicker === 'string') return { kind: 'none', why: quicker };
    if (quicker !== undefined) return taken(quicker);
    hasCleared = true;
  }
  return { kind: 'taken' };
}

const taken = ({ pid }: LockHolder): Lock => (pid === undefined ? { kind: 'taken' } : { kind: 'taken', pid });

/** Takes a dead lock away; the holder, if it was the fresh lock of an agent that was quicker; a code, if that cannot be. */
async function removeStaleLock(path: string, aside: string): Promise<LockHolder | string | undefined> {
  // Moved before it is looked at once more, and put back only where nothing stands by now.
  const failure = await rename(path, aside).catch(errorCode);
  if (failure !== undefined) return failure === 'ENOENT' ? undefined : failure;
  const holder = await readHolder(aside);
  if (holder !== 'dead') await link(aside, path).catch(ignore);
  await rm(aside, { force: true, recursive: true }).catch(ignore);
  return holder === 'dead' ? undefined : holder;
}

/** Several may have cleared one dead lock: after a while, whose lock stands here is the holder. */
async function otherHolder(path: string, token: string): Promise<LockHolder | undefined> {
  await sleep(SETTLED);
  const holder = await readHolder(path);
  return holder !== 'dead' && holder.token === token ? undefined : holder === 'dead' ? {} : holder;
}

const ignore = (): void => {};

/** Tells everyone who connects our process id, and a word that nobody else says. */
function listen(path: string, token: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).end(`${process.pid} ${token}\n`);
      socket.resume().unref();
    });
    server.maxConnections = 16;
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      server.unref();
      resolve(server);
    });
  });
}

/** Empty if it lives and does not say who it is, or if that cannot be told. */
interface LockHolder {
  readonly pid?: number;
  readonly token?: string;
}

function readHolder(path: string): Promise<LockHolder | 'dead'> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path);
    const finish = (error?: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      if (DEAD.has(errorCode(error))) return resolve('dead');
      const [, pid, token] = ANSWER.exec(text) ?? [];
      resolve(pid === undefined || token === undefined ? {} : { pid: Number(pid), token });
    };
    const timer = setTimeout(finish, PATIENCE);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1').slice(0, LONGEST_ANSWER);
      if (text.length > LONGEST_ANSWER || text.includes('\n')) finish();
    });
    socket.on('error', finish);
    socket.on('close', () => finish());
  });
}

const ANSWER = /^(\d{1,10}) ([0-9a-f-]{36})\n$/;
const LONGEST_ANSWER = 64;

/** Nobody listens; nobody ever did; it is gone. */
const DEAD: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTSOCK', 'ENOENT']);
