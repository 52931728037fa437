/** The words of the little language (story.ts) for what hosts publish and what readers then find. */

import type { Command, CommandResult } from '../../agent/contract/commands.ts';
import type { Millis } from '../../base/time.ts';
import type { Instance } from '../../catalog/types.ts';
import type { CheckDefinition } from '../../checks/types.ts';
import type { CheckStatus, ServiceDefinition } from '../../model/service.ts';
import { makeService, makeTtlCheck } from '../workload/definitions.ts';
import type { World } from '../world/world.ts';

export interface StoryCatalog {
  /** `web-1` alone is an instance of `web` with one TTL check, `of-web-1`, which passes. Throws if it is refused. */
  register(by: string, service: string | ServiceDefinition, checks?: readonly CheckDefinition[]): void;
  deregister(by: string, id: string): void;
  /** The word of a TTL check. */
  setCheck(by: string, check: string, status: CheckStatus, output?: string): void;
  /** Of one service, or of the whole node. */
  setMaintenance(by: string, on: boolean, service?: string): void;
  drain(by: string, service: string, on?: boolean): void;
  /** Ids of the instances that `observer` would use, in its order. */
  passing(observer: string, service: string): string[];
  /** Ids of all it knows, in any state. */
  known(observer: string, service: string): string[];
  instance(observer: string, id: string): Instance | undefined;
  /** Does `so` hold at every host that runs? */
  everywhere(so: (label: string) => boolean): boolean;
  /**
   * Lets time pass until `so` has held once at each that runs (or `limit` is over), and says when it first did at
   * each, counted from now. Those at which it never did are not in it.
   */
  timeUntilEach(so: (label: string) => boolean, limit: Millis): Map<string, Millis>;
}

export function createStoryCatalog(world: World, enforce: () => void): StoryCatalog {
  const running = (): string[] => [...world.hosts].filter((host) => host.running).map((host) => host.label);
  const told = (by: string, command: Command): void => {
    const result: CommandResult | undefined = world.command(by, command).result;
    if (result?.ok !== true)
      throw new Error(`${by} refused ${command.kind}: ${result?.error.message ?? 'no answer'}`);
  };
  const words: StoryCatalog = {
    register: (by, what, given) => {
      const service = typeof what === 'string' ? makeService(what) : what;
      const checks = given ?? [makeTtlCheck(`of-${service.id}`, service.id)];
      told(by, { kind: 'registerService', service, checks, replaceChecks: true, fromFile: false });
    },
    deregister: (by, id) => told(by, { kind: 'deregisterService', id }),
    setCheck: (by, id, status, output = '') => told(by, { kind: 'updateCheck', id, status, output }),
    setMaintenance: (by, on, service) =>
      told(by, { kind: 'maintenance', ...(service === undefined ? {} : { service }), on, reason: 'a story' }),
    drain: (by, service, on = true) => told(by, { kind: 'drain', service, on }),
    passing: (observer, service) =>
      world
        .host(observer)
        .runningAgent.view.catalog.usable(service)
        .map((instance) => instance.service.id),
    known: (observer, service) =>
      world
        .host(observer)
        .runningAgent.view.catalog.instances(service)
        .map((instance) => instance.service.id),
    instance: (observer, id) => {
      for (const node of world.host(observer).runningAgent.view.catalog.nodes())
        for (const instance of node.instances) if (instance.service.id === id) return instance;
      return undefined;
    },
    everywhere: (so) => running().every(so),
    timeUntilEach: (so, limit) => {
      const began = world.now;
      const first = new Map<string, Millis>();
      const waiting = new Set(running());
      world.runUntil(
        () => {
          for (const label of waiting)
            if (world.host(label).running && so(label)) {
              first.set(label, world.now - began);
              waiting.delete(label);
            }
          return waiting.size === 0;
        },
        limit,
        STEP,
      );
      enforce();
      return first;
    },
  };
  return words;
}

const STEP: Millis = 5;
