/**
 * Pings a seed from outside, as an agent that has yet to join: over TCP, and over UDP with datagrams up to the size that gossip
 * has. A ping changes nothing at the receiver; a push/pull would count against the limit that the real join then meets.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type Address, formatAddress } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import { describeError, errorCode } from '../../base/errno.ts';
import { WireError, type WireErrorCode } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { NONCE_BYTES } from '../../wire/crypt.ts';
import { Ack, decodeMessage, Ping, type StreamMessage } from '../../wire/memberlist.ts';
import { type Envelope, openPacket, sealPacket } from '../../wire/packet.ts';
import { StreamReader, sealStream } from '../../wire/stream-writer.ts';
import { type ResolveOptions, resolveSeeds } from './resolve.ts';
import { toUint8Array } from './udp.ts';

type StreamOutcome =
  | 'acked'
  | 'refused'
  | 'unreachable'
  | 'timeout'
  | 'unanswered'
  | 'closed'
  | 'unlabeled'
  | 'encrypted'
  | 'plaintext'
  | 'undecryptable'
  | 'foreign';

export interface ProbedAddress {
  readonly address: string;
  readonly stream: StreamOutcome;
  readonly detail: string;
  readonly datagrams: readonly { readonly bytes: number; readonly isAcked: boolean }[];
}

export interface ProbedSeed {
  readonly seed: string;
  readonly error?: string | undefined;
  readonly addresses: readonly ProbedAddress[];
}

export interface ProbeTimes {
  /** How long each step over TCP may take: to connect, and to be answered. */
  readonly stream: Millis;
  /** Between two tries over UDP. */
  readonly datagram: Millis;
}

const TIMES: ProbeTimes = { stream: 3000, datagram: 300 };
/** Bytes of UDP; gossip fills datagrams up to the last. */
const SIZES = [128, 512, 1024, 1400];
/** So that a lossy network is not taken for a firewall. */
const TRIES = 6;
/** Addresses of one seed. */
const MAX_ADDRESSES = 8;

/** Never rejects: what fails is in the result. */
export async function probeSeed(
  text: string,
  envelope: Envelope,
  { times = TIMES, resolve = {} }: { readonly times?: ProbeTimes; readonly resolve?: ResolveOptions } = {},
): Promise<ProbedSeed> {
  const [seed] = await resolveSeeds([text], resolve);
  const addresses = (seed?.addresses ?? []).slice(0, MAX_ADDRESSES);
  const probed = await Promise.all(addresses.map((address) => probeAddress(address, envelope, times)));
  return { seed: text, error: seed?.error, addresses: probed };
}

async function probeAddress(address: Address, envelope: Envelope, times: ProbeTimes): Promise<ProbedAddress> {
  let found = await pingStream(address, envelope, times.stream);
  if (found.stream === 'closed' && envelope.label.length > 0) {
    const bare = await pingStream(address, { ...envelope, label: NO_BYTES }, times.stream);
    if (SPOKEN.has(bare.stream)) found = { stream: 'unlabeled', detail: 'answered without the label' };
  }
  // With another key or label UDP is silent as well; without an agent there is nobody to answer.
  const isTelling = found.stream === 'acked' || found.stream === 'timeout';
  const datagrams = isTelling ? await pingDatagrams(address, envelope, times.datagram) : [];
  return { address: formatAddress(address), ...found, datagrams };
}

interface StreamResult {
  readonly stream: StreamOutcome;
  readonly detail: string;
}

/** Outcomes that only an agent which accepts the label has. */
const SPOKEN: ReadonlySet<StreamOutcome> = new Set(['acked', 'encrypted', 'plaintext', 'undecryptable']);
const KEY_ERRORS: ReadonlySet<WireErrorCode> = new Set(['encrypted', 'plaintext', 'undecryptable']);
const UNREACHABLE: ReadonlySet<string> = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EACCES']);

const nonce = (): Uint8Array => toUint8Array(randomBytes(NONCE_BYTES));
/** Never 0, as agents number their pings. */
const newSeqNo = (): number => randomInt(1, 2 ** 31);

/** For whoever is there, and answered to where it came from. */
const encodePing = (seqNo: number): Uint8Array => Ping.encode(Ping.create({ seqNo }));

function pingStream(to: Address, envelope: Envelope, timeout: Millis): Promise<StreamResult> {
  const seqNo = newSeqNo();
  const reader = new StreamReader(envelope, 'dialer', { streamBytes: 65_536, expandedBytes: 65_536 });
  const socket = connect({ host: to.host, port: to.port, noDelay: true });
  let isConnected = false;
  let hasData = false;
  return new Promise<StreamResult>((resolve) => {
    const end = (stream: StreamOutcome, detail: string): void => resolve({ stream, detail });
    let timer = setTimeout(() => end('timeout', `no connection in ${timeout} ms`), timeout);
    const silent = (): void => end('unanswered', `connected, and no answer in ${timeout} ms`);
    socket.once('connect', () => {
      isConnected = true;
      clearTimeout(timer);
      timer = setTimeout(silent, timeout);
      socket.write(sealStream(encodePing(seqNo), envelope, { role: 'dialer', nonce }));
    });
    socket.on('data', (chunk) => {
      hasData = true;
      try {
        const message = readAll(reader, toUint8Array(chunk));
        if (message !== undefined) resolve(judgeAnswer(message, seqNo));
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        end(KEY_ERRORS.has(error.code) ? (error.code as StreamOutcome) : 'foreign', error.message);
      }
    });
    const onClosed = (why: string): void =>
      hasData ? end('foreign', 'an unfinished answer') : end('closed', why);
    socket.on('end', () => onClosed('closed without an answer'));
    socket.on('error', (error) => {
      const code = errorCode(error);
      if (isConnected) onClosed(describeError(error));
      else if (code === 'ECONNREFUSED') end('refused', describeError(error));
      else end(UNREACHABLE.has(code) ? 'unreachable' : 'timeout', describeError(error));
    });
    socket.on('close', () => clearTimeout(timer));
  }).finally(() => socket.destroy());
}

/** A compressed answer takes several steps. */
function readAll(reader: StreamReader, chunk: Uint8Array): StreamMessage | undefined {
  let message = reader.push(chunk);
  while (message === undefined && reader.isBusy) message = reader.push(NO_BYTES);
  return message;
}

function judgeAnswer(message: StreamMessage, seqNo: number): StreamResult {
  if (message.kind === 'ack' && message.seqNo === seqNo) return { stream: 'acked', detail: 'answered' };
  const said =
    message.kind === 'err' ? `it says: ${message.error.slice(0, 200)}` : `a ${message.kind} in return`;
  return { stream: 'foreign', detail: said };
}

/** One datagram of each size, tried again until each is acknowledged or all tries are over. */
async function pingDatagrams(
  to: Address,
  envelope: Envelope,
  pause: Millis,
): Promise<ProbedAddress['datagrams']> {
  const pings = SIZES.map((bytes) => ({ seqNo: newSeqNo(), bytes }));
  const acked = new Set<number>();
  const socket = createSocket(to.host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => {}); // no route, say: then nothing is acknowledged
  const allAcked = new Promise<void>((resolve) => {
    socket.on('message', (bytes) => {
      for (const seqNo of acksIn(toUint8Array(bytes), envelope)) acked.add(seqNo);
      if (pings.every(({ seqNo }) => acked.has(seqNo))) resolve();
    });
  });
  const over = new AbortController();
  const sendAll = async (): Promise<void> => {
    for (let left = TRIES; left > 0 && !over.signal.aborted; left--) {
      for (const { seqNo, bytes } of pings)
        if (!acked.has(seqNo)) socket.send(sealPing(seqNo, bytes, envelope), to.port, to.host, () => {});
      await new Promise((resolve) => setTimeout(resolve, left === 1 ? 3 * pause : pause));
    }
  };
  await Promise.race([allAcked, sendAll()]);
  over.abort();
  socket.close();
  return pings.map(({ seqNo, bytes }) => ({ bytes, isAcked: acked.has(seqNo) }));
}

/** What is not gossip, or has another key, acknowledges nothing. */
function acksIn(bytes: Uint8Array, envelope: Envelope): readonly number[] {
  try {
    return openPacket(bytes, envelope)
      .messages.map((encoded) => decodeMessage(encoded))
      .flatMap((message) => (message.kind === 'ack' ? [message.seqNo] : []));
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}

/** A ping, filled up to the size with the ack of a ping that nobody has sent, which all agents ignore. */
function sealPing(seqNo: number, bytes: number, envelope: Envelope): Uint8Array {
  const seal = (padding: number): Uint8Array => {
    const filler = Ack.encode({ seqNo: 0, payload: new Uint8Array(padding) });
    const bare = { ...envelope, compress: false }; // zeros would shrink
    return sealPacket([encodePing(seqNo), filler], bare, { crc: false, nonce });
  };
  let padding = Math.max(0, bytes - seal(0).length);
  while (padding > 0 && seal(padding).length > bytes) padding -= 1;
  return seal(padding);
}
