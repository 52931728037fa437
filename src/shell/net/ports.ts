/** Binds UDP and TCP to one address and one port, as every gossip peer expects, and says why it cannot. */
import { type Address, formatAddress } from '../../base/address.ts';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { openTcp, type Tcp, type TcpEvents, type TcpLimits } from './tcp.ts';
import { openUdp, type Udp, type UdpErrorHandler } from './udp.ts';

export interface Ports {
  readonly udp: Udp;
  readonly tcp: Tcp;
}

export interface PortEvents extends TcpEvents {
  onPacket(bytes: Uint8Array, from: Address): void;
  onSendError: UdpErrorHandler;
}

/** Draws of a free UDP port, with port 0, until TCP is free on it as well. */
const DRAWS = 32;

/** Rejects with `AgentError('config')` in one sentence; nothing is left open then. */
export async function openPorts(at: Address, events: PortEvents, limits?: TcpLimits): Promise<Ports> {
  for (let draw = 1; ; draw++) {
    const udp = await openUdp(at, events.onPacket, events.onSendError).catch((error: unknown) => {
      throw bindError('UDP', at, error);
    });
    try {
      return { udp, tcp: await openTcp(udp.address, events, limits) };
    } catch (error) {
      await udp.close();
      if (at.port === 0 && errorCode(error) === 'EADDRINUSE' && draw < DRAWS) continue;
      throw bindError('TCP', udp.address, error);
    }
  }
}

/** What to do about an address that cannot be bound. `option` is the flag that chooses it. */
export function bindError(transport: string, at: Address, error: unknown, option = '--bind'): AgentError {
  const where = `${transport} ${formatAddress(at)}`;
  const code = errorCode(error);
  switch (code) {
    case 'EADDRINUSE':
      return new AgentError(
        'config',
        `${where} is in use: stop the other program or choose another port with ${option}`,
      );
    case 'EACCES':
    case 'EPERM':
      return new AgentError(
        'config',
        `${where} may not be opened by this user: choose a port from 1024 up with ${option}`,
      );
    case 'EADDRNOTAVAIL':
      return new AgentError(
        'config',
        `${at.host} is not an address of this machine: choose one that is with ${option}`,
      );
    case 'EAFNOSUPPORT':
      return new AgentError(
        'config',
        `this machine has no IPv6, so ${at.host} cannot be bound: choose an IPv4 address with ${option}`,
      );
    default:
      return new AgentError('config', `${where} cannot be opened (${code}): choose another with ${option}`);
  }
}
