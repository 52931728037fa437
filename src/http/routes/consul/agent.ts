/** `/v1/agent`: this agent and its members in Consul's JSON. */
import { arch, cpus, freemem, hostname, platform, release, totalmem, uptime } from 'node:os';
import { AgentError } from '../../../base/errors.ts';
import { toConsulCoordOrNull } from '../../consul/coordinates.ts';
import { objectFromMap, toConsulMember } from '../../consul/nodes.ts';
import { COORD_SCHEMA, MEMBER_SCHEMA } from '../../consul/schemas.ts';
import { presenceParam, textParam } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { any, arrayOf, nullable, object, recordOf, string } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { joinSeeds } from '../../hearsay/join.ts';
import { reload } from '../../hearsay/reload.ts';

const SELF = object({
  Config: recordOf(any),
  DebugConfig: recordOf(any),
  Coord: nullable(COORD_SCHEMA),
  Member: MEMBER_SCHEMA,
  Stats: recordOf(recordOf(string)),
  Meta: recordOf(string),
});

/**
 * `GET /v1/agent/self`. Each top-level value is an object or null: Go's clients decode a map of maps, and one string
 * among them stops Prometheus and Traefik at their start.
 *
 * Source: Consul HTTP API, "Read Configuration".
 */
export const agentSelf = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/self',
  summary: 'Configuration, own member, statistics',
  responseSchema: SELF,
  handler: ({ view, site }) => {
    const { info } = site;
    return {
      Config: {
        Datacenter: info.datacenter,
        PrimaryDatacenter: info.datacenter,
        NodeName: view.node,
        NodeID: info.nodeId,
        Revision: info.revision,
        Server: true,
        Version: info.consulVersion,
        HearsayVersion: info.version,
        BuildDate: info.buildDate,
      },
      DebugConfig: {
        ...info.settings,
        HearsayVersion: info.version,
        GossipAddress: info.gossipAddress,
        SerfAdvertiseAddrLAN: `tcp://${info.gossipAddress}`,
        HTTPAddress: site.address(),
        DNSAddress: info.dnsAddress ?? '',
      },
      Coord: toConsulCoordOrNull(view.coordinate(view.node)),
      Member: toConsulMember(view.self(), info),
      Stats: stats(site),
      Meta: objectFromMap(view.self().tags),
    };
  },
});

/** `GET /v1/agent/members`: all members, including those that left or failed. There is no WAN pool. */
export const agentMembers = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/members',
  summary: 'All members, including those that left or failed',
  query: { wan: presenceParam, segment: textParam },
  filterSchema: MEMBER_SCHEMA,
  responseSchema: arrayOf(MEMBER_SCHEMA),
  handler: ({ query: { wan, segment }, view, site, matches }) => {
    if (segment !== '' && segment !== '_all')
      throw new AgentError('badRequest', 'There are no segments: leave it out, or use _all');
    return wan
      ? []
      : view
          .members()
          .map((member) => toConsulMember(member, site.info))
          .filter(matches);
  },
});

/** `GET /v1/agent/version`: of the API that is spoken, and in `HearsayVersion` of this program. */
export const agentVersion = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/version',
  summary: 'Version of the API, and of this program',
  responseSchema: object({
    SHA: string,
    BuildDate: string,
    HumanVersion: string,
    HearsayVersion: string,
    FIPS: string,
  }),
  handler: ({ site: { info } }) => ({
    SHA: info.revision,
    BuildDate: info.buildDate,
    HumanVersion: info.consulVersion,
    HearsayVersion: info.version,
    FIPS: '',
  }),
});

/** `GET /v1/agent/host`: go-micro probes it and looks at the status only. */
export const agentHost = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/host',
  summary: 'The host this agent runs on',
  responseSchema: recordOf(any),
  handler: ({ site }) => ({
    Memory: { total: totalmem(), free: freemem(), available: freemem() },
    CPU: cpus().map(({ model, speed }, cpu) => ({ cpu, modelName: model, mhz: speed })),
    Host: {
      hostname: hostname(),
      uptime: Math.floor(uptime()),
      os: platform(),
      kernelVersion: release(),
      kernelArch: arch(),
    },
    Disk: null,
    CollectionTime: site.wallClock() * 1e6,
    Errors: null,
  }),
});

/** `PUT /v1/agent/join/:addr`: 500 with the reason if the seed does not respond. */
export const agentJoin = route({
  method: 'PUT',
  scope: 'operator',
  path: '/v1/agent/join/:addr...',
  summary: 'Join through a seed',
  query: { wan: presenceParam },
  legacyGetWrite: true,
  handler: async ({ params: { addr }, query, site }) => {
    if (addr === '') throw new AgentError('badRequest', 'Missing address: name the agent to join');
    if (query.wan) throw new AgentError('badRequest', 'There is no WAN pool: join without wan');
    const { joined, failed } = await joinSeeds(site.agent, [addr]);
    if (joined > 0) return;
    throw new AgentError('failed', failed.map((one) => `${one.addr}: ${one.error}`).join('; '));
  },
});

/** `PUT /v1/agent/leave`: the reply comes when the leave has been gossiped; then the agent stops. */
export const agentLeave = route({
  method: 'PUT',
  scope: 'operator',
  path: '/v1/agent/leave',
  summary: 'Leave the cluster, then stop',
  handler: async ({ site }) => {
    await site.agent.execute({ kind: 'leave' });
  },
});

/** `PUT /v1/agent/reload`: as at SIGHUP. An invalid file is 500 with the reason and changes nothing. */
export const agentReload = route({
  method: 'PUT',
  scope: 'operator',
  path: '/v1/agent/reload',
  summary: 'Read settings and service files again',
  handler: async ({ site }) => {
    await reload(site);
  },
});

/** `PUT /v1/agent/force-leave/:node`: also for a live member, as in Consul, which then refutes it. */
export const agentForceLeave = route({
  method: 'PUT',
  scope: 'operator',
  path: '/v1/agent/force-leave/:node...',
  summary: 'Mark a failed member as left, for the whole cluster',
  query: { prune: presenceParam },
  legacyGetWrite: true,
  handler: async ({ params: { node }, query: { prune }, site }) => {
    if (node === '') throw new AgentError('badRequest', 'Missing node name');
    try {
      await site.agent.execute({ kind: 'forget', node, prune, refuseLive: false });
    } catch (error) {
      // Consul replies 500.
      if (error instanceof AgentError && error.code === 'notFound')
        throw new AgentError('failed', `agent: No node found with name '${node}'`);
      throw error;
    }
  },
});

/** A map of maps of strings: Go's clients decode it as such. */
function stats({ agent: { view }, info, wallClock }: Site): Record<string, Record<string, string>> {
  const health = view.health();
  const members = view.members();
  const count = (status: string): string =>
    String(members.filter((member) => member.status === status).length);
  return {
    agent: {
      uptime: `${Math.floor((wallClock() - info.startedAt) / 1000)}s`,
      degraded: info.degraded().join('; '),
      services: String(view.local.services().size),
      checks: String(view.local.checks().size),
    },
    build: { version: info.version, revision: info.revision },
    runtime: { arch: arch(), os: platform(), version: process.version, cpu_count: String(cpus().length) },
    serf_lan: {
      members: String(members.length),
      failed: count('failed'),
      left: count('left'),
      health_score: String(health.awareness),
      member_time: String(health.clocks.member),
      event_time: String(health.clocks.event),
      query_time: String(health.clocks.query),
      encrypted: String(health.encrypted),
      ...Object.fromEntries(
        Object.entries(health.lanes).map(([lane, size]) => [`${lane}_queue`, String(size)]),
      ),
    },
  };
}
