/** Commands about this agent and its cluster: `join`, `leave`, `force-leave`, `tags`, `stats`. */
import { arch, cpus, platform } from 'node:os';
import { AgentError } from '../../base/errors.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import * as requests from '../protocol/requests.ts';
import { command, type RpcSite } from './command.ts';

const NONE_JOINED = { Num: 0 };
const MAX_SEEDS = 256;

export const join = command({
  scope: 'operator',
  request: requests.JoinBody,
  failureBody: NONE_JOINED,
  run: async ({ body: { existing: seeds, replay }, site }) => {
    if (seeds.length > MAX_SEEDS) throw new AgentError('badRequest', `at most ${MAX_SEEDS} seeds at once`);
    if (seeds.length === 0) return { body: NONE_JOINED };
    const report = await site.agent.execute({ kind: 'join', seeds, replay });
    const { joined, failed } = report ?? { joined: 0, failed: [] };
    if (joined > 0) return { body: { Num: joined } };
    const lines = failed.map(({ addr, error }) => `\t* Failed to join ${addr}: ${error}\n`);
    const errors = failed.length === 1 ? '1 error' : `${failed.length} errors`;
    return { error: `${errors} occurred:\n${lines.join('')}\n`, body: NONE_JOINED };
  },
});

/** The reply comes when the leave has been gossiped; then the agent stops. */
export const leave = command({
  scope: 'operator',
  run: async ({ site }) => {
    await site.agent.execute({ kind: 'leave' });
    return undefined;
  },
});

/** As in Serf, a live member is no error, and refutes; neither is one that is not known. */
export const forceLeave = command({
  scope: 'operator',
  request: requests.ForceLeaveBody,
  run: async ({ body: { node, prune }, site }) => {
    try {
      await site.agent.execute({ kind: 'forget', node, prune, refuseLive: false });
    } catch (error) {
      if (!(error instanceof AgentError && error.code === 'notFound')) throw error;
    }
    return undefined;
  },
});

export const tags = command({
  scope: 'operator',
  request: requests.TagsBody,
  run: async ({ body: { tags: set, deleteTags: remove }, site }) => {
    await site.agent.execute({ kind: 'setTags', set, remove });
    return undefined;
  },
});

/** A map of maps of texts, as `serf info` prints it. */
export const stats = command({
  scope: 'read',
  failureBody: {},
  run: ({ site }) => ({
    body: {
      agent: { name: site.agent.view.node },
      runtime: {
        ...{ os: platform(), arch: arch() === 'x64' ? 'amd64' : arch(), version: process.version },
        ...{ cpu_count: String(cpus().length), max_procs: '1', goroutines: '1' }, // one event loop
      },
      serf: serfStats(site),
      tags: site.agent.view.self().tags,
      event_handlers: new Map(site.handlers().flatMap(toHandlerRows)),
    },
  }),
});

function serfStats({ agent: { view } }: RpcSite): Readonly<Record<string, string>> {
  const { awareness, clocks, lanes, encrypted, coordinateResets } = view.health();
  const statuses = view.members().map(({ serf }) => serf.status);
  const count = (status: string): number => statuses.filter((one) => one === status).length;
  const rows = {
    members: statuses.length,
    failed: count('failed'),
    left: count('left'),
    health_score: awareness,
    member_time: clocks.member,
    event_time: clocks.event,
    query_time: clocks.query,
    intent_queue: lanes['intents'] ?? 0,
    event_queue: lanes['events'] ?? 0,
    query_queue: lanes['queries'] ?? 0,
    encrypted,
    coordinate_resets: coordinateResets,
  };
  return Object.fromEntries(Object.entries(rows).map(([name, value]) => [name, String(value)]));
}

/** `user:deploy` and the program; a filter without a name ends in a colon, as in Serf. */
const toHandlerRows = ({ on, run, webhook }: HandlerConfig): (readonly [string, string])[] =>
  on.map((filter) => [filter.includes(':') ? filter : `${filter}:`, webhook ?? run.join(' ')]);
