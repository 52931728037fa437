/**
 * One UDP socket: datagrams in by a callback, datagrams out without waiting.
 *
 * dgram-as-promised binds, sends and closes. Receiving is one permanent listener on its `.socket`, because the package
 * itself receives only while a `recv` is pending.
 */
import { DgramAsPromised, type RemoteInfo, type SocketAsPromised } from 'dgram-as-promised';
import { type Address, parseIp, toAddress } from '../../base/address.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import { errorCode } from '../../base/errno.ts';

export interface Udp {
  /** The bound address; the kernel chose the port if 0 was requested. */
  readonly address: Address;
  /** Size of the receive buffer that the kernel granted, in bytes. */
  readonly receiveBuffer: number;
  /** Fire and forget: a failure is reported to `onError` only. The caller must not reuse the memory of `packet`. */
  send(packet: Uint8Array, to: Address): void;
  close(): Promise<void>;
}

/** Gets a code such as `ECONNREFUSED`, and the destination if it was a send that failed. */
export type UdpErrorHandler = (code: string, to?: Address) => void;

/** Requested bytes, for what arrives while the event loop is busy. The kernel may grant less. */
const RECEIVE_BUFFER = 2 * 1024 * 1024;
/** Senders whose parsed `Address` is cached; bounded, since an untrusted sender can fill the cache. */
const MAX_CACHED_SENDERS = 4096;

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
    // Addresses are literals: without a lookup a send reaches the kernel in the same turn of the event loop.
    lookup: (host, _options, done) => done(null, host, v6 ? 6 : 4),
  });
  const { socket } = wrapper;
  const sender = createSenderCache();
  socket.on('message', (bytes, from) => onPacket(toUint8Array(bytes), sender(from)));
  const bound = await bind(wrapper, at);
  // The package's own error listener would keep an error and throw it at a later, unrelated send.
  wrapper.destroy();
  socket.on('error', (error) => onError(errorCode(error)));
  let closing: Promise<void> | undefined;
  return {
    address: toAddress(at.ip, bound.port),
    receiveBuffer: requestReceiveBuffer(wrapper),
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

function requestReceiveBuffer(wrapper: SocketAsPromised): number {
  try {
    wrapper.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // Some systems refuse a size above their limit instead of granting less.
  }
  return wrapper.getRecvBufferSize();
}

/** Converts Node's `rinfo` to an `Address`, parsed once per sender. IPv4 has 4 octets on a dual-stack socket too. */
function createSenderCache(): (from: RemoteInfo) => Address {
  const known = new BoundedMap<string, Address>(MAX_CACHED_SENDERS);
  return (from) => {
    const key = `${from.address} ${from.port}`;
    const cached = known.get(key);
    if (cached !== undefined) return cached;
    const fresh = peerAddress(from.address, from.port);
    known.set(key, fresh);
    return fresh;
  };
}

/** Converts a peer's address from Node's form: without IPv6 zone, and IPv4-mapped IPv6 as 4 octets. */
export function peerAddress(host: string, port: number): Address {
  const zone = host.indexOf('%');
  const bare = zone < 0 ? host : host.slice(0, zone);
  const ip = parseIp(bare.startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare);
  if (ip === undefined) throw new Error(`impossible: the kernel names a peer ${host}`);
  return toAddress(ip, port);
}

/** The same bytes as a plain Uint8Array: the `slice` of a Buffer shares memory where that of Uint8Array copies. */
export const toUint8Array = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
