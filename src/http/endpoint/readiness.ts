/**
 * What readers are told while the agent does not know the catalog, and how answers from before a restart are marked.
 * Whether the agent is ready is decided by its core; DNS reads the same view.
 */
import type { Topic, View } from '../../agent/contract/view.ts';
import { JsonParts } from './reply/json-parts.ts';
import { HttpError, type ReplyHeaders } from './reply/reply.ts';
import type { Site } from './site.ts';

/** Topics of what other members have a say in. */
const POOL_TOPIC = /^(?:nodes|services|checks|(?:node|service|entries):.*)$/;
/** Topics of one service or node. */
const NARROW_TOPIC = /^(service|node|entries):(.*)$/;

export const dependsOnPool = (topics: readonly Topic[]): boolean =>
  topics.some((topic) => POOL_TOPIC.test(topic));

/** An empty list or map, `null`, or an object of nothing but `null`. */
export function isEmptyAnswer(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (value instanceof JsonParts) return value.json === '[]';
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.values(value).every((one) => one === null);
}

/**
 * The error for a read that cannot be answered yet. Consul says 500 and "No cluster leader" when it cannot answer:
 * Go clients retry reads at exactly that status, and all others at any error. Our own paths say 503.
 *
 * Source: section 4 of Consul's HTTP API as clients use it (docs/consul.md).
 */
export function notReadyError(path: string, reason: string, headers: ReplyHeaders): HttpError {
  const own = path.startsWith('/v1/hearsay/');
  const sentence = `${reason}. Services of this agent itself are at /v1/agent/services`;
  return new HttpError(own ? 503 : 500, own ? sentence : `No cluster leader: ${sentence}`, {
    ...headers,
    'X-Consul-KnownLeader': 'false',
    'Retry-After': '1',
  });
}

/** Throws for an answer to a POST where a read of the same could not be answered yet. */
export function requireReady(view: View, path: string, isEmpty: boolean): void {
  const readiness = view.readiness();
  if (readiness.ready || (readiness.remembers && !isEmpty)) return;
  throw notReadyError(path, readiness.reason, {});
}

/**
 * Headers of an answer that contains what was restored and is not confirmed yet: as a follower that has lost its leader,
 * with the age of what it knows.
 */
export function restoredHeaders(topics: readonly Topic[], site: Site): ReplyHeaders {
  const { view } = site.agent;
  const at = view.restoredAt();
  if (at === undefined || !showsRestored(topics, view)) return {};
  const age = Math.max(0, Math.round(site.monotonicClock() - at));
  return {
    'X-Consul-LastContact': String(age),
    'X-Consul-KnownLeader': 'false',
    'X-Hearsay-Restored': new Date(site.wallClock() - age).toISOString(),
  };
}

/** An answer about one service or node shows no other; all other answers may show any. */
function showsRestored(topics: readonly Topic[], { catalog }: View): boolean {
  const narrow = topics.flatMap((topic) => {
    const [, kind, name = ''] = NARROW_TOPIC.exec(topic) ?? [];
    return kind === undefined ? [] : [{ kind, name }];
  });
  if (narrow.length === 0) return dependsOnPool(topics);
  return narrow.some(({ kind, name }) =>
    kind === 'service'
      ? catalog.instances(name).some(({ unconfirmed }) => unconfirmed)
      : catalog.node(name)?.unconfirmed === true,
  );
}
