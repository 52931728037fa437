/**
 * One agent for one data directory: a Unix socket in it that its holder listens on. The kernel lets go of it when the holder
 * dies, however it dies, so no process id has to be judged: ids come again, and mean nothing in another container.
 */
import { rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import type { Millis } from '../base/time.ts';
import { codeOf } from './udp.ts';

export type Lock =
  | { readonly kind: 'held'; release(): void }
  /** `pid` is absent if the holder does not answer: it may be stopped. */
  | { readonly kind: 'taken'; readonly pid?: number }
  /** This place cannot hold a lock: full, read-only, or without sockets. */
  | { readonly kind: 'none'; readonly why: string };

/** A live process answers at once, unless its loop is busy. */
const PATIENCE: Millis = 2_000;
/** Of a path in `sockaddr_un`, without the byte that ends it; of the systems we run on, the smallest. */
const LONGEST_PATH = 103;
/** A stale lock is taken away at most so often: whoever still meets one has met other agents that start. */
const ATTEMPTS = 3;

export async function takeLock(path: string): Promise<Lock> {
  if (Buffer.byteLength(path) > LONGEST_PATH) return { kind: 'none', why: 'ENAMETOOLONG' };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      const server = await listen(path);
      return { kind: 'held', release: () => void server.close() };
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') return { kind: 'none', why: codeOf(error) };
    }
    const holder = await holderOf(path);
    if (holder !== 'dead') return { kind: 'taken', ...holder };
    // Moved before it is removed: if another agent was quicker and this is its fresh lock, it is put back.
    const aside = `${path}.old`;
    if (!(await rename(path, aside).then(yes, no))) continue;
    const quicker = await holderOf(aside);
    if (quicker !== 'dead') {
      await rename(aside, path).catch(no);
      return { kind: 'taken', ...quicker };
    }
    await rm(aside, { force: true, recursive: true }).catch(no);
  }
  return { kind: 'taken' };
}

const yes = (): boolean => true;
const no = (): boolean => false;

/** Tells everyone who connects our id. */
function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).end(`${process.pid}\n`);
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

/** Who listens there: without `pid` if it lives and does not say, or if that cannot be told. */
function holderOf(path: string): Promise<{ readonly pid?: number } | 'dead'> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path);
    const finish = (error?: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      if (DEAD.has(codeOf(error))) return resolve('dead');
      const pid = Number.parseInt(text, 10);
      resolve(pid > 0 ? { pid } : {});
    };
    const timer = setTimeout(finish, PATIENCE);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1').slice(0, 16);
      if (text.length > 16 || text.includes('\n')) finish();
    });
    socket.on('error', finish);
    socket.on('close', () => finish());
  });
}

/** Nobody listens; nobody ever did; it is gone. */
const DEAD: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTSOCK', 'ENOENT']);
