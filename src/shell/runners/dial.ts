/** Dials for checks, with or without TLS, and only addresses that the egress guard allows. */
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { splitHostPort } from '../../base/address.ts';
import type { RunContext } from './runner.ts';

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  /** Resolved and allowed; one of them is dialed. */
  readonly addresses: readonly string[];
}

export interface TlsOptions {
  readonly serverName: string;
  readonly skipVerify: boolean;
  readonly protocols?: readonly string[];
}

/** Resolves `host:port`, once. Rejects with a message for users. */
export async function resolveTarget(target: string, run: RunContext): Promise<DialTarget> {
  const { host = '', port = 0 } = splitHostPort(target) ?? {};
  return { host, port, addresses: await run.guard.resolve(host, run.signal) };
}

/** Resolves to a connected socket, after its TLS handshake. It is destroyed when the run's signal aborts. */
export async function dial(
  target: DialTarget,
  tls: TlsOptions | undefined,
  run: RunContext,
): Promise<Socket> {
  const socket = await dialPlain(target, run);
  if (tls === undefined) return socket;
  const serverName = tls.serverName || target.host;
  const secure = connectTls({
    socket,
    host: serverName,
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    rejectUnauthorized: !tls.skipVerify,
    ...(tls.protocols === undefined ? {} : { ALPNProtocols: [...tls.protocols] }),
  });
  return waitForSocket(secure, 'secureConnect', run.signal);
}

async function dialPlain({ host, port, addresses }: DialTarget, run: RunContext): Promise<Socket> {
  const family = (ip: string): number => (ip.includes(':') ? 6 : 4);
  const all = addresses.map((address) => ({ address, family: family(address) }));
  // Node calls this instead of the system's resolver: the name cannot resolve to another address than the one checked.
  const lookup: LookupFunction = (_, options, done) =>
    options.all === true ? done(null, all) : done(null, all[0]?.address ?? '', all[0]?.family);
  const only = addresses.length === 1 ? addresses[0] : undefined;
  const socket = connect({ host: only ?? host, port, lookup, autoSelectFamily: true });
  await waitForSocket(socket, 'connect', run.signal);
  const reached = socket.remoteAddress ?? '';
  if (run.guard.isAllowed(reached)) return socket;
  socket.destroy();
  throw new Error(`${reached || host} is denied to checks`);
}

/** Resolves at `event`. Handles errors of the socket from here on, and destroys it when the signal aborts. */
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
