/**
 * The lock of a data directory: a Unix socket in it that the holder listens on. The kernel closes it when the process
 * ends in any way, so no process id has to be checked: ids are reused, and mean nothing in another container.
 */
import { randomUUID } from 'node:crypto';
import { link, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';

export type Lock =
  | { readonly kind: 'held'; release(): void }
  /** `pid` is absent if the holder does not answer; its process may be stopped. */
  | { readonly kind: 'heldByOther'; readonly pid?: number }
  /** The file system cannot hold a lock: it is full, read-only, or has no sockets. */
  | { readonly kind: 'unavailable'; readonly reason: string };

/** How long to wait for the holder's answer. A live process answers at once, unless its event loop is busy. */
const ANSWER_TIMEOUT: Millis = 2_000;
/** It is waited for in steps, so that time in which this process itself did not run counts as one: an answer may be there already. */
const ANSWER_STEPS = 20;
/** After this time agents that start at the same moment have seen each other's locks. */
const RACE_WINDOW: Millis = 50;
/** Bytes of a path in `sockaddr_un` without its terminator: the smallest limit of the supported systems. */
const MAX_PATH_BYTES = 103;
/** How often a stale lock is removed. If there is still one, other agents are starting at the same time. */
const MAX_ATTEMPTS = 3;

export async function acquireLock(path: string): Promise<Lock> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return { kind: 'unavailable', reason: 'ENAMETOOLONG' };
  const token = randomUUID();
  let hasCleared = false;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const server = await listen(path, token).catch(errorCode);
    if (typeof server !== 'string') {
      const other = hasCleared ? await otherHolder(path, token) : undefined;
      if (other === undefined) return { kind: 'held', release: () => void server.close() };
      server.close();
      return heldByOther(other);
    }
    if (server !== 'EADDRINUSE') return { kind: 'unavailable', reason: server };
    const holder = await readHolder(path);
    if (holder !== 'stale') return heldByOther(holder);
    const newHolder = await removeStaleLock(path, `${path}.${token}`);
    if (typeof newHolder === 'string') return { kind: 'unavailable', reason: newHolder };
    if (newHolder !== undefined) return heldByOther(newHolder);
    hasCleared = true;
  }
  return { kind: 'heldByOther' };
}

const heldByOther = ({ pid }: LockHolder): Lock =>
  pid === undefined ? { kind: 'heldByOther' } : { kind: 'heldByOther', pid };

/** Removes a stale lock. Returns the holder if another agent has locked meanwhile, or an error code if it cannot. */
async function removeStaleLock(path: string, aside: string): Promise<LockHolder | string | undefined> {
  // It is moved aside and checked again, and put back only if there is no new lock in its place.
  const failure = await rename(path, aside).catch(errorCode);
  if (failure !== undefined) return failure === 'ENOENT' ? undefined : failure;
  const holder = await readHolder(aside);
  if (holder !== 'stale') await link(aside, path).catch(ignore);
  await rm(aside, { force: true, recursive: true }).catch(ignore);
  return holder === 'stale' ? undefined : holder;
}

/** Several agents may have removed one stale lock. After the race, the one whose socket has the path holds the lock. */
async function otherHolder(path: string, token: string): Promise<LockHolder | undefined> {
  await sleep(RACE_WINDOW);
  const holder = await readHolder(path);
  if (holder === 'stale') return {};
  return holder.token === token ? undefined : holder;
}

const ignore = (): void => {};

/** Sends this process's id and a unique token to each client that connects. */
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

/** Empty if the holder is alive but does not identify itself, or if that is unknown. */
interface LockHolder {
  readonly pid?: number;
  readonly token?: string;
}

function readHolder(path: string): Promise<LockHolder | 'stale'> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path);
    const finish = (error?: unknown): void => {
      clearInterval(timer);
      socket.destroy();
      if (STALE_CODES.has(errorCode(error))) return resolve('stale');
      const [, pid, token] = ANSWER.exec(text) ?? [];
      resolve(pid === undefined || token === undefined ? {} : { pid: Number(pid), token });
    };
    let steps = 0;
    const timer = setInterval(() => {
      steps += 1;
      if (steps === ANSWER_STEPS) finish();
    }, ANSWER_TIMEOUT / ANSWER_STEPS);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1').slice(0, MAX_ANSWER_LENGTH);
      if (text.length > MAX_ANSWER_LENGTH || text.includes('\n')) finish();
    });
    socket.on('error', finish);
    socket.on('close', () => finish());
  });
}

const ANSWER = /^(\d{1,10}) ([0-9a-f-]{36})\n$/;
const MAX_ANSWER_LENGTH = 64;

/** No process listens; it is not a socket; it is gone. */
const STALE_CODES: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTSOCK', 'ENOENT']);
