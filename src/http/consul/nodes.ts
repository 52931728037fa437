/** Converts members into Consul's JSON: nodes of the catalog and members of the agent. */
import { createHash } from 'node:crypto';
import type { MemberView } from '../../agent/contract/view.ts';
import { parseIp } from '../../base/address.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { ExternalNodeView } from '../../catalog/types.ts';
import type { AgentInfo } from '../endpoint/agent-info.ts';
import type { Site } from '../endpoint/site.ts';
import type { ConsulMember, ConsulNode } from './schemas.ts';

/**
 * The id of a node: a hash of its name in the form of a version 5 UUID, which every agent derives alike, so it is not
 * gossiped. Traefik treats nodes of equal or empty id as one.
 */
export function deriveNodeId(datacenter: string, name: string): string {
  const key = `${datacenter}/${name}`;
  const cached = nodeIds.get(key);
  if (cached !== undefined) return cached;
  const id = uuidFromKey(key);
  nodeIds.set(key, id);
  return id;
}

/** A cache: lists are built anew for every change, and hashing would be most of their cost. */
const nodeIds = new BoundedMap<string, string>(16_384);

function uuidFromKey(key: string): string {
  const hash = createHash('sha1').update(key).digest();
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50;
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

export function consulNodeFromMember(member: MemberView, { agent, info }: Site): ConsulNode {
  const { host } = member.address;
  const family = host.includes(':') ? 'ipv6' : 'ipv4';
  const index = agent.view.indexOf([`node:${member.name}`]);
  return {
    ID: deriveNodeId(info.datacenter, member.name),
    Node: member.name,
    Address: host,
    Datacenter: info.datacenter,
    TaggedAddresses: { lan: host, [`lan_${family}`]: host, wan: host, [`wan_${family}`]: host },
    Meta: objectFromMap(member.tags),
    CreateIndex: index,
    ModifyIndex: index,
  };
}

/** A node that was restored from before a restart and has not been seen since: only its name is known. */
export function consulNodeFromName(name: string, { info }: Site): ConsulNode {
  return {
    ID: deriveNodeId(info.datacenter, name),
    Node: name,
    Address: '',
    Datacenter: info.datacenter,
    TaggedAddresses: {},
    Meta: {},
    CreateIndex: 1,
    ModifyIndex: 1,
  };
}

/** Tagged addresses that were not registered are derived from an IP address, as for members. */
export function consulNodeFromExternal(node: ExternalNodeView, { agent, info }: Site): ConsulNode {
  const { name, address, taggedAddresses, meta, id } = node;
  const index = agent.view.indexOf([`node:${name}`]);
  const family = parseIp(address)?.length === 16 ? 'ipv6' : 'ipv4';
  return {
    ID: id || deriveNodeId(info.datacenter, name),
    Node: name,
    Address: address,
    Datacenter: info.datacenter,
    TaggedAddresses: {
      ...(parseIp(address) !== undefined && { lan: address, [`lan_${family}`]: address }),
      ...(parseIp(address) !== undefined && { wan: address, [`wan_${family}`]: address }),
      ...objectFromMap(taggedAddresses),
    },
    Meta: objectFromMap(meta),
    CreateIndex: index,
    ModifyIndex: index,
  };
}

export function toConsulMember(member: MemberView, info: AgentInfo): ConsulMember {
  const { protocol, delegate } = protocolVersions(member);
  return {
    Name: member.name,
    Addr: member.address.host,
    Port: member.address.port,
    Tags: { ...consulTags(member, info), ...objectFromMap(member.tags) },
    Status: STATUS[member.status],
    ProtocolMin: protocol.min,
    ProtocolMax: protocol.max,
    ProtocolCur: protocol.cur,
    DelegateMin: delegate.min,
    DelegateMax: delegate.max,
    DelegateCur: delegate.cur,
  };
}

export interface ProtocolVersions {
  readonly min: number;
  readonly max: number;
  readonly cur: number;
}

export function protocolVersions({ vsn }: MemberView): {
  protocol: ProtocolVersions;
  delegate: ProtocolVersions;
} {
  const at = (i: number): number => vsn[i] ?? 0;
  return {
    protocol: { min: at(0), max: at(1), cur: at(2) },
    delegate: { min: at(3), max: at(4), cur: at(5) },
  };
}

/** Keys such as `__proto__` become own keys of the object. */
export const objectFromMap = <T extends string | number>(
  map: ReadonlyMap<string, T>,
): Readonly<Record<string, T>> => Object.fromEntries(map);

/** Serf's numbers. Consul's clients know neither `suspect` nor `away`: such a member is alive to them until it has failed. */
const STATUS: Readonly<Record<MemberView['status'], number>> = {
  alive: 1,
  suspect: 1,
  away: 1,
  leaving: 2,
  left: 3,
  failed: 4,
};

/** Tags that `consul members` prints; a member's own tags of these names take precedence. */
function consulTags(member: MemberView, info: AgentInfo): Record<string, string> {
  const { protocol } = protocolVersions(member);
  const id = deriveNodeId(info.datacenter, member.name);
  return {
    role: 'node',
    dc: info.datacenter,
    id,
    // Only this agent's version is known: for other members the column is empty.
    build: `${id === info.nodeId ? info.consulVersion : ''}:`,
    segment: '',
    vsn: String(protocol.cur),
    vsn_min: String(protocol.min),
    vsn_max: String(protocol.max),
  };
}
