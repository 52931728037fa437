/**
 * Gossip ports whose network can be cut: what `Links` do not let pass is lost on the way, in both directions and over both
 * protocols. A stream that has lost bytes ends when its link heals, since no kernel sends them again here.
 */
import type { StreamId } from '../../agent/contract/machine.ts';
import { type Address, formatAddress } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import { openPorts, type PortEvents, type Ports } from './ports.ts';
import { type StreamInput, TCP_LIMITS, type TcpLimits } from './tcp.ts';

/** Which ways between agents are open. Addresses are `host:port` of gossip. */
export interface Links {
  /** `undefined`: some peer whose address is not known, at the far end of a stream that it has dialed. */
  passes(from: string | undefined, to: string | undefined): boolean;
  /** Calls `onHeal` whenever more passes than before, until the function it returns is called. */
  watch(onHeal: () => void): () => void;
}

/** Opens ports as `openPorts` does, behind `links`. */
export async function openLinkedPorts(
  at: Address,
  events: PortEvents,
  links: Links,
  limits: TcpLimits = TCP_LIMITS,
): Promise<Ports> {
  let streams: LinkedStreams | undefined;
  let self = formatAddress(at);
  const ports = await openPorts(
    at,
    {
      ...events,
      onPacket: (bytes, from) => {
        if (links.passes(formatAddress(from), self)) events.onPacket(bytes, from);
      },
      onInput: (input) => streams?.receive(input),
    },
    limits,
  );
  const { udp, tcp } = ports;
  self = formatAddress(udp.address);
  const linked = new LinkedStreams(self, tcp, links, events, limits.idleTimeout);
  streams = linked;
  const unwatch = links.watch(() => linked.heal());
  return {
    udp: {
      ...udp,
      send: (packet, to) => {
        if (links.passes(self, formatAddress(to))) udp.send(packet, to);
      },
    },
    tcp: {
      address: tcp.address,
      get size() {
        return tcp.size;
      },
      open: (stream, to) => linked.open(stream, to),
      write: (stream, bytes, end) => linked.write(stream, bytes, end),
      hold: (stream) => tcp.hold(stream),
      destroy: (stream) => linked.destroy(stream),
      close: () => {
        unwatch();
        linked.close();
        return tcp.close();
      },
    },
  };
}

class LinkedStreams {
  readonly #self: string;
  readonly #tcp: Ports['tcp'];
  readonly #links: Links;
  readonly #events: PortEvents;
  readonly #timeout: Millis;
  /** The peers of the streams that this agent has dialed. */
  readonly #peers = new Map<StreamId, string>();
  /** Dials that nobody hears, and when they are given up. */
  readonly #unheard = new Map<StreamId, NodeJS.Timeout>();
  /** Streams that have lost bytes. */
  readonly #broken = new Set<StreamId>();

  constructor(self: string, tcp: Ports['tcp'], links: Links, events: PortEvents, timeout: Millis) {
    this.#self = self;
    this.#tcp = tcp;
    this.#links = links;
    this.#events = events;
    this.#timeout = timeout;
  }

  /** Dials only where both ways are open, since a connection takes packets in both directions. */
  open(stream: StreamId, to: Address): void {
    const peer = formatAddress(to);
    if (this.#links.passes(this.#self, peer) && this.#links.passes(peer, this.#self)) {
      this.#peers.set(stream, peer);
      return this.#tcp.open(stream, to);
    }
    const giveUp = (): void => {
      this.#unheard.delete(stream);
      const why = `no connection for ${this.#timeout / 1000} s`;
      this.#events.onInput({ kind: 'streamClosed', stream, why, failure: 'timeout' });
    };
    this.#unheard.set(stream, setTimeout(giveUp, this.#timeout));
  }

  write(stream: StreamId, bytes: Uint8Array, end: boolean): void {
    if (!this.#broken.has(stream) && this.#links.passes(this.#self, this.#peers.get(stream))) {
      if (end) this.#peers.delete(stream);
      this.#tcp.write(stream, bytes, end);
    } else this.#broken.add(stream);
  }

  receive(input: StreamInput): void {
    const { stream } = input;
    if (this.#broken.has(stream)) return;
    if (!this.#links.passes(this.#peers.get(stream), this.#self)) return void this.#broken.add(stream);
    if (input.kind === 'streamClosed') this.#peers.delete(stream);
    this.#events.onInput(input);
  }

  destroy(stream: StreamId): void {
    clearTimeout(this.#unheard.get(stream));
    this.#unheard.delete(stream);
    this.#forget(stream);
    this.#tcp.destroy(stream);
  }

  heal(): void {
    for (const stream of [...this.#broken]) {
      const peer = this.#peers.get(stream);
      if (!this.#links.passes(this.#self, peer) || !this.#links.passes(peer, this.#self)) continue;
      this.#forget(stream);
      this.#tcp.destroy(stream);
      this.#events.onInput({ kind: 'streamClosed', stream, why: 'the connection has broken' });
    }
  }

  close(): void {
    for (const timer of this.#unheard.values()) clearTimeout(timer);
    this.#unheard.clear();
  }

  #forget(stream: StreamId): void {
    this.#peers.delete(stream);
    this.#broken.delete(stream);
  }
}
