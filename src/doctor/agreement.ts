/** What each agent serves of each instance of a service, compared with this one. They are asked when somebody wants to see it. */

/** An agent that does not serve what this one serves. */
export interface OddVoice {
  readonly node: string;
  readonly reason: string;
  /** With the name of the agent, and for how long it has been so. */
  readonly message: string;
}

/** `/v1/hearsay/sync-status/NAME`. */
export interface SyncStatusReport {
  readonly sentence: string;
  readonly missing: readonly OddVoice[];
  readonly apart: readonly OddVoice[];
}

export interface Agreement<T> {
  readonly sentence: string;
  readonly rows: readonly T[];
  /** The agents that are shown; `agentCount` were asked. */
  readonly agents: readonly string[];
  readonly agentCount: number;
  /** By the node of an instance, then by agent; all others serve the same. */
  readonly odd: ReadonlyMap<string, ReadonlyMap<string, OddVoice>>;
}

const MAX_ROWS = 40;
const MAX_AGENTS = 60;
/** Such an agent serves a part of it: then it is asked node by node which. */
const PARTIAL: ReadonlySet<string> = new Set(['behind', 'readers']);

/** One question for all; where an agent has a part only, one more for each node, 40 at most. `agents`: the others of the cluster. */
export async function askAll<T extends { readonly node: string }>(
  service: string,
  instances: readonly T[],
  agents: readonly string[],
  get: (path: string) => Promise<SyncStatusReport>,
): Promise<Agreement<T>> {
  const { sentence, missing, apart } = await get(pathOf(service, '2s'));
  const voices = new Map([...apart, ...missing].map((one) => [one.node, one]));
  const rows = instances.slice(0, MAX_ROWS);
  const odd = new Map(rows.map(({ node }) => [node, voices]));
  if (odd.size > 1 && missing.some(({ reason }) => PARTIAL.has(reason)))
    for (const node of odd.keys()) {
      // A node that has gone in the meantime has no status: what was said of the whole service stands.
      const status = await get(pathOf(node, '300ms&node')).catch(() => undefined);
      const lacking = status === undefined ? undefined : new Set(status.missing.map((one) => one.node));
      const lacks = ({ node: agent, reason }: OddVoice): boolean =>
        !PARTIAL.has(reason) || lacking === undefined || lacking.has(agent);
      odd.set(node, new Map([...voices].filter(([, voice]) => lacks(voice))));
    }
  const oddFirst = [...agents].sort((a, b) => Number(voices.has(b)) - Number(voices.has(a)));
  return { sentence, rows, agents: oddFirst.slice(0, MAX_AGENTS).sort(), agentCount: agents.length, odd };
}

const pathOf = (name: string, wait: string): string =>
  `/v1/hearsay/sync-status/${encodeURIComponent(name)}?wait=${wait}`;
