/** Nodes as DNS clients see them: members, and external nodes with an IP address. */
import type { MemberView, View } from '../../agent/contract/view.ts';
import { parseIp } from '../../base/address.ts';
import type { ExternalNodeView } from '../../catalog/types.ts';

export interface DnsNode {
  readonly name: string;
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
  readonly tags: ReadonlyMap<string, string>;
  readonly up: boolean;
}

export const nodeOfMember = ({ name, address, tags, status }: MemberView): DnsNode => ({
  ...{ name, ip: address.ip, tags },
  up: status !== 'failed',
});

/** `undefined` if its address is a host name. */
export function nodeOfExternal({ name, address, meta, up }: ExternalNodeView): DnsNode | undefined {
  const ip = parseIp(address);
  return ip === undefined ? undefined : { name, ip, tags: meta, up };
}

/** All nodes with an address, members first; without those that have left. */
export function* dnsNodes(view: View): Generator<DnsNode> {
  for (const member of view.members()) if (member.status !== 'left') yield nodeOfMember(member);
  for (const external of view.catalog.externalNodes()) {
    const node = nodeOfExternal(external);
    if (node !== undefined) yield node;
  }
}
