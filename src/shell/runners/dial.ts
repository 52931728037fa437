/** Dials for checks, with or without TLS, and only addresses that the egress guard allows. */
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
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

/** Resolves `host:port`, once. The port may be a name. Rejects with a message for users. */
export async function resolveTarget(target: string, run: RunContext): Promise<DialTarget> {
  const { host, port } = parseTarget(target);
  return { host, port, addresses: await run.guard.resolve(host, run.signal) };
}

/** Names of ports that Go's `net` package knows without a file of the system. Source: Go net/lookup.go. */
const PORT_NAMES: Readonly<Record<string, number>> = {
  ...{ domain: 53, ftp: 21, ftps: 990, gopher: 70, http: 80, https: 443, imap2: 143, imap3: 220, imaps: 993 },
  ...{ pop3: 110, pop3s: 995, smtp: 25, ssh: 22, submissions: 465, telnet: 23 },
};

/** Throws `Error` with a message for users. */
function parseTarget(target: string): { host: string; port: number } {
  const [, bracketed, plain = '', text] = /^(?:\[([^\]]+)\]|([^:]*))(?::(.*))?$/.exec(target) ?? [];
  const host = bracketed ?? plain;
  if (host === '') throw new Error('the address has no host: write it as host:port, IPv6 as [host]:port');
  if (text === undefined || text === '') throw new Error('the address has no port: write it as host:port');
  const port = /^\d{1,5}$/.test(text) ? Number(text) : PORT_NAMES[text.toLowerCase()];
  if (port === undefined) throw new Error(`unknown port "${text}": write its number`);
  if (port === 0 || port > 65_535) throw new Error(`port ${text} is not between 1 and 65535`);
  return { host, port };
}

/** Resolves to a connected socket, after its TLS handshake. It is destroyed when the run's signal aborts. */
export async function dial(
  target: DialTarget,
  tls: TlsOptions | undefined,
  run: RunContext,
): Promise<Socket> {
  if (tls === undefined) return dialPlain(target, run);
  const { connect: connectTls } = await import('node:tls'); // costs a megabyte
  const socket = await dialPlain(target, run);
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
