/** Who asks, as far as their address says: what they may have depends on it. */
import { isLoopback, parseIp } from '../base/address.ts';
import { isInNetwork, type Network } from '../config/names.ts';
import { addressData } from './records.ts';

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
