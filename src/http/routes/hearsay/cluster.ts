/** `/v1/hearsay`: members, this agent, joining and tags, for hearsay's own command line. Field names are a contract. */
import * as v from 'valibot';
import type { MemberView } from '../../../agent/contract/view.ts';
import { stringMapSchema } from '../../endpoint/body.ts';
import { presenceParam } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import {
  any,
  arrayOf,
  boolean,
  number,
  object,
  oneOf,
  optionalField,
  recordOf,
  string,
  strings,
} from '../../endpoint/schema.ts';
import { joinSeeds } from '../../hearsay/join.ts';
import { toMemberJson } from '../../hearsay/members.ts';
import { toPartitionSummaryJson } from '../../hearsay/partition-summary.ts';
import { reload } from '../../hearsay/reload.ts';

/** What a filter can select members by; ages are left out, which change while it is read. */
const MEMBER_FILTER_SCHEMA = object({
  ...{ name: string, addr: string, port: number, status: string, tags: recordOf(string) },
  ...{ incarnation: number, self: boolean },
});

/** `GET /v1/hearsay/members`: with suspicions, incarnations and ages. Blocks on `index`. */
export const hearsayMembers = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/members',
  summary: 'Members with suspicions, incarnations and ages',
  filterSchema: MEMBER_FILTER_SCHEMA,
  responseSchema: arrayOf(recordOf(any)),
  watch: () => ['members'],
  uncacheable: true,
  handler: ({ view, site, matches }) =>
    view
      .members()
      .map((member) => toMemberJson(member, site))
      .filter(matches),
});

/** `GET /v1/hearsay/info`. */
export const hearsayInfo = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/info',
  summary: 'This agent at a glance',
  responseSchema: recordOf(any),
  handler: ({ view, site }) => {
    const { info } = site;
    const { awareness, incarnation, clocks, lanes, encrypted, leaving } = view.health();
    return {
      version: info.version,
      node: view.node,
      nodeId: info.nodeId,
      datacenter: info.datacenter,
      domains: info.domains,
      address: { gossip: info.gossipAddress, http: site.address(), dns: info.dnsAddress ?? null },
      health: { awareness },
      members: countByStatus(view.members()),
      partitionSummary: toPartitionSummaryJson(view.partitionSummary(), site),
      incarnation,
      clocks,
      lanes,
      encrypted,
      leaving,
      catalog: { services: view.catalog.services().size, instances: view.catalog.size },
      local: { services: view.local.services().size, checks: view.local.checks().size },
      uptimeMs: Math.max(0, site.wallClock() - info.startedAt),
      degraded: info.degraded(),
      memory: { rssBytes: process.memoryUsage.rss() },
      runtime: { node: process.version, pid: process.pid },
    };
  },
});

/** `PUT /v1/hearsay/join`: 200 with a report even if no seed responded; the caller decides whether it is enough. */
export const hearsayJoin = route({
  method: 'PUT',
  scope: 'operator',
  path: '/v1/hearsay/join',
  summary: 'Join through seeds; 200 with a report, even if no seed responded',
  requestSchema: object({ seeds: strings, replay: optionalField(boolean) }),
  responseSchema: object({
    joined: number,
    failed: arrayOf(object({ addr: string, error: string, cause: optionalField(oneOf('name', 'self')) })),
    advice: optionalField(string),
  }),
  body: v.object({
    seeds: v.pipe(
      v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(262))), // a name of 253 characters, a colon, a port, brackets
      v.minLength(1, 'name at least one seed as host or host:port'),
      v.maxLength(256, 'at most 256 seeds at once'),
    ),
    replay: v.optional(v.boolean()),
  }),
  handler: ({ body, site }) => joinSeeds(site.agent, body.seeds, body.replay),
});

/** `PUT /v1/hearsay/tags`: changes the tags of this agent while it runs. The agent checks their limits. */
export const hearsayTags = route({
  method: 'PUT',
  scope: 'operator',
  path: '/v1/hearsay/tags',
  summary: 'Change the tags of this agent while it runs',
  requestSchema: object({ set: optionalField(recordOf(string)), delete: optionalField(strings) }),
  responseSchema: object({}),
  body: v.object({
    set: v.optional(stringMapSchema),
    delete: v.optional(v.pipe(v.array(v.string()), v.maxLength(512))),
  }),
  handler: async ({ body, change }) => {
    await change({ kind: 'setTags', set: body.set ?? new Map(), remove: body.delete ?? [] });
    return {};
  },
});

/** `PUT /v1/hearsay/reload`: as at SIGHUP, with a report. An invalid file is 500 with the reason and changes nothing. */
export const hearsayReload = route({
  method: 'PUT',
  path: '/v1/hearsay/reload',
  scope: 'operator',
  summary: 'Read settings and service files again, and say what has changed',
  responseSchema: object({
    changes: arrayOf(object({ kind: oneOf('setting', 'service', 'tag'), name: string, text: string })),
    needsRestart: strings,
    warnings: strings,
  }),
  handler: ({ site }) => reload(site),
});

/** `PUT /v1/hearsay/forget/:node`: a force-leave that refuses a live member (409). */
export const hearsayForget = route({
  method: 'PUT',
  scope: 'operator',
  path: '/v1/hearsay/forget/:node...',
  summary: 'Mark a failed member as left; a live one is refused',
  query: { prune: presenceParam },
  handler: async ({ params: { node }, query: { prune }, site }) => {
    await site.agent.execute({ kind: 'forget', node, prune, refuseLive: true });
  },
});

function countByStatus(members: readonly MemberView[]): Record<MemberView['status'] | 'total', number> {
  const counts = { alive: 0, suspect: 0, away: 0, leaving: 0, left: 0, failed: 0, total: members.length };
  for (const { status } of members) counts[status] += 1;
  return counts;
}
