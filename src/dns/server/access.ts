/** Who asks, as far as their address says: what they may have depends on it. */
import { isLoopback, parseIp } from '../../base/address.ts';
import { type IpNetwork, isInNetwork } from '../../config/names.ts';
import { toAddressData } from '../message/records.ts';
import type { ResponseMode } from '../responder.ts';
import type { QueryOrigin } from '../truncate.ts';
import type { RateLimitAction } from './rate-limit.ts';

/** `own`: on this host. `allowed`: in a network that was named. `stranger`: none was named. `refused`: in none of them. */
export type ClientClass = 'local' | 'allowed' | 'outsider' | 'refused';

/** `host` as sockets write it. An IPv4 address in its mapped form is in the networks of IPv4. */
export function classifyClient(host: string, allow: readonly IpNetwork[]): ClientClass {
  const ip = parseIp(host.replace(/%.*$/, ''));
  if (ip !== undefined && isLoopback(ip)) return 'local';
  if (allow.length === 0) return 'outsider';
  const plain = ip === undefined ? undefined : toAddressData(ip).ip;
  return plain !== undefined && allow.some((network) => isInNetwork(plain, network)) ? 'allowed' : 'refused';
}

/** How a datagram of theirs came. */
export const toQueryOrigin = (asker: ClientClass): QueryOrigin => ({
  transport: 'udp',
  loopback: asker === 'local',
  spoofable: asker === 'outsider' || asker === 'refused',
  trusted: asker === 'local' || asker === 'allowed',
});

/** What their datagram gets. Those who may be someone else's forged address are counted; so are those who are refused. */
export function chooseResponseMode(
  asker: ClientClass,
  verdict: () => RateLimitAction,
): ResponseMode | 'drop' {
  if (asker === 'local' || asker === 'allowed') return 'answer';
  const said = verdict();
  if (asker === 'refused') return said === 'answer' ? 'refuse' : 'drop';
  return said === 'slip' ? 'truncate' : said;
}
