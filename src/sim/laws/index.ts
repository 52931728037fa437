/**
 * Laws are invariants that are checked from outside, after every input with an effect, and over all rows once per
 * virtual second. Each is in a file of its own; their ids are explained in docs/reliability.md.
 */

import type { Fact } from '../../agent/contract/facts.ts';
import type { Topic } from '../../agent/contract/view.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { CatalogLaws } from './catalog/catalog.ts';
import { CheckLaw } from './catalog/checks.ts';
import { ExternalNodeLaw } from './catalog/external-nodes.ts';
import { FirstAnswerLaw } from './catalog/first-answers.ts';
import { LeaseLaw } from './catalog/leases.ts';
import { PersistenceLaw } from './catalog/persistence.ts';
import { PromiseLaw } from './catalog/promises.ts';
import { RestoredNodeLaw } from './catalog/restored-nodes.ts';
import { RumorBoundsLaw } from './catalog/rumor-bounds.ts';
import { TtlLaw } from './catalog/ttls.ts';
import type { Judgments, Law, LawContext } from './law.ts';
import { AccusationLaw } from './membership/accusations.ts';
import { ClosedConnectionLaw } from './membership/closed-connections.ts';
import { FoldedNameLaw } from './membership/folded-names.ts';
import { IdentityLaw } from './membership/identities.ts';
import { LeaveLaw } from './membership/leaves.ts';
import { PauseLaw } from './membership/pauses.ts';
import { MembershipChangeCounter } from './membership/quiet-period.ts';
import { RowLaw } from './membership/rows.ts';
import { BoundsLaw } from './wire/bounds.ts';
import { EncryptionLaw } from './wire/encryption.ts';
import { LaneLaw } from './wire/lanes.ts';

export { disagreements } from './membership/agreement.ts';

const SWEEP_EVERY = 1000;
const MAX_VIOLATIONS = 100;

export class LawChecker {
  /** Violations in the order in which they were seen. */
  readonly violations: string[] = [];
  /** How often each law judged. */
  readonly judgments: Judgments = {};
  /** For laws that subscribe to the world themselves, such as those of the catalog. */
  readonly context: LawContext;
  readonly #world: World;
  #laws = sortByMethod([]);
  readonly #membershipChanges = new MembershipChangeCounter();
  readonly #forged = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    const context: LawContext = {
      world,
      reportViolation: this.reportViolation,
      judged: (law, times = 1) => {
        this.judgments[law] = (this.judgments[law] ?? 0) + times;
      },
      isForged: (name) => this.#forged.has(name),
    };
    this.context = context;
    this.addLaws(
      new RowLaw(context),
      new IdentityLaw(context),
      new FoldedNameLaw(context),
      new AccusationLaw(context),
      new BoundsLaw(context),
      new RumorBoundsLaw(context),
      new LaneLaw(context),
      new PersistenceLaw(context),
      new TtlLaw(context),
      new LeaseLaw(context),
      new FirstAnswerLaw(context),
      new PromiseLaw(context),
      new LeaveLaw(context),
      new PauseLaw(context),
      new ClosedConnectionLaw(context),
      this.#membershipChanges,
    );
    new EncryptionLaw(context);
    world.subscribe({
      onStart: (host) => {
        for (const law of this.#laws.all) law.onStart?.(host);
      },
      onCommand: (host, command) => {
        for (const law of this.#laws.all) law.onCommand?.(host, command);
      },
      onEffects: (host, facts, topics) => this.#onEffects(host, facts, topics),
    });
    const sweep = (): void => {
      for (const host of world.hosts) if (host.running) this.#sweep(host);
      world.schedule(world.now + SWEEP_EVERY, sweep);
    };
    world.schedule(world.now + SWEEP_EVERY, sweep);
  }

  readonly reportViolation = (what: string): void => {
    const line = `${(this.#world.now / 1000).toFixed(3)} ${what}`;
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push(line);
  };

  /** Adds laws that only some worlds have. Must be called before any agent starts. */
  addLaws(...laws: readonly Law[]): void {
    this.#laws = sortByMethod([...this.#laws.all, ...laws]);
  }

  /** For worlds whose agents publish services: adds the laws of the catalog. Must be called before any agent starts. */
  watchCatalog(): void {
    new CatalogLaws(this.context);
    this.addLaws(
      new RestoredNodeLaw(this.context),
      new CheckLaw(this.context),
      new ExternalNodeLaw(this.context),
    );
  }

  /** From now on messages are forged in this member's name. */
  markForged(name: string): void {
    this.#forged.add(name);
  }

  /** L7: how often observers changed their view of who is a member, and the last change. */
  get membershipChanges(): { readonly count: number; readonly last: string } {
    return { count: this.#membershipChanges.count, last: this.#membershipChanges.last };
  }

  /** Throws with the seed and the end of the trace if any law was violated. */
  assertNoViolations(): void {
    if (this.violations.length === 0) return;
    throw new Error(
      [
        `seed ${this.#world.seed}: ${this.violations.length} law(s) violated`,
        ...this.violations.slice(0, 10),
        ...this.#world.trace.lines().slice(-60),
      ].join('\n'),
    );
  }

  #onEffects(host: SimHost, facts: readonly Fact[], topics: readonly Topic[]): void {
    const touched = new Set<string>();
    for (const fact of facts) {
      for (const law of this.#laws.ofFacts) law.onFact(host, fact, facts);
      if ('node' in fact) touched.add(fact.node);
    }
    for (const topic of topics) if (topic.startsWith('node:')) touched.add(topic.slice('node:'.length));
    for (const name of touched) {
      const member = host.agent?.view.member(name);
      if (member?.name === name) for (const law of this.#laws.ofRows) law.checkRow(host, member);
    }
    for (const law of this.#laws.ofHosts) law.checkHost(host);
  }

  #sweep(host: SimHost): void {
    for (const law of this.#laws.periodic) law.checkPeriodically(host);
    for (const member of host.runningAgent.view.members())
      for (const law of this.#laws.ofRows) law.checkRow(host, member);
    for (const law of this.#laws.ofHosts) law.checkHost(host);
  }
}

/** The laws that implement a method. */
type LawsWith<K extends keyof Law> = readonly (Law & Required<Pick<Law, K>>)[];

const lawsWith = <K extends keyof Law>(laws: readonly Law[], method: K): LawsWith<K> =>
  laws.filter((law): law is LawsWith<K>[number] => law[method] !== undefined);

/** Most laws look at one kind of thing, and there are many of each: nobody is asked what it does not look at. */
const sortByMethod = (laws: readonly Law[]) => ({
  all: laws,
  ofFacts: lawsWith(laws, 'onFact'),
  ofRows: lawsWith(laws, 'checkRow'),
  ofHosts: lawsWith(laws, 'checkHost'),
  periodic: lawsWith(laws, 'checkPeriodically'),
});
