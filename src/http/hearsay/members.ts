/** A member in hearsay's own words, wherever `/v1/hearsay` tells of one. Field names are a contract. */
import type { MemberView } from '../../agent/contract/view.ts';
import { objectOf, versionsOf } from '../consul/nodes.ts';
import type { Site } from '../endpoint/site.ts';

export function memberRow(member: MemberView, site: Site): unknown {
  return {
    name: member.name,
    addr: member.address.host,
    port: member.address.port,
    status: member.status,
    tags: objectOf(member.tags),
    incarnation: member.incarnation,
    ageMs: Math.max(0, Math.round(site.clock() - member.since)),
    ...versionsOf(member),
    self: member.name === site.door.view.node,
  };
}
