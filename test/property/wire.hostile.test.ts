/**
 * Any bytes give messages or a `WireError`, in bounded time and memory: mutations of captured traffic, length bombs,
 * decompression bombs.
 */
import { describe, expect, test } from 'vitest';
import { WireError } from '../../src/base/errors.ts';
import { createRng, type Rng } from '../../src/base/rng.ts';
import { crc32 } from '../../src/wire/crc.ts';
import { decodeFilter } from '../../src/wire/filter.ts';
import { compressLzw, decompressLzw } from '../../src/wire/lzw.ts';
import { Compress, decodeMessage, encodeMessage } from '../../src/wire/memberlist.ts';
import { MsgpackReader } from '../../src/wire/msgpack.ts';
import { BARE_ENVELOPE, openPacket, sealPacket } from '../../src/wire/packet.ts';
import {
  CoordinateBody,
  decodeConflictResponse,
  decodeSerf,
  decodeSerfState,
  decodeTags,
  KeyRequest,
  KeyResponse,
} from '../../src/wire/serf.ts';
import { StreamReader } from '../../src/wire/stream-writer.ts';
import { decodeStruct } from '../../src/wire/struct.ts';
import { bytesOf, envelopeOf, PACKETS, roleOf, STREAMS } from '../golden/vectors.ts';
import { PROPERTY_SEED } from '../support/property-seed.ts';

const MEGABYTE = 1024 * 1024;

/** The code of the `WireError`, or 'fine'; other errors are rethrown. */
function outcome(run: () => unknown): string {
  try {
    run();
    return 'fine';
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

/** Decodes everything that an agent may read from one message. */
function readAll(bytes: Uint8Array): void {
  const message = decodeMessage(bytes);
  if (message.kind === 'alive') decodeTags(message.meta);
  if (message.kind === 'ack') outcome(() => decodeStruct(CoordinateBody, message.payload));
  if (message.kind !== 'user') {
    encodeMessage(message);
    return;
  }
  const serf = decodeSerf(message.body);
  if (serf.kind === 'query') {
    for (const filter of serf.filters) outcome(() => decodeFilter(filter));
    outcome(() => decodeStruct(KeyRequest, serf.payload));
  } else if (serf.kind === 'queryResponse') {
    outcome(() => decodeStruct(KeyResponse, serf.payload));
    outcome(() => decodeConflictResponse(serf.payload));
  } else if (serf.kind === 'relay') outcome(() => decodeSerf(serf.message));
}

/** Bytes that begin lengths, counts and rare types. */
const NASTY = [
  0x00, 0x7f, 0x80, 0x8f, 0x9f, 0xbf, 0xc0, 0xc1, 0xc6, 0xc9, 0xcb, 0xcf, 0xd3, 0xdb, 0xdd, 0xdf, 0xff,
];

function mutated(original: Uint8Array, others: readonly Uint8Array[], rng: Rng): Uint8Array {
  let bytes = original.slice();
  for (let times = 1 + rng.int(3); times > 0; times--) {
    const at = rng.int(Math.max(1, bytes.length));
    switch (rng.int(7)) {
      case 0: // one bit
        bytes[at] = (bytes[at] ?? 0) ^ (1 << rng.int(8));
        break;
      case 1: // one byte, of a rare type
        bytes[at] = NASTY[rng.int(NASTY.length)] as number;
        break;
      case 2: // truncated
        bytes = bytes.slice(0, at);
        break;
      case 3: {
        // a part of another message
        const other = others[rng.int(others.length)] as Uint8Array;
        bytes = Uint8Array.of(...bytes.subarray(0, at), ...other.subarray(rng.int(other.length)));
        break;
      }
      case 4: // a length bomb
        bytes.set([0xdb, 0xff, 0xff, 0xff, 0xff].slice(0, bytes.length - at), at);
        break;
      case 5: // a count bomb
        bytes.set([0xdd + 2 * rng.int(2), 0x7f, 0xff, 0xff, 0xff].slice(0, bytes.length - at), at);
        break;
      case 6: // a repeated part
        bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(rng.int(at + 1)));
        break;
    }
  }
  return bytes;
}

/** Repairs the checksum, so that mutations after it are not all refused by it. */
function withGoodCrc(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 12 || bytes.length < 5) return bytes;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(1, crc32(bytes, 5));
  return bytes;
}

test('40,000 mutated packets give messages or a WireError', () => {
  const rng = createRng(20_260_100 + PROPERTY_SEED);
  const bare = PACKETS.flatMap((vector) => openPacket(bytesOf(vector.hex), envelopeOf(vector)).messages);
  const plain = PACKETS.filter((vector) => vector.key === null && vector.label === '');
  const corpus = [...plain.map((vector) => bytesOf(vector.hex)), ...bare];
  const outcomes: Record<string, number> = {};
  const startedAt = performance.now();
  for (let i = 0; i < 40_000; i++) {
    const packet = mutated(corpus[rng.int(corpus.length)] as Uint8Array, corpus, rng);
    const bytes = i % 4 === 0 ? packet : withGoodCrc(packet);
    const what = outcome(() => {
      const { messages } = openPacket(bytes, BARE_ENVELOPE);
      let octets = 0;
      for (const message of messages) octets += message.length;
      expect(octets).toBeLessThanOrEqual(bytes.length + 65_536);
      for (const message of messages) {
        const code = outcome(() => readAll(message));
        outcomes[code] = (outcomes[code] ?? 0) + 1;
      }
    });
    outcomes[what] = (outcomes[what] ?? 0) + 1;
  }
  expect(performance.now() - startedAt).toBeLessThan(50_000);
  // Each kind of result occurred, so the mutations do reach the validation.
  for (const code of ['fine', 'short', 'malformed', 'tooLarge', 'unknownType', 'badValue', 'badCompression'])
    expect(outcomes[code], code).toBeGreaterThan(50);
});

test('mutated packets under every captured envelope', () => {
  const rng = createRng(7);
  const all = PACKETS.map((vector) => bytesOf(vector.hex));
  for (let i = 0; i < 10_000; i++) {
    const vector = PACKETS[rng.int(PACKETS.length)] as (typeof PACKETS)[number];
    const envelope = { ...envelopeOf(vector), verifyIncoming: rng.int(2) === 0 };
    outcome(() => openPacket(mutated(bytesOf(vector.hex), all, rng), envelope).messages.forEach(readAll));
  }
});

test('mutated streams give a message, wait, or throw a WireError', () => {
  const rng = createRng(42);
  const all = STREAMS.map((vector) => bytesOf(vector.hex));
  const outcomes: Record<string, number> = {};
  for (let i = 0; i < 8_000; i++) {
    const vector = STREAMS[rng.int(STREAMS.length)] as (typeof STREAMS)[number];
    const bytes = mutated(bytesOf(vector.hex), all, rng);
    const envelope = { ...envelopeOf(vector), verifyIncoming: rng.int(2) === 0 };
    const opener = new StreamReader(envelope, roleOf(vector));
    const code = outcome(() => {
      for (let at = 0; at < bytes.length; ) {
        const next = at + 1 + rng.int(700);
        const message = opener.push(bytes.subarray(at, next));
        at = next;
        if (message?.kind === 'pushPull') outcome(() => decodeSerfState(message.userState));
      }
    });
    outcomes[code] = (outcomes[code] ?? 0) + 1;
  }
  for (const code of ['fine', 'malformed', 'tooLarge', 'unknownType', 'undecryptable', 'badCompression'])
    expect(outcomes[code], code).toBeGreaterThan(5);
});

test('8,000 random byte strings make the reader throw nothing but WireError', () => {
  const rng = createRng(2 + PROPERTY_SEED);
  for (let i = 0; i < 8_000; i++) {
    const bytes = Uint8Array.from({ length: rng.int(40) }, () =>
      rng.int(3) === 0 ? (NASTY[rng.int(NASTY.length)] as number) : rng.int(256),
    );
    outcome(() => new MsgpackReader(bytes).skip());
    for (const type of [0, 1, 2, 3, 4, 5, 8, 11]) outcome(() => readAll(Uint8Array.of(type, ...bytes)));
  }
});

describe('bombs', () => {
  const asPacket = (plain: Uint8Array): Uint8Array => Compress.encode({ algo: 0, buf: compressLzw(plain) });

  test('data that would expand past 64 KiB, or 64-fold, is refused in a packet', () => {
    const big = new Uint8Array(65_537).fill(8);
    big.forEach((_, i) => {
      big[i] = i * 7 + (i >> 8);
    });
    big[0] = 8;
    expect(outcome(() => openPacket(asPacket(big), BARE_ENVELOPE))).toBe('tooLarge');
    expect(outcome(() => openPacket(asPacket(big.subarray(0, 65_536)), BARE_ENVELOPE))).toBe('fine');
    const flat = new Uint8Array(60_000).fill(8);
    expect(flat.length / compressLzw(flat).length).toBeGreaterThan(64);
    expect(outcome(() => openPacket(asPacket(flat), BARE_ENVELOPE))).toBe('tooLarge');
  });

  test('data that expands 1,300-fold stops at the limit, without taking the memory', () => {
    const bomb = compressLzw(new Uint8Array(80 * MEGABYTE));
    expect((80 * MEGABYTE) / bomb.length).toBeGreaterThan(1000);
    expect(outcome(() => decompressLzw(bomb, 40 * MEGABYTE))).toBe('tooLarge');
    expect(outcome(() => openPacket(asPacket(new Uint8Array(20 * MEGABYTE)), BARE_ENVELOPE))).toBe(
      'tooLarge',
    );
    const stream = Compress.encode({ algo: 0, buf: bomb });
    const reader = new StreamReader(BARE_ENVELOPE, 'listener');
    let pushes = 1;
    let end = outcome(() => reader.push(stream));
    for (; end === 'fine' && reader.isBusy; pushes++) end = outcome(() => reader.push(new Uint8Array(0)));
    expect(end).toBe('tooLarge');
    expect(pushes).toBeGreaterThan(100); // 24 MB, and no more than 128 KiB of it at once
  });

  test('many small decompression bombs in one compound share one limit', () => {
    const plain = Uint8Array.from({ length: 8000 }, (_, i) => (i === 0 ? 8 : (i >> 4) & 0xff));
    const part = asPacket(plain);
    const packet = sealPacket(Array(20).fill(part), BARE_ENVELOPE, { crc: false, nonce: () => plain });
    expect(outcome(() => openPacket(packet, BARE_ENVELOPE))).toBe('tooLarge');
  });

  test('nested compression, a compound in a compound, and an empty compressed message', () => {
    const ping = Uint8Array.of(11, 0x80);
    const seal = (...parts: Uint8Array[]): Uint8Array =>
      sealPacket(parts, BARE_ENVELOPE, { crc: false, nonce: () => ping });
    expect(outcome(() => openPacket(asPacket(asPacket(ping)), BARE_ENVELOPE))).toBe('tooLarge');
    const once = seal(ping, ping);
    expect(openPacket(asPacket(once), BARE_ENVELOPE).messages.length).toBe(2);
    expect(openPacket(seal(asPacket(ping), ping), BARE_ENVELOPE).messages.length).toBe(2);
    for (const nested of [seal(once, ping), asPacket(seal(once, ping)), seal(asPacket(once), ping)])
      expect(outcome(() => openPacket(nested, BARE_ENVELOPE))).toBe('tooLarge');
    expect(outcome(() => openPacket(asPacket(new Uint8Array(0)), BARE_ENVELOPE))).toBe('badCompression');
  });

  test('counts and lengths beyond the bytes cost nothing', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const head of [
      [
        6, 0x83, 0xa4, 0x4a, 0x6f, 0x69, 0x6e, 0xc3, 0xa5, 0x4e, 0x6f, 0x64, 0x65, 0x73, 0xce, 0x3f, 0xff,
        0xff, 0xff,
      ],
      [8, 0x81, 0xaa, ...Buffer.from('UserMsgLen'), 0xce, 0x7f, 0xff, 0xff, 0xff],
      [9, 0x82, 0xa4, ...Buffer.from('Algo'), 0, 0xa3, ...Buffer.from('Buf'), 0xc6, 0x7f, 0xff, 0xff, 0xff],
      [10, 0x7f, 0xff, 0xff, 0xff, 0],
    ]) {
      const keys = head[0] === 10 ? [new Uint8Array(16)] : [];
      const opener = new StreamReader({ ...BARE_ENVELOPE, keys }, 'listener');
      const rest = [0xac, ...Buffer.from('UserStateLen'), 0];
      const code = outcome(() => expect(opener.push(Uint8Array.from([...head, ...rest]))).toBeUndefined());
      expect(code).toBe('tooLarge');
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEGABYTE);
  });

  test('an unencrypted stream that never ends is refused, in linear time', () => {
    const chunk = new Uint8Array(64 * 1024).fill(0x90);
    chunk.set([6, 0x83, 0xa4, 0x4a, 0x6f, 0x69, 0x6e, 0xc3]); // a header whose second key is an array
    expect(outcome(() => new StreamReader(BARE_ENVELOPE, 'listener').push(chunk))).toBe('malformed');

    // One error text of 20 MiB, byte by byte until it is refused
    const opener = new StreamReader(BARE_ENVELOPE, 'listener');
    opener.push(Uint8Array.of(13, 0x81, 0xa5, ...Buffer.from('Error'), 0xdb, 0x01, 0x40, 0, 0));
    let pushed = 0;
    const code = outcome(() => {
      for (; pushed < 20_000; pushed++) opener.push(Uint8Array.of(65));
    });
    expect(code).toBe('tooLarge');
    expect(pushed).toBeLessThan(8300);
  });
});
