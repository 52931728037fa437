/** The JSON of a member in `/v1/hearsay`. Field names are a contract. */
import type { MemberView } from '../../agent/contract/view.ts';
import { objectFromMap, protocolVersions } from '../consul/nodes.ts';
import type { Site } from '../endpoint/site.ts';

export function toMemberJson(member: MemberView, site: Site): unknown {
  return {
    name: member.name,
    addr: member.address.host,
    port: member.address.port,
    status: member.status,
    tags: objectFromMap(member.tags),
    incarnation: member.incarnation,
    ageMs: Math.max(0, Math.round(site.monotonicClock() - member.since)),
    ...protocolVersions(member),
    self: member.name === site.agent.view.node,
  };
}
