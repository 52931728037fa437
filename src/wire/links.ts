/**
 * Link tests: user messages by which an agent measures the way to a catalog peer, with datagrams of chosen sizes, and by which the
 * peer says what it heard, from which address, and what its clock shows. Serf uses neither type, and is sent none. A format byte
 * follows the type, as in the catalog's messages.
 *
 * Source: P83 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { checkMemberName } from './memberlist.ts';
import { MsgpackReader } from './msgpack.ts';
import {
  arrayField,
  bytes,
  encodeWithFormat,
  float,
  type MessageOf,
  str,
  struct,
  u8,
  u16,
  u32,
  u64,
} from './struct.ts';

export const LINK_TYPE = { linkPing: 216, linkPong: 217, linkReport: 218 } as const;

const FORMAT = 1;
/** Pings of one test: what was heard of it is one bit each. */
export const MAX_LINK_PINGS = 32;
/** Rows of a report, which must fit into the response to a query. */
export const MAX_LINK_ROWS = 16;

/** The ping `seq` of a test by `from`. `filler` makes the datagram as long as it is to be. */
const LinkPing = struct('linkPing', LINK_TYPE.linkPing, {
  test: u32('t'),
  seq: u8('s'),
  from: str('n'),
  filler: bytes('p'),
});

/** The answer to one ping: the pings of its test that were heard so far, and the address and port that it came from. */
const LinkPong = struct('linkPong', LINK_TYPE.linkPong, {
  test: u32('t'),
  seq: u8('s'),
  /** Bit `seq` is set for each ping that was heard. */
  heard: u32('h'),
  ip: bytes('a'),
  port: u16('o'),
  /** Wall-clock milliseconds of the sender. */
  clock: u64('c'),
});

/** One way as the sender of a report has measured it; sizes in bytes of UDP. */
const LinkRow = struct('linkRow', 0, {
  node: str('n'),
  /** Short pings: sent, answered, and known to have been heard. */
  sent: u8('s'),
  answered: u8('a'),
  heard: u8('h'),
  /** Pings of that member that the sender of the report has heard. */
  heardFrom: u8('f'),
  /** The longest that was answered, and the shortest that was not, though it was tried several times; 0: none. */
  longest: u16('l'),
  blocked: u16('b'),
  /** Milliseconds, the shortest; below 0: none was measured. */
  roundTrip: float('r'),
  /** How far the clock of that member is ahead, in milliseconds. */
  clockAhead: float('c'),
  /** The address from which that member saw the pings come; empty: it has not said. */
  ip: bytes('i'),
  port: u16('o'),
  /** How a ping over TCP ended, as a number. */
  tcp: u8('t'),
});

const LinkReport = struct('linkReport', LINK_TYPE.linkReport, {
  rows: arrayField('r', MAX_LINK_ROWS, {
    read: (reader) => LinkRow.read(reader),
    write: (writer, row: Omit<MessageOf<typeof LinkRow>, 'kind'>) => LinkRow.write(writer, row),
  }),
});

export type LinkRow = Omit<MessageOf<typeof LinkRow>, 'kind'>;
export type LinkPing = MessageOf<typeof LinkPing>;
export type LinkPong = MessageOf<typeof LinkPong>;

export const isLinkType = (type: number): boolean =>
  type === LINK_TYPE.linkPing || type === LINK_TYPE.linkPong;

/** Decodes the body of a user message, type byte first. Throws `WireError`. */
export function decodeLink(encoded: Uint8Array): LinkPing | LinkPong {
  const reader = new MsgpackReader(encoded);
  const type = reader.byte();
  const format = reader.byte();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of a link test`);
  if (type === LINK_TYPE.linkPing) {
    const ping = LinkPing.read(reader);
    checkMemberName(ping.from);
    return withSeq(ping);
  }
  if (type !== LINK_TYPE.linkPong) throw new WireError('unknownType', `type ${type} is no link test`);
  const pong = LinkPong.read(reader);
  if (pong.ip.length !== 4 && pong.ip.length !== 16)
    throw new WireError('badValue', `an address of ${pong.ip.length} octets`);
  return withSeq(pong);
}

function withSeq<M extends { readonly seq: number }>(message: M): M {
  if (message.seq >= MAX_LINK_PINGS) throw new WireError('badValue', `ping ${message.seq} of a link test`);
  return message;
}

export const encodeLinkPing = (ping: Omit<LinkPing, 'kind'>): Uint8Array =>
  encodeWithFormat(LinkPing, FORMAT, ping);
export const encodeLinkPong = (pong: Omit<LinkPong, 'kind'>): Uint8Array =>
  encodeWithFormat(LinkPong, FORMAT, pong);

/** The rows of a report, as many of the first as fit into `limit` bytes. */
export function encodeLinkReport(rows: readonly LinkRow[], limit: number): Uint8Array {
  for (let count = Math.min(rows.length, MAX_LINK_ROWS); ; count--) {
    const encoded = encodeWithFormat(LinkReport, FORMAT, { rows: rows.slice(0, count) });
    if (encoded.length <= limit || count === 0) return encoded;
  }
}

/** Throws `WireError`. */
export function decodeLinkReport(encoded: Uint8Array): readonly LinkRow[] {
  const reader = new MsgpackReader(encoded);
  if (reader.byte() !== LINK_TYPE.linkReport || reader.byte() !== FORMAT)
    throw new WireError('unknownType', 'this is no report on links');
  const { rows } = LinkReport.read(reader);
  for (const row of rows) checkMemberName(row.node);
  return rows;
}
