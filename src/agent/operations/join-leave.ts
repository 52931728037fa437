/**
 * What people ask of the agent and what takes more than one step: joining through seeds, leaving in order. One
 * reply per command. Messages and timings are the rooms'; here is only who waits for what.
 *
 * Source: serf serf.go, Join and Leave; memberlist memberlist.go, Join and Leave.
 */
import type { Address } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import type { CommandResult, JoinReport, RequestId, Seed } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { PushPullOutcome, PushPullRequest } from '../transport/streams.ts';
import { reply } from './reply.ts';

/** What commands ask of the landing. */
export interface JoinLeaveHost {
  readonly address: () => Address;
  dialPushPull(sync: PushPullRequest, now: Millis): void;
  /** Some seed answered: tell the world. */
  broadcastJoin(now: Millis): void;
  /** Serf's leave intent goes out. */
  leaveSerf(now: Millis): PendingBroadcast;
  /** Then memberlist's own word; `undefined` if nobody is there to hear it. */
  leaveSwim(now: Millis): PendingBroadcast | undefined;
}

/** A broadcast on its way: `finished` once it was sent often enough. */
export interface PendingBroadcast {
  readonly finished: boolean;
}

interface Join {
  readonly request: RequestId;
  /** Addresses of each seed that are still to be tried, in order. */
  readonly pendingSeeds: Map<number, { readonly seed: Seed; next: number; error: string }>;
  readonly failed: { addr: string; error: string }[];
  joined: number;
}

type Leave =
  | { readonly step: 'intent' | 'dead'; readonly spreading: PendingBroadcast; readonly until: Millis }
  | { readonly step: 'linger'; readonly until: Millis };

export class JoinLeave {
  readonly #host: JoinLeaveHost;
  readonly #config: SerfConfig;
  readonly #joins = new Map<number, Join>();
  readonly #leaveRequests: RequestId[] = [];
  #ticket = 0;
  #leave: Leave | undefined;
  #spread = true;
  #stopped = false;

  constructor(host: JoinLeaveHost, config: SerfConfig) {
    this.#host = host;
    this.#config = config;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  get leaving(): boolean {
    return this.#leave !== undefined || this.#stopped;
  }

  get deadline(): Millis {
    return this.#leave?.until ?? NEVER;
  }

  join(request: RequestId, seeds: readonly Seed[], now: Millis, out: Effect[]): void {
    if (this.leaving) return reply(request, refused('this agent is leaving: start it again to join'), out);
    if (seeds.length === 0)
      return reply(request, refused('no seed was given: name one as host or host:port'), out);
    this.#ticket += 1;
    const ticket = this.#ticket * SEEDS_PER_JOIN;
    const join: Join = { request, pendingSeeds: new Map(), failed: [], joined: 0 };
    this.#joins.set(this.#ticket, join);
    seeds.slice(0, SEEDS_PER_JOIN).forEach((seed, i) => {
      join.pendingSeeds.set(ticket + i, { seed, next: 0, error: seed.error ?? 'its name has no address' });
    });
    for (const key of [...join.pendingSeeds.keys()]) this.#dialNextAddress(join, key, now);
    this.#finishJoin(this.#ticket, out);
  }

  /** A push/pull with a ticket ended. */
  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis, out: Effect[]): void {
    if (sync.ticket === undefined) return;
    const key = sync.ticket;
    const join = this.#joins.get(Math.floor(key / SEEDS_PER_JOIN));
    const waiting = join?.pendingSeeds.get(key);
    if (join === undefined || waiting === undefined) return;
    if (outcome.ok) {
      join.pendingSeeds.delete(key);
      join.joined += 1;
      if (join.joined === 1) this.#host.broadcastJoin(now);
    } else {
      waiting.error = outcome.why;
      this.#dialNextAddress(join, key, now);
    }
    this.#finishJoin(Math.floor(key / SEEDS_PER_JOIN), out);
  }

  leave(request: RequestId, now: Millis, out: Effect[]): void {
    if (this.#stopped) return reply(request, { ok: true }, out);
    this.#leaveRequests.push(request);
    if (this.#leave !== undefined) return;
    out.push({ kind: 'fact', fact: { kind: 'leaveStarted' } });
    const spreading = this.#host.leaveSerf(now);
    this.#leave = { step: 'intent', spreading, until: now + this.#config.broadcastTimeout };
    this.advance(now, out);
  }

  /** Called after every input: has what the leave waits for come to pass? */
  advance(now: Millis, out: Effect[]): void {
    const leave = this.#leave;
    if (leave === undefined) return;
    if (leave.step === 'linger') {
      if (now >= leave.until) this.#finishLeave(out);
      return;
    }
    if (!leave.spreading.finished && now < leave.until) return;
    // A message that did not spread in time is no reason to stay: those who missed it will see us as failed.
    if (!leave.spreading.finished) this.#spread = false;
    if (leave.step === 'intent') {
      const spreading = this.#host.leaveSwim(now);
      if (spreading !== undefined) {
        this.#leave = { step: 'dead', spreading, until: now + this.#config.broadcastTimeout };
        return this.advance(now, out);
      }
      return this.#finishLeave(out);
    }
    this.#leave = { step: 'linger', until: now + this.#config.leavePropagateDelay };
  }

  /** Ends at once, and not because anybody asked. */
  abandon(why: string, out: Effect[]): void {
    if (!this.#stopped) this.#stopAgent(why, out);
  }

  #finishLeave(out: Effect[]): void {
    out.push({ kind: 'fact', fact: { kind: 'leaveFinished', propagated: this.#spread } });
    this.#stopAgent(undefined, out);
  }

  #stopAgent(why: string | undefined, out: Effect[]): void {
    this.#stopped = true;
    this.#leave = undefined;
    for (const request of this.#leaveRequests.splice(0)) reply(request, { ok: true }, out);
    out.push({ kind: 'stopped', ...(why === undefined ? {} : { why }) });
  }

  #dialNextAddress(join: Join, key: number, now: Millis): void {
    const waiting = join.pendingSeeds.get(key);
    if (waiting === undefined) return;
    const to = waiting.seed.addresses[waiting.next];
    waiting.next += 1;
    if (to === undefined) {
      join.pendingSeeds.delete(key);
      join.failed.push({ addr: waiting.seed.text, error: waiting.error });
    } else if (to.key === this.#host.address().key) {
      waiting.error = 'this is the agent itself';
      this.#dialNextAddress(join, key, now);
    } else {
      this.#host.dialPushPull({ to, join: true, ticket: key }, now);
    }
  }

  #finishJoin(ticket: number, out: Effect[]): void {
    const join = this.#joins.get(ticket);
    if (join === undefined || join.pendingSeeds.size > 0) return;
    this.#joins.delete(ticket);
    const report: JoinReport = { joined: join.joined, failed: join.failed };
    reply(join.request, { ok: true, value: report }, out);
  }
}

/** One sentence for a join that no seed answered. */
export function joinFailure(report: JoinReport): AgentError {
  const each = report.failed.map(({ addr, error }) => `${addr}: ${error}`).join('; ');
  return new AgentError(
    'failed',
    `no seed answered (${each}): check that an agent runs there, and that key and label are the same`,
  );
}

/** Seeds one join may name. */
const SEEDS_PER_JOIN = 256;

const refused = (sentence: string): CommandResult => ({
  ok: false,
  error: new AgentError('badRequest', sentence),
});
