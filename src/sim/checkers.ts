/**
 * Laws of membership, watched from outside; the catalogue's are catalogue.ts's. Safety after every input that brought
 * something forth, and over all rows each virtual second; agreement when a story says that all should be calm. Ids are
 * those of the reliability page.
 */
import type { Fact, MemberView, Topic } from '../agent/types.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** What one observer has shown of one member. */
interface Sight {
  incarnation: number;
  /** By facts; `absent` before the first and after the row was dropped. */
  state: 'absent' | 'alive' | 'suspect' | 'dead' | 'left';
}

const SWEEP_EVERY = 1000;

export class Checkers {
  /** What was broken, in the order in which it was seen, each once. */
  readonly violations: string[] = [];
  readonly #world: World;
  /** By observer's label, then by member's name. Emptied when the observer starts anew. */
  readonly #sights = new Map<string, Map<string, Sight>>();
  /** Highest incarnation any agent of a name ever had. */
  readonly #own = new Map<string, number>();
  /** Names that ever left by their own word, or that somebody was told to forget: such news may travel for long. */
  readonly #released = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    world.watch({
      started: (host) => this.#sights.set(host.label, new Map()),
      asked: (host, command) => {
        if (command.kind === 'leave') this.#released.add(host.name);
        if (command.kind === 'forget') this.#released.add(command.node);
      },
      acted: (host, facts, topics) => this.#acted(host, facts, topics),
    });
    const sweep = (): void => {
      for (const host of world.hosts) if (host.running) this.#sweep(host);
      world.at(world.now + SWEEP_EVERY, sweep);
    };
    world.at(world.now + SWEEP_EVERY, sweep);
  }

  /** Throws with the seed and the end of the trace if any law was broken. */
  enforce(): void {
    if (this.violations.length === 0) return;
    throw new Error(
      [
        `seed ${this.#world.seed}: ${this.violations.length} law(s) broken`,
        ...this.violations.slice(0, 10),
        ...this.#world.trace.lines().slice(-60),
      ].join('\n'),
    );
  }

  #acted(host: Host, facts: readonly Fact[], topics: readonly Topic[]): void {
    this.#learn(host);
    const touched = new Set<string>();
    for (const fact of facts) {
      this.#moved(host, fact);
      if ('node' in fact) touched.add(fact.node);
    }
    for (const topic of topics) if (topic.startsWith('node:')) touched.add(topic.slice('node:'.length));
    for (const name of touched) {
      const member = host.agent?.view.member(name);
      if (member !== undefined && member.name === name) this.#look(host, member);
    }
    this.#self(host);
  }

  #sweep(host: Host): void {
    this.#learn(host);
    this.#self(host);
    const { view } = host.live;
    for (const { name } of view.members()) {
      const member = view.member(name);
      if (member !== undefined) this.#look(host, member);
    }
  }

  #learn(host: Host): void {
    if (host.agent === undefined) return;
    const own = host.agent.view.self().incarnation;
    if (own > (this.#own.get(host.name) ?? -1)) this.#own.set(host.name, own);
  }

  /** I5: nobody who runs and does not leave sees itself as anything but alive. */
  #self(host: Host): void {
    if (host.agent === undefined || host.agent.view.health().leaving) return;
    const { state, status } = host.agent.view.self();
    if (state !== 'alive' || status !== 'alive')
      this.#broken(`I5 ${host.label} sees itself ${state}, ${status}`);
  }

  /** I1: incarnations never fall while a row exists. I3: nobody holds one its member never had. */
  #look(host: Host, member: MemberView): void {
    const sight = this.#sight(host, member.name);
    // Serf shows a failed member long after its row was dropped; a new row may begin anew.
    const hasRow = sight.state !== 'absent' || member.name === host.name;
    if (hasRow && member.incarnation < sight.incarnation)
      this.#broken(
        `I1 at ${host.label} the incarnation of ${member.name} fell from ${sight.incarnation} to ${member.incarnation}`,
      );
    sight.incarnation = hasRow ? member.incarnation : -1;
    const most = this.#highest(member.name, member.incarnation);
    if (member.incarnation > most)
      this.#broken(
        `I3 ${host.label} holds ${member.name}@${member.incarnation}, which never went above ${most}`,
      );
  }

  /** The highest incarnation a name ever had; those who bear it are looked at again if that is below `held`. */
  #highest(name: string, held: number): number {
    if ((this.#own.get(name) ?? -1) < held)
      for (const host of this.#world.hosts) if (host.name === name) this.#learn(host);
    return this.#own.get(name) ?? -1;
  }

  /** I6: the changes of a row follow one another as the protocol allows, and nobody leaves who was not asked to. */
  #moved(host: Host, fact: Fact): void {
    if (!('node' in fact) || fact.node === host.name) return;
    const sight = this.#sight(host, fact.node);
    const step = (to: Sight['state'], ...from: Sight['state'][]): void => {
      if (!from.includes(sight.state))
        this.#broken(`I6 at ${host.label} ${fact.node} went from ${sight.state} to ${to} (${fact.kind})`);
      sight.state = to;
    };
    switch (fact.kind) {
      case 'memberAppeared':
        return step('alive', 'absent');
      case 'memberReturned':
        return step('alive', 'dead', 'left');
      case 'memberSuspected':
        return step('suspect', 'alive');
      case 'suspicionLifted':
        return step('alive', 'suspect');
      case 'memberDeclaredDead':
        step(fact.left ? 'left' : 'dead', 'alive', 'suspect');
        if (fact.left && !this.#released.has(fact.node))
          this.#broken(`I6 ${host.label} holds ${fact.node} as left, which never left`);
        return;
      case 'memberForgotten':
        step('absent', 'dead', 'left');
        sight.incarnation = -1;
        return;
      case 'memberLeft':
        if (!this.#released.has(fact.node))
          this.#broken(`I6 ${host.label} shows ${fact.node} as left, which never left`);
        return;
    }
  }

  #sight(host: Host, name: string): Sight {
    let sights = this.#sights.get(host.label);
    if (sights === undefined) {
      sights = new Map();
      this.#sights.set(host.label, sights);
    }
    let sight = sights.get(name);
    if (sight === undefined) {
      sight = { incarnation: -1, state: 'absent' };
      sights.set(name, sight);
    }
    return sight;
  }

  /** For laws that are watched elsewhere (catalogue.ts). */
  readonly broken = (what: string): void => this.#broken(what);

  #broken(what: string): void {
    const line = `${(this.#world.now / 1000).toFixed(3)} ${what}`;
    if (this.violations.length < 100) this.violations.push(line);
  }
}

/**
 * L1 and L2: every running host is alive at every running host, at one incarnation, and nobody who does not run is
 * up anywhere. Empty when all agree; else one clause for each disagreement.
 */
export function disagreements(world: World): string[] {
  const running = [...world.hosts].filter((host) => host.running);
  const names = new Set(running.map((host) => host.name));
  const found: string[] = [];
  for (const { label, live } of running) {
    for (const host of running) {
      const member = live.view.member(host.name);
      const self = host.live.view.self();
      if (member?.status !== 'alive')
        found.push(`${label} holds ${host.name} as ${member?.status ?? 'unknown'}`);
      else if (member.incarnation !== self.incarnation)
        found.push(`${label} holds ${host.name}@${member.incarnation} instead of @${self.incarnation}`);
    }
    for (const member of live.view.members())
      if (!names.has(member.name) && member.status !== 'left' && member.status !== 'failed')
        found.push(`${label} holds ${member.name} as ${member.status}, which does not run`);
  }
  return found;
}
