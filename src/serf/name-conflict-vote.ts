/**
 * Two nodes with our name: the members are asked whom they mean by it, and who has fewer of them goes.
 *
 * Source: serf serf.go, resolveNodeConflict; P60 (docs/protocol.md). Differs: if nobody answers, we stay. Agents go,
 * and so a single forged message ends one that is alone. And we go only when a second vote is lost, too: who came back
 * at another address is known there by then.
 */
import { type Address, toAddress } from '../base/address.ts';
import { encodeUtf8 } from '../base/bytes.ts';
import { AgentError, WireError } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import { decodeConflictResponse } from '../wire/serf.ts';
import { CONFLICT_QUERY } from './queries/names.ts';
import type { QueryDefinition, QueryId, QueryReport, SerfEffect } from './types.ts';

/** One vote at a time, and not more often than this: anybody can claim a name. */
const VOTE_INTERVAL: Millis = 30_000;
/** Votes lost in a row. */
const MAX_LOST_VOTES = 2;

export class NameConflictVote {
  readonly #self: string;
  readonly #address: () => Address;
  #vote: { readonly id: QueryId; readonly other: Address } | undefined;
  #lostVotes = 0;
  #notBefore: Millis = Number.NEGATIVE_INFINITY;

  constructor(self: string, own: () => Address) {
    this.#self = self;
    this.#address = own;
  }

  /** Somebody at `other` says that it has our name. */
  onConflict(other: Address, now: Millis, ask: (question: QueryDefinition) => QueryReport): void {
    if (now < this.#notBefore || isAt(other, this.#address())) return;
    this.#notBefore = now + VOTE_INTERVAL;
    try {
      const { id } = ask({
        name: CONFLICT_QUERY,
        payload: encodeUtf8(this.#self),
        nodes: [],
        tags: new Map(),
        ack: false,
        relayFactor: 0,
      });
      this.#vote = { id, other };
    } catch (error) {
      if (!(error instanceof AgentError)) throw error; // too many queries: whoever has our name will say so again
    }
  }

  /** Something came of a query of ours. */
  countVotes(question: QueryReport, out: SerfEffect[]): void {
    const vote = this.#vote;
    if (vote?.id !== question.id || !question.finished) return;
    this.#vote = undefined;
    const claims = question.responses.flatMap(({ payload }) => parseClaim(payload));
    const own = this.#address();
    const votesForUs = claims.filter((claim) => isAt(claim, own)).length;
    const votesAgainst = claims.length - votesForUs;
    out.push({
      kind: 'fact',
      fact: { kind: 'nameConflictVote', node: this.#self, votesForUs, votesAgainst },
    });
    this.#lostVotes =
      votesAgainst > 0 && votesForUs < Math.floor(claims.length / 2) + 1 ? this.#lostVotes + 1 : 0;
    if (this.#lostVotes >= MAX_LOST_VOTES) out.push({ kind: 'nameVoteLost', other: vote.other });
  }
}

/** The address one member means by our name; nothing if it knows none, or what it says cannot be read. */
function parseClaim(payload: Uint8Array): Address[] {
  try {
    const record = decodeConflictResponse(payload);
    if (record === undefined || (record.addr.length !== 4 && record.addr.length !== 16)) return [];
    return [toAddress(record.addr, record.port)];
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return [];
  }
}

const isAt = (a: Address, b: Address): boolean => a.host === b.host && a.port === b.port;
