/**
 * Vote on a name conflict: two nodes have our name, so the members are asked by query which address they hold for it, and
 * the node with fewer votes leaves.
 *
 * Source: serf serf.go, resolveNodeConflict; P60 (docs/protocol.md). Differs: without responses the agent stays; a Serf
 * agent leaves, so that one forged message ends an agent that is alone. And it leaves only after a second lost vote: a
 * member that returned at another address is known there by then.
 */
import { type Address, toAddress } from '../base/address.ts';
import { encodeUtf8 } from '../base/bytes.ts';
import { AgentError, WireError } from '../base/errors.ts';
import { type Millis, NEVER } from '../base/time.ts';
import { decodeConflictResponse } from '../wire/serf.ts';
import { CONFLICT_QUERY } from './queries/names.ts';
import type { QueryDefinition, QueryId, QueryReport, SerfEffect } from './types.ts';

/** Time between two conflicts that are voted on: any peer can claim a name. */
const VOTE_INTERVAL: Millis = 30_000;
/**
 * From a vote that is lost to the start of the next one: by then the members know a member that has moved at its new
 * address (G10, docs/reliability.md).
 */
const SECOND_VOTE_AFTER: Millis = 4000;
/** Votes lost in a row. */
const MAX_LOST_VOTES = 2;

export class NameConflictVote {
  readonly #self: string;
  readonly #address: () => Address;
  #vote: { readonly id: QueryId; readonly other: Address } | undefined;
  #lostVotes = 0;
  #notBefore: Millis = Number.NEGATIVE_INFINITY;
  /** The claim that is voted on once more, and when. */
  #second: { readonly other: Address; readonly at: Millis } | undefined;

  constructor(self: string, address: () => Address) {
    this.#self = self;
    this.#address = address;
  }

  /** A node at `other` claims our name: starts a vote, at most one per interval. */
  onConflict(other: Address, now: Millis, sendQuery: (definition: QueryDefinition) => QueryReport): void {
    if (now < this.#notBefore || isAt(other, this.#address())) return;
    this.#notBefore = now + VOTE_INTERVAL;
    this.#lostVotes = 0;
    this.#begin(other, sendQuery);
  }

  /** When `tick` is due. */
  get deadline(): Millis {
    return this.#second?.at ?? NEVER;
  }

  /** Starts the second vote when it is due. */
  tick(now: Millis, sendQuery: (definition: QueryDefinition) => QueryReport): void {
    const second = this.#second;
    if (second === undefined || now < second.at) return;
    this.#second = undefined;
    if (!isAt(second.other, this.#address())) this.#begin(second.other, sendQuery);
  }

  #begin(other: Address, sendQuery: (definition: QueryDefinition) => QueryReport): void {
    try {
      const { id } = sendQuery({
        name: CONFLICT_QUERY,
        payload: encodeUtf8(this.#self),
        nodes: [],
        tags: new Map(),
        ack: false,
        relayFactor: 0,
      });
      this.#vote = { id, other };
    } catch (error) {
      if (!(error instanceof AgentError)) throw error; // too many queries: the claim will be repeated
    }
  }

  /** Counts the votes if this is the report of the vote, and final. */
  countVotes(report: QueryReport, now: Millis, out: SerfEffect[]): void {
    const vote = this.#vote;
    if (vote?.id !== report.id || !report.finished) return;
    this.#vote = undefined;
    const votes = report.responses.flatMap(({ payload }) => parseVote(payload));
    const own = this.#address();
    const votesForUs = votes.filter((address) => isAt(address, own)).length;
    const votesAgainst = votes.length - votesForUs;
    out.push({
      kind: 'fact',
      fact: { kind: 'nameConflictVote', node: this.#self, votesForUs, votesAgainst },
    });
    const isLost = votesAgainst > 0 && votesForUs < Math.floor(votes.length / 2) + 1;
    this.#lostVotes = isLost ? this.#lostVotes + 1 : 0;
    if (isLost && this.#lostVotes < MAX_LOST_VOTES)
      this.#second = { other: vote.other, at: now + SECOND_VOTE_AFTER };
    if (this.#lostVotes >= MAX_LOST_VOTES) out.push({ kind: 'nameVoteLost', other: vote.other });
  }
}

/** The address that one member holds for our name; none if it holds none, or its response is malformed. */
function parseVote(payload: Uint8Array): Address[] {
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
