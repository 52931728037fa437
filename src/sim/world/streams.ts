/**
 * Simulated TCP streams: reliable, ordered, cut into arbitrary pieces, slowed down by loss, stalled by cuts, and
 * refused where nobody listens or a firewall rejects them. Those that are held are kept alive, and what is between two
 * hosts may reset or forget them. Their content does not matter here. Bandwidth and windows are not modeled.
 */

import type { Input, StreamId } from '../../agent/contract/machine.ts';
import { type Address, joinHostPort } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { DialFailure } from '../../swim/types.ts';
import type { SimHost } from './host.ts';
import type { SimNetwork } from './network.ts';

/** The parts of the world that streams concern. */
export interface StreamsContext {
  readonly now: Millis;
  readonly network: SimNetwork;
  schedule(when: Millis, act: () => void): void;
  hostByAddress(key: string): SimHost | undefined;
  dispatch(host: SimHost, input: Input): void;
  /** Called for the trace. */
  onTransfer(from: SimHost, to: SimHost, what: string, bytes: Uint8Array): void;
}

type Segment =
  | { readonly kind: 'syn' | 'opened' | 'fin'; readonly bytes: Uint8Array; readonly due: Millis }
  | { readonly kind: 'data'; readonly bytes: Uint8Array; readonly due: Millis }
  | {
      readonly kind: 'reset';
      readonly bytes: Uint8Array;
      readonly due: Millis;
      readonly why: string;
      readonly failure?: DialFailure;
    };

/** One end of a connection, and the segments on their way out of it. */
interface StreamEnd {
  readonly host: SimHost;
  readonly boot: number;
  /** `undefined` for a listener that does not know the connection yet. */
  stream: StreamId | undefined;
  /** The agent at this end gets no more inputs of this stream. */
  detached: boolean;
  /** No more data may be written at this end. */
  finished: boolean;
  /** Segments that have not arrived at the peer, in order. */
  out: Segment[];
  /** The delivery of the first segment is scheduled. */
  pumping: boolean;
  /** How long a cut has blocked the first segment. */
  blockedFor: Millis;
  peer: StreamEnd | undefined;
  /** What is between the hosts has forgotten the connection: nothing passes any more. */
  forgotten: boolean;
}

/** Backoff while a cut blocks a segment: the first wait, and the longest it doubles to. */
const RETRY: readonly [Millis, Millis] = [200, 3000];
/** The kernel gives up a connection on which nothing arrived for this long. */
const GIVE_UP: Millis = 127_000;
/** The largest piece in which data is delivered. */
const MAX_PIECE_BYTES = 65_536;
const EPHEMERAL_PORT = 49_152;
/** How long it takes at most until a process that ended does not listen any more. */
const MAX_CLOSING: Millis = 5;
/** A held stream is tested each first time; if that is not answered, each second time, so often. */
const KEEP_ALIVE: readonly [Millis, Millis, number] = [60_000, 1000, 10];

export class SimStreams {
  readonly #context: StreamsContext;
  readonly #rng: Rng;
  readonly #ends = new Map<SimHost, Map<StreamId, StreamEnd>>();
  /** Until when the kernel still accepts connections to a process that has ended. */
  readonly #closingUntil = new Map<SimHost, Millis>();
  #port = 0;

  constructor(context: StreamsContext, rng: Rng) {
    this.#context = context;
    this.#rng = rng;
  }

  dial(host: SimHost, stream: StreamId, to: Address): void {
    const end = this.#createEnd(host, stream);
    this.#register(end);
    if (host.outOfFiles)
      return this.#context.schedule(this.#context.now, () => this.#notifyClosed(end, 'EMFILE'));
    const target = this.#context.hostByAddress(to.key);
    // No host has this address: the packet is lost, and the dialer times out.
    if (target === undefined) return;
    end.peer = this.#createEnd(target, undefined);
    end.peer.peer = end;
    this.#send(end, { kind: 'syn', bytes: NO_BYTES, due: 0 });
  }

  write(host: SimHost, stream: StreamId, bytes: Uint8Array, last: boolean): void {
    const end = this.#find(host, stream);
    if (end === undefined || end.finished) return;
    for (const piece of this.#pieces(bytes)) this.#send(end, { kind: 'data', bytes: piece, due: 0 });
    if (last) this.#finish(end);
  }

  /** Keeps an idle stream alive. */
  hold(host: SimHost, stream: StreamId): void {
    const end = this.#find(host, stream);
    if (end !== undefined) this.#scheduleKeepAlive(end, 0);
  }

  /** A NAT or a firewall between two hosts resets their streams, to both of them. */
  reset(a: SimHost, b: SimHost): void {
    for (const end of this.#between(a, b)) {
      end.out = [];
      this.#notifyClosed(end, 'reset by peer');
    }
  }

  /** A NAT or a firewall between two hosts forgets their streams: neither notices before it sends something. */
  forget(a: SimHost, b: SimHost): void {
    for (const end of this.#between(a, b)) end.forgotten = true;
  }

  /** Whether a stream is open of which neither notices that nothing passes any more. */
  areForgotten(a: SimHost, b: SimHost): boolean {
    return this.#between(a, b).some(({ forgotten }) => forgotten);
  }

  /** Aborts a stream: what has not been sent yet is lost, and the peer gets a reset. */
  close(host: SimHost, stream: StreamId): void {
    const end = this.#find(host, stream);
    if (end !== undefined) this.#abort(end, 'reset by peer');
  }

  /** Resets all streams of a process that has ended, unless the machine lost power. */
  onProcessEnd(host: SimHost): void {
    for (const end of this.#ends.get(host)?.values() ?? []) {
      if (host.poweredOff) {
        end.detached = true;
        end.out = [];
      } else this.#abort(end, 'reset by peer');
    }
    this.#ends.delete(host);
    this.#closingUntil.set(host, this.#context.now + MAX_CLOSING * this.#rng.next());
  }

  #finish(end: StreamEnd): void {
    if (end.finished) return;
    end.finished = true;
    this.#send(end, { kind: 'fin', bytes: NO_BYTES, due: 0 });
  }

  #abort(end: StreamEnd, why: string): void {
    // After its last byte the kernel still delivers everything, and a reset would have no effect.
    const { finished } = end;
    this.#detach(end);
    if (finished) return;
    end.finished = true;
    end.out = end.pumping ? end.out.slice(0, 1) : [];
    this.#send(end, { kind: 'reset', bytes: NO_BYTES, due: 0, why });
  }

  #send(end: StreamEnd, segment: Segment): void {
    const to = end.peer;
    if (to === undefined) return;
    const before = end.out[end.out.length - 1]?.due ?? 0;
    const due = this.#context.now + this.#context.network.segmentDelay(end.host.label, to.host.label);
    end.out.push({ ...segment, due: Math.max(before, due) });
    if (!end.pumping) this.#pump(end);
  }

  #pump(end: StreamEnd): void {
    const first = end.out[0];
    end.pumping = first !== undefined;
    if (first !== undefined)
      this.#context.schedule(Math.max(first.due, this.#context.now), () => this.#arrive(end));
  }

  #arrive(end: StreamEnd): void {
    const first = end.out[0];
    const to = end.peer;
    end.pumping = false;
    if (first === undefined || to === undefined) return;
    const { network } = this.#context;
    if (network.isRejected(end.host.label, to.host.label)) return this.#reject(end, first.kind === 'syn');
    const cut = network.isBlocked(end.host.label, to.host.label, first.kind === 'syn');
    if (cut || to.host.poweredOff || end.forgotten) return this.#wait(end);
    end.blockedFor = 0;
    end.out.shift();
    this.#context.onTransfer(end.host, to.host, first.kind, first.bytes);
    this.#deliverSegment(first, to);
    this.#pump(end);
  }

  #reject(end: StreamEnd, opening: boolean): void {
    end.out = [];
    if (opening) this.#notifyClosed(end, 'connection refused', 'refused');
    else this.#notifyClosed(end, 'reset by peer');
  }

  #scheduleKeepAlive(end: StreamEnd, unanswered: number): void {
    const [idle, retry] = KEEP_ALIVE;
    const wait = unanswered === 0 ? idle : retry;
    this.#context.schedule(this.#context.now + wait, () => this.#testAlive(end, unanswered));
  }

  #testAlive(end: StreamEnd, unanswered: number): void {
    const { host, peer } = end;
    if (end.detached || peer === undefined || host.bootCount !== end.boot || !host.running) return;
    const { network } = this.#context;
    const [here, there] = [host.label, peer.host.label];
    if (network.isRejected(here, there)) return this.#reject(end, false);
    const isLost = peer.host.poweredOff || end.forgotten;
    if (isLost || network.isBlocked(here, there) || network.isBlocked(there, here)) {
      if (unanswered + 1 < KEEP_ALIVE[2]) return this.#scheduleKeepAlive(end, unanswered + 1);
      return this.#notifyClosed(end, 'timed out', 'timeout');
    }
    if (peer.boot !== peer.host.bootCount || !peer.host.running)
      return this.#notifyClosed(end, 'reset by peer');
    this.#scheduleKeepAlive(end, 0);
  }

  #between(a: SimHost, b: SimHost): StreamEnd[] {
    const endsOf = (host: SimHost, other: SimHost): StreamEnd[] =>
      [...(this.#ends.get(host)?.values() ?? [])].filter(({ peer }) => peer?.host === other);
    return [...endsOf(a, b), ...endsOf(b, a)];
  }

  #wait(end: StreamEnd): void {
    const wait = Math.min(RETRY[1], Math.max(RETRY[0], end.blockedFor));
    end.blockedFor += wait;
    if (end.blockedFor > GIVE_UP) {
      end.out = [];
      this.#notifyClosed(end, 'timed out', 'timeout');
      return;
    }
    end.pumping = true;
    this.#context.schedule(this.#context.now + wait, () => this.#arrive(end));
  }

  #deliverSegment(segment: Segment, to: StreamEnd): void {
    const { host } = to;
    if (segment.kind === 'syn') return this.#accept(to);
    if (segment.kind === 'reset') return this.#notifyClosed(to, segment.why, segment.failure);
    if (to.boot !== host.bootCount || !host.running) {
      // The process was restarted since, and its kernel does not know the connection.
      if (to.peer !== undefined) this.#notifyClosed(to.peer, 'reset by peer');
      return;
    }
    if (to.detached || to.stream === undefined) return;
    if (segment.kind === 'opened') this.#context.dispatch(host, { kind: 'streamOpened', stream: to.stream });
    else if (segment.kind === 'data')
      this.#context.dispatch(host, { kind: 'streamData', stream: to.stream, bytes: segment.bytes });
    else {
      // The socket allows no half-open state: the peer's end closes this one too, once its data is out.
      this.#notifyClosed(to, undefined);
      this.#finish(to);
    }
  }

  #accept(to: StreamEnd): void {
    const { host, peer } = to;
    if (peer === undefined) return;
    if (!host.running && this.#context.now < (this.#closingUntil.get(host) ?? 0)) {
      this.#send(to, { kind: 'opened', bytes: NO_BYTES, due: 0 });
      this.#send(to, { kind: 'reset', bytes: NO_BYTES, due: 0, why: 'reset by peer' });
      return;
    }
    if (!host.running) {
      const refused = { why: 'connection refused', failure: 'refused' } as const;
      this.#send(to, { kind: 'reset', bytes: NO_BYTES, due: 0, ...refused });
      return;
    }
    const listener = this.#createEnd(host, host.nextStream());
    listener.peer = peer;
    peer.peer = listener;
    if (host.outOfFiles) {
      // Node accepts with a descriptor that it keeps for this, and closes at once.
      this.#send(listener, { kind: 'opened', bytes: NO_BYTES, due: 0 });
      return this.#finish(listener);
    }
    this.#register(listener);
    this.#port = (this.#port + 1) % 16_000;
    const port = EPHEMERAL_PORT + this.#port;
    const { ip, host: text } = peer.host.address;
    const from: Address = { ip, port, host: text, key: joinHostPort(text, port) };
    this.#context.dispatch(host, { kind: 'streamAccepted', stream: listener.stream as StreamId, from });
    this.#send(listener, { kind: 'opened', bytes: NO_BYTES, due: 0 });
  }

  /** Tells the agent at this end that the stream is closed. */
  #notifyClosed(end: StreamEnd, why: string | undefined, failure?: DialFailure): void {
    if (end.detached) return;
    this.#detach(end);
    if (end.stream === undefined || end.boot !== end.host.bootCount || !end.host.running) return;
    this.#context.dispatch(end.host, {
      kind: 'streamClosed',
      stream: end.stream,
      ...(why === undefined ? {} : { why }),
      ...(failure === undefined ? {} : { failure }),
    });
  }

  /** Random pieces, so that readers see messages cut anywhere. Small messages often stay whole. */
  *#pieces(bytes: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    let limit = this.#rng.int(2) === 0 ? MAX_PIECE_BYTES : 1 + this.#rng.int(Math.max(1, bytes.length));
    while (from < bytes.length) {
      const to = Math.min(bytes.length, from + Math.min(limit, MAX_PIECE_BYTES));
      yield bytes.subarray(from, to);
      from = to;
      limit = 1 + this.#rng.int(MAX_PIECE_BYTES);
    }
  }

  #createEnd(host: SimHost, stream: StreamId | undefined): StreamEnd {
    return {
      host,
      boot: host.bootCount,
      stream,
      detached: false,
      finished: false,
      out: [],
      pumping: false,
      blockedFor: 0,
      peer: undefined,
      forgotten: false,
    };
  }

  #register(end: StreamEnd): void {
    if (end.stream === undefined) return;
    let ends = this.#ends.get(end.host);
    if (ends === undefined) {
      ends = new Map();
      this.#ends.set(end.host, ends);
    }
    ends.set(end.stream, end);
  }

  #find(host: SimHost, stream: StreamId): StreamEnd | undefined {
    return this.#ends.get(host)?.get(stream);
  }

  #detach(end: StreamEnd): void {
    end.detached = true;
    if (end.stream !== undefined) this.#ends.get(end.host)?.delete(end.stream);
  }
}
