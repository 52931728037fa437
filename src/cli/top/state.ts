/** What `hearsay top` knows: the agent's event stream and its figures, as a picture of the cluster that is renewed row by row. */
import * as v from 'valibot';
import type { SchedulingLine } from './scheduling.ts';

const MemberRow = v.looseObject({
  name: v.string(),
  status: v.string(),
  addr: v.optional(v.string(), ''),
  port: v.optional(v.number(), 0),
  tags: v.optional(v.record(v.string(), v.string()), {}),
  ageMs: v.optional(v.number(), 0),
});
const InstanceRow = v.looseObject({ id: v.string(), node: v.string(), status: v.string() });
const ServiceRow = v.looseObject({ service: v.string(), instances: v.array(InstanceRow) });

export interface TopMember {
  readonly name: string;
  readonly status: string;
  readonly address: string;
  readonly tags: readonly string[];
  /** When its status began, in milliseconds of `Date.now`. */
  readonly since: number;
}

export interface TopService {
  readonly name: string;
  /** Instances by status. */
  readonly statuses: ReadonlyMap<string, number>;
  readonly nodes: readonly string[];
}

/** One line of what has happened. */
export interface TopNews {
  readonly at: number;
  readonly text: string;
  readonly status: string;
}

/** Figures that are asked for once a second. */
export interface TopFigures {
  readonly node: string;
  readonly sentence: string;
  readonly isWhole: boolean;
  readonly awareness: number;
  readonly degraded: readonly string[];
  /** What the agent finds, as `hearsay doctor` does, the worst first. */
  readonly findings: readonly { readonly severity: string; readonly sentence: string }[];
  readonly queued: number;
  /** Jobs and worker pools, trouble first. */
  readonly scheduling: readonly SchedulingLine[];
  /** Counters since the start of the agent; `readAt` in milliseconds. */
  readonly traffic: Traffic;
}

export interface Traffic {
  readonly readAt: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const MAX_NEWS = 200;

export class TopState {
  readonly members = new Map<string, TopMember>();
  readonly services = new Map<string, TopService>();
  /** The latest last. */
  readonly news: TopNews[] = [];
  figures: TopFigures | undefined;
  /** Packets and bytes per second, since the reading before. */
  rates: Omit<Traffic, 'readAt'> | undefined;
  /** The sources that have fallen silent, since when and why. */
  readonly #silent = new Map<'events' | 'figures', { readonly since: number; readonly reason: string }>();
  #isSynced = false;
  /** Names that the running snapshot has not brought yet; what is left at its end is gone. A service may have the name of a member. */
  readonly #unseenMembers = new Set<string>();
  readonly #unseenServices = new Set<string>();

  /** One event of the stream. Throws when its data is of another version. */
  apply(event: string, data: unknown, now: number): void {
    if (event === 'resync') {
      for (const name of this.members.keys()) this.#unseenMembers.add(name);
      for (const name of this.services.keys()) this.#unseenServices.add(name);
    } else if (event === 'member') this.#applyMember(v.parse(MemberRow, data), now);
    else if (event === 'service') this.#applyService(v.parse(ServiceRow, data), now);
    else if (event === 'synced') {
      for (const name of this.#unseenMembers) this.members.delete(name);
      for (const name of this.#unseenServices) this.services.delete(name);
      this.#unseenMembers.clear();
      this.#unseenServices.clear();
      this.#isSynced = true;
      this.#silent.delete('events');
    }
  }

  setFigures(figures: TopFigures): void {
    const before = this.figures?.traffic;
    const { traffic } = figures;
    const seconds = before === undefined ? 0 : (traffic.readAt - before.readAt) / 1000;
    const rate = (key: Exclude<keyof Traffic, 'readAt'>): number =>
      before === undefined || seconds <= 0 ? 0 : Math.max(0, (traffic[key] - before[key]) / seconds);
    if (before !== undefined)
      this.rates = {
        packetsIn: rate('packetsIn'),
        packetsOut: rate('packetsOut'),
        bytesIn: rate('bytesIn'),
        bytesOut: rate('bytesOut'),
      };
    this.figures = figures;
    this.#silent.delete('figures');
  }

  /** Since when the picture is old, and why; `undefined`: it is not. */
  get outage(): { readonly since: number; readonly reason: string } | undefined {
    return this.#silent.get('figures') ?? this.#silent.get('events');
  }

  setSilent(source: 'events' | 'figures', reason: string, now: number): void {
    this.#silent.set(source, { since: this.#silent.get(source)?.since ?? now, reason });
  }

  #applyMember(
    { name, status, addr, port, tags, ageMs }: v.InferOutput<typeof MemberRow>,
    now: number,
  ): void {
    this.#unseenMembers.delete(name);
    const before = this.members.get(name)?.status;
    if (status === 'gone') this.members.delete(name);
    else
      this.members.set(name, {
        ...{ name, status, address: `${addr}:${port}`, since: now - ageMs },
        tags: Object.entries(tags)
          .filter(([key]) => key !== CAPABILITY_TAG)
          .map(([key, value]) => `${key}=${value}`),
      });
    if (before !== status) this.#tell({ at: now, status, text: `${name} is ${status}` });
  }

  #applyService({ service: name, instances }: v.InferOutput<typeof ServiceRow>, now: number): void {
    this.#unseenServices.delete(name);
    const statuses = new Map<string, number>();
    for (const { status } of instances) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const before = this.services.get(name)?.statuses;
    const nodes = [...new Set(instances.map(({ node }) => node))];
    if (instances.length === 0) this.services.delete(name);
    else this.services.set(name, { name, statuses, nodes });
    const text = formatStatuses(statuses);
    if (text !== formatStatuses(before ?? new Map()))
      this.#tell({ at: now, status: worstOf(statuses), text: `${name}: ${text === '' ? 'gone' : text}` });
  }

  /** The first snapshot is no news. */
  #tell(news: TopNews): void {
    if (!this.#isSynced) return;
    this.news.push(news);
    if (this.news.length > MAX_NEWS) this.news.shift();
  }
}

/** Says that an agent has a catalog; every agent of ours has it. */
const CAPABILITY_TAG = 'hearsay';

const ORDER = ['failed', 'critical', 'suspect', 'maintenance', 'warning', 'away', 'leaving', 'draining'];

/** Trouble first; what is well last. */
export const severityOf = (status: string): number => {
  const at = ORDER.indexOf(status);
  return at < 0 ? ORDER.length : at;
};

export const worstOf = (statuses: ReadonlyMap<string, number>): string =>
  [...statuses.keys()].sort((a, b) => severityOf(a) - severityOf(b))[0] ?? 'gone';

export const formatStatuses = (statuses: ReadonlyMap<string, number>): string =>
  [...statuses]
    .sort(([a], [b]) => severityOf(a) - severityOf(b))
    .map(([status, count]) => `${count} ${status}`)
    .join(', ');
