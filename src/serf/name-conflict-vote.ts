/**
 * Vote on a name conflict: two nodes have our name. The members are asked by query which address they hold for it. Anybody
 * can answer a query in the name of others, so a vote that is lost is only a reason to ask the members directly: a few, by
 * push/pull, at the addresses where we know them. The node that most of them do not hold leaves, while the other one
 * answers too; of two that are held by as many, the one whose address sorts first stays.
 *
 * Source: serf serf.go, resolveNodeConflict; P60 (docs/protocol.md). Differs: a Serf agent leaves over the answers to its
 * query, and without any, so that one forged message ends an agent that is alone. And the members are asked directly a
 * little later: one that returned at another address is known there by then.
 */
import { type Address, toAddress } from '../base/address.ts';
import { encodeUtf8 } from '../base/bytes.ts';
import { AgentError, WireError } from '../base/errors.ts';
import { type Millis, NEVER } from '../base/time.ts';
import { decodeConflictResponse } from '../wire/serf.ts';
import { CONFLICT_QUERY } from './queries/names.ts';
import type { QueryDefinition, QueryId, QueryReport, SerfEffect, SerfView } from './types.ts';

/** Time between two conflicts that are voted on: any peer can claim a name. */
const VOTE_INTERVAL: Millis = 30_000;
/**
 * From a vote that is lost to the questions to the members: by then the members know a member that has moved at its new
 * address (G10, docs/reliability.md).
 */
const SECOND_VOTE_AFTER: Millis = 4000;
/** Members that are asked directly: those held alive for the longest, which nobody made up for this vote. */
const MAX_ASKED = 7;
/** How long their answers are waited for. */
const ANSWERS_WITHIN: Millis = 3000;

type SendQuery = (definition: QueryDefinition) => QueryReport;

/** Members that are asked directly, and by address whether they hold our name for us. */
interface DirectVote {
  readonly other: Address;
  readonly asked: ReadonlySet<string>;
  readonly until: Millis;
  readonly votes: Map<string, boolean>;
  /** The other node answers: else members only remember it, and without us nobody would have the name. */
  isOtherThere: boolean;
}

export class NameConflictVote {
  readonly #self: string;
  readonly #address: () => Address;
  readonly #statuses: SerfView;
  #vote: { readonly id: QueryId; readonly other: Address } | undefined;
  #notBefore: Millis = Number.NEGATIVE_INFINITY;
  /** The claim about which members are asked directly, and when. */
  #second: { readonly other: Address; readonly at: Millis } | undefined;
  #direct: DirectVote | undefined;

  constructor(self: string, address: () => Address, statuses: SerfView) {
    this.#self = self;
    this.#address = address;
    this.#statuses = statuses;
  }

  /** A node at `other` claims our name: starts a vote, at most one per interval. */
  onConflict(other: Address, now: Millis, sendQuery: SendQuery): void {
    if (now < this.#notBefore || isAt(other, this.#address())) return;
    this.#notBefore = now + VOTE_INTERVAL;
    this.#begin(other, sendQuery);
  }

  /** When `tick` is due. */
  get deadline(): Millis {
    return Math.min(this.#second?.at ?? NEVER, this.#direct?.until ?? NEVER);
  }

  /** Are answers of members awaited that were asked directly? */
  get isAsking(): boolean {
    return this.#direct !== undefined;
  }

  /** Asks members directly when that is due, and counts what they said. */
  tick(now: Millis, out: SerfEffect[]): void {
    const second = this.#second;
    if (second !== undefined && now >= second.at) {
      this.#second = undefined;
      if (!isAt(second.other, this.#address())) this.#askDirectly(second.other, now, out);
    }
    if (this.#direct !== undefined && now >= this.#direct.until) this.#countDirectVotes(this.#direct, out);
  }

  /** The member that we dialed at `from` holds our name for `held`. Each address has one vote, of those that were asked. */
  onHolder(from: Address, held: Address): void {
    const direct = this.#direct;
    if (direct === undefined) return;
    if (isAt(from, direct.other)) direct.isOtherThere = true;
    if (direct.asked.has(from.key)) direct.votes.set(from.key, isAt(held, this.#address()));
  }

  #askDirectly(other: Address, now: Millis, out: SerfEffect[]): void {
    const holders = [...this.#statuses.all()]
      .filter(({ name, status }) => status === 'alive' && name !== this.#self)
      .map(({ member }) => ({ since: member.since, to: member.identity.address }))
      .filter(({ to }) => !isAt(to, other))
      .sort((a, b) => a.since - b.since)
      .slice(0, MAX_ASKED);
    const asked = new Set(holders.map(({ to }) => to.key));
    this.#direct = { other, asked, until: now + ANSWERS_WITHIN, votes: new Map(), isOtherThere: false };
    for (const { to } of holders) out.push({ kind: 'pushPull', to });
    out.push({ kind: 'pushPull', to: other });
  }

  #countDirectVotes({ other, votes, isOtherThere }: DirectVote, out: SerfEffect[]): void {
    this.#direct = undefined;
    const isTie = 2 * [...votes.values()].filter((isForUs) => isForUs).length === votes.size;
    const wins = !isOtherThere || (isTie && this.#address().key < other.key);
    if (this.#isLost([...votes.values()], out) && !wins) out.push({ kind: 'nameVoteLost', other });
  }

  #isLost(votes: readonly boolean[], out: SerfEffect[]): boolean {
    const votesForUs = votes.filter((isForUs) => isForUs).length;
    const votesAgainst = votes.length - votesForUs;
    const node = this.#self;
    out.push({ kind: 'fact', fact: { kind: 'nameConflictVote', node, votesForUs, votesAgainst } });
    return votesAgainst > 0 && votesForUs < Math.floor(votes.length / 2) + 1;
  }

  #begin(other: Address, sendQuery: SendQuery): void {
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
    const own = this.#address();
    const votes = report.responses.flatMap(({ payload }) => parseVote(payload).map((at) => isAt(at, own)));
    if (this.#isLost(votes, out)) this.#second = { other: vote.other, at: now + SECOND_VOTE_AFTER };
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
