/**
 * What the agent warned of in the last hour, grouped: the log for readers who were not there. A stranger can cause any number of
 * warnings, each with fields of its own, so groups are bounded for each kind.
 */
import type { RecentWarning } from '../../agent/contract/feeds.ts';
import type { Millis } from '../../base/time.ts';

const KEPT: Millis = 3_600_000;
const MAX_GROUPS_OF_KIND = 16;
/** They say the same in other words each time. */
const VARYING_FIELDS: ReadonlySet<string> = new Set(['detail', 'reason', 'stack', 'summary']);

interface Group {
  readonly first: Millis;
  last: Millis;
  count: number;
  fields: Readonly<Record<string, unknown>>;
}

export interface Warned {
  readonly component: string;
  readonly kind: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class RecentWarnings {
  readonly #kinds = new Map<
    string,
    { readonly component: string; readonly message: string; readonly groups: Map<string, Group> }
  >();
  readonly #now: () => Millis;

  constructor(now: () => Millis) {
    this.#now = now;
  }

  record({ component, kind, message, fields }: Warned): void {
    const now = this.#now();
    const { groups } = this.#kinds.get(kind) ?? { groups: new Map<string, Group>() };
    this.#kinds.set(kind, { component, message, groups });
    const key = toKey(fields);
    const group = groups.get(key);
    groups.delete(key); // the order is that of the last time
    groups.set(
      key,
      group === undefined
        ? { first: now, last: now, count: 1, fields }
        : { ...group, last: now, count: group.count + 1, fields },
    );
    const [oldest] = groups.keys();
    if (groups.size > MAX_GROUPS_OF_KIND && oldest !== undefined) groups.delete(oldest);
  }

  /** The latest first. */
  list(): readonly RecentWarning[] {
    const now = this.#now();
    const found: RecentWarning[] = [];
    for (const [kind, { component, message, groups }] of this.#kinds)
      for (const [key, { first, last, count, fields }] of groups)
        if (now - last > KEPT) groups.delete(key);
        else
          found.push({
            ...{ component, kind, message, fields, count },
            firstAgoMs: Math.round(now - first),
            lastAgoMs: Math.round(now - last),
          });
    return found.sort((a, b) => a.lastAgoMs - b.lastAgoMs);
  }
}

/** Numbers are measurements, and a sender's port is a new one with each connection: neither makes another group. */
function toKey(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(
    Object.entries(fields)
      .filter(([name, value]) => typeof value !== 'number' && !VARYING_FIELDS.has(name))
      .map(([name, value]) => [name, name === 'from' ? String(value).replace(/:\d+$/, '') : value]),
  );
}
