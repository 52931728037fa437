/**
 * User events: a member hears each at most once in its life (E1), and all members hear what any of them has heard, if
 * they lived all the while (E2). An event is known by its name, which nobody gives twice.
 *
 * Not owed to a member: what was fired before its life, and what bears a stamp from before the cluster it was told of when it
 * joined (docs/adr/0010). A Serf agent takes that stamp at each join, ours at the first of a life.
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { Millis } from '../../../base/time.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

interface FiredEvent {
  readonly name: string;
  readonly at: Millis;
  readonly ltime: number;
  readonly by: SimHost;
  /** In which of its lives each host heard it last, and when. */
  readonly receivedBy: Map<SimHost, { readonly boot: number; readonly at: Millis }>;
}

interface BootState {
  readonly since: Millis;
  joined: boolean;
  /** Stamps below are old news to it. */
  minLtime: number;
}

/** Somebody who has yet to hear an event. */
export interface MissingDelivery {
  readonly host: SimHost;
  readonly name: string;
  readonly at: Millis;
  readonly by: SimHost;
}

export class EventLaw implements Law {
  readonly #context: LawContext;
  readonly #fired = new Map<string, FiredEvent>();
  readonly #boots = new Map<SimHost, BootState>();
  /** Of each time a member heard what another fired: how long it took. */
  readonly deliveryDelays: {
    readonly host: SimHost;
    readonly by: SimHost;
    readonly at: Millis;
    readonly took: Millis;
  }[] = [];

  constructor(context: LawContext) {
    this.#context = context;
  }

  get eventCount(): number {
    return this.#fired.size;
  }

  onStart(host: SimHost): void {
    const { event } = host.runningAgent.view.health().clocks;
    this.#boots.set(host, { since: this.#context.world.now, joined: false, minLtime: event });
  }

  onFact(host: SimHost, fact: Fact): void {
    if (fact.kind === 'userEventReceived') this.#onReceived(host, fact.name, fact.ltime);
    else if (fact.kind === 'pushPullFinished' && fact.join) {
      const boot = this.#boots.get(host);
      if (boot === undefined || (boot.joined && host.options.serfPeer !== true)) return;
      boot.joined = true;
      boot.minLtime = host.runningAgent.view.health().clocks.event;
    }
  }

  /**
   * Everybody who has yet to hear something that at least this share of those who run holds. Where others have started since,
   * to whom it is old, the last who hold it meet the last who lack it by chance only.
   */
  missingDeliveries(share = 0): MissingDelivery[] {
    const found: MissingDelivery[] = [];
    const running = [...this.#context.world.hosts].filter((host) => host.running && isStaying(host));
    for (const { name, at, ltime, by, receivedBy } of this.#fired.values()) {
      const hasReceived = (host: SimHost): boolean => receivedBy.get(host)?.boot === host.bootCount;
      const holders = running.filter(hasReceived).length;
      if (holders === 0 || holders < share * running.length) continue;
      for (const host of running) {
        const boot = this.#boots.get(host);
        if (boot === undefined || boot.since >= at || ltime < boot.minLtime || hasReceived(host)) continue;
        found.push({ host, name, at, by });
      }
    }
    return found;
  }

  #onReceived(host: SimHost, name: string, ltime: number): void {
    const { world, reportViolation } = this.#context;
    const fired = this.#fired.get(name);
    const at = world.now;
    const boot = host.bootCount;
    if (fired === undefined) {
      this.#fired.set(name, { name, at, ltime, by: host, receivedBy: new Map([[host, { boot, at }]]) });
      return;
    }
    const before = fired.receivedBy.get(host);
    if (before?.boot === boot) reportViolation(`E1 ${host.label} receives ${name} a second time`);
    else if (fired.ltime !== ltime)
      reportViolation(
        `E1 ${host.label} receives ${name} with Lamport time ${ltime}, which was fired at ${fired.ltime}`,
      );
    else if (before === undefined) {
      fired.receivedBy.set(host, { boot, at });
      this.deliveryDelays.push({ host, by: fired.by, at: fired.at, took: at - fired.at });
    } else fired.receivedBy.set(host, { boot, at });
  }
}

const isStaying = (host: SimHost): boolean => !host.runningAgent.view.health().leaving;
