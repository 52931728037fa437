/** The part of a story that is about services: what hosts publish, and what readers find. */

import type { Command, CommandResult } from '../../agent/contract/commands.ts';

import type { Millis } from '../../base/time.ts';
import type { CatalogView, Instance } from '../../catalog/types.ts';
import type { CheckDefinition } from '../../checks/types.ts';
import type { CheckStatus, ServiceDefinition } from '../../model/service.ts';
import { makeService, makeTtlCheck } from '../workload/definitions.ts';
import type { World } from '../world/world.ts';

export interface StoryCatalog {
  /**
   * Registers a service; throws if the agent refuses it. `web-1` stands for an instance of `web` with one TTL check,
   * `of-web-1`, which passes.
   */
  register(by: string, service: string | ServiceDefinition, checks?: readonly CheckDefinition[]): void;
  deregister(by: string, id: string): void;
  /** Sets the status of a TTL check. */
  setCheck(by: string, check: string, status: CheckStatus, output?: string): void;
  /** Maintenance mode of one service, or of the whole node. */
  setMaintenance(by: string, on: boolean, service?: string): void;
  drain(by: string, service: string, on?: boolean): void;
  /** Ids of the instances that `observer` would use, in its order. */
  passing(observer: string, service: string): string[];
  /** Ids of all instances that `observer` knows, in any state. */
  known(observer: string, service: string): string[];
  instance(observer: string, id: string): Instance | undefined;
  /** Whether `holds` at every host that runs. */
  everywhere(holds: (label: string) => boolean): boolean;
  /**
   * Lets time pass until `holds` has been true once at each host that runs, or `limit` is over. Returns the time until it
   * first was, by host, counted from now; hosts at which it never was are absent.
   */
  timeUntilEach(holds: (label: string) => boolean, limit: Millis): Map<string, Millis>;
}

/** How often `timeUntilEach` looks. */
const STEP: Millis = 5;

/** `checkLaws` is called whenever time has passed. */
export function createStoryCatalog(world: World, checkLaws: () => void): StoryCatalog {
  const running = (): string[] => [...world.hosts].filter((host) => host.running).map((host) => host.label);
  const catalog = (observer: string): CatalogView => world.host(observer).runningAgent.view.catalog;
  const run = (by: string, command: Command): void => {
    // Without a result the command has been carried out, and the reply waits for the disk.
    const result: CommandResult | undefined = world.command(by, command).result;
    if (result?.ok === false) throw new Error(`${by} refused ${command.kind}: ${result.error.message}`);
  };
  return {
    register: (by, what, given) => {
      const service = typeof what === 'string' ? makeService(what) : what;
      const checks = given ?? [makeTtlCheck(`of-${service.id}`, service.id)];
      run(by, { kind: 'registerService', service, checks, replaceChecks: true });
    },
    deregister: (by, id) => run(by, { kind: 'deregisterService', id }),
    setCheck: (by, id, status, output = '') => run(by, { kind: 'updateCheck', id, status, output }),
    setMaintenance: (by, on, service) =>
      run(by, { kind: 'maintenance', ...(service === undefined ? {} : { service }), on, reason: 'a story' }),
    drain: (by, service, on = true) => run(by, { kind: 'drain', service, on }),
    passing: (observer, service) => instanceIds(catalog(observer).usable(service)),
    known: (observer, service) => instanceIds(catalog(observer).instances(service)),
    instance: (observer, id) => {
      for (const node of catalog(observer).nodes())
        for (const instance of node.instances) if (instance.service.id === id) return instance;
      return undefined;
    },
    everywhere: (holds) => running().every(holds),
    timeUntilEach: (holds, limit) => {
      const start = world.now;
      const times = new Map<string, Millis>();
      const waiting = new Set(running());
      const look = (): boolean => {
        for (const label of waiting)
          if (world.host(label).running && holds(label)) {
            times.set(label, world.now - start);
            waiting.delete(label);
          }
        return waiting.size === 0;
      };
      world.runUntil(look, limit, STEP);
      checkLaws();
      return times;
    },
  };
}

const instanceIds = (instances: Iterable<Instance>): string[] =>
  [...instances].map(({ service }) => service.id);
