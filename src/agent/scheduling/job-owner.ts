/**
 * The jobs of this agent: it tells the mechanism (jobs/) what it sees of the cluster, publishes what that decides, and has
 * runs started. Which agents are eligible is decided here, since only here members, tags and services are known together.
 */
import type { Address } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { CatalogView, EntryChange } from '../../catalog/types.ts';
import { Jobs } from '../../jobs/jobs.ts';
import { SpreadMeter } from '../../jobs/spread.ts';
import type {
  ConfiguredJob,
  ConfiguredJobChange,
  JobEffect,
  JobsSnapshot,
  JobsView,
  JobView,
  JobWorld,
  RunOutcome,
  RunRequest,
} from '../../jobs/types.ts';
import type { JobDefinition, WallMillis } from '../../model/job.ts';
import { OWN_PORT } from '../../model/job-limits.ts';
import type { EntryWrite } from '../../model/service.ts';
import type { SerfView } from '../../serf/types.ts';
import type { Command } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import { ClockExchange } from './clock-exchange.ts';
import { isRunning, isWell, reasonAgainst } from './member-health.ts';

export type JobCommand = Extract<Command, { kind: 'registerJob' | 'deregisterJob' | 'orderJob' }>;

export interface JobOwnerContext {
  readonly serf: SerfView;
  readonly catalog: CatalogView;
  readonly rng: Rng;
  publish(changes: readonly EntryWrite[], now: Millis): void;
  /** Sends a user message in a datagram of its own. */
  send(to: Address, body: Uint8Array): void;
  addressOf(node: string): Address | undefined;
  isMember(from: Address): boolean;
}

export class JobOwner {
  readonly view: JobsView;
  readonly #options: AgentOptions;
  readonly #context: JobOwnerContext;
  readonly #jobs: Jobs;
  readonly #exchange: ClockExchange;
  readonly #spread: SpreadMeter;
  /** The wall clock at time 0 of the monotonic one. */
  #wallBase: WallMillis;
  readonly #effects: JobEffect[] = [];
  /** As of the last input. */
  #now: Millis;

  constructor(options: AgentOptions, context: JobOwnerContext) {
    const { name, now, startedAt, snapshot, jobs = [], swim } = options;
    this.#options = options;
    this.#context = context;
    this.#now = now;
    this.#wallBase = startedAt - now;
    this.#spread = new SpreadMeter(swim.gossipInterval);
    this.#exchange = new ClockExchange({
      ...{ rng: context.rng, isMember: context.isMember, send: context.send, addressOf: context.addressOf },
      peers: () => this.#clockPeers(),
      wall: (at) => this.wall(at),
    });
    this.#jobs = new Jobs({
      self: name,
      now,
      ...(snapshot?.jobs === undefined ? {} : { snapshot: snapshot.jobs }),
    });
    const registeredAt = Math.trunc(startedAt);
    for (const { definition, run } of jobs) this.#jobs.own.configure({ ...definition, registeredAt }, run);
    this.#jobs.wake(now);
    const viewOf = (name: string): JobView | undefined => this.#jobs.view(name, this.#world(this.#now));
    const wall = (): WallMillis => this.wall(this.#now);
    const [spread, { clocks }] = [this.#spread, this.#exchange];
    this.view = {
      all: () => this.#jobs.board.names.flatMap((name) => viewOf(name) ?? []),
      get: viewOf,
      get wall() {
        return wall();
      },
      get spread() {
        return spread.spread;
      },
      get clockOffset() {
        return clocks.ownOffset;
      },
    };
  }

  get deadline(): Millis {
    return Math.min(this.#jobs.deadline, this.#exchange.deadline);
  }

  /** Rises with every change that a restart must not lose. */
  get revision(): number {
    return this.#jobs.revision;
  }

  /** Rises with every change by a command. */
  get commandRevision(): number {
    return this.#jobs.own.revision;
  }

  snapshot(): JobsSnapshot | undefined {
    const snapshot = this.#jobs.snapshot();
    const isEmpty = snapshot.definitions.length + snapshot.orders.length + snapshot.runs.length === 0;
    return isEmpty ? undefined : snapshot;
  }

  /** Without `now` it is that of the last call: a deadline of long ago would look as if this agent had been suspended. */
  onEntriesChanged(owner: string, changes: readonly EntryChange[], now: Millis = this.#now): void {
    this.#now = now;
    const claims = this.#jobs.applyEntries(owner, changes, now);
    const offset = this.#exchange.clocks.offsetOf(owner);
    if (offset !== undefined)
      for (const { claimedAt } of claims) this.#spread.record(this.wall(now) + offset - claimedAt);
    if (this.#jobs.board.names.length > 0) this.#exchange.resume(now);
  }

  /** Members or their tags have changed. */
  wake(now: Millis): void {
    this.#now = now;
    this.#jobs.wake(now);
  }

  /** The catalog of a peer is here. */
  settle(now: Millis): void {
    this.#now = now;
    this.#jobs.settle(now);
  }

  /** Throws `AgentError` with nothing changed. */
  handleCommand(command: JobCommand, now: Millis, out: Effect[]): void {
    this.#now = now;
    if (command.kind === 'registerJob') this.#register(command.definition, now, out);
    else if (command.kind === 'deregisterJob') this.#deregister(command.name, out);
    else {
      this.#require(command.name);
      this.#jobs.own.setOrders(
        command.name,
        this.#jobs.ordersAfter(command.name, command.order, this.wall(now)),
      );
    }
    this.#jobs.wake(now);
    this.tick(now, out);
  }

  /** The jobs of the configuration, which was read again. Runs that have begun go on. */
  replaceConfigured(
    jobs: readonly ConfiguredJob[],
    now: Millis,
    out: Effect[],
  ): readonly ConfiguredJobChange[] {
    this.#now = now;
    const changes = this.#jobs.own.replaceConfigured(jobs, (name) => this.#nextRegistration(name, now));
    this.#jobs.wake(now);
    this.tick(now, out);
    return changes;
  }

  /** A message about clocks in a datagram of `from`. Throws `WireError`. */
  receiveClock(body: Uint8Array, from: Address, now: Millis): void {
    this.#now = now;
    if (this.#exchange.receive(body, from, now)) this.#jobs.wake(now);
  }

  /** The wall clock of this host was set. */
  onClockStepped(by: Millis, now: Millis): void {
    this.#now = now;
    this.#wallBase += by;
    if (this.#jobs.board.names.length > 0) this.#exchange.restart(now);
    this.#jobs.onClockSet(now, this.wall(now));
  }

  onRunFinished(outcome: RunOutcome, now: Millis, out: Effect[]): void {
    this.#now = now;
    this.#jobs.onFinished(outcome, now, this.wall(now), this.#effects);
    this.#runEffects(now, out);
  }

  tick(now: Millis, out: Effect[]): void {
    this.#now = now;
    this.#exchange.tick(now);
    if (this.#jobs.deadline > now) return;
    this.#jobs.advance(now, this.#world(now), this.#effects);
    this.#runEffects(now, out);
  }

  #register(definition: JobDefinition, now: Millis, out: Effect[]): void {
    const { name, schedule } = definition;
    if (this.#jobs.own.isConfigured(name))
      throw new AgentError(
        'conflict',
        `The job "${name}" is in the configuration of this agent: change it there, or give this one another name`,
      );
    const registeredAt = this.#nextRegistration(name, now);
    if (schedule.kind === 'at' && schedule.at <= registeredAt)
      throw new AgentError('badRequest', `at must be in the future: "${name}" would never run`);
    this.#jobs.own.register({ ...definition, registeredAt }, undefined);
    out.push({ kind: 'fact', fact: { kind: 'jobRegistered', job: name } });
  }

  /** Later than every registration of this name that is known, so that it counts. */
  #nextRegistration(name: string, now: Millis): WallMillis {
    const known = this.#jobs.board.jobs.get(name)?.definition?.registeredAt ?? -1;
    return Math.max(Math.trunc(this.wall(now)), known + 1);
  }

  #deregister(name: string, out: Effect[]): void {
    const { owners } = this.#require(name);
    if (this.#jobs.own.definition(name) === undefined)
      throw new AgentError(
        'conflict',
        `The job "${name}" is registered with ${owners.join(', ')}: remove it there (\`--http-addr\` names another agent)`,
      );
    if (this.#jobs.own.isConfigured(name))
      throw new AgentError(
        'conflict',
        `The job "${name}" is in the configuration of this agent: remove it there`,
      );
    this.#jobs.own.deregister(name);
    out.push({ kind: 'fact', fact: { kind: 'jobDeregistered', job: name } });
  }

  #require(name: string): JobView {
    const job = this.view.get(name);
    if (job === undefined)
      throw new AgentError('notFound', `no job is called "${name}": \`hearsay jobs\` lists all names`);
    return job;
  }

  /** The wall clock of this host. */
  wall(now: Millis): WallMillis {
    return this.#wallBase + now;
  }

  /** Agents whose clocks differ take no part, so their clocks count for nothing. */
  #clockPeers(): readonly string[] {
    const { name } = this.#options;
    return [...this.#jobs.board.agents.keys()].filter(
      (node) => node !== name && isRunning(this.#context.serf, node),
    );
  }

  #world(now: Millis): JobWorld {
    return {
      wall: this.wall(now),
      spread: this.#spread.spread,
      clockOffset: this.#exchange.clocks.ownOffset,
      eligible: ({ place }, agents) =>
        agents.filter((node) => isWell(this.#context, node) && this.#fits(node, place)),
      reasonAgainst: ({ place }, node) =>
        this.#jobs.board.clocks.has(node)
          ? 'had a clock that differed'
          : (reasonAgainst(this.#context, node, place) ?? 'had just started'),
      isGone: (node) => node !== this.#options.name && !isRunning(this.#context.serf, node),
    };
  }

  #fits(node: string, { service, tag }: JobDefinition['place']): boolean {
    if (service !== undefined) return this.#context.catalog.usable(service).some((one) => one.node === node);
    if (tag === undefined) return true;
    const at = tag.indexOf('=');
    return this.#context.serf.get(node)?.tags.get(tag.slice(0, at)) === tag.slice(at + 1);
  }

  /** An instance may have another port on each host, and a definition is the same on all. */
  #atOwnPort(run: RunRequest): RunRequest {
    const { action, job } = run;
    if (action.kind !== 'post' || !action.url.includes(OWN_PORT)) return run;
    const service = this.#jobs.board.jobs.get(job)?.definition?.place.service ?? '';
    const own = this.#context.catalog.usable(service).find(({ node }) => node === this.#options.name);
    const url = action.url.replaceAll(OWN_PORT, String(own?.service.port ?? 0));
    return { ...run, action: { ...action, url } };
  }

  #runEffects(now: Millis, out: Effect[]): void {
    for (const effect of this.#effects.splice(0))
      switch (effect.kind) {
        case 'publish':
          this.#context.publish(effect.changes, now);
          break;
        case 'start':
          out.push({ kind: 'startJobRun', run: this.#atOwnPort(effect.run) });
          break;
        case 'fact':
          out.push({ kind: 'fact', fact: effect.fact });
      }
  }
}
