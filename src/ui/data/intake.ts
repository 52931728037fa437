/** Takes the events of `/v1/hearsay/events` into what is held of the cluster. */
import type { SentEvent } from './sse.ts';
import type { LiveInstance, LiveMember, LiveService, MemberRow } from './types.ts';

/** What is held of the cluster. */
export interface Held {
  readonly members: ReadonlyMap<string, LiveMember>;
  readonly services: ReadonlyMap<string, LiveService>;
  replace(members: ReadonlyMap<string, LiveMember>, services: ReadonlyMap<string, LiveService>): void;
}

/** Applies events. Between `resync` and `synced` they are gathered, so that nothing seems to vanish meanwhile. */
export class Intake {
  readonly #cluster: Held;
  #members: Map<string, LiveMember>;
  #services: Map<string, LiveService>;
  #syncing = false;

  constructor(cluster: Held) {
    this.#cluster = cluster;
    this.#members = new Map(cluster.members);
    this.#services = new Map(cluster.services);
  }

  take({ event, data }: SentEvent): void {
    if (event === 'resync') {
      this.#members = new Map();
      this.#services = new Map();
      this.#syncing = true;
      return;
    }
    if (event === 'synced') this.#syncing = false;
    if (event === 'member') this.#takeMember(JSON.parse(data) as MemberRow | Gone);
    if (event === 'service') this.#takeService(JSON.parse(data) as ServiceEvent);
    if (!this.#syncing) this.#cluster.replace(this.#members, this.#services);
  }

  #takeMember(row: MemberRow | Gone): void {
    if (row.status === 'gone') this.#members.delete(row.name);
    else this.#members.set(row.name, { ...row, since: Date.now() - row.ageMs });
  }

  #takeService({ service, instances }: ServiceEvent): void {
    if (instances.length === 0) this.#services.delete(service);
    else this.#services.set(service, { name: service, instances });
  }
}

interface Gone {
  readonly name: string;
  readonly status: 'gone';
}

interface ServiceEvent {
  readonly service: string;
  readonly instances: readonly LiveInstance[];
}
