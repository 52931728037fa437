/**
 * I21: an ordered leave is a leave. Where no packet is lost, nobody shows a member as failed that left by its own
 * command; Serf peers do, if the dead message comes before the intent (serf#638).
 */
import type { Command } from '../../../agent/contract/commands.ts';
import type { Fact } from '../../../agent/contract/facts.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

interface OrderedLeave {
  /** Packets and streams that had been lost until then. */
  readonly lost: number;
  /** The agents that saw the member as alive. */
  readonly observers: ReadonlyMap<SimHost, number>;
  /** It stopped in order, and was not killed. */
  finished: boolean;
}

export class LeaveLaw implements Law {
  readonly #context: LawContext;
  readonly #leaves = new Map<SimHost, OrderedLeave>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    this.#leaves.delete(host);
  }

  onCommand(host: SimHost, command: Command): void {
    if (command.kind !== 'leave' || host.paused || this.#leaves.has(host)) return;
    const { world } = this.#context;
    const observers = new Map<SimHost, number>();
    for (const other of world.hosts)
      if (other !== host && other.agent?.view.member(host.name)?.state === 'alive' && !other.paused)
        observers.set(other, other.bootCount);
    this.#leaves.set(host, { lost: this.#lost, observers, finished: false });
  }

  onFact(observer: SimHost, fact: Fact): void {
    if (fact.kind === 'leaveFinished') {
      const leave = this.#leaves.get(observer);
      if (leave !== undefined) leave.finished = fact.propagated;
    }
    if (fact.kind !== 'memberFailed' && fact.kind !== 'memberLeft') return;
    for (const [host, leave] of this.#leaves) {
      if (host.name !== fact.node || !this.#isFair(host, observer, leave)) continue;
      this.#context.judged('I21');
      if (fact.kind === 'memberFailed')
        this.#context.reportViolation(
          `I21 ${observer.label} shows ${fact.node} as failed, which left in order`,
        );
    }
  }

  /** Nobody killed either since the command, and all packets of that time arrived. */
  #isFair(host: SimHost, observer: SimHost, { lost, observers, finished }: OrderedLeave): boolean {
    if (observer.options.serfPeer === true || observer.paused) return false;
    if (this.#isOfAnother(host, observer)) return false;
    if (!finished && !host.running) return false;
    return lost === this.#lost && observers.get(observer) === observer.bootCount;
  }

  /** Whether the observer speaks of another host that has this name, and is at another address. */
  #isOfAnother(host: SimHost, observer: SimHost): boolean {
    const hasRival = [...this.#context.world.hosts].some((one) => one !== host && one.name === host.name);
    return hasRival && observer.agent?.view.member(host.name)?.address.key !== host.address.key;
  }

  get #lost(): number {
    const { lost, bufferOverflows } = this.#context.world.counts;
    return lost + bufferOverflows;
  }
}
