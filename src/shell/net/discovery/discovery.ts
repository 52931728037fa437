/**
 * Finds agents of one cluster name on the LAN by multicast DNS (mDNS), and answers those that look for one. Two sockets, as Serf
 * has: one on the port of mDNS, which only answers, and one of its own port, which asks: a reply to it cannot end up at another
 * program of this host that shares the port of mDNS.
 */
import type { Socket } from 'node:dgram';
import type { Options, QueryPacket, RemoteInfoOutgoing, ResponsePacket } from 'multicast-dns';
import makeMulticastDns from 'multicast-dns';
import type { Address } from '../../../base/address.ts';
import { errorCode } from '../../../base/errno.ts';
import { type Announcement, addressesIn, answersTo, serviceName } from './messages.ts';

const MDNS_PORT = 5353;
const GROUP: RemoteInfoOutgoing = { address: '224.0.0.251', port: MDNS_PORT };
/** Source: serf agent, mdnsPollInterval, mdnsQuietInterval. */
export const POLL_MS = 60_000;
export const QUIET_MS = 100;
/** Addresses that are kept, and joined again while members are missing; the oldest gives way to a new one. */
export const MAX_FOUND = 64;
/** Addresses that are new after one poll: what strangers say does not make an agent dial without end. */
export const MAX_NEW_PER_POLL = 64;
/** An answer is longer than its question: nobody can turn many of them on another host. */
export const MAX_ANSWERS_PER_SECOND = 50;

export interface DiscoveryOptions {
  /** Read for every answer: the address may change. */
  announcement(): Announcement;
  /** The address whose interface is used; `undefined`: all, and the kernel's choice to send. */
  readonly interface: string | undefined;
  /** Called with everything that is kept, when there is something new. */
  onFound(addresses: readonly string[]): void;
  /** A socket cannot be opened or used: no others are found by it. */
  onFailed(code: string): void;
  /** Something could not be sent, or an interface not be used; it is tried again. */
  onTrouble(code: string): void;
  /** A packet was no mDNS, or there were too many. */
  onDropped(): void;
  /** Tests give their own. */
  readonly sockets?: { readonly listener: Socket; readonly asker: Socket };
}

export interface Discovery {
  stop(): void;
}

export function startDiscovery(options: DiscoveryOptions): Discovery {
  const { interface: host, sockets, onDropped } = options;
  const common: Options = { ...(host === undefined ? {} : { interface: host }), bind: '0.0.0.0' };
  const listener = makeMulticastDns({ ...common, ...(sockets && { socket: sockets.listener }) });
  const asker = makeMulticastDns({ ...common, port: 0, ...(sockets && { socket: sockets.asker }) });
  const found = new FoundAddresses(options);
  let stopped = false;
  let second = Number.NEGATIVE_INFINITY;
  let answersLeft = 0;

  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    clearInterval(timer);
    found.stop();
    for (const part of [listener, asker]) part.destroy();
  };
  const fail = (error: Error | null | undefined): void => {
    if (error == null || stopped) return;
    stop();
    options.onFailed(errorCode(error));
  };
  const trouble = (error: Error | null | undefined): void => {
    if (error != null && !stopped) options.onTrouble(errorCode(error));
  };
  const mayAnswer = (): boolean => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, answersLeft] = [now, MAX_ANSWERS_PER_SECOND];
    answersLeft -= 1;
    return answersLeft >= 0;
  };
  listener.on('query', (query: QueryPacket, { address, port }) => {
    if (stopped) return;
    if (port === 0) return onDropped(); // nothing can be sent there
    const answers = answersTo(query.questions ?? [], options.announcement());
    if (answers.length === 0) return;
    if (!mayAnswer()) return onDropped();
    if (port === MDNS_PORT) return listener.respond({ answers });
    // RFC 6762, 6.7: a query from another port is one of plain DNS, whose reply repeats its number and question.
    listener.respond(
      { id: query.id, questions: query.questions?.slice(0, 1) ?? [], answers },
      { address, port },
    );
  });
  asker.on('response', ({ answers = [], additionals = [] }: ResponsePacket) => {
    if (!stopped) found.add(addressesIn([...answers, ...additionals], options.announcement().cluster));
  });
  for (const part of [listener, asker]) {
    part.on('error', fail);
    part.on('warning', (error: NodeJS.ErrnoException) => {
      if (error.syscall === undefined) onDropped();
      else if (error.syscall !== 'bind') trouble(error); // that one comes as an error, too
    });
  }
  const poll = (): void => {
    found.startPoll();
    const { cluster } = options.announcement();
    asker.query({ questions: [{ name: serviceName(cluster), type: 'PTR' }] }, { ...GROUP }, trouble);
  };
  const timer = setInterval(poll, POLL_MS);
  timer.unref();
  poll();
  return { stop };
}

/** What was found, bounded, and told after a short silence, so that the answers of many are one join. */
class FoundAddresses {
  readonly #options: Pick<DiscoveryOptions, 'announcement' | 'onFound'>;
  readonly #kept = new Set<string>();
  #left = 0;
  #quiet: NodeJS.Timeout | undefined;

  constructor(options: Pick<DiscoveryOptions, 'announcement' | 'onFound'>) {
    this.#options = options;
  }

  startPoll(): void {
    this.#left = MAX_NEW_PER_POLL;
  }

  add(addresses: readonly Address[]): void {
    const own = this.#options.announcement().address.key;
    for (const { key } of addresses) {
      if (key === own || this.#kept.has(key) || this.#left === 0) continue;
      this.#left -= 1;
      this.#kept.add(key);
      for (const oldest of this.#kept) {
        if (this.#kept.size <= MAX_FOUND) break;
        this.#kept.delete(oldest);
      }
      this.#quiet ??= setTimeout(() => {
        this.#quiet = undefined;
        this.#options.onFound([...this.#kept]);
      }, QUIET_MS);
    }
  }

  stop(): void {
    clearTimeout(this.#quiet);
  }
}
