/** I25: a restored node of which membership knows nothing is not answered for any more once the grace period is over. */
import { GRACE_PERIOD } from '../../../agent/replication/restored-catalog.ts';
import type { Millis } from '../../../base/time.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** A process that was suspended notices the time a moment later, and clocks drift. */
const SLACK: Millis = 1000;

export class RestoredNodeLaw implements Law {
  readonly #context: LawContext;
  /** When each host started, by its own clock, and which restored nodes it has shown since. */
  readonly #starts = new Map<SimHost, { readonly at: Millis; readonly shown: Set<string> }>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    this.#starts.set(host, { at: host.toHostTime(this.#context.world.now), shown: new Set() });
  }

  checkPeriodically(host: SimHost): void {
    const start = this.#starts.get(host);
    if (start === undefined || host.paused || host.options.serfPeer === true) return;
    const { world, judged, reportViolation } = this.#context;
    const age = host.toHostTime(world.now) - start.at;
    const isOver = age > (host.options.retention?.restoredNodes ?? GRACE_PERIOD) + SLACK;
    const { view } = host.runningAgent;
    const unconfirmed = [...view.catalog.nodes()].filter(
      (one) => isAnswered(one) && view.member(one.node)?.incarnation === 0,
    );
    for (const { node } of unconfirmed) start.shown.add(node);
    if (!isOver) return;
    for (const _ of start.shown) judged('I25');
    start.shown.clear();
    for (const { node } of unconfirmed)
      reportViolation(
        `I25 ${host.label} answers for ${node} ${age} ms after its start, and nobody confirmed it`,
      );
  }
}

/** Any service of the node is shown with a status that readers use. */
const isAnswered = ({ up, instances }: { up: boolean; instances: readonly unknown[] }): boolean =>
  up && instances.length > 0;
