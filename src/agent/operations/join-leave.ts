/**
 * Commands that take several steps: joining through seeds, leaving in order, and stopping for a while. Messages and
 * timings belong to the layers; this file says which step waits for what.
 *
 * Source: serf serf.go, Join and Leave; memberlist memberlist.go, Join and Leave.
 */
import { assert } from '../../base/assert.ts';
import { AgentError } from '../../base/errors.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import type { BroadcastHandle } from '../../serf/membership/membership.ts';
import type { MembersView } from '../../swim/types.ts';
import type {
  Command,
  CommandResult,
  FailedSeed,
  JoinReport,
  RequestId,
  Seed,
} from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { PushPullOutcome, PushPullRequest } from '../transport/stream-host.ts';
import type { Pausing } from './pause.ts';
import { reply } from './reply.ts';

export interface JoinLeaveHost {
  readonly members: Pick<MembersView, 'self' | 'upCount'>;
  dialPushPull(sync: PushPullRequest, now: Millis): void;
  /** Broadcasts Serf's join intent: the first seed has answered. */
  broadcastJoin(now: Millis): void;
  /** Broadcasts Serf's leave intent. */
  leaveSerf(now: Millis): BroadcastHandle;
  /** Broadcasts memberlist's dead message about this agent; `undefined` if no other member is alive. */
  leaveSwim(now: Millis): BroadcastHandle | undefined;
  /** Tells the peers that this agent will be back. */
  readonly pausing: Pick<Pausing, 'start' | 'advance' | 'deadline' | 'report'>;
}

type JoinCommand = Extract<Command, { kind: 'join' }>;

interface PendingSeed {
  readonly seed: Seed;
  next: number;
  error: string;
  /** Absent once an address was dialed. */
  cause: FailedSeed['cause'];
}

interface Join {
  readonly request: RequestId;
  /** By ticket: the seeds that have not answered yet, and the index of the address that is tried next. */
  readonly pendingSeeds: Map<number, PendingSeed>;
  readonly failed: FailedSeed[];
  joined: number;
  readonly replay: boolean;
}

type Leave =
  | { readonly step: 'join'; readonly until: Millis }
  | { readonly step: 'intent' | 'dead'; readonly broadcast: BroadcastHandle; readonly until: Millis }
  | { readonly step: 'linger'; readonly until: Millis }
  | { readonly step: 'pause'; readonly until: Millis };

export class JoinLeave {
  readonly #host: JoinLeaveHost;
  readonly #config: SerfConfig;
  readonly #joins = new Map<number, Join>();
  readonly #stopRequests: RequestId[] = [];
  #ticket = 0;
  #leave: Leave | undefined;
  /** Whether all leave messages were sent as often as they should be. */
  #isPropagated = true;
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
    return this.#leave?.step === 'pause' ? this.#host.pausing.deadline : (this.#leave?.until ?? NEVER);
  }

  join(request: RequestId, { seeds, replay = false }: JoinCommand, now: Millis, out: Effect[]): void {
    if (this.leaving) return reply(request, refused('this agent is leaving: start it again to join'), out);
    if (seeds.length === 0)
      return reply(request, refused('no seed was given: add one as host or host:port'), out);
    this.#ticket += 1;
    const ticket = this.#ticket * SEEDS_PER_JOIN;
    const join: Join = { request, pendingSeeds: new Map(), failed: [], joined: 0, replay };
    this.#joins.set(this.#ticket, join);
    seeds.slice(0, SEEDS_PER_JOIN).forEach((seed, i) => {
      join.pendingSeeds.set(ticket + i, {
        ...{ seed, next: 0, error: seed.error ?? 'its name does not resolve' },
        cause: 'name',
      });
    });
    for (const key of [...join.pendingSeeds.keys()]) this.#dialNextAddress(join, key, now);
    this.#finishJoin(this.#ticket, out);
  }

  /** A push/pull has ended; it belongs to a join if it has a ticket. */
  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis, out: Effect[]): void {
    if (sync.ticket === undefined) return;
    const key = sync.ticket;
    const join = this.#joins.get(Math.floor(key / SEEDS_PER_JOIN));
    const pending = join?.pendingSeeds.get(key);
    if (join === undefined || pending === undefined) return;
    if (outcome.ok) {
      join.pendingSeeds.delete(key);
      join.joined += 1;
      if (join.joined === 1) this.#host.broadcastJoin(now);
    } else {
      pending.error = outcome.why;
      this.#dialNextAddress(join, key, now);
    }
    this.#finishJoin(Math.floor(key / SEEDS_PER_JOIN), out);
  }

  leave(request: RequestId, now: Millis, out: Effect[]): void {
    if (this.#stopped) return reply(request, { ok: true }, out);
    this.#stopRequests.push(request);
    // A pause that has begun becomes a leave: whoever orders that wants the agent gone.
    if (this.#leave !== undefined && this.#leave.step !== 'pause') return;
    out.push({ kind: 'fact', fact: { kind: 'leaveStarted' } });
    this.#leave = { step: 'join', until: now + this.#config.broadcastTimeout };
    this.advance(now, out);
  }

  /**
   * This agent joins, and knows no other member yet. Those that it joins may hold its row from an earlier run, at a higher incarnation
   * than its own, and would ignore its leave. Their answer tells it which incarnation to exceed.
   */
  get #isJoiningFirst(): boolean {
    return this.#joins.size > 0 && this.#host.members.upCount <= 1;
  }

  /** Stops without leaving, once all peers know that this agent will be back within `duration`, or do not answer. */
  pause(request: RequestId, duration: Millis, now: Millis, out: Effect[]): void {
    if (this.#stopped) return reply(request, { ok: true }, out);
    this.#stopRequests.push(request);
    if (this.#leave !== undefined) return;
    out.push({ kind: 'fact', fact: { kind: 'pauseStarted', durationMs: duration } });
    this.#leave = { step: 'pause', until: NEVER };
    this.#host.pausing.start(duration, now);
  }

  /** To be called after every input: goes to the next step once the present one is done or timed out. */
  advance(now: Millis, out: Effect[]): void {
    const leave = this.#leave;
    if (leave === undefined) return;
    if (leave.step === 'pause') {
      if (this.#host.pausing.advance(now, out)) this.#finishPause(out);
      return;
    }
    if (leave.step === 'join') {
      if (this.#isJoiningFirst && now < leave.until) return;
      const broadcast = this.#host.leaveSerf(now);
      this.#leave = { step: 'intent', broadcast, until: now + this.#config.broadcastTimeout };
      return this.advance(now, out);
    }
    if (leave.step === 'linger') {
      if (now >= leave.until) this.#finishLeave(out);
      return;
    }
    if (!leave.broadcast.finished && now < leave.until) return;
    // A message that was not sent in time does not stop the leave: members that missed it will see this agent as
    // failed.
    if (!leave.broadcast.finished) this.#isPropagated = false;
    if (leave.step === 'intent') {
      const broadcast = this.#host.leaveSwim(now);
      if (broadcast !== undefined) {
        this.#leave = { step: 'dead', broadcast, until: now + this.#config.broadcastTimeout };
        return this.advance(now, out);
      }
      return this.#finishLeave(out);
    }
    this.#leave = { step: 'linger', until: now + this.#config.leavePropagateDelay };
  }

  /** Stops the agent at once, without a command. */
  abandon(why: string, out: Effect[]): void {
    if (!this.#stopped) this.#stopAgent(why, out);
  }

  #finishPause(out: Effect[]): void {
    out.push({ kind: 'fact', fact: { kind: 'pauseAnnounced', ...this.#host.pausing.report } });
    this.#stopAgent(undefined, out);
  }

  #finishLeave(out: Effect[]): void {
    out.push({ kind: 'fact', fact: { kind: 'leaveFinished', propagated: this.#isPropagated } });
    this.#stopAgent(undefined, out);
  }

  #stopAgent(why: string | undefined, out: Effect[]): void {
    // Invariant: the agent stops once, and the shell gets one `stopped`.
    assert(!this.#stopped, 'an agent that stops twice');
    this.#stopped = true;
    this.#leave = undefined;
    for (const request of this.#stopRequests.splice(0)) reply(request, { ok: true }, out);
    out.push({ kind: 'stopped', ...(why === undefined ? {} : { why }) });
  }

  #dialNextAddress(join: Join, key: number, now: Millis): void {
    const pending = join.pendingSeeds.get(key);
    if (pending === undefined) return;
    const to = pending.seed.addresses[pending.next];
    pending.next += 1;
    if (to === undefined) {
      join.pendingSeeds.delete(key);
      const { cause, error, seed } = pending;
      join.failed.push({ addr: seed.text, error, ...(cause === undefined ? {} : { cause }) });
    } else if (to.key === this.#host.members.self.identity.address.key) {
      // What another address of the seed said is more to the point.
      if (pending.cause === 'name')
        Object.assign(pending, { error: 'this is the agent itself', cause: 'self' });
      this.#dialNextAddress(join, key, now);
    } else {
      pending.cause = undefined;
      this.#host.dialPushPull({ to, join: true, ticket: key, replay: join.replay }, now);
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

/** The error for a join that no seed answered. */
export function joinFailure(report: JoinReport): AgentError {
  const each = report.failed.map(({ addr, error }) => `${addr}: ${error}`).join('; ');
  return new AgentError('failed', `no seed answered (${each}): ${joinAdvice(report)}`);
}

/** What to do when no seed answered: keys and labels matter only to who was dialed. */
export function joinAdvice({ failed }: JoinReport): string {
  const has = (wanted: FailedSeed['cause']): boolean => failed.some(({ cause }) => cause === wanted);
  const advice = [
    ...(has('name') ? ['check the name and the name server of this host, or give an address'] : []),
    ...(has(undefined) ? ['check that an agent runs there, with the same key and label'] : []),
  ];
  return advice.length === 0 ? 'name another agent' : advice.join('; ');
}

/** Seeds that one join may have; also the number of tickets per join. */
const SEEDS_PER_JOIN = 256;

const refused = (sentence: string): CommandResult => ({
  ok: false,
  error: new AgentError('badRequest', sentence),
});
