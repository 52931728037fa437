/** What each host has shown of each member, recorded from the beginning of a story. */
import type { MemberView } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

export type ObservedStatus = MemberView['status'] | 'absent';

export interface StatusChange {
  readonly at: Millis;
  readonly status: ObservedStatus;
}

export class StatusHistory {
  readonly #world: World;
  /** By observer's label, then by member's name. */
  readonly #current = new Map<string, Map<string, ObservedStatus>>();
  readonly #changes = new Map<string, StatusChange[]>();

  /** Statuses shown at this moment are the starting point and count as no change. */
  constructor(world: World) {
    this.#world = world;
    for (const host of world.hosts) this.#current.set(host.label, currentStatuses(host));
    world.subscribe({
      onStart: (host) => this.#current.set(host.label, new Map()),
      onEffects: (host) => this.#recordChanges(host),
    });
  }

  /** Changes of one member's status at one observer, oldest first. */
  changes(observer: string, name: string): readonly StatusChange[] {
    return this.#changes.get(`${observer}\n${name}`) ?? [];
  }

  #recordChanges(host: SimHost): void {
    if (host.agent === undefined) return;
    const before = this.#current.get(host.label) ?? new Map<string, ObservedStatus>();
    const now = currentStatuses(host);
    for (const name of new Set([...before.keys(), ...now.keys()])) {
      const status = now.get(name) ?? 'absent';
      if (before.get(name) !== status) this.#record(host.label, name, status);
      now.set(name, status);
    }
    this.#current.set(host.label, now);
  }

  #record(observer: string, name: string, status: ObservedStatus): void {
    const key = `${observer}\n${name}`;
    const changes = this.#changes.get(key) ?? [];
    this.#changes.set(key, changes);
    changes.push({ at: this.#world.now, status });
  }
}

const currentStatuses = (host: SimHost): Map<string, ObservedStatus> =>
  new Map(host.agent?.view.members().map((member) => [member.name, member.status]));
