/**
 * The little language of stories: a handful of named members, what befalls them, what they then see. A story starts
 * with everybody knowing everybody, and every `pass` ends by asking the laws (checkers.ts) whether one was broken.
 */
import { type AgentOptions, createAgent } from '../../agent/agent.ts';
import type { Command, CommandResult } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import { parseDuration } from '../../config/setting.ts';
import { CatalogLaws } from '../laws/catalog/catalog.ts';
import { LawChecker } from '../laws/index.ts';
import { SerfPeer } from '../peers/serf-peer.ts';
import { bootstrapCluster, joinOthers, toSeed } from '../world/bootstrap.ts';
import type { SimHost, SimHostOptions } from '../world/host.ts';
import type { LinkQuality, NetworkRule, Transport } from '../world/network.ts';
import type { TraceDetail } from '../world/trace.ts';
import type { PendingCommand } from '../world/types.ts';
import { World } from '../world/world.ts';
import { createStoryCatalog, type StoryCatalog } from './story-catalog.ts';

export type ObservedStatus = MemberView['status'] | 'absent';

export interface StoryOptions {
  readonly seed: number;
  readonly linkQuality?: Partial<LinkQuality>;
  /** What all hosts have in common. */
  readonly all?: SimHostOptions;
  /** What single hosts have on top, by label. */
  readonly hosts?: Readonly<Record<string, SimHostOptions>>;
  /** False: hosts are there, but nothing runs yet. */
  readonly bootstrapped?: boolean;
  readonly detail?: TraceDetail;
  readonly makeAgent?: (options: AgentOptions, host: SimHost) => Agent;
}

/** How a path is cut: both ways and for everything unless it says otherwise. */
export interface CutOptions {
  readonly oneWay?: boolean;
  readonly transport?: Transport;
  /** Only datagrams with such a message: `ack`, `suspect`, `serf:leave` … */
  readonly kinds?: readonly string[];
  /** Chance of loss; 1 by default. */
  readonly loss?: number;
}

export interface Story extends StoryCatalog {
  readonly world: World;
  /** What is broken on the way; thrown by `pass` too. */
  readonly lawChecker: LawChecker;
  /** Between two of them, or between one (`'bob'`) and all (`'*'`). Returns what lifts it. */
  cut(from: string, to: string, options?: CutOptions): () => void;
  /** Groups that hear only themselves; who is in none hears nobody. */
  partition(...groups: (readonly string[])[]): void;
  /** Lifts every cut and partition. */
  heal(): void;
  /** The process is killed; `dark`: the machine loses power. */
  stop(name: string, how?: { dark?: boolean }): void;
  /** A new process, and a join to those who run. */
  restart(name: string, how?: { moved?: boolean; remember?: boolean; alone?: boolean; clock?: Millis }): void;
  /** A host that was not there at the beginning; it starts and, unless `alone`, joins. */
  addHost(label: string, options?: SimHostOptions, how?: { alone?: boolean }): void;
  pause(name: string, span?: string): void;
  resume(name: string): void;
  run(span: string): void;
  /** `false` if it did not come to pass within `limit` (a minute by default). */
  runUntil(done: () => boolean, limit?: string): boolean;
  /** How all others that run see `name`. */
  statusByObserver(name: string): Record<string, ObservedStatus>;
  /** What `observer` has seen `name` become since the story began. */
  statusHistory(observer: string, name: string): ObservedStatus[];
  /** When the last of those that run first saw `name` so, counted from `since`; `undefined`: not all have. */
  timeUntilAllSee(name: string, status: ObservedStatus, since: Millis): Millis | undefined;
  /** Facts since the story began, of one kind. */
  facts<K extends Fact['kind']>(kind: K, host?: string): Extract<Fact, { kind: K }>[];
  member(observer: string, name: string): MemberView | undefined;
  sendCommand(name: string, command: Command): PendingCommand;
  /** Asks and lets time pass until the answer is there. */
  runCommand(name: string, command: Command, limit?: string): CommandResult;
  join(name: string, ...seeds: string[]): PendingCommand;
  leave(name: string): PendingCommand;
  forget(by: string, node: string, options?: { prune?: boolean; refuseLive?: boolean }): CommandResult;
  setTags(name: string, tags: Readonly<Record<string, string>>, remove?: readonly string[]): CommandResult;
}

interface StatusChange {
  readonly at: Millis;
  readonly status: ObservedStatus;
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
  const checkers = new LawChecker(world);
  new CatalogLaws(world, checkers.broken);
  const labels = names.split(' ').filter((label) => label !== '');
  const setup = (label: string): SimHostOptions => ({ ...options.all, ...options.hosts?.[label] });
  for (const label of labels) world.add(label, setup(label));
  if (options.bootstrapped !== false) bootstrapCluster(world, labels, 120_000);
  const memory = recordStatusChanges(world);
  const log: { host: string; fact: Fact }[] = [];
  world.subscribe({
    onEffects: (host, facts) => {
      for (const fact of facts) log.push({ host: host.label, fact });
    },
  });
  const everybody = (): string[] => [...world.hosts].map((host) => host.label);
  const running = (): SimHost[] => [...world.hosts].filter((host) => host.running);

  const self: Story = {
    ...createStoryCatalog(world, () => checkers.assertNoViolations()),
    world,
    lawChecker: checkers,
    cut: (from, to, how = {}) => {
      const { oneWay = false, transport: only, kinds, loss } = how;
      const shape: NetworkRule = {
        ...(only === undefined ? {} : { transport: only }),
        ...(kinds === undefined ? {} : { kinds }),
        ...(loss === undefined ? {} : { loss }),
      };
      const side = (label: string, key: 'from' | 'to'): NetworkRule =>
        label === '*' ? {} : { [key]: [label] };
      const lifts = [world.network.addRule({ ...shape, ...side(from, 'from'), ...side(to, 'to') })];
      if (!oneWay) lifts.push(world.network.addRule({ ...shape, ...side(to, 'from'), ...side(from, 'to') }));
      return () => {
        for (const lift of lifts) lift();
      };
    },
    partition: (...groups) => {
      for (const label of everybody()) {
        const group = groups.find((some) => some.includes(label)) ?? [label];
        world.network.addRule({ from: [label], to: everybody().filter((other) => !group.includes(other)) });
      }
    },
    heal: () => world.network.heal(),
    stop: (name, how) => world.stop(name, how),
    restart: (name, how = {}) => {
      world.start(name, how);
      if (how.alone !== true) joinOthers(world, name);
    },
    addHost: (label, hostOptions = {}, how = {}) => {
      world.add(label, { ...setup(label), ...hostOptions });
      self.restart(label, how);
    },
    pause: (name, span) => {
      world.pause(name);
      if (span !== undefined) world.at(world.now + parseDuration(span), () => world.resume(name));
    },
    resume: (name) => world.resume(name),
    run: (span) => {
      world.run(parseDuration(span));
      checkers.assertNoViolations();
    },
    runUntil: (done, limit = '1m') => {
      const came = world.runUntil(done, parseDuration(limit), 10);
      checkers.assertNoViolations();
      return came;
    },
    statusByObserver: (name) =>
      Object.fromEntries(
        running()
          .filter((host) => host.label !== name)
          .map((host) => [host.label, host.runningAgent.view.member(name)?.status ?? 'absent']),
      ),
    statusHistory: (observer, name) => memory(observer, name).map((seen) => seen.status),
    timeUntilAllSee: (name, status, since) => {
      let latest: Millis = 0;
      for (const { label } of running()) {
        if (label === name) continue;
        const first = memory(label, name).find((seen) => seen.at >= since && seen.status === status);
        if (first === undefined) return undefined;
        latest = Math.max(latest, first.at - since);
      }
      return latest;
    },
    facts: (kind, host) =>
      log.flatMap((entry) =>
        entry.fact.kind === kind && (host === undefined || host === entry.host)
          ? [entry.fact as Extract<Fact, { kind: typeof kind }>]
          : [],
      ),
    member: (observer, name) => world.host(observer).runningAgent.view.member(name),
    sendCommand: (name, command) => world.command(name, command),
    runCommand: (name, command, limit = '1m') => {
      const asked = world.command(name, command);
      self.runUntil(() => asked.result !== undefined, limit);
      if (asked.result === undefined)
        throw new Error(`${name} did not answer ${command.kind} within ${limit}`);
      return asked.result;
    },
    join: (name, ...seeds) =>
      world.command(name, { kind: 'join', seeds: seeds.map((seed) => toSeed(world.host(seed))) }),
    leave: (name) => world.command(name, { kind: 'leave' }),
    forget: (by, node, { prune = false, refuseLive = true } = {}) =>
      self.runCommand(by, { kind: 'forget', node, prune, refuseLive }),
    setTags: (name, tags, remove = []) =>
      self.runCommand(name, { kind: 'setTags', set: new Map(Object.entries(tags)), remove }),
  };
  return self;
}

/** Peers without a catalogue are other agents. */
const createAgentFor = (options: AgentOptions, host: SimHost): Agent =>
  host.options.serfPeer === true ? new SerfPeer(options) : createAgent(options);

/** Writes down each change of status that any host shows of any member. What is so at the beginning is no change. */
function recordStatusChanges(world: World): (observer: string, name: string) => readonly StatusChange[] {
  const last = new Map<string, Map<string, ObservedStatus>>();
  const seen = new Map<string, StatusChange[]>();
  const look = (host: SimHost, quietly: boolean): void => {
    if (host.agent === undefined) return;
    let known = last.get(host.label);
    if (known === undefined) {
      known = new Map();
      last.set(host.label, known);
    }
    const present = new Map(host.agent.view.members().map((member) => [member.name, member.status]));
    for (const name of new Set([...known.keys(), ...present.keys()])) {
      const status = present.get(name) ?? 'absent';
      if (known.get(name) === status) continue;
      known.set(name, status);
      if (quietly) continue;
      const key = `${host.label}\n${name}`;
      const list = seen.get(key) ?? [];
      seen.set(key, list);
      list.push({ at: world.now, status });
    }
  };
  for (const host of world.hosts) look(host, true);
  world.subscribe({
    onStart: (host) => last.set(host.label, new Map()),
    onEffects: (host) => look(host, false),
  });
  return (observer, name) => seen.get(`${observer}\n${name}`) ?? [];
}
