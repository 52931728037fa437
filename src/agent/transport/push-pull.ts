/**
 * What goes over streams, composed and taken apart: the push/pull body with its three parts (members, Serf's state,
 * a summary of the catalogue), user messages, questions and answers. Sessions are streams.ts's.
 *
 * Source: serf delegate.go, LocalState and MergeRemoteState; P49, P50, P66 (docs/protocol.md).
 */
import type { Address } from '../../base/address.ts';
import { copyBytes, NO_BYTES } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Serf } from '../../serf/serf.ts';
import type { SerfEffect } from '../../serf/types.ts';
import type { Swim } from '../../swim/swim.ts';
import type { SwimEffect } from '../../swim/types.ts';
import { isCatalogType } from '../../wire/catalog.ts';
import type { PushPull } from '../../wire/memberlist.ts';
import type { ServiceLayer } from '../replication/services.ts';
import { PushPullLimiter } from './push-pull-limiter.ts';
import type { PushPullOutcome, PushPullRequest, StreamHost, StreamRequest } from './streams.ts';

/** What the exchange needs of the landing besides the rooms. */
export interface PushPullHost {
  readonly name: string;
  readonly swimOut: SwimEffect[];
  readonly serfOut: SerfEffect[];
  /** Carries out what the rooms have decided so far. */
  runEffects(): void;
  onStreamRejected(from: Address, error: WireError): void;
  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void;
}

export class PushPullHandler implements StreamHost {
  readonly #swim: Swim;
  readonly #serf: Serf;
  readonly #services: ServiceLayer;
  readonly #host: PushPullHost;
  readonly #limiter = new PushPullLimiter();
  /** We are one of a cluster: what happens there concerns us. */
  #belongs = false;

  constructor(swim: Swim, serf: Serf, services: ServiceLayer, host: PushPullHost) {
    this.#swim = swim;
    this.#serf = serf;
    this.#services = services;
    this.#host = host;
  }

  acquirePushPull(from: Address, now: Millis): boolean {
    return this.#limiter.tryAcquire(from, now, (host) => {
      let count = 0;
      for (const { identity } of this.#swim.members.all()) if (identity.address.host === host) count += 1;
      return count;
    });
  }

  /** Only who is known to understand it gets a summary: whom we dial by its tag, whom we answer by its own. */
  composePushPull(join: boolean, peer: { readonly to: Address } | { readonly theirs: PushPull }): PushPull {
    const capable =
      'to' in peer
        ? this.#services.catalogPeerAt(peer.to) !== undefined
        : hasSummary(peer.theirs, this.#serf);
    const summary = capable ? this.#services.replication.summary() : NO_BYTES;
    return {
      kind: 'pushPull',
      join,
      nodes: this.#swim.localStates(),
      userState: this.#serf.localState(summary),
      dropped: 0,
    };
  }

  /**
   * Differs: to real agents each join makes all that happened before it old news. Here the first of a life does, and
   * that only while no push/pull has told us of it in passing. Joins are repeated when somebody is missing (knock.ts), and
   * over a bad line an answer can be seconds old: what was fired meanwhile would never be heard.
   */
  mergeRemoteState(state: PushPull, from: Address, sync: PushPullRequest | undefined, now: Millis): number {
    const { swimOut, serfOut } = this.#host;
    const joins = sync?.ticket !== undefined;
    if (state.dropped > 0)
      this.#host.onStreamRejected(
        from,
        new WireError('badValue', `${state.dropped} members that must not be stored`),
      );
    const before = this.#swim.members.upCount;
    this.#swim.mergeStates(state.nodes, now, swimOut, {
      kind: sync === undefined ? 'inbound' : 'outbound',
      from,
    });
    this.#host.runEffects();
    if (state.userState.length > 0) {
      const isOld = joins && !this.#belongs;
      const summary = copyBytes(this.#serf.mergeRemoteState(state.userState, isOld, now, serfOut));
      // One that joins us may itself be new.
      this.#belongs ||= sync !== undefined || !state.join;
      this.#host.runEffects();
      if (summary.length > 0)
        this.#services.replication.compareSummary(summary, from, sync !== undefined, now);
      // Before this exchange we did not know who lives there; now we do, and can ask for the rest.
      else if (sync !== undefined && this.#services.catalogPeerAt(from) !== undefined)
        this.#services.replication.requestSync(from, undefined, now);
    }
    return Math.max(0, this.#swim.members.upCount - before);
  }

  isOwnName(node: string): boolean {
    return node === '' || node === this.#host.name;
  }

  handleUserMessage(from: Address, body: Uint8Array, now: Millis): Uint8Array | undefined {
    try {
      if (isCatalogType(body[0] ?? 0)) return this.#services.replication.receiveRequest(body, now);
      this.#serf.receive(body, now, this.#host.serfOut, from.key);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#host.onStreamRejected(from, error);
    }
    return undefined;
  }

  onResponse({ to, ticket }: StreamRequest, body: Uint8Array | undefined, now: Millis): void {
    if (ticket === undefined) return;
    if (body === undefined) this.#services.replication.onRequestFailed(ticket, to, now);
    else this.#services.replication.receiveResponse(body, ticket, to, now);
  }

  onPingResult(seqNo: number, ok: boolean, now: Millis): void {
    this.#swim.onStreamPingEnd(seqNo, ok, now, this.#host.swimOut);
  }

  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void {
    this.#host.onPushPullFinished(sync, outcome, now);
  }
}

const hasSummary = (theirs: PushPull, serf: Serf): boolean => serf.readSummary(theirs.userState).length > 0;
