/** What `discover` returns: the instances of one service, which follow the agent by themselves. */
import { Balancer } from './balancing/balancer.ts';
import { Ejector, type InstanceProbe } from './balancing/ejection.ts';
import { DiscoveredInstance, type StreamedInstance } from './instance.ts';
import type { ZonePreference } from './zone-preference.ts';

export interface DiscoverOptions {
  /** Only instances with this tag, in any case; with `tags`, with all of them. */
  readonly tag?: string;
  readonly tags?: readonly string[];
  /** The zone whose instances come first, in place of the agent's own; `''`: all zones are equal. */
  readonly zone?: string;
  /** Leaves out instances in warning. */
  readonly passing?: boolean;
}

export interface PickOptions {
  /** The instance that owns this key, as `hearsay owner` names it: the same for all clients, in whatever zone. */
  readonly key?: string;
  /** Another than this, if there is one: a request to it has just failed. */
  readonly except?: DiscoveredInstance;
}

/** The instances to use, and what changed of them. */
export interface InstancesChange {
  readonly instances: readonly DiscoveredInstance[];
  readonly added: readonly DiscoveredInstance[];
  readonly removed: readonly DiscoveredInstance[];
  readonly updated: readonly DiscoveredInstance[];
}

/** There is nothing to connect to. */
export class NoInstanceError extends Error {
  override readonly name = 'NoInstanceError';
  readonly code = 'ERR_NO_INSTANCE';
}

/** What connects a service to the agent. */
export interface ServiceSource {
  /** Whether the agent answers now, and until when it last did, on the monotonic clock. */
  readonly current: boolean;
  readonly lastCurrentAt: number;
  /** Why the agent does not answer, if it is known: in brackets, after a space. */
  readonly away?: string | undefined;
  now(): number;
  readonly probe: InstanceProbe;
  readonly firstEjection?: number;
  /** Makes what weighs by zone; `undefined`: zones do not matter, or nobody has one. Another one has other settings. */
  readonly createPreference?: ((onChange: () => void) => ZonePreference) | undefined;
  /** The service is not followed any more. */
  release(service: DiscoveredService): void;
}

export class DiscoveredService {
  readonly name: string;
  /**
   * Resolves with the first answer of the agent, also if it has no instances. While the agent is away it waits, for as long as the
   * caller does: `age` is `Infinity`, and `pick` says why. Rejects if the list is closed before.
   */
  readonly ready: Promise<void>;
  readonly #source: ServiceSource;
  readonly #options: DiscoverOptions;
  readonly #tags: readonly string[];
  readonly #known = new Map<string, DiscoveredInstance>();
  readonly #balancer = new Balancer(Math.random() * 2 ** 32);
  readonly #ejector: Ejector;
  readonly #listeners = new Set<(updated: ReadonlySet<DiscoveredInstance>) => void>();
  #markReady: () => void = () => undefined;
  #refuseReady: (reason: Error) => void = () => undefined;
  #isReady = false;
  #closed = false;
  #agentZone: string | null = null;
  #preference: ZonePreference | undefined;
  #createdBy: ServiceSource['createPreference'];

  constructor(name: string, options: DiscoverOptions, source: ServiceSource) {
    this.name = name;
    this.#source = source;
    this.#options = options;
    const { tag, tags = [] } = options;
    this.#tags = [...tags, ...(tag === undefined ? [] : [tag])].map((one) => one.toLowerCase());
    this.#ejector = new Ejector(source.probe, () => this.#rebuild(), source.firstEjection);
    this.ready = new Promise((resolve, reject) => {
      this.#markReady = resolve;
      this.#refuseReady = reject;
    });
    this.ready.catch(() => undefined); // whoever waits for it is told; nobody need
  }

  /** Milliseconds since the list was last known to be current: 0 while the agent answers, `Infinity` before it has. */
  get age(): number {
    if (!this.#isReady) return Infinity;
    return this.#source.current ? 0 : this.#source.now() - this.#source.lastCurrentAt;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The instances to use, by node and id; the same array until they change. */
  all(): readonly DiscoveredInstance[] {
    return this.#balancer.usable;
  }

  /** An instance for one request. Throws `NoInstanceError` if there is none. */
  pick(options?: PickOptions): DiscoveredInstance {
    const picked =
      options?.key === undefined
        ? this.#balancer.pick(options?.except)
        : this.#balancer.pickByKey(options.key, options.except);
    return picked ?? this.#none();
  }

  #none(): never {
    const why = !this.#isReady
      ? `the agent has not answered yet${this.#source.away ?? ''}: wait for \`ready\``
      : this.#known.size === 0
        ? 'none is registered: ask `hearsay services` for the names that are'
        : `none of ${this.#known.size} can be used: ask \`hearsay why ${this.name}\``;
    throw new NoInstanceError(`there is no instance of "${this.name}" to connect to: ${why}`);
  }

  /** Each change, first the present state. Changes that come while the loop is busy become one. */
  async *[Symbol.asyncIterator](): AsyncGenerator<InstancesChange, void, undefined> {
    let wake = (): void => undefined;
    const updated = new Set<DiscoveredInstance>();
    const listener = (changed: ReadonlySet<DiscoveredInstance>): void => {
      for (const one of changed) updated.add(one);
      wake();
    };
    this.#listeners.add(listener);
    try {
      let before: readonly DiscoveredInstance[] | undefined;
      while (!this.#closed) {
        const instances = this.all();
        const added = instances.filter((one) => before?.includes(one) !== true);
        const removed = (before ?? []).filter((one) => !instances.includes(one));
        const still = instances.filter((one) => updated.has(one) && !added.includes(one));
        updated.clear();
        const isNews = before === undefined || added.length + removed.length + still.length > 0;
        if (this.#isReady) before = instances;
        if (this.#isReady && isNews) yield { instances, added, removed, updated: still };
        // Changes that came while the loop was busy are told at once.
        if (this.#closed || updated.size > 0 || (before !== undefined && this.all() !== before)) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** The agent's word: all instances in any state. `zone` is the agent's own. */
  update(rows: readonly StreamedInstance[], zone: string | null): void {
    this.#agentZone = zone;
    const updated = new Set<DiscoveredInstance>();
    const gone = new Set(this.#known.keys());
    for (const row of rows) {
      const key = `${row.node}\n${row.id}`;
      gone.delete(key);
      const instance = this.#known.get(key) ?? new DiscoveredInstance(row, this.#eject);
      if (instance.update(row)) updated.add(instance);
      this.#known.set(key, instance);
    }
    for (const key of gone) {
      this.#ejector.forget(this.#known.get(key) as DiscoveredInstance);
      this.#known.delete(key);
    }
    const isFirst = !this.#isReady;
    this.#isReady = true;
    this.#markReady();
    if (isFirst || updated.size > 0 || gone.size > 0) this.#rebuild(updated);
  }

  /** The agent is in this zone now, or zones are weighed in another way. */
  setZone(zone: string | null): void {
    this.#agentZone = zone;
    this.#rebuild();
  }

  /** The list stays as it is from now on, and loops over its changes end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#refuseReady(new NoInstanceError(`"${this.name}" was closed before the agent had answered`));
    this.#ejector.close();
    this.#preference?.close();
    this.#source.release(this);
    for (const listener of this.#listeners) listener(NONE);
  }

  readonly #eject = (instance: DiscoveredInstance): void => {
    if (!this.#closed && this.all().includes(instance)) this.#ejector.eject(instance);
  };

  #rebuild(updated: ReadonlySet<DiscoveredInstance> = NONE): void {
    const { passing = false, zone = this.#agentZone } = this.#options;
    const accepts = ({ status, tags }: DiscoveredInstance): boolean =>
      (!passing || status !== 'warning') &&
      this.#tags.every((tag) => tags.some((own) => own.toLowerCase() === tag));
    const { createPreference } = this.#source;
    if (createPreference !== this.#createdBy) {
      this.#preference?.close();
      this.#preference = createPreference?.(() => this.#rebuild());
      this.#createdBy = createPreference;
    }
    const preference = zone ? this.#preference : undefined;
    this.#balancer.rebuild(
      this.#known.values(),
      accepts,
      preference && ((all, usable) => preference.weigh(all, usable, zone as string)),
    );
    for (const listener of this.#listeners) listener(updated);
  }
}

const NONE: ReadonlySet<DiscoveredInstance> = new Set();
