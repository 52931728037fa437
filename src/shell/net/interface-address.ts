/** The address to bind to when a network interface is named (`interface`), read once, at the start. */
import { networkInterfaces } from 'node:os';
import { type Address, isUnspecified, parseIp, toAddress } from '../../base/address.ts';
import { sameBytes } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import { isLinkLocal, type NetworkInterfaces } from './advertise.ts';

/**
 * `bind` with the first address of the interface, IPv4 before IPv6 unless `bind` is `[::]`. A `bind` that is one address must be
 * one of the interface. Throws `AgentError('config')`.
 */
export function interfaceAddress(
  name: string,
  bind: Address,
  interfaces: NetworkInterfaces = networkInterfaces(),
): Address {
  const infos = interfaces[name];
  if (infos === undefined)
    throw new AgentError(
      'config',
      `interface: this host has no network interface "${name}" with an address; it has ${Object.keys(interfaces).join(', ')}`,
    );
  const own = infos.map(({ address }) => parseIp(address)).filter((ip) => ip !== undefined);
  if (!isUnspecified(bind.ip)) {
    if (own.some((ip) => sameBytes(ip, bind.ip))) return bind;
    throw new AgentError(
      'config',
      `interface: "${name}" does not have the address ${bind.host} of bind: remove one of the two, or give bind as 0.0.0.0:${bind.port}`,
    );
  }
  const usable = own.filter((ip) => !isLinkLocal(ip));
  const wanted = bind.ip.length;
  const found = usable.find((ip) => ip.length === wanted) ?? usable[0];
  if (found !== undefined) return toAddress(found, bind.port);
  throw new AgentError('config', `interface: "${name}" has only link-local addresses: give another`);
}
