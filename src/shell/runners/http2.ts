/** Opens one HTTP/2 session for one check, and closes it. */
import type { ClientHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type DialTarget, dial, resolveTarget, type TlsOptions } from './dial.ts';
import type { RunContext } from './runner.ts';

/** Calls `use` with a session, and destroys it afterwards, or when the run's signal aborts. */
export async function withHttp2Session<T>(
  target: string,
  tls: Omit<TlsOptions, 'protocols'> | undefined,
  run: RunContext,
  use: (session: ClientHttp2Session) => Promise<T>,
): Promise<T> {
  const { connect } = await import('node:http2'); // costs half a megabyte
  const secure = tls === undefined ? undefined : { ...tls, protocols: ['h2'] };
  const resolved = await resolveTarget(target, run);
  const socket = await dial(resolved, secure, run);
  if (tls !== undefined && (socket as TLSSocket).alpnProtocol !== 'h2') {
    socket.destroy();
    throw new Error('the server does not speak HTTP/2');
  }
  const scheme = tls === undefined ? 'http' : 'https';
  const session = connect(`${scheme}://${formatHostPort(resolved)}`, {
    createConnection: () => socket,
    settings: { enablePush: false },
    maxSessionMemory: 1, // megabyte
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      session.on('error', reject);
      session.on('close', () => reject(new Error('connection closed by peer')));
      use(session).then(resolve, reject);
    });
  } finally {
    session.destroy();
    socket.destroy();
  }
}

const formatHostPort = ({ host, port }: DialTarget): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
