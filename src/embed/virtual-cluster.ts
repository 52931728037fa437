/**
 * `hearsay/testing`: a cluster for the tests of programs that use `hearsay/client`. Its agents are the real ones, and what they
 * tell one another travels through the simulator's network: what a crash or a partition does to the lists is what it does in
 * production, in virtual time and from one seed.
 */
import { createAgent } from '../agent/agent.ts';
import type { Command } from '../agent/contract/commands.ts';
import { parseDuration } from '../config/setting.ts';
import { toServiceRows, toSnapshotMark } from '../http/hearsay/service-rows.ts';
import { bootstrapCluster, joinOthers, simulateRejoinPolicy } from '../sim/world/bootstrap.ts';
import { World } from '../sim/world/world.ts';
import { type AgentRows, VirtualClient, type VirtualService } from './virtual-client.ts';

export interface VirtualClusterOptions {
  /** The names of the hosts, each with an agent. */
  readonly hosts: readonly string[];
  /** The same seed, the same run. */
  readonly seed?: number;
  /** The tags of agents, by host: `{ a: { zone: 'x' } }`. */
  readonly tags?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Whether time passes by itself, as fast as the clock on the wall; else by `pass` and `until` only. */
  readonly realTime?: boolean;
}

/** Time between two looks of `until`, and between two steps in real time, in milliseconds. */
const STEP = 10;
const UNTIL_LIMIT = '1m';
const DAY = 86_400_000;

export class VirtualCluster {
  readonly #world: World;
  readonly #clients = new Set<VirtualClient>();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor({ hosts, seed = 1, tags = {}, realTime = false }: VirtualClusterOptions) {
    this.#world = new World({ seed, makeAgent: createAgent });
    for (const host of hosts) {
      const own = tags[host];
      this.#world.add(host, own === undefined ? {} : { tags: own });
    }
    bootstrapCluster(this.#world, hosts);
    simulateRejoinPolicy(this.#world, hosts);
    if (realTime) this.#timer = this.#followClock();
  }

  /** Milliseconds of virtual time since the cluster began. */
  get now(): number {
    return this.#world.now;
  }

  /** Lets time pass, as in `pass('5s')`. */
  pass(span: string): void {
    this.#world.run(parseDuration(span));
    this.#refresh();
  }

  /** Lets time pass until `condition` holds, and returns how long that took. Throws after `limit`, a minute by default. */
  until(condition: () => boolean, limit = UNTIL_LIMIT): number {
    const { now } = this.#world;
    const holds = (): boolean => {
      this.#refresh();
      return condition();
    };
    if (this.#world.runUntil(holds, parseDuration(limit), STEP)) return this.#world.now - now;
    throw new Error(`what was waited for did not happen within ${limit} of virtual time`);
  }

  /** What `connect` returns to a program on this host. */
  client(host: string): VirtualClient {
    this.#world.host(host);
    const client: VirtualClient = new VirtualClient({
      ask: () => this.#ask(host),
      now: () => this.#world.now,
      register: (service) => this.register(host, service),
      deregister: (id) => this.deregister(host, id),
      drain: (id) => this.drain(host, id),
      onClose: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
    return client;
  }

  register(host: string, service: VirtualService): void {
    const { name, id = name, port = 80, address = '', tags = [], meta = {} } = service;
    this.#command(host, {
      kind: 'registerService',
      service: {
        ...{ id, name, port, address, tags, ports: [], taggedAddresses: new Map(), enableTagOverride: false },
        ...{ meta: new Map(Object.entries(meta)), weights: service.weights ?? { passing: 1, warning: 1 } },
      },
      checks: [
        {
          ...{ id: checkOf(id), name: 'set by the test', notes: '', serviceId: id, interval: 0, timeout: 0 },
          ...{ initial: 'passing', successBeforePassing: 1, failuresBeforeWarning: 1 },
          ...{ failuresBeforeCritical: 1, deregisterCriticalAfter: 0, outputMaxBytes: 4096 },
          probe: { kind: 'ttl', ttl: DAY },
        },
      ],
      replaceChecks: true,
    });
  }

  deregister(host: string, id: string): void {
    this.#command(host, { kind: 'deregisterService', id });
  }

  setStatus(host: string, id: string, status: 'passing' | 'warning' | 'critical'): void {
    this.#command(host, { kind: 'updateCheck', id: checkOf(id), status, output: '' });
  }

  /** Takes an instance out of all lists, or back in. */
  drain(host: string, id: string, on = true): void {
    this.#command(host, { kind: 'drain', service: id, on });
  }

  /** Kills the agent of a host, and whatever is registered there. */
  crash(host: string): void {
    this.#world.stop(host);
    this.#refresh();
  }

  /** Starts an agent on a host after a crash; its services have to be registered again. */
  restart(host: string): void {
    this.#world.start(host);
    joinOthers(this.#world, host);
    this.#refresh();
  }

  /** Hosts reach only those of their own group; a host in no group reaches nobody. */
  partition(...groups: readonly (readonly string[])[]): void {
    const all = [...this.#world.hosts].map(({ label }) => label);
    for (const label of all) {
      const group = groups.find((one) => one.includes(label)) ?? [label];
      this.#world.network.addRule({ from: [label], to: all.filter((other) => !group.includes(other)) });
    }
  }

  /** Ends all partitions. */
  heal(): void {
    this.#world.network.heal();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of [...this.#clients]) void client.close();
  }

  #ask(host: string): AgentRows | undefined {
    const { agent } = this.#world.host(host);
    if (agent === undefined) return undefined;
    const { view } = agent;
    const { zone, zoneSpill, zoneHold } = toSnapshotMark({ agent }, 0);
    return {
      ...{ zone, zoneSpill, zoneHold },
      indexOf: (service) => view.indexOf(['nodes', `service:${service}`]),
      rowsOf: (service) => toServiceRows({ agent }, service).instances,
    };
  }

  #command(host: string, command: Command): void {
    // Without a result it has been carried out, and the reply waits for the disk.
    const { result } = this.#world.command(host, command);
    if (result?.ok === false) throw result.error;
    this.#refresh();
  }

  #refresh(): void {
    for (const client of this.#clients) client.refresh();
  }

  #followClock(): NodeJS.Timeout {
    let last = performance.now();
    return setInterval(() => {
      const now = performance.now();
      this.#world.run(now - last);
      last = now;
      this.#refresh();
    }, STEP);
  }
}

const checkOf = (id: string): string => `service:${id}`;

/** Starts a cluster whose members all know one another. */
export const createCluster = (options: VirtualClusterOptions): VirtualCluster => new VirtualCluster(options);
