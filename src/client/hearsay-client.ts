/** What `connect` returns: one stream and one set of leases for the whole process. */
import { Agent } from 'node:http';
import { type InstanceProbe, probeByConnecting } from './balancing/ejection.ts';
import { AgentConnection, BACKOFF, type BackoffLimits, type ConnectOptions } from './connection.ts';
import { DiscoveredService, type DiscoverOptions, type ServiceSource } from './discovered-service.ts';
import type { DispatcherOptions, ServiceDispatcher } from './dispatcher.ts';
import { ServiceStream, type ZoneMark } from './event-stream.ts';
import type { EveryOptions, ScheduledCallback, TickCallback } from './every.ts';
import type { HttpAgentOptions, ServiceHttpAgent } from './http-agent.ts';
import type { StreamedInstance } from './instance.ts';
import type { LeaseOptions, ServiceLease } from './lease/lease.ts';
import type { PartitionHandler, PartitionWorker } from './lease/partitions.ts';
import { SigtermDrain } from './lease/sigterm.ts';

/** Only tests set them. */
export interface ClientInternals {
  readonly backoff?: BackoffLimits;
  readonly probe?: InstanceProbe;
}

export class HearsayClient {
  readonly #connection: AgentConnection;
  readonly #backoff: BackoffLimits;
  readonly #services = new Map<string, Set<DiscoveredService>>();
  /** What the agent last said, for lists that are opened later. */
  readonly #rows = new Map<string, readonly StreamedInstance[]>();
  readonly #shared = new Map<string, DiscoveredService>();
  readonly #stream: ServiceStream;
  readonly #leases = new Set<ServiceLease>();
  readonly #sigterm = new SigtermDrain(() => this.close());
  readonly #source: {
    -readonly [Key in keyof ServiceSource]: ServiceSource[Key];
  };
  #mark: ZoneMark = { zone: null };
  #zoneRules = '';
  #zoneIsNamed = false;
  #preferenceLoaded: Promise<void> | undefined;
  #isClosed = false;
  readonly #httpAgents: Promise<ServiceHttpAgent>[] = [];

  constructor(options: ConnectOptions, internals: ClientInternals = {}) {
    this.#connection = new AgentConnection(options, process.env);
    this.#backoff = internals.backoff ?? BACKOFF;
    this.#source = {
      ...{ current: false, lastCurrentAt: 0, now: () => performance.now() },
      probe: internals.probe ?? probeByConnecting,
      release: (service) => this.#forget(service),
    };
    this.#stream = new ServiceStream(
      this.#connection,
      {
        wanted: () => [...this.#services.keys()],
        onService: (name, rows) => {
          if (this.#services.has(name)) this.#rows.set(name, rows);
          for (const service of this.#services.get(name) ?? []) service.update(rows, this.#mark.zone);
        },
        onZone: (mark) => {
          this.#mark = mark;
          return this.#applyZone();
        },
        onCurrent: (current, reason) => {
          if (this.#source.current || current) this.#source.lastCurrentAt = performance.now();
          this.#source.current = current;
          this.#source.away = reason;
        },
      },
      this.#backoff,
    );
  }

  /** Registers a service for as long as this process lives. Resolves when the agent has acknowledged it. Loaded when it is first asked for. */
  async register(options: LeaseOptions): Promise<ServiceLease> {
    const { portToRegister, ServiceLease: Lease } = await import('./lease/lease.ts');
    this.#requireOpen(`register "${options.name}"`);
    const port = await portToRegister(options);
    this.#requireOpen(`register "${options.name}"`);
    const lease = new Lease(options, port, {
      connection: this.#connection,
      backoff: this.#backoff,
      onEnd: (ended) => {
        this.#leases.delete(ended);
        this.#sigterm.delete(ended);
      },
    });
    this.#leases.add(lease);
    await lease.hold();
    if (lease.drainsAtSigterm) this.#sigterm.add(lease);
    return lease;
  }

  /** Has one process of all that call this with the same name run the callback at each tick, as `5m`. Loaded when it is first asked for. */
  async every(
    every: string,
    name: string,
    callback: TickCallback,
    options?: EveryOptions,
  ): Promise<ScheduledCallback> {
    const { startEvery } = await import('./every.ts');
    const host = { connection: this.#connection, register: (lease: LeaseOptions) => this.register(lease) };
    return startEvery(host, every, name, callback, options);
  }

  /** Follows a service. It is empty until the first answer: `await service.ready`. */
  discover(name: string, options: DiscoverOptions = {}): DiscoveredService {
    this.#requireOpen(`discover "${name}"`);
    const folded = name.toLowerCase();
    const service = new DiscoveredService(folded, options, this.#source);
    if (options.zone) {
      this.#zoneIsNamed = true;
      void this.#applyZone();
    }
    const followed = this.#services.get(folded);
    if (followed === undefined) {
      this.#services.set(folded, new Set([service]));
      this.#stream.follow(folded);
    } else {
      followed.add(service);
      const rows = this.#rows.get(folded);
      if (rows !== undefined) service.update(rows, this.#mark.zone);
    }
    return service;
  }

  /** One list of a service, which the adapters share. */
  shared(name: string): DiscoveredService {
    const folded = name.toLowerCase();
    let service = this.#shared.get(folded);
    if (service !== undefined) return service;
    // An adapter that outlives the client finds nobody; it must not throw where nobody catches.
    if (this.#isClosed) {
      service = new DiscoveredService(folded, {}, this.#source);
      service.close();
    } else {
      service = this.discover(folded);
      this.#shared.set(folded, service);
    }
    return service;
  }

  /**
   * Takes part in the worker pool of a lease's service, which has `count` partitions: each is held by one worker at a time.
   * Resolves when the agent has acknowledged it. Loaded when it is first asked for.
   */
  partitions(lease: ServiceLease, count: number, handler: PartitionHandler): Promise<PartitionWorker> {
    return lease.takePart(count, handler);
  }

  /** For `fetch` and undici: the host of a URL is the name of a service. Loaded when it is first asked for. */
  dispatcher(options?: DispatcherOptions): ServiceDispatcher {
    const loading = import('./dispatcher.ts').then(({ createDispatcher }) => createDispatcher(this, options));
    const dispatch = (...args: Parameters<ServiceDispatcher['dispatch']>): true => {
      void loading.then((loaded) => loaded.dispatch(...args));
      return true;
    };
    return { dispatch };
  }

  /** For `node:http`: the host of a URL is the name of a service. Loaded when it is first asked for. */
  agent(options?: HttpAgentOptions): Agent {
    const loading = import('./http-agent.ts').then((loaded) => new loaded.ServiceHttpAgent(this, options));
    this.#httpAgents.push(loading);
    return Object.assign(new Agent({ keepAlive: true }), {
      addRequest: (...args: Parameters<ServiceHttpAgent['addRequest']>) =>
        void loading.then((loaded) => loaded.addRequest(...args)),
      destroy: () => void loading.then((loaded) => loaded.destroy()),
    });
  }

  /** Releases all leases, and follows nothing any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stream.close();
    for (const services of [...this.#services.values()]) for (const service of services) service.close();
    for (const agent of this.#httpAgents) (await agent).destroy();
    await Promise.all([...this.#leases].map((lease) => lease.release()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What weighs by zone is loaded before the first rows are taken over, if anybody has a zone. */
  async #applyZone(): Promise<void> {
    const { zone, zoneSpill = 0.5, zoneHold = 30_000 } = this.#mark;
    const rules = `${zoneSpill} ${zoneHold}`;
    if ((zone || this.#zoneIsNamed) && rules !== this.#zoneRules) {
      this.#zoneRules = rules;
      this.#preferenceLoaded = import('./zone-preference.ts').then(({ preferenceBy }) => {
        this.#source.createPreference = preferenceBy(zoneSpill, zoneHold);
      });
    }
    await this.#preferenceLoaded;
    for (const services of this.#services.values()) for (const service of services) service.setZone(zone);
  }

  #requireOpen(what: string): void {
    if (this.#isClosed) throw new Error(`cannot ${what}: this client was closed; connect() returns another`);
  }

  #forget(service: DiscoveredService): void {
    const all = this.#services.get(service.name);
    all?.delete(service);
    if (all?.size === 0) {
      this.#services.delete(service.name);
      this.#rows.delete(service.name);
    }
    if (this.#shared.get(service.name) === service) this.#shared.delete(service.name);
  }
}
