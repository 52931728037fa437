/** Classifies clients by source address, and decides what each class may have. */
import { isLoopback, parseIp } from '../../base/address.ts';
import { type IpNetwork, isInNetwork } from '../../config/names.ts';
import { toAddressData } from '../message/records.ts';
import type { ResponseMode } from '../responder.ts';
import type { QueryOrigin } from '../truncate.ts';
import type { RateLimitAction } from './rate-limit.ts';

/**
 * `local`: on this host. `allowed`: in a network of the allow list. `refused`: on another host and in none of these
 * networks. `outsider`: on another host while there is no allow list.
 */
export type ClientClass = 'local' | 'allowed' | 'outsider' | 'refused';

/** `host` is an address as sockets report it. IPv4-mapped addresses are matched against IPv4 networks. */
export function classifyClient(host: string, allow: readonly IpNetwork[]): ClientClass {
  const ip = parseIp(host.replace(/%.*$/, ''));
  if (ip !== undefined && isLoopback(ip)) return 'local';
  if (allow.length === 0) return 'outsider';
  const unmapped = ip === undefined ? undefined : toAddressData(ip).ip;
  return unmapped !== undefined && allow.some((network) => isInNetwork(unmapped, network))
    ? 'allowed'
    : 'refused';
}

/** The origin of a datagram from such a client. */
export const toQueryOrigin = (client: ClientClass): QueryOrigin => ({
  transport: 'udp',
  loopback: client === 'local',
  spoofable: client === 'outsider' || client === 'refused',
  trusted: client === 'local' || client === 'allowed',
});

/**
 * How a datagram is responded to. `limitRate` is called, and so the datagram counted, for outsiders and refused clients
 * only: their source addresses may be forged.
 */
export function chooseResponseMode(
  client: ClientClass,
  limitRate: () => RateLimitAction,
): ResponseMode | 'drop' {
  if (client === 'local' || client === 'allowed') return 'answer';
  const action = limitRate();
  if (client === 'refused') return action === 'answer' ? 'refuse' : 'drop';
  return action === 'slip' ? 'truncate' : action;
}
