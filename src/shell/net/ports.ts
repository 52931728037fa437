/** Binds UDP and TCP to the same address and port, as memberlist requires, and explains why it cannot. */
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

/** With port 0: how many free UDP ports are tried until one is free for TCP as well. */
const MAX_ATTEMPTS = 32;

/** Rejects with `AgentError('config')`; then nothing is left open. */
export async function openPorts(at: Address, events: PortEvents, limits?: TcpLimits): Promise<Ports> {
  for (let attempt = 1; ; attempt++) {
    const udp = await openUdp(at, events.onPacket, events.onSendError).catch((error: unknown) => {
      throw bindError('UDP', at, error);
    });
    try {
      return { udp, tcp: await openTcp(udp.address, events, limits) };
    } catch (error) {
      await udp.close();
      if (at.port === 0 && errorCode(error) === 'EADDRINUSE' && attempt < MAX_ATTEMPTS) continue;
      throw bindError('TCP', udp.address, error);
    }
  }
}

/** Says what to do about an address that cannot be bound. `option` is the flag that chooses it. */
export function bindError(transport: string, at: Address, error: unknown, option = '--bind'): AgentError {
  const where = `${transport} ${formatAddress(at)}`;
  const code = errorCode(error);
  switch (code) {
    case 'EADDRINUSE':
      return new AgentError(
        'config',
        `${where} is already in use: stop the other program or choose another port with ${option}`,
      );
    case 'EACCES':
    case 'EPERM':
      return new AgentError(
        'config',
        `${where} cannot be opened by this user: choose a port of 1024 or above with ${option}`,
      );
    case 'EADDRNOTAVAIL':
      return new AgentError(
        'config',
        `${at.host} is not an address of this host: choose one of its addresses with ${option}`,
      );
    case 'EAFNOSUPPORT':
      return new AgentError(
        'config',
        `this host has no IPv6, so ${at.host} cannot be bound: choose an IPv4 address with ${option}`,
      );
    default:
      return new AgentError('config', `${where} cannot be opened (${code}): choose another with ${option}`);
  }
}
