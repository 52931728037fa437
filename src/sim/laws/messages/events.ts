/**
 * User events: a member receives each at most once per boot (E1), and all members receive an event that any of them has
 * received (E2). Events are told apart by their names, which are unique.
 *
 * A member need not receive events that were fired before it started, or that have a lower Lamport time than the
 * cluster had when it joined (docs/adr/0010). A Serf peer takes that time at each join, an agent at the first join of a
 * boot. An agent that returns with its data receives what was fired while it was down, from the clock on that it saved.
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
  /** The boot in which each host last received it, and when. */
  readonly receivedBy: Map<SimHost, { readonly boot: number; readonly at: Millis }>;
}

interface BootState {
  readonly since: Millis;
  joined: boolean;
  /** It restored the clocks of an earlier boot, in which it had met others. */
  readonly returning: boolean;
  /** Events with a lower Lamport time are old to it. */
  minLtime: number;
}

/** A host that has not received an event yet. */
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
  /** One element for each time a member received an event of another, and how long that took. */
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
    const { view } = host.runningAgent;
    const saved =
      view.self().incarnation > 1 && host.options.serfPeer !== true ? host.disk.snapshot : undefined;
    const returning = (saved?.peers.length ?? 0) > 0;
    const minLtime = saved?.clocks.event ?? view.health().clocks.event;
    this.#boots.set(host, { since: this.#context.world.now, joined: returning, returning, minLtime });
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
   * Deliveries that are missing of events that at least this share of the running hosts have. If many hosts have
   * started since, for which the event is old, the last that have it and the last that lack it meet by chance only.
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
        if (boot === undefined || ltime < boot.minLtime || hasReceived(host)) continue;
        // One that was received in an earlier boot may be received again, if the clock was not saved in time.
        if (boot.since >= at && (!boot.returning || receivedBy.has(host))) continue;
        found.push({ host, name, at, by });
      }
    }
    return found;
  }

  #onReceived(host: SimHost, name: string, ltime: number): void {
    const { world, reportViolation, judged } = this.#context;
    judged('E1');
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
