/** Who asks, as far as their address says: what they may have depends on it. */
import { isLoopback, parseIp } from '../../base/address.ts';
import { isInNetwork, type Network } from '../../config/names.ts';
import { addressData } from '../message/records.ts';
import type { Manner } from '../responder.ts';
import type { Route } from '../truncate.ts';
import type { Verdict } from './rate-limit.ts';

/** `own`: on this host. `allowed`: in a network that was named. `stranger`: none was named. `refused`: in none of them. */
export type Asker = 'own' | 'allowed' | 'stranger' | 'refused';

/** `host` as sockets write it. An IPv4 address in its mapped form is in the networks of IPv4. */
export function askerAt(host: string, allow: readonly Network[]): Asker {
  const ip = parseIp(host.replace(/%.*$/, ''));
  if (ip !== undefined && isLoopback(ip)) return 'own';
  if (allow.length === 0) return 'stranger';
  const plain = ip === undefined ? undefined : addressData(ip).ip;
  return plain !== undefined && allow.some((network) => isInNetwork(plain, network)) ? 'allowed' : 'refused';
}

/** How a datagram of theirs came. */
export const routeOf = (asker: Asker): Route => ({
  transport: 'udp',
  loopback: asker === 'own',
  stranger: asker === 'stranger' || asker === 'refused',
  trusted: asker === 'own' || asker === 'allowed',
});

/** What their datagram gets. Those who may be someone else's forged address are counted; so are those who are refused. */
export function mannerOf(asker: Asker, verdict: () => Verdict): Manner | 'silence' {
  if (asker === 'own' || asker === 'allowed') return 'answer';
  const said = verdict();
  if (asker === 'refused') return said === 'answer' ? 'refuse' : 'silence';
  return said === 'useTcp' ? 'stub' : said;
}
