/** Opens the listening socket; its errors say what to do. */
import { lstatSync, statSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { joinHostPort } from '../../base/address.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';

export type HttpListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Throws `AgentError('config')`. A stale socket file, on which no process listens, is replaced. */
export async function startListening(server: Server, where: HttpListenAddress): Promise<void> {
  try {
    await listenOnce(server, where);
  } catch (error) {
    if ('path' in where && errorCode(error) === 'EADDRINUSE' && (await isStale(where.path))) {
      unlinkSync(where.path);
      return startListening(server, where);
    }
    throw new AgentError('config', formatListenError(where, error));
  }
}

/** Whether only this process's user, and root, can open a socket file at the path: by the mode of its directory. */
export function isPrivate(path: string): boolean {
  const { uid, mode } = statSync(dirname(path), { throwIfNoEntry: false }) ?? { uid: -1, mode: 0o777 };
  return uid === process.geteuid?.() && (mode & 0o077) === 0;
}

function listenOnce(server: Server, where: HttpListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether the path is a socket file that refuses connections. Nothing else at that path is removed. */
function isStale(path: string): Promise<boolean> {
  if (!lstatSync(path).isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect({ path }, () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error) => resolve(errorCode(error) === 'ECONNREFUSED'));
  });
}

function formatListenError(where: HttpListenAddress, error: unknown): string {
  const place = 'path' in where ? `the socket ${where.path}` : joinHostPort(where.host, where.port);
  const messages: Readonly<Record<string, string>> = {
    EADDRINUSE: `${place} is already in use: stop the other program, or choose another address with --http`,
    EACCES: `HTTP is not allowed to listen on ${place}: choose a port above 1023 or another directory with --http`,
    EADDRNOTAVAIL: `${place} is not an address of this host: choose one with --http`,
    ENOENT: `the directory of ${place} does not exist: create it, or choose another with --http`,
  };
  const message = error instanceof Error ? error.message : String(error);
  return (
    messages[errorCode(error)] ??
    `HTTP cannot listen on ${place} (${message}): choose another address with --http`
  );
}
