/**
 * Scripted scenarios of a few named hosts. All hosts know one another when a story begins, and every `run` ends with
 * a check of the laws (laws/index.ts).
 */
import type { AgentOptions } from '../../agent/agent.ts';
import type { Command, CommandResult } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import { parseDuration } from '../../config/setting.ts';
import { LawChecker } from '../laws/index.ts';
import { createAgentFor } from '../peers/create-agent.ts';
import { bootstrapByPushPull, bootstrapCluster, joinOthers, toSeed } from '../world/bootstrap.ts';
import type { SimHost, SimHostOptions } from '../world/host.ts';
import type { LinkQuality, NetworkRule, Transport } from '../world/network.ts';
import type { TraceDetail } from '../world/trace.ts';
import type { PendingCommand, StartOptions, StopOptions } from '../world/types.ts';
import { World } from '../world/world.ts';
import { type ObservedStatus, StatusHistory } from './status-history.ts';
import { createStoryCatalog, type StoryCatalog } from './story-catalog.ts';

export interface StoryOptions {
  readonly seed: number;
  readonly linkQuality?: Partial<LinkQuality>;
  /** Options of all hosts. */
  readonly all?: SimHostOptions;
  /** Options of single hosts, by label; they override those of all. */
  readonly hosts?: Readonly<Record<string, SimHostOptions>>;
  /**
   * `false`: the hosts exist, but no agent runs yet. `'byPushPull'`: they meet without joins, at a tenth of the work; for
   * stories of many hosts that are not about joins.
   */
  readonly bootstrapped?: boolean | 'byPushPull';
  readonly detail?: TraceDetail;
  readonly makeAgent?: (options: AgentOptions, host: SimHost) => Agent;
}

/** How a host starts again. */
export interface RestartOptions extends StartOptions {
  /** It joins nobody. */
  readonly noJoin?: boolean;
}

/** How a path is cut. By default it is cut in both directions, for all traffic. */
export interface CutOptions {
  readonly oneWay?: boolean;
  readonly transport?: Transport;
  /** Only datagrams that carry a message of such a kind: `ack`, `suspect`, `serf:leave` … */
  readonly kinds?: readonly string[];
  /** Chance of loss; 1 by default. */
  readonly loss?: number;
}

/** Cuts and partitions. */
interface StoryNetwork {
  /** Cuts the path between two hosts, or between one host and all (`'*'`). Returns a function that lifts the cut. */
  cut(from: string, to: string, options?: CutOptions): () => void;
  /** Hosts reach only others of their own group. A host in no group reaches nobody. */
  partition(...groups: (readonly string[])[]): void;
  /** Lifts every cut and partition. */
  heal(): void;
}

/** Processes and machines. */
interface StoryHosts {
  /** Kills the process. */
  stop(name: string, options?: StopOptions): void;
  /** Starts a new process and joins it to those that run. */
  restart(name: string, options?: RestartOptions): void;
  /** Adds a host that was not there at the beginning, and starts it. */
  addHost(label: string, options?: SimHostOptions, start?: RestartOptions): void;
  /** Suspends the process (SIGSTOP) for `span`, or until `resume`. */
  pause(name: string, span?: string): void;
  resume(name: string): void;
}

/** What the hosts show and report. */
interface StoryObservations {
  /** Status of `name` at every other host that runs, by label. */
  statusByObserver(name: string): Record<string, ObservedStatus>;
  /** Statuses that `observer` has shown of `name` since the story began, oldest first. */
  statusHistory(observer: string, name: string): ObservedStatus[];
  /**
   * Time from `since` until the last running host first showed `name` with this status; `undefined` if some host has
   * not yet.
   */
  timeUntilAllSee(name: string, status: ObservedStatus, since: Millis): Millis | undefined;
  /** Facts of one kind since the story began, of all hosts or of one. */
  facts<K extends Fact['kind']>(kind: K, host?: string): Extract<Fact, { kind: K }>[];
  member(observer: string, name: string): MemberView | undefined;
}

/** Commands to agents. */
interface StoryCommands {
  sendCommand(name: string, command: Command): PendingCommand;
  /** Sends a command and lets time pass until it is answered. */
  runCommand(name: string, command: Command, limit?: string): CommandResult;
  join(name: string, ...seeds: string[]): PendingCommand;
  leave(name: string): PendingCommand;
  forget(by: string, node: string, options?: { prune?: boolean; refuseLive?: boolean }): CommandResult;
  setTags(name: string, tags: Readonly<Record<string, string>>, remove?: readonly string[]): CommandResult;
}

export interface Story extends StoryCatalog, StoryNetwork, StoryHosts, StoryObservations, StoryCommands {
  readonly world: World;
  readonly lawChecker: LawChecker;
  /** Lets time pass. Throws if a law was violated. */
  run(span: string): void;
  /** Lets time pass until `done`; `false` if that took longer than `limit` (a minute by default). */
  runUntil(done: () => boolean, limit?: string): boolean;
}

/** Lines of the trace that a failed story shows. */
const KEPT_LINES = 400;

export function createStory(names: string, options: StoryOptions): Story {
  const world = new World({
    seed: options.seed,
    makeAgent: options.makeAgent ?? createAgentFor,
    ...(options.linkQuality === undefined ? {} : { linkQuality: options.linkQuality }),
    trace: { detail: options.detail ?? 'packets', maxLines: KEPT_LINES },
    poisonInputs: true,
  });
  const lawChecker = new LawChecker(world);
  lawChecker.watchCatalog();
  const labels = names.split(' ').filter((label) => label !== '');
  const hostOptions = (label: string): SimHostOptions => ({ ...options.all, ...options.hosts?.[label] });
  for (const label of labels) world.add(label, hostOptions(label));
  if (options.bootstrapped === 'byPushPull') bootstrapByPushPull(world, labels, 120_000);
  else if (options.bootstrapped !== false) bootstrapCluster(world, labels, 120_000);
  const runUntil = (done: () => boolean, limit = '1m'): boolean => {
    const reached = world.runUntil(done, parseDuration(limit), 10);
    lawChecker.assertNoViolations();
    return reached;
  };
  return {
    world,
    lawChecker,
    run: (span) => {
      world.run(parseDuration(span));
      lawChecker.assertNoViolations();
    },
    runUntil,
    ...createNetwork(world),
    ...createHosts(world, hostOptions),
    ...createObservations(world),
    ...createCommands(world, runUntil),
    ...createStoryCatalog(world, () => lawChecker.assertNoViolations()),
  };
}

function createNetwork(world: World): StoryNetwork {
  const labels = (): string[] => [...world.hosts].map((host) => host.label);
  return {
    cut: (from, to, { oneWay = false, ...options } = {}) => {
      const oneSide = (source: string, target: string): NetworkRule => ({
        ...options,
        ...(source === '*' ? {} : { from: [source] }),
        ...(target === '*' ? {} : { to: [target] }),
      });
      const lifts = [world.network.addRule(oneSide(from, to))];
      if (!oneWay) lifts.push(world.network.addRule(oneSide(to, from)));
      return () => {
        for (const lift of lifts) lift();
      };
    },
    partition: (...groups) => {
      for (const label of labels()) {
        const group = groups.find((one) => one.includes(label)) ?? [label];
        world.network.addRule({ from: [label], to: labels().filter((other) => !group.includes(other)) });
      }
    },
    heal: () => world.network.heal(),
  };
}

function createHosts(world: World, defaults: (label: string) => SimHostOptions): StoryHosts {
  const restart = (name: string, options: RestartOptions = {}): void => {
    world.start(name, options);
    if (options.noJoin !== true) joinOthers(world, name);
  };
  return {
    stop: (name, options) => world.stop(name, options),
    restart,
    addHost: (label, options = {}, start = {}) => {
      world.add(label, { ...defaults(label), ...options });
      restart(label, start);
    },
    pause: (name, span) => {
      world.pause(name);
      if (span !== undefined) world.schedule(world.now + parseDuration(span), () => world.resume(name));
    },
    resume: (name) => world.resume(name),
  };
}

function createObservations(world: World): StoryObservations {
  const history = new StatusHistory(world);
  /** By kind: stories ask for one kind again and again. */
  const reported = new Map<Fact['kind'], { readonly host: string; readonly fact: Fact }[]>();
  world.subscribe({
    onEffects: (host, facts) => {
      for (const fact of facts) {
        const ofKind = reported.get(fact.kind);
        if (ofKind === undefined) reported.set(fact.kind, [{ host: host.label, fact }]);
        else ofKind.push({ host: host.label, fact });
      }
    },
  });
  const observersOf = (name: string): SimHost[] =>
    [...world.hosts].filter((host) => host.running && host.label !== name);
  return {
    statusByObserver: (name) =>
      Object.fromEntries(
        observersOf(name).map((host) => [
          host.label,
          host.runningAgent.view.member(name)?.status ?? 'absent',
        ]),
      ),
    statusHistory: (observer, name) => history.changes(observer, name).map(({ status }) => status),
    timeUntilAllSee: (name, status, since) => {
      let latest: Millis = 0;
      for (const { label } of observersOf(name)) {
        const first = history
          .changes(label, name)
          .find((change) => change.at >= since && change.status === status);
        if (first === undefined) return undefined;
        latest = Math.max(latest, first.at - since);
      }
      return latest;
    },
    facts: (kind, host) =>
      (reported.get(kind) ?? []).flatMap((entry) =>
        host === undefined || host === entry.host ? [entry.fact as Extract<Fact, { kind: typeof kind }>] : [],
      ),
    member: (observer, name) => world.host(observer).runningAgent.view.member(name),
  };
}

function createCommands(world: World, runUntil: Story['runUntil']): StoryCommands {
  const runCommand: StoryCommands['runCommand'] = (name, command, limit = '1m') => {
    const pending = world.command(name, command);
    runUntil(() => pending.result !== undefined, limit);
    if (pending.result === undefined)
      throw new Error(`${name} did not answer ${command.kind} within ${limit}`);
    return pending.result;
  };
  return {
    sendCommand: (name, command) => world.command(name, command),
    runCommand,
    join: (name, ...seeds) =>
      world.command(name, { kind: 'join', seeds: seeds.map((seed) => toSeed(world.host(seed))) }),
    leave: (name) => world.command(name, { kind: 'leave' }),
    forget: (by, node, { prune = false, refuseLive = true } = {}) =>
      runCommand(by, { kind: 'forget', node, prune, refuseLive }),
    setTags: (name, tags, remove = []) =>
      runCommand(name, { kind: 'setTags', set: new Map(Object.entries(tags)), remove }),
  };
}
