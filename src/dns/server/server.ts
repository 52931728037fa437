/** The DNS door: UDP and TCP on one address and port, from sockets to answers and back. Answers come from memory. */
import type { AddressInfo, Server } from 'node:net';
import { DgramAsPromised, type SocketAsPromised } from 'dgram-as-promised';
import { isLoopback, joinHostPort, parseIp } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import { Meter } from '../../base/meter.ts';
import { DNS_DEFAULTS, type DnsOptions } from '../options.ts';
import { createResponder } from '../responder.ts';
import { type ClientClass, chooseResponseMode, classifyClient, toQueryOrigin } from './access.ts';
import { withMetrics } from './metrics.ts';
import { ResponseRateLimiter } from './rate-limit.ts';
import { createTcpServer } from './tcp.ts';

export interface DnsServer {
  /** `host:port` as bound. */
  readonly address: string;
  /** Closes both sockets and all connections. */
  close(): Promise<void>;
}

/** Asked of the kernel, which may grant less: room for questions that arrive while the event loop is busy. */
const RECEIVE_BUFFER = 1024 * 1024;
/** Ports the system may offer for TCP while they are taken for UDP. */
const FREE_PORT_TRIES = 16;

/** Binds and answers until closed. Throws `AgentError` `config` if a setting or the address will not do. */
export async function startDns(options: DnsOptions): Promise<DnsServer> {
  const ip = parseIp(options.listen.host);
  if (ip === undefined)
    throw new AgentError(
      'config',
      `DNS cannot listen on '${options.listen.host}': give an IP address, such as --dns 127.0.0.1:8600.`,
    );
  rejectSelfRecursion(options);
  const allow = options.allow ?? [];
  const askerOf = (host: string): ClientClass => (isLoopback(ip) ? 'local' : classifyClient(host, allow));
  const answerer = withMetrics(createResponder(options), options.meter ?? new Meter());
  const rate = new ResponseRateLimiter(options.responsesPerSecond ?? DNS_DEFAULTS.strangersPerSecond);

  const tcp = createTcpServer({
    respond: (query, host) => {
      const asker = askerOf(host);
      const manner = asker === 'refused' ? 'refuse' : 'answer';
      return answerer.respond(query, { ...toQueryOrigin(asker), transport: 'tcp', spoofable: false }, manner);
    },
    idleTimeout: options.tcpIdleTimeout ?? DNS_DEFAULTS.tcpIdleTimeout,
    maxConnections: options.tcpMaxConnections ?? DNS_DEFAULTS.tcpMaxConnections,
  });
  const udp = await bindBoth(tcp.server, options.listen, ip.length === 4 ? 'udp4' : 'udp6');

  udp.socket.on('message', (query, from) => {
    const asker = askerOf(from.address);
    const manner = chooseResponseMode(asker, () => rate.decide(from.address, performance.now()));
    if (manner === 'drop') return;
    const answer = answerer.respond(query, toQueryOrigin(asker), manner);
    if (answer === undefined) return;
    // A datagram that cannot be sent is a datagram lost: the asker asks again. No promise, which would cost as much as
    // the answer.
    const send = (bytes: Buffer): void => {
      try {
        udp.socket.send(bytes, from.port, from.address);
      } catch {
        // closed while a recursor was asked, or a port of 0, which only a forger has
      }
    };
    if (Buffer.isBuffer(answer)) send(answer);
    else void answer.then(send);
  });

  const bound = tcp.server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    answerer.close();
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

/** A recursor that is ourselves would be asked what it asks. Longer circles are broken when they are run through. */
function rejectSelfRecursion({ listen, recursors }: DnsOptions): void {
  for (const { ip, port, host } of recursors?.servers ?? []) {
    const isOurs = host === listen.host || (/^[0.:]+$/.test(listen.host) && isLoopback(ip));
    if (isOurs && port === listen.port)
      throw new AgentError(
        'config',
        `The DNS recursor ${joinHostPort(host, port)} is this agent's own DNS address: name another server with --dns-recursor.`,
      );
  }
}

/** TCP first, then UDP on the port it got. Nothing stays open on failure. */
async function bindBoth(
  server: Server,
  { host, port }: DnsOptions['listen'],
  family: 'udp4' | 'udp6',
): Promise<SocketAsPromised> {
  for (let triesLeft = port === 0 ? FREE_PORT_TRIES : 1; ; triesLeft--) {
    try {
      await listen(server, host, port);
    } catch (error) {
      throw cannotListen(error, host, port);
    }
    // A socket whose bind failed must not be bound again, hence a fresh one each time.
    const udp = DgramAsPromised.createSocket({
      type: family,
      recvBufferSize: RECEIVE_BUFFER,
      // Addresses are literals here: nothing is looked up, and an answer leaves in the same turn.
      lookup: (host, _options, done) => done(null, host, family === 'udp4' ? 4 : 6),
    });
    try {
      await udp.bind((server.address() as AddressInfo).port, host);
      udp.destroy(); // only removes the wrapper's own listeners: they would throw an old error at a later send
      udp.socket.on('error', () => undefined); // such as an ICMP answer to something we sent
      return udp;
    } catch (error) {
      udp.destroy();
      await udp.close();
      await new Promise((closed) => server.close(closed));
      if (codeOf(error) !== 'EADDRINUSE' || triesLeft <= 1) throw cannotListen(error, host, port);
    }
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      server.on('error', () => undefined); // accept may fail (out of descriptors); the next one may not
      resolve();
    });
  });
}

function cannotListen(error: unknown, host: string, port: number): AgentError {
  const at = joinHostPort(host, port);
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new AgentError(
        'config',
        `DNS cannot listen on ${at}, which is in use: stop the other program or choose another with --dns ADDR:PORT.`,
      );
    case 'EACCES':
      return new AgentError(
        'config',
        `DNS may not listen on ${at}: choose a port above 1023 with --dns ADDR:PORT, or grant CAP_NET_BIND_SERVICE.`,
      );
    case 'EADDRNOTAVAIL':
      return new AgentError(
        'config',
        `DNS cannot listen on ${at}, which is not an address of this host: choose another with --dns ADDR:PORT.`,
      );
    default:
      return new AgentError(
        'config',
        `DNS cannot listen on ${at} (${codeOf(error) ?? String(error)}): choose another with --dns ADDR:PORT, or --dns off.`,
      );
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;
