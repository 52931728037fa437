/**
 * What a partition has taken from each service: a proxy whose list is emptied by one serves nobody, although the instances
 * may all be well. An instance counts as lost when it was listed, and its node is not alive any more.
 */
import type { Millis } from '../../../base/time.ts';

/** Instances that were lost no further apart belong to one partition; those lost before it are dead. */
const LOST_TOGETHER: Millis = 60_000;
/** Services remembered; the one that was longest not asked for is forgotten first. */
const MAX_SERVICES = 1024;

/** An instance as a proxy dials it. */
export interface ProxyTarget {
  /** With the id it says which instance this is. */
  readonly node: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** Relative to that of the others, above 0. */
  readonly weight: number;
  /** The tag `zone` of its node; `''` without one. */
  readonly zone: string;
}

interface ListedTarget {
  readonly target: ProxyTarget;
  /** When it was first seen missing; `undefined`: it is listed. */
  readonly lostAt: Millis | undefined;
}

export class KeptLists {
  readonly #listed = new Map<string, readonly ListedTarget[]>();

  /**
   * Takes the present list of a service, and returns those that were lost together with the last one that was. `isCutOff`
   * tells whether an instance is missing only because its node is.
   */
  update(
    service: string,
    targets: readonly ProxyTarget[],
    isCutOff: (target: ProxyTarget) => boolean,
    now: Millis,
  ): readonly ProxyTarget[] {
    const key = service.toLowerCase();
    const present = new Set(targets.map(keyOf));
    const lost = (this.#listed.get(key) ?? [])
      .filter(({ target }) => !present.has(keyOf(target)) && isCutOff(target))
      .map(({ target, lostAt = now }) => ({ target, lostAt }));
    this.#store(key, [...targets.map((target) => ({ target, lostAt: undefined })), ...lost]);
    const last = Math.max(...lost.map(({ lostAt }) => lostAt));
    return lost.filter(({ lostAt }) => lostAt >= last - LOST_TOGETHER).map(({ target }) => target);
  }

  #store(key: string, listed: readonly ListedTarget[]): void {
    this.#listed.delete(key);
    if (listed.length === 0) return;
    this.#listed.set(key, listed);
    for (const oldest of this.#listed.keys()) {
      if (this.#listed.size <= MAX_SERVICES) return;
      this.#listed.delete(oldest);
    }
  }
}

const keyOf = ({ node, id }: ProxyTarget): string => JSON.stringify([node, id]);
