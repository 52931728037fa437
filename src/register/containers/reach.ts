/** How the ports of a container are reached from other hosts, and from this one, where its checks run. */
import { isLoopback, isUnspecified, parseIp } from '../../base/address.ts';
import type { Container, ContainerPort } from './container.ts';

/** Where a port of a container is reached. */
export interface Reach {
  /** For other hosts; `''`: the address of this node. */
  readonly address: string;
  /** For checks, which run on this host. */
  readonly checkHost: string;
  readonly port: number;
}

export interface ReachOptions {
  /** The network on which other hosts reach containers; `undefined`: they reach published ports. */
  readonly network: string | undefined;
  /** This node is itself on a loopback address, and so are its peers. */
  readonly isLocal: boolean;
}

const OWN_ADDRESS = { address: '', checkHost: '127.0.0.1' };

/** Ports of the container that may be registered, TCP first. */
export function reachablePorts(container: Container, { network }: ReachOptions): readonly ContainerPort[] {
  if (container.hasHostNetwork || network !== undefined) return container.ports;
  return container.ports.filter(({ published }) => published.length > 0);
}

/** Where a port of the container is reached, TCP before UDP unless a protocol is named. Returns a clause if it is not. */
export function findReach(
  container: Container,
  { port, protocol }: { readonly port: number; readonly protocol?: ContainerPort['protocol'] },
  options: ReachOptions,
): Reach | string {
  if (port < 1 || port > 65_535) return `port ${port} is none: it must be 1 to 65535`;
  if (container.hasHostNetwork) return { ...OWN_ADDRESS, port };
  if (options.network !== undefined) return reachOnNetwork(container, port, options.network);
  const isWanted = (one: ContainerPort): boolean =>
    one.port === port && (protocol ?? one.protocol) === one.protocol && one.published.length > 0;
  const published = container.ports.find(isWanted)?.published ?? [];
  const all = published.map(({ hostIp, hostPort }) => toReach(hostIp, hostPort, options.isLocal));
  const best = all.find((one) => one?.address === '') ?? all.find((one) => one !== undefined);
  if (best !== undefined) return best;
  return published.length === 0
    ? `port ${port} of the container is not published: publish it, as in \`-p ${port}\`, or set --containers-network`
    : `port ${port} of the container is published on a loopback address only, where no other host reaches it`;
}

function reachOnNetwork(container: Container, port: number, network: string): Reach | string {
  const address = container.networks.get(network);
  if (address === undefined) return `the container is not on the network ${JSON.stringify(network)}`;
  const ip = parseIp(address);
  if (ip === undefined || isUnspecified(ip))
    return `the engine says no address of it on the network ${JSON.stringify(network)}`;
  return { address, checkHost: address, port };
}

/** `undefined`: other hosts do not reach it there. */
function toReach(hostIp: string, port: number, isLocal: boolean): Reach | undefined {
  const ip = hostIp === '' ? undefined : parseIp(hostIp);
  if (hostIp === '' || (ip !== undefined && isUnspecified(ip)))
    return { address: '', checkHost: ip?.length === 16 ? '::1' : '127.0.0.1', port };
  if (ip === undefined || (isLoopback(ip) && !isLocal)) return undefined;
  return { address: hostIp, checkHost: hostIp, port };
}
