/**
 * Golden vectors: bytes captured from real memberlist and Serf agents, and ten made by hand (`derived`). Each must decode to
 * what its sender meant, and encoding must repeat the bytes. How they were captured is in vectors.json, `about`.
 */
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage, type StreamMessage } from '../../src/wire/memberlist.ts';
import { openPacket, sealPacket } from '../../src/wire/packet.ts';
import { decodeSerf, JoinIntent, LeaveIntent, Query, QueryResponse, UserEvent } from '../../src/wire/serf.ts';
import { encodeStream, StreamReader, sealStream } from '../../src/wire/stream-writer.ts';
import { renderPacketMessage, renderStream } from './render.ts';
import {
  bytesOf,
  envelopeOf,
  hexOf,
  type Json,
  lean,
  leavesOf,
  PACKETS,
  roleOf,
  STREAMS,
  VECTORS,
  type Vector,
} from './vectors.ts';

const isSerf = (vector: Vector): boolean => !vector.emitter.includes('memberlist 0.5.3 / go');
const messagesOf = (vector: Vector): Uint8Array[] =>
  openPacket(bytesOf(vector.hex), envelopeOf(vector)).messages;

function streamOf(vector: Vector): StreamMessage {
  const message = new StreamReader(envelopeOf(vector), roleOf(vector)).push(bytesOf(vector.hex));
  if (message === undefined) throw new Error(`${vector.id} waits for more`);
  return message;
}

test('all 130 vectors are here', () => {
  expect([PACKETS.length, STREAMS.length, VECTORS.length]).toEqual([98, 32, 130]);
});

describe('a packet decodes to what its sender meant', () => {
  test.each(PACKETS.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => {
    const serf = isSerf(vector);
    const ours = messagesOf(vector).map((bytes) => renderPacketMessage(bytes, serf));
    expect(lean(ours)).toEqual(lean(leavesOf(vector.decoded['msg'] as Json)));
  });
});

test('only the truncated compound is reported as truncated', () => {
  const truncated = PACKETS.filter((vector) => openPacket(bytesOf(vector.hex), envelopeOf(vector)).truncated);
  expect(truncated.map((vector) => vector.id)).toEqual(['derived-compound-truncated']);
});

describe('a stream decodes to what its sender meant', () => {
  test.each(STREAMS.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => {
    const { label, encrypt, compress, ...meaning } = vector.decoded;
    const message = streamOf(vector);
    expect(lean(renderStream(message, isSerf(vector)))).toEqual(lean(meaning));
    expect(message.kind === 'pushPull' ? message.dropped : 0).toBe(0);
  });

  test.each(STREAMS.map((vector) => [vector.id, vector] as const))('%s, byte by byte', (_, vector) => {
    const opener = new StreamReader(envelopeOf(vector), roleOf(vector));
    const got: unknown[] = [];
    for (const octet of bytesOf(vector.hex)) {
      const message = opener.push(Uint8Array.of(octet));
      if (message !== undefined) got.push(message);
    }
    expect(got).toEqual([streamOf(vector)]);
  });
});

/** Our encoding of the same message; `undefined` if hearsay never sends such a message. */
function rewritten(bytes: Uint8Array): { kind: string; bytes: Uint8Array } | undefined {
  const message = decodeMessage(bytes);
  if (message.kind !== 'user') return { kind: message.kind, bytes: encodeMessage(message) };
  const serf = decodeSerf(message.body);
  const asUser = (body: Uint8Array): { kind: string; bytes: Uint8Array } => ({
    kind: serf.kind,
    bytes: Uint8Array.of(8, ...body),
  });
  switch (serf.kind) {
    case 'joinIntent':
      return asUser(JoinIntent.encode(serf));
    case 'leaveIntent':
      return asUser(LeaveIntent.encode(serf));
    case 'userEvent':
      return asUser(UserEvent.encode(serf));
    case 'query':
      return asUser(Query.encode(serf));
    case 'queryResponse':
      return asUser(QueryResponse.encode(serf));
    default:
      return undefined;
  }
}

/** The nonce of this vector's ciphertext. */
function nonceOf(vector: Vector): () => Uint8Array {
  const label = vector.label !== '' && bytesOf(vector.hex)[0] === 244 ? 2 + vector.label.length : 0;
  const from = label + (vector.transport === 'udp' ? 1 : 6);
  return () => bytesOf(vector.hex).slice(from, from + 12);
}

/** Serf 0.10 writes Go's signed integers above 127 in signed forms; hearsay writes what 0.9 writes. */
const SIGNED_DIALECT = [
  'new-query-15s', // Timeout
  'new-stream-join-response', // UserStateLen, in these three
  'new-stream-sync',
  'new-stream-aes128-compressed',
];

/** A stream that is longer for its compression; ours is not compressed then (P7). */
const LONGER_COMPRESSED = 'label-aes-stream-user';

/** Made by hand: truncated, and with bytes after the last part. */
const ODD = ['derived-compound-truncated', 'derived-compound-trailing'];

describe('encoding repeats the bytes of agents', () => {
  const fromGo = VECTORS.filter(
    (vector) =>
      !vector.id.startsWith('msgpackr') && !SIGNED_DIALECT.includes(vector.id) && !ODD.includes(vector.id),
  );

  test('every message of every packet, byte for byte', () => {
    const different: string[] = [];
    const same: Record<string, number> = {};
    for (const vector of fromGo.filter((one) => one.transport === 'udp' && isSerf(one))) {
      for (const bytes of messagesOf(vector)) {
        const ours = rewritten(bytes);
        if (ours === undefined) continue;
        if (hexOf(ours.bytes) === hexOf(bytes)) same[ours.kind] = (same[ours.kind] ?? 0) + 1;
        else different.push(`${vector.id}: ${ours.kind} ${hexOf(bytes)} ${hexOf(ours.bytes)}`);
      }
    }
    expect(different).toEqual([]);
    expect(same).toEqual({
      ping: 18,
      indirectPing: 3,
      ack: 8,
      nack: 4,
      suspect: 5,
      alive: 32,
      dead: 6,
      joinIntent: 5,
      leaveIntent: 5,
      userEvent: 6,
      query: 16,
      queryResponse: 8,
    });
  });

  test('whole packets: compound, compression, CRC, encryption and label', () => {
    const different: string[] = [];
    const packets = fromGo.filter((vector) => vector.transport === 'udp');
    for (const vector of packets) {
      const kinds = JSON.stringify(vector.decoded);
      const compress = kinds.includes('"type":"compress"');
      const envelope = { ...envelopeOf(vector), compress, minCompressedBytes: 0 };
      const options = { crc: kinds.includes('"type":"hasCrc"'), nonce: nonceOf(vector) };
      if (hexOf(sealPacket(messagesOf(vector), envelope, options)) !== vector.hex) different.push(vector.id);
    }
    expect(different).toEqual([]);
    expect(packets.length).toBe(90);
  });

  test('whole streams', () => {
    const different: string[] = [];
    const streams = fromGo.filter(({ transport, id }) => transport !== 'udp' && id !== LONGER_COMPRESSED);
    for (const vector of streams) {
      const compress = 'compress' in vector.decoded;
      const envelope = { ...envelopeOf(vector), compress, minCompressedBytes: 0 };
      const role = roleOf(vector) === 'listener' ? 'dialer' : 'listener';
      const ours = sealStream(encodeStream(streamOf(vector)), envelope, { role, nonce: nonceOf(vector) });
      if (hexOf(ours) !== vector.hex) different.push(vector.id);
    }
    expect(different).toEqual([]);
    expect(streams.length).toBe(27);
  });

  test('messages of other dialects keep their meaning when they are written again', () => {
    for (const vector of PACKETS.filter((one) => !fromGo.includes(one)))
      for (const bytes of messagesOf(vector)) {
        const ours = rewritten(bytes);
        if (ours !== undefined)
          expect(renderPacketMessage(ours.bytes, true)).toEqual(renderPacketMessage(bytes, true));
      }
  });
});
