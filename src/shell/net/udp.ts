/**
 * One UDP socket: datagrams in by a callback, datagrams out without waiting. What they mean is not its business.
 *
 * dgram-as-promised binds, sends and closes. Receiving is one lasting listener on its `.socket`, because the
 * package itself hears only while a `recv` is pending.
 */
import { DgramAsPromised, type RemoteInfo, type SocketAsPromised } from 'dgram-as-promised';
import { type Address, parseIp, toAddress } from '../../base/address.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import { errorCode } from '../../base/errno.ts';

export interface Udp {
  /** Where it really listens: the port is the kernel's if 0 was asked. */
  readonly address: Address;
  /** Bytes of waiting packets the kernel granted. */
  readonly receiveBuffer: number;
  /** Fire and forget: a failure is reported to `onError` and nowhere else. Never reuse `packet`'s memory. */
  send(packet: Uint8Array, to: Address): void;
  close(): Promise<void>;
}

/** A code such as `ECONNREFUSED`, and whom we were sending to, if we were. */
export type UdpErrorHandler = (code: string, to?: Address) => void;

/** Asked of the kernel, which may grant less: room for what arrives while the event loop is busy. */
const RECEIVE_BUFFER = 2 * 1024 * 1024;
/** Senders whose `Address` we keep ready. A stranger can fill this, so it is bounded. */
const REMEMBERED_SENDERS = 4096;

/** Rejects with Node's error (`EADDRINUSE`, `EACCES` …) if it cannot bind; nothing is left open then. */
export async function openUdp(
  at: Address,
  onPacket: (bytes: Uint8Array, from: Address) => void,
  onError: UdpErrorHandler,
): Promise<Udp> {
  const v6 = at.host.includes(':');
  const wrapper = DgramAsPromised.createSocket({
    type: v6 ? 'udp6' : 'udp4',
    ipv6Only: false,
    // Addresses are literals here, so nothing is looked up, and a send reaches the kernel in the same turn.
    lookup: (host, _options, done) => done(null, host, v6 ? 6 : 4),
  });
  const { socket } = wrapper;
  const sender = createSenderCache();
  socket.on('message', (bytes, from) => onPacket(toUint8Array(bytes), sender(from)));
  const bound = await bind(wrapper, at);
  // Its own error listener keeps an error and throws it at a later, unrelated send.
  wrapper.destroy();
  socket.on('error', (error) => onError(errorCode(error)));
  let closing: Promise<void> | undefined;
  return {
    address: toAddress(at.ip, bound.port),
    receiveBuffer: askForBuffer(wrapper),
    send: (packet, to) => {
      const host = v6 && !to.host.includes(':') ? `::ffff:${to.host}` : to.host;
      wrapper.send(packet, to.port, host).catch((error: unknown) => {
        if (closing === undefined) onError(errorCode(error), to);
      });
    },
    close: () => {
      closing ??= wrapper.close();
      return closing;
    },
  };
}

/** A socket whose bind failed must not be bound again, only closed. */
async function bind(wrapper: SocketAsPromised, at: Address): Promise<{ port: number }> {
  try {
    return await wrapper.bind({ port: at.port, address: at.host, exclusive: true });
  } catch (error) {
    await wrapper.close();
    throw error;
  }
}

function askForBuffer(wrapper: SocketAsPromised): number {
  try {
    wrapper.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // Some systems refuse what is over their limit instead of granting less.
  }
  return wrapper.getRecvBufferSize();
}

/** Node's `rinfo` to an `Address`, parsed once per sender. IPv4 has 4 octets, on a dual-stack socket too. */
function createSenderCache(): (from: RemoteInfo) => Address {
  const known = new BoundedMap<string, Address>(REMEMBERED_SENDERS);
  return (from) => {
    const key = `${from.address} ${from.port}`;
    const held = known.get(key);
    if (held !== undefined) return held;
    const fresh = peerAddress(from.address, from.port);
    known.set(key, fresh);
    return fresh;
  };
}

/** What Node says of a peer, as an `Address`: without IPv6 zone, and IPv4 in 4 octets. */
export function peerAddress(host: string, port: number): Address {
  const zone = host.indexOf('%');
  const bare = zone < 0 ? host : host.slice(0, zone);
  const ip = parseIp(bare.startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare);
  if (ip === undefined) throw new Error(`impossible: the kernel names a peer ${host}`);
  return toAddress(ip, port);
}

/** The same bytes without Buffer's own `slice`, which shares memory where Uint8Array's copies. */
export const toUint8Array = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
