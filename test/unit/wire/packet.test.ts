import { describe, expect, test } from 'vitest';
import { crc32 } from '../../../src/wire/crc.ts';
import { Nack, Ping } from '../../../src/wire/memberlist.ts';
import { availableBytes, COMPOUND_OVERHEAD, openPacket, sealPacket } from '../../../src/wire/packet.ts';
import { codeOf, envelope, hex, key, label, nonces } from './support.ts';

const one = Nack.encode({ seqNo: 1 });
const two = Nack.encode({ seqNo: 2 });
const bare = envelope();
const seal = (messages: readonly Uint8Array[], under = bare, crc = false): Uint8Array =>
  sealPacket(messages, under, { crc, nonce: nonces() });
const opened = (packet: Uint8Array, under = bare): Uint8Array[] => openPacket(packet, under).messages;

test('one message alone is itself; two are a compound', () => {
  expect(seal([one])).toEqual(one);
  expect(seal([one, two])).toEqual(Uint8Array.of(7, 2, 0, 9, 0, 9, ...one, ...two));
});

test('the CRC comes first and covers the rest', () => {
  const packet = seal([one], bare, true);
  expect(packet[0]).toBe(12);
  expect(Buffer.from(packet).readUInt32BE(1)).toBe(crc32(one));
  packet[packet.length - 1] = 9;
  expect(codeOf(() => openPacket(packet, bare))).toBe('badChecksum');
});

test('compression is used only if the result is shorter, and read even if it is off', () => {
  const compressing = envelope({ compress: true });
  expect(seal([one], compressing)).toEqual(one);
  const many = Array.from({ length: 50 }, () => one);
  const packet = seal(many, compressing);
  expect(packet[0]).toBe(9);
  expect(packet.length).toBeLessThan(seal(many).length);
  expect(opened(packet)).toEqual(many);
});

test('P7 a datagram of less than 256 bytes is not compressed', () => {
  const compressing = envelope({ compress: true });
  const type = (bytes: number): number | undefined => seal([new Uint8Array(bytes).fill(3)], compressing)[0];
  expect([type(255), type(256)]).toEqual([3, 9]);
});

test('one nonce is drawn per packet, and none without a key', () => {
  const next = nonces();
  sealPacket([one, two], envelope({ keys: [key(1)] }), { crc: true, nonce: next });
  expect(next.taken).toBe(1);
  sealPacket([one, two], bare, { crc: true, nonce: next });
  expect(next.taken).toBe(1);
});

test('up to 255 messages fit one datagram; more, or none, fail an assertion', () => {
  const many = (count: number): Uint8Array[] => Array.from({ length: count }, () => one);
  expect(opened(seal(many(255))).length).toBe(255);
  expect(() => seal(many(256))).toThrow(/impossible/);
  expect(() => seal([])).toThrow(/impossible/);
});

describe('a damaged compound', () => {
  const whole = seal([one, two]);

  test('gives its complete leading parts, and is reported as truncated', () => {
    expect(openPacket(whole.subarray(0, -1), bare)).toEqual({ messages: [one], truncated: true });
    expect(openPacket(Uint8Array.of(...whole, 1, 2, 3), bare)).toEqual({
      messages: [one, two],
      truncated: false,
    });
  });

  test('gives nothing if its first part, or its length table, is truncated', () => {
    expect(codeOf(() => openPacket(whole.subarray(0, 10), bare))).toBe('short');
    expect(codeOf(() => openPacket(whole.subarray(0, 5), bare))).toBe('short');
    expect(codeOf(() => openPacket(Uint8Array.of(7), bare))).toBe('short');
  });

  test('loses only the part that is invalid', () => {
    const broken = hex('09 82 a4416c676f 01 a3427566 a0'); // compressed by an unknown algorithm
    expect(openPacket(seal([one, broken, two]), bare)).toEqual({ messages: [one, two], truncated: true });
    expect(openPacket(seal([one, new Uint8Array(0), two]), bare)).toEqual({
      messages: [one, two],
      truncated: true,
    });
  });

  test('of no parts is an empty datagram, not an error', () => {
    expect(openPacket(Uint8Array.of(7, 0), bare)).toEqual({ messages: [], truncated: false });
  });
});

describe('keys', () => {
  const closed = envelope({ keys: [key(1)] });

  test('with a key, plaintext is refused, and told apart from undecryptable packets', () => {
    expect(codeOf(() => openPacket(one, closed))).toBe('plaintext');
    const ping = Ping.encode(Ping.create({ seqNo: 1, node: 'somebody-with-a-long-name', sourceNode: 'me' }));
    expect(codeOf(() => openPacket(ping, closed))).toBe('plaintext');
    expect(codeOf(() => openPacket(seal([one], envelope({ keys: [key(2)] })), closed))).toBe('undecryptable');
  });

  test('a packet under a key that we lack is not taken for plaintext, whatever its nonce begins with', () => {
    const foreign = envelope({ keys: [key(2)] });
    for (let first = 0; first < 256; first++) {
      const nonce = Uint8Array.from({ length: 12 }, (_, i) =>
        i === 0 ? first : (first * 37 + i * 101) & 0xff,
      );
      const packet = sealPacket([one], foreign, { crc: true, nonce: () => nonce });
      expect(
        codeOf(() => openPacket(packet, closed)),
        `nonce ${first}`,
      ).toBe('undecryptable');
      expect(
        codeOf(() => openPacket(packet, bare)),
        `nonce ${first}`,
      ).toBe('encrypted');
    }
  });

  test('while the cluster migrates to encryption, both are accepted', () => {
    const migrating = envelope({ keys: [key(1)], verifyIncoming: false });
    expect(opened(one, migrating)).toEqual([one]);
    expect(opened(seal([one], closed), migrating)).toEqual([one]);
  });

  test('without a key, ciphertext is refused as encrypted', () => {
    expect(codeOf(() => openPacket(seal([one], closed), bare))).toBe('encrypted');
  });

  test('the label is authenticated, though it is sent in clear', () => {
    const blue = envelope({ keys: [key(1)], label: label('blue') });
    const packet = seal([one], blue);
    expect(Buffer.from(packet.subarray(0, 6)).toString('latin1')).toBe('\u00f4\u0004blue');
    const stripped = packet.subarray(6);
    expect(codeOf(() => openPacket(stripped, closed))).toBe('undecryptable');
  });
});

describe('labels', () => {
  const blue = envelope({ label: label('blue') });

  test('must be ours: neither another, nor none, nor any without ours', () => {
    expect(opened(seal([one], blue), blue)).toEqual([one]);
    expect(codeOf(() => openPacket(seal([one]), blue))).toBe('badLabel');
    expect(codeOf(() => openPacket(seal([one], blue), bare))).toBe('badLabel');
    for (const other of ['bluer', 'glue'])
      expect(codeOf(() => openPacket(seal([one], envelope({ label: label(other) })), blue))).toBe('badLabel');
  });

  test('that are empty or truncated are refused', () => {
    expect(codeOf(() => openPacket(hex('f400'), blue))).toBe('badLabel');
    expect(codeOf(() => openPacket(hex('f40462'), blue))).toBe('badLabel');
    expect(codeOf(() => openPacket(hex('f4'), bare))).toBe('badLabel');
  });
});

test('an empty datagram, and one above 64 KiB, are refused', () => {
  expect(codeOf(() => openPacket(new Uint8Array(0), bare))).toBe('short');
  expect(codeOf(() => openPacket(new Uint8Array(65_537).fill(8), bare))).toBe('tooLarge');
});

test('the available bytes of a packet are what all layers leave', () => {
  expect(availableBytes(1400, bare)).toBe(1400 - 2 - 5);
  expect(availableBytes(1400, envelope({ keys: [key(1)] }))).toBe(1400 - 2 - 5 - 29);
  expect(availableBytes(1400, envelope({ keys: [key(1)], encryptionVersion: 0 }))).toBe(1400 - 2 - 5 - 45);
  expect(availableBytes(1400, envelope({ label: label('blue') }))).toBe(1400 - 2 - 5 - 6);
  expect(COMPOUND_OVERHEAD).toBe(2);
});
