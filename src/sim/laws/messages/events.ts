/**
 * User events: a member hears each at most once in its life (E1), and all members hear what any of them has heard, if
 * they lived all the while (E2). An event is known by its name, which nobody gives twice.
 *
 * Not owed to a member: what was fired before its life, and what bears a stamp from before the cluster it was told of when it
 * joined (docs/adr/0010). A Serf agent takes that stamp at each join, ours at the first of a life.
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { Millis } from '../../../base/time.ts';
import type { Host } from '../../world/host.ts';
import type { Ground, Law } from '../law.ts';

interface Fired {
  readonly name: string;
  readonly at: Millis;
  readonly ltime: number;
  readonly by: Host;
  /** In which of its lives each host heard it last, and when. */
  readonly heard: Map<Host, { readonly life: number; readonly at: Millis }>;
}

interface Life {
  readonly since: Millis;
  joined: boolean;
  /** Stamps below are old news to it. */
  floor: number;
}

/** Somebody who has yet to hear an event. */
export interface Owed {
  readonly host: Host;
  readonly name: string;
  readonly at: Millis;
  readonly by: Host;
}

export class Events implements Law {
  readonly #ground: Ground;
  readonly #fired = new Map<string, Fired>();
  readonly #lives = new Map<Host, Life>();
  /** Of each time a member heard what another fired: how long it took. */
  readonly delays: { readonly host: Host; readonly by: Host; readonly at: Millis; readonly took: Millis }[] =
    [];

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  get count(): number {
    return this.#fired.size;
  }

  started(host: Host): void {
    const { event } = host.live.view.health().clocks;
    this.#lives.set(host, { since: this.#ground.world.now, joined: false, floor: event });
  }

  fact(host: Host, fact: Fact): void {
    if (fact.kind === 'eventHeard') this.#heard(host, fact.name, fact.ltime);
    else if (fact.kind === 'syncFinished' && fact.join) {
      const life = this.#lives.get(host);
      if (life === undefined || (life.joined && host.options.plain !== true)) return;
      life.joined = true;
      life.floor = host.live.view.health().clocks.event;
    }
  }

  /**
   * Everybody who has yet to hear something that at least this share of those who run holds. Where others have started since,
   * to whom it is old, the last who hold it meet the last who lack it by chance only.
   */
  owed(share = 0): Owed[] {
    const found: Owed[] = [];
    const running = [...this.#ground.world.hosts].filter((host) => host.running && isStaying(host));
    for (const { name, at, ltime, by, heard } of this.#fired.values()) {
      const has = (host: Host): boolean => heard.get(host)?.life === host.lives;
      const holders = running.filter(has).length;
      if (holders === 0 || holders < share * running.length) continue;
      for (const host of running) {
        const life = this.#lives.get(host);
        if (life === undefined || life.since >= at || ltime < life.floor || has(host)) continue;
        found.push({ host, name, at, by });
      }
    }
    return found;
  }

  #heard(host: Host, name: string, ltime: number): void {
    const { world, broken } = this.#ground;
    const fired = this.#fired.get(name);
    const at = world.now;
    const life = host.lives;
    if (fired === undefined) {
      this.#fired.set(name, { name, at, ltime, by: host, heard: new Map([[host, { life, at }]]) });
      return;
    }
    const before = fired.heard.get(host);
    if (before?.life === life) broken(`E1 ${host.label} hears ${name} a second time`);
    else if (fired.ltime !== ltime)
      broken(`E1 ${host.label} hears ${name} of ${ltime}, which was fired at ${fired.ltime}`);
    else if (before === undefined) {
      fired.heard.set(host, { life, at });
      this.delays.push({ host, by: fired.by, at: fired.at, took: at - fired.at });
    } else fired.heard.set(host, { life, at });
  }
}

const isStaying = (host: Host): boolean => !host.live.view.health().leaving;
