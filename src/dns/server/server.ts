/** The DNS server: UDP and TCP on one address and port. Responses come from memory, but for forwarded queries. */
import type { AddressInfo, Server } from 'node:net';
import { DgramAsPromised, type SocketAsPromised } from 'dgram-as-promised';
import { isLoopback, joinHostPort, parseIp } from '../../base/address.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { Meter } from '../../base/meter.ts';
import { DNS_DEFAULTS, type DnsOptions } from '../options.ts';
import { createResponder } from '../responder.ts';
import { type ClientClass, chooseResponseMode, classifyClient, toQueryOrigin } from './access.ts';
import { withMetrics } from './metrics.ts';
import { ResponseRateLimiter } from './rate-limit.ts';
import { createTcpServer } from './tcp.ts';

export interface DnsServer {
  /** The bound `host:port`. */
  readonly address: string;
  /** Closes both sockets and all connections. */
  close(): Promise<void>;
}

/** Room for queries that arrive while the event loop is busy, in bytes. The kernel may grant less. */
const RECEIVE_BUFFER = 1024 * 1024;
/** With port 0 the kernel may pick a TCP port that is taken for UDP; so often another one is tried. */
const FREE_PORT_TRIES = 16;

/** Binds the sockets and answers until closed. Throws `AgentError` `config` if a setting or the address is unusable. */
export async function startDns(options: DnsOptions): Promise<DnsServer> {
  const ip = parseIp(options.listen.host);
  if (ip === undefined)
    throw new AgentError(
      'config',
      `DNS cannot listen on '${options.listen.host}': give an IP address, such as --dns 127.0.0.1:8600.`,
    );
  rejectSelfRecursion(options);
  const allow = options.allow ?? [];
  const classify = (host: string): ClientClass => (isLoopback(ip) ? 'local' : classifyClient(host, allow));
  const responder = withMetrics(createResponder(options), options.meter ?? new Meter());
  const limiter = new ResponseRateLimiter(options.responsesPerSecond ?? DNS_DEFAULTS.responsesPerSecond);

  const tcp = createTcpServer({
    respond: (query, host) => {
      const client = classify(host);
      const mode = client === 'refused' ? 'refuse' : 'answer';
      return responder.respond(query, { ...toQueryOrigin(client), transport: 'tcp', spoofable: false }, mode);
    },
    idleTimeout: options.tcpIdleTimeout ?? DNS_DEFAULTS.tcpIdleTimeout,
    maxConnections: options.tcpMaxConnections ?? DNS_DEFAULTS.tcpMaxConnections,
  });
  const udp = await bindBoth(tcp.server, options.listen, ip.length === 4 ? 'udp4' : 'udp6');

  udp.socket.on('message', (query, from) => {
    const client = classify(from.address);
    const mode = chooseResponseMode(client, () => limiter.decide(from.address, performance.now()));
    if (mode === 'drop') return;
    const response = responder.respond(query, toQueryOrigin(client), mode);
    if (response === undefined) return;
    // A datagram that cannot be sent counts as lost, and the client retries. A promise here would cost as much as the
    // response itself.
    const send = (bytes: Buffer): void => {
      try {
        udp.socket.send(bytes, from.port, from.address);
      } catch {
        // The socket was closed while a recursor was queried, or the source port is 0, which only a forged packet has.
      }
    };
    if (Buffer.isBuffer(response)) send(response);
    else void response.then(send);
  });

  const bound = tcp.server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    responder.close();
    tcp.closeAll();
    await Promise.all([udp.close(), new Promise((closed) => tcp.server.close(closed))]);
  };
  return {
    address: joinHostPort(bound.address, bound.port),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/**
 * Refuses a recursor that is this server. Longer forwarding loops are detected when a query comes back (`Recursor`).
 */
function rejectSelfRecursion({ listen, recursors }: DnsOptions): void {
  for (const { ip, port, host } of recursors?.servers ?? []) {
    const isSelf = host === listen.host || (/^[0.:]+$/.test(listen.host) && isLoopback(ip));
    if (isSelf && port === listen.port)
      throw new AgentError(
        'config',
        `The DNS recursor ${joinHostPort(host, port)} is this agent's own DNS address: name another server with --dns-recursor.`,
      );
  }
}

/** Binds TCP first, then UDP to the same port. Nothing stays open on failure. */
async function bindBoth(
  server: Server,
  { host, port }: DnsOptions['listen'],
  family: 'udp4' | 'udp6',
): Promise<SocketAsPromised> {
  for (let triesLeft = port === 0 ? FREE_PORT_TRIES : 1; ; triesLeft--) {
    try {
      await listen(server, host, port);
    } catch (error) {
      throw toListenError(error, host, port);
    }
    // A socket whose bind failed cannot be bound again, so each try has a new one.
    const udp = DgramAsPromised.createSocket({
      type: family,
      recvBufferSize: RECEIVE_BUFFER,
      // Addresses are literals: without a lookup the response leaves in the same turn of the event loop.
      lookup: (host, _options, done) => done(null, host, family === 'udp4' ? 4 : 6),
    });
    try {
      await udp.bind((server.address() as AddressInfo).port, host);
      udp.destroy(); // only removes the wrapper's own listeners, which would throw an old error at a later send
      udp.socket.on('error', () => undefined); // such as an ICMP error for a response we sent
      return udp;
    } catch (error) {
      udp.destroy();
      await udp.close();
      await new Promise((closed) => server.close(closed));
      if (errorCode(error) !== 'EADDRINUSE' || triesLeft <= 1) throw toListenError(error, host, port);
    }
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      server.on('error', () => undefined); // accept may fail when descriptors run out, and work again later
      resolve();
    });
  });
}

function toListenError(error: unknown, host: string, port: number): AgentError {
  const address = joinHostPort(host, port);
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return new AgentError(
        'config',
        `DNS cannot listen on ${address}, which is in use: stop the other program or choose another with --dns ADDR:PORT.`,
      );
    case 'EACCES':
      return new AgentError(
        'config',
        `DNS may not listen on ${address}: choose a port above 1023 with --dns ADDR:PORT, or grant CAP_NET_BIND_SERVICE.`,
      );
    case 'EADDRNOTAVAIL':
      return new AgentError(
        'config',
        `DNS cannot listen on ${address}, which is not an address of this host: choose another with --dns ADDR:PORT.`,
      );
    default:
      return new AgentError(
        'config',
        `DNS cannot listen on ${address} (${errorCode(error)}): choose another with --dns ADDR:PORT, or --dns off.`,
      );
  }
}
