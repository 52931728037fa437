/** The cluster as this agent sees it, kept up to date by `/v1/hearsay/events`. Views read it, and are drawn again when it changes. */
import { Intake } from './intake.ts';
import { EventParser } from './sse.ts';
import { followStream, type StreamState } from './stream.ts';
import type { LiveInstance, LiveMember, LiveService } from './types.ts';

/** Changes are gathered for so long before views are drawn again, in milliseconds. */
const GATHER = 80;
/** The agent sends a heartbeat every 15 seconds. */
const MAX_SILENCE = 40_000;

export class Cluster {
  members: ReadonlyMap<string, LiveMember> = new Map();
  services: ReadonlyMap<string, LiveService> = new Map();
  connection: StreamState = { kind: 'connecting', since: Date.now() };
  /** When something last arrived; `undefined`: nothing was ever known. */
  knownAt: number | undefined;
  readonly #listeners = new Set<() => void>();
  #byNode: ReadonlyMap<string, readonly InstanceOf[]> | undefined;
  #gathering = false;

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Instances by the name of their node. */
  get byNode(): ReadonlyMap<string, readonly InstanceOf[]> {
    this.#byNode ??= groupByNode(this.services);
    return this.#byNode;
  }

  get self(): LiveMember | undefined {
    for (const member of this.members.values()) if (member.self) return member;
    return undefined;
  }

  replace(members: ReadonlyMap<string, LiveMember>, services: ReadonlyMap<string, LiveService>): void {
    this.members = members;
    this.services = services;
    this.changed();
  }

  changed(): void {
    this.#byNode = undefined;
    this.#announce();
  }

  setConnection(connection: StreamState): void {
    this.connection = connection;
    this.#announce();
  }

  #announce(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      for (const listener of this.#listeners) listener();
    }, GATHER);
  }
}

export interface InstanceOf extends LiveInstance {
  readonly service: string;
}

function groupByNode(services: ReadonlyMap<string, LiveService>): ReadonlyMap<string, readonly InstanceOf[]> {
  const groups = new Map<string, InstanceOf[]>();
  for (const { name, instances } of services.values())
    for (const instance of instances) {
      const group = groups.get(instance.node) ?? [];
      groups.set(instance.node, group);
      group.push({ ...instance, service: name });
    }
  return groups;
}

/** Keeps `cluster` up to date for as long as the page lives. */
export function followCluster(cluster: Cluster): () => void {
  let lastId: string | undefined;
  let parser = new EventParser();
  let intake = new Intake(cluster);
  return followStream({
    maxSilence: MAX_SILENCE,
    request: () => ({
      path: '/v1/hearsay/events',
      ...(lastId === undefined ? {} : { headers: { 'Last-Event-ID': lastId } }),
    }),
    onOpen: () => {
      parser = new EventParser();
      intake = new Intake(cluster);
    },
    onText: (text) => {
      cluster.knownAt = Date.now();
      for (const sent of parser.push(text)) {
        intake.take(sent);
        lastId = sent.id ?? lastId;
      }
    },
    onConnection: (connection) => cluster.setConnection(connection),
  });
}
