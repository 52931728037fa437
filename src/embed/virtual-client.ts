/** The client of a host in a virtual cluster: lists and adapters of the library itself, fed with the rows of that host's agent. */
import type { Agent } from 'node:http';
import { DiscoveredService, type DiscoverOptions, type ServiceSource } from '../client/discovered-service.ts';
import { createDispatcher, type DispatcherOptions, type ServiceDispatcher } from '../client/dispatcher.ts';
import { type HttpAgentOptions, ServiceHttpAgent } from '../client/http-agent.ts';
import type { StreamedInstance } from '../client/instance.ts';
import { preferenceBy } from '../client/zone-preference.ts';

/** An instance that a host registers. It passes until `setStatus` says otherwise. */
export interface VirtualService {
  readonly name: string;
  /** By default the name. */
  readonly id?: string;
  readonly port?: number;
  /** By default that of the host, to which nothing connects: give `127.0.0.1` for a server of the test. */
  readonly address?: string;
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  readonly weights?: { readonly passing: number; readonly warning: number };
}

/** What the agent of a host says. */
export interface AgentRows {
  readonly zone: string | null;
  readonly zoneSpill: number | null;
  readonly zoneHold: number;
  /** Grows when the rows of a service change. */
  indexOf(service: string): number;
  rowsOf(service: string): readonly StreamedInstance[];
}

/** The host, as its client sees it. */
export interface VirtualHost {
  /** `undefined`: no agent runs there. */
  ask(): AgentRows | undefined;
  now(): number;
  register(service: VirtualService): void;
  deregister(id: string): void;
  drain(id: string): void;
  onClose(): void;
}

/** As a lease of the library; it holds until it is released. */
export interface VirtualLease {
  readonly service: string;
  drain(): Promise<void>;
  release(): Promise<void>;
}

export class VirtualClient {
  readonly #host: VirtualHost;
  readonly #services = new Map<DiscoveredService, number>();
  readonly #shared = new Map<string, DiscoveredService>();
  readonly #source: { -readonly [Key in keyof ServiceSource]: ServiceSource[Key] };
  #zone: string | null = null;
  /** What waits for virtual time. */
  readonly #later = new Map<() => void, number>();

  constructor(host: VirtualHost) {
    this.#host = host;
    this.#source = {
      ...{ current: true, lastCurrentAt: 0, now: () => host.now() },
      probe: async () => true,
      release: (service) => {
        this.#services.delete(service);
        if (this.#shared.get(service.name) === service) this.#shared.delete(service.name);
      },
    };
  }

  discover(name: string, options: DiscoverOptions = {}): DiscoveredService {
    const service = new DiscoveredService(name.toLowerCase(), options, this.#source);
    this.#services.set(service, 0);
    this.refresh();
    return service;
  }

  shared(name: string): DiscoveredService {
    const folded = name.toLowerCase();
    const service = this.#shared.get(folded) ?? this.discover(folded);
    this.#shared.set(folded, service);
    return service;
  }

  async register(service: VirtualService): Promise<VirtualLease> {
    this.#host.register(service);
    const id = service.id ?? service.name;
    const release = async (): Promise<void> => this.#host.deregister(id);
    return {
      service: id,
      release,
      drain: async () => {
        this.#host.drain(id);
        await release();
      },
    };
  }

  dispatcher(options?: DispatcherOptions): ServiceDispatcher {
    return createDispatcher(this, options);
  }

  agent(options?: HttpAgentOptions): Agent {
    return new ServiceHttpAgent(this, options);
  }

  /** Takes over what the agent knows now. */
  refresh(): void {
    const agent = this.#host.ask();
    this.#source.current = agent !== undefined;
    if (agent === undefined) return;
    this.#source.lastCurrentAt = this.#host.now();
    for (const [call, at] of [...this.#later]) if (at <= this.#host.now() && this.#later.delete(call)) call();
    this.#setZone(agent);
    for (const [service, seen] of this.#services) {
      const index = agent.indexOf(service.name);
      if (index === seen && service.isReady) continue;
      this.#services.set(service, index);
      service.update(agent.rowsOf(service.name), agent.zone);
    }
  }

  #setZone({ zone, zoneSpill, zoneHold }: AgentRows): void {
    if (zone === this.#zone && this.#source.createPreference !== undefined) return;
    this.#zone = zone;
    this.#source.createPreference ??= preferenceBy(zoneSpill, zoneHold, {
      now: () => this.#host.now(),
      later: (call, delay) => {
        const waiting = (): void => call();
        this.#later.set(waiting, this.#host.now() + delay);
        return () => void this.#later.delete(waiting);
      },
    });
    for (const service of this.#services.keys()) service.setZone(zone);
  }

  async close(): Promise<void> {
    for (const service of [...this.#services.keys()]) service.close();
    this.#host.onClose();
  }
}
