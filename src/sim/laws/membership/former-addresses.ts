/**
 * Members that have moved, as memberlist sees them. It takes no other address for a name before the row is dropped, and asks
 * nobody: a Serf peer that holds a member at its former address has to find out with its own probes alone that nobody
 * answers there. That may take longer than G7 allows our agents, but no longer than its rules say.
 *
 * Source: memberlist state.go (probe, aliveNode, resetNodes), suspicion.go; P20, P23, P29 (docs/protocol.md).
 */
import type { Millis } from '../../../base/time.ts';
import { suspicionTimeout } from '../../../swim/state/suspicion.ts';
import type { SimHost } from '../../world/host.ts';
import type { World } from '../../world/world.ts';
import type { Disagreement } from './agreement.ts';

/** What one Serf peer holds. */
interface Observed {
  /** The most rows it had. */
  rows: number;
  /** Members that it has held at a former address. */
  readonly moved: Set<string>;
  /** When it was last seen to hold one more. */
  since: Millis;
}

/** Watches from the end of the faults on. */
export class FormerAddresses {
  readonly #world: World;
  readonly #observed = new Map<SimHost, Observed>();

  constructor(world: World) {
    this.#world = world;
  }

  /** To be called now and then: without disagreements of Serf peers about members that they have held at a former address. */
  withoutMoved(found: readonly Disagreement[]): readonly Disagreement[] {
    for (const host of this.#world.hosts)
      if (host.running && host.options.serfPeer === true) this.#observe(host);
    return found.filter(({ observer, member }) => this.#observed.get(observer)?.moved.has(member) !== true);
  }

  /** Until when memberlist may hold one of them there. */
  get heldUntil(): Millis {
    const times = [...this.#observed].map(([host, observed]) => this.#heldUntil(host, observed));
    return Math.max(0, ...times);
  }

  #observe(host: SimHost): void {
    const { view } = host.runningAgent;
    const observed = this.#observed.get(host) ?? { rows: 0, moved: new Set(), since: 0 };
    this.#observed.set(host, observed);
    observed.rows = Math.max(observed.rows, view.members().length);
    for (const other of this.#world.hosts) {
      const row = other.running ? view.member(other.name) : undefined;
      if (row === undefined || row.address.key === other.address.key || observed.moved.has(other.name))
        continue;
      observed.moved.add(other.name);
      observed.since = this.#world.now;
    }
  }

  /**
   * Its turn to be probed comes within two passes, since their order changes. A row that does not answer takes the probe
   * interval times the health score, which falls with each row that does. Nobody confirms the suspicion, so it lasts its
   * longest. The dead row is dropped at the end of the pass in which its time is over, and the next push/pull tells of the
   * other address.
   */
  #heldUntil({ swim, name }: SimHost, { rows, moved, since }: Observed): Millis {
    if (moved.size === 0) return 0;
    const { probeInterval, awarenessMax, suspicionMult, suspicionMaxTimeoutMult } = swim;
    const answers = (host: SimHost): boolean => host.running && host.name !== name && !moved.has(host.name);
    const answering = [...this.#world.hosts].filter(answers).length;
    const silent = rows - 1 - answering;
    let passes = 0;
    for (const pass of [0, 1, 2])
      passes += probeInterval * (answering + silent * Math.max(1, awarenessMax - pass * answering));
    const suspicion = suspicionTimeout(suspicionMult, rows, probeInterval) * suspicionMaxTimeoutMult;
    return since + passes + suspicion + swim.gossipToTheDeadTime + swim.pushPullInterval;
  }
}
