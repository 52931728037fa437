/** `/v1/hearsay`: what Consul's API has no words for. Made for our own command line; field names are a contract. */
import * as v from 'valibot';
import type { MemberView } from '../../../agent/contract/view.ts';
import { textMap } from '../../endpoint/body.ts';
import { presence } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { any, list, map, number, object, optional, text, texts } from '../../endpoint/schema.ts';
import { joinSeeds } from '../../hearsay/join.ts';
import { memberRow } from '../../hearsay/members.ts';
import { outlookShape } from '../../hearsay/partition-summary.ts';

/** `GET /v1/hearsay/members`: with suspicions, incarnations and ages. Blocks on `index`. */
export const hearsayMembers = route({
  method: 'GET',
  path: '/v1/hearsay/members',
  summary: 'Members with suspicions, incarnations and ages',
  shows: list(map(any)),
  watch: () => ['members'],
  fleeting: true,
  answer: ({ view, site }) => view.members().map((member) => memberRow(member, site)),
});

/** `GET /v1/hearsay/info`: this agent, for people. */
export const hearsayInfo = route({
  method: 'GET',
  path: '/v1/hearsay/info',
  summary: 'This agent, for people',
  shows: map(any),
  answer: ({ view, site }) => {
    const { info } = site;
    const { awareness, incarnation, clocks, lanes, encrypted, leaving } = view.health();
    return {
      version: info.version,
      node: view.node,
      nodeId: info.nodeId,
      datacenter: info.datacenter,
      address: { gossip: info.gossipAddress, http: site.address(), dns: info.dnsAddress ?? null },
      health: { awareness },
      members: census(view.members()),
      outlook: outlookShape(view.outlook(), site),
      incarnation,
      clocks,
      lanes,
      encrypted,
      leaving,
      catalog: { services: view.catalog.services().size, instances: view.catalog.size },
      local: { services: view.local.services().size, checks: view.local.checks().size },
      uptimeMs: Math.max(0, site.now() - info.startedAt),
      degraded: info.degraded(),
      memory: { rssBytes: process.memoryUsage.rss() },
      runtime: { node: process.version, pid: process.pid },
    };
  },
});

/** `PUT /v1/hearsay/join`: 200 with the report whenever it was tried; whether it was enough the caller judges. */
export const hearsayJoin = route({
  method: 'PUT',
  path: '/v1/hearsay/join',
  summary: 'Join through seeds; 200 with a report whatever came of it',
  takes: object({ seeds: texts }),
  shows: object({ joined: number, failed: list(object({ addr: text, error: text })) }),
  body: v.object({
    seeds: v.pipe(
      v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(262))), // a name of 253, a colon, a port, brackets
      v.minLength(1, 'name at least one seed as host or host:port'),
      v.maxLength(256, 'at most 256 seeds at once'),
    ),
  }),
  act: ({ body, site }) => joinSeeds(site.door, body.seeds),
});

/** `PUT /v1/hearsay/tags`: changes our own tags live. Limits are the agent's to judge. */
export const hearsayTags = route({
  method: 'PUT',
  path: '/v1/hearsay/tags',
  summary: 'Change own tags while the agent runs',
  takes: object({ set: optional(map(text)), delete: optional(texts) }),
  shows: object({}),
  body: v.object({
    set: v.optional(textMap),
    delete: v.optional(v.pipe(v.array(v.string()), v.maxLength(512))),
  }),
  act: async ({ body, site }) => {
    await site.door.ask({ kind: 'setTags', set: body.set ?? new Map(), remove: body.delete ?? [] });
    return {};
  },
});

/** `PUT /v1/hearsay/forget/:node`: force-leave that refuses a live member (409). */
export const hearsayForget = route({
  method: 'PUT',
  path: '/v1/hearsay/forget/:node...',
  summary: 'Make a failed member left; refuses a live one',
  query: { prune: presence },
  act: async ({ params: { node }, query: { prune }, site }) => {
    await site.door.ask({ kind: 'forget', node, prune, refuseLive: true });
  },
});

function census(members: readonly MemberView[]): Record<MemberView['status'] | 'total', number> {
  const counts = { alive: 0, suspect: 0, leaving: 0, left: 0, failed: 0, total: members.length };
  for (const { status } of members) counts[status] += 1;
  return counts;
}
