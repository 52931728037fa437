/** Connecting for a check: to addresses that the guard has let pass, and to nothing else; with or without TLS. */
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { splitHostPort } from '../../base/address.ts';
import type { RunContext } from './runner.ts';

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  /** Resolved and let pass. Any one of them will do. */
  readonly addresses: readonly string[];
}

export interface TlsOptions {
  readonly serverName: string;
  readonly skipVerify: boolean;
  readonly protocols?: readonly string[];
}

/** `host:port`, resolved once. Rejects with a sentence. */
export async function resolveTarget(target: string, run: RunContext): Promise<DialTarget> {
  const { host = '', port = 0 } = splitHostPort(target) ?? {};
  return { host, port, addresses: await run.guard.resolve(host, run.signal) };
}

/** A connected socket, after its TLS handshake. It is destroyed when the run's signal aborts. */
export async function dial(place: DialTarget, tls: TlsOptions | undefined, run: RunContext): Promise<Socket> {
  const socket = await dialPlain(place, run);
  if (tls === undefined) return socket;
  const wanted = tls.serverName || place.host;
  const secure = connectTls({
    socket,
    host: wanted,
    ...(isIP(wanted) === 0 ? { servername: wanted } : {}),
    rejectUnauthorized: !tls.skipVerify,
    ...(tls.protocols === undefined ? {} : { ALPNProtocols: [...tls.protocols] }),
  });
  return waitForSocket(secure, 'secureConnect', run.signal);
}

async function dialPlain({ host, port, addresses }: DialTarget, run: RunContext): Promise<Socket> {
  const family = (ip: string): number => (ip.includes(':') ? 6 : 4);
  const all = addresses.map((address) => ({ address, family: family(address) }));
  // Node asks this instead of the system, so a name cannot come to mean something else in between.
  const lookup: LookupFunction = (_, options, done) =>
    options.all === true ? done(null, all) : done(null, all[0]?.address ?? '', all[0]?.family);
  const only = addresses.length === 1 ? addresses[0] : undefined;
  const socket = connect({ host: only ?? host, port, lookup, autoSelectFamily: true });
  await waitForSocket(socket, 'connect', run.signal);
  const reached = socket.remoteAddress ?? '';
  if (run.guard.isAllowed(reached)) return socket;
  socket.destroy();
  throw new Error(`${reached || host} must not be reached by checks`);
}

/** Resolves at `event`; from here on errors of the socket are heard, and the signal ends it. */
function waitForSocket(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('connection closed by peer')));
    socket.once(event, () => resolve(socket));
    if (signal.aborted) socket.destroy();
    else signal.addEventListener('abort', () => socket.destroy(), { once: true });
  });
}
