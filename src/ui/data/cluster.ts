/** The cluster as this agent sees it, kept up to date by `/v1/hearsay/events`. Views read it, and are drawn again when it changes. */
import { Intake } from './intake.ts';
import { Source } from './source.ts';
import { EventParser } from './sse.ts';
import { followStream, type StreamState } from './stream.ts';
import type { LiveInstance, LiveMember, LiveService } from './types.ts';

/** The agent sends a heartbeat every 15 seconds. */
const MAX_SILENCE = 40_000;

export class Cluster extends Source {
  members: ReadonlyMap<string, LiveMember> = new Map();
  services: ReadonlyMap<string, LiveService> = new Map();
  connection: StreamState = { kind: 'connecting', since: Date.now() };
  /** When something last arrived; `undefined`: nothing was ever known. */
  knownAt: number | undefined;
  #byNode: ReadonlyMap<string, readonly InstanceOf[]> | undefined;

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
    this.#byNode = undefined;
    this.announce();
  }

  setConnection(connection: StreamState): void {
    this.connection = connection;
    this.announce();
  }
}

export interface InstanceOf extends LiveInstance {
  readonly service: string;
}

function groupByNode(services: ReadonlyMap<string, LiveService>): ReadonlyMap<string, readonly InstanceOf[]> {
  const instances = [...services.values()].flatMap((service) =>
    service.instances.map((one) => ({ ...one, service: service.name })),
  );
  return Map.groupBy(instances, ({ node }) => node);
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
