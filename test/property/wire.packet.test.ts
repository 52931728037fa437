/** Properties of envelopes: sealed packets open under the same envelope and no other, and keep to their limit. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../src/base/errors.ts';
import { encodeMessage, type PushPull } from '../../src/wire/memberlist.ts';
import { availableBytes, COMPOUND_OVERHEAD, openPacket, sealPacket } from '../../src/wire/packet.ts';
import { encodeStream, StreamReader, sealStream } from '../../src/wire/stream-writer.ts';
import * as arbitrary from './wire.arbitrary.ts';

const message = arbitrary.swimMessage.map(encodeMessage);
const user = fc.uint8Array({ maxLength: 200 }).map((body) => Uint8Array.of(8, ...body));
const messages = fc.array(fc.oneof(message, user), { minLength: 1, maxLength: 127 });

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'fine';
};

describe('packets', () => {
  test('open to what was sealed, in every combination of layers', () => {
    fc.assert(
      fc.property(
        messages,
        arbitrary.envelope,
        fc.boolean(),
        arbitrary.nonce,
        (parts, envelope, crc, nonce) => {
          const packet = sealPacket(parts, envelope, { crc, nonce: () => nonce });
          expect(openPacket(packet, envelope)).toEqual({ messages: parts, truncated: false });
          // A Buffer within a larger one, as sockets return it
          const pooled = Buffer.concat([Buffer.alloc(3), packet, Buffer.alloc(3)]).subarray(3, -3);
          expect(openPacket(pooled, envelope).messages).toEqual(parts);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('that are full never exceed their limit, and one byte more may not fit', () => {
    const budget = fc.integer({ min: 512, max: 9000 });
    fc.assert(
      fc.property(
        budget,
        fc.integer({ min: 1, max: 100 }),
        arbitrary.envelope,
        arbitrary.nonce,
        (packetBytes, count, envelope, nonce) => {
          const room = availableBytes(packetBytes, envelope);
          const each = Math.floor(room / count) - COMPOUND_OVERHEAD;
          if (each < 1) return;
          const first = room - (count - 1) * (each + COMPOUND_OVERHEAD) - COMPOUND_OVERHEAD;
          const parts = Array.from({ length: count }, (_, i) =>
            new Uint8Array(i === 0 ? first : each).fill(200 + i),
          );
          const packet = sealPacket(parts, envelope, { crc: true, nonce: () => nonce });
          expect(packet.length).toBeLessThanOrEqual(packetBytes);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('do not open with another key, another label, or one bit changed', () => {
    const sealed = arbitrary.envelope.filter((envelope) => envelope.keys.length > 0);
    fc.assert(
      fc.property(messages, sealed, arbitrary.nonce, fc.nat(), (parts, envelope, nonce, where) => {
        const strict = { ...envelope, verifyIncoming: true };
        const packet = sealPacket(parts, strict, { crc: true, nonce: () => nonce });
        const primary = strict.keys[0] as Uint8Array;
        const others = { ...strict, keys: [primary.map((octet) => octet ^ 1)] };
        expect(codeOf(() => openPacket(packet, others))).toMatch(/undecryptable|plaintext/);
        const last = (strict.label[254] ?? 0) ^ 1;
        const label = { ...strict, label: Uint8Array.of(...strict.label.slice(0, 254), last) };
        expect(codeOf(() => openPacket(packet, label))).toBe('badLabel');
        // The version byte is not authenticated, as in memberlist.
        const at = where % packet.length;
        if (at === (strict.label.length === 0 ? 0 : 2 + strict.label.length)) return;
        packet[at] = (packet[at] as number) ^ (1 << (where % 8));
        expect(codeOf(() => openPacket(packet, strict))).toMatch(/undecryptable|plaintext|badLabel/);
      }),
      { numRuns: 200 },
    );
  });

  test('open with any key of the keyring, at whatever index', () => {
    fc.assert(
      fc.property(messages, arbitrary.envelope, arbitrary.nonce, (parts, envelope, nonce) => {
        const options = { crc: false, nonce: () => nonce };
        for (const key of envelope.keys) {
          const packet = sealPacket(parts, { ...envelope, keys: [key] }, options);
          expect(openPacket(packet, envelope).messages).toEqual(parts);
        }
      }),
      { numRuns: 100 },
    );
  });
});

const pushPull: fc.Arbitrary<PushPull> = fc.record({
  kind: fc.constant('pushPull' as const),
  join: fc.boolean(),
  nodes: fc.array(arbitrary.nodeState, { maxLength: 30 }),
  userState: fc.uint8Array({ maxLength: 2000 }),
  dropped: fc.constant(0),
});
const streamMessage = fc.oneof(
  pushPull,
  arbitrary.swimMessage.filter((one) => one.kind === 'ping' || one.kind === 'ack'),
  fc.record({ kind: fc.constant('user' as const), body: fc.uint8Array({ maxLength: 2000 }) }),
  fc.record({ kind: fc.constant('err' as const), error: arbitrary.text }),
);

describe('streams', () => {
  test('open to what was sealed, however the bytes are split', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 40 });
    const role = fc.constantFrom('dialer' as const, 'listener' as const);
    fc.assert(
      fc.property(
        streamMessage,
        arbitrary.envelope,
        role,
        arbitrary.nonce,
        cuts,
        (sent, envelope, role, nonce, cuts) => {
          const bytes = sealStream(encodeStream(sent), envelope, { role, nonce: () => nonce });
          const opener = new StreamReader(envelope, role === 'dialer' ? 'listener' : 'dialer');
          let got: unknown;
          let at = 0;
          for (let i = 0; at < bytes.length; i++) {
            expect(got).toBeUndefined(); // never before its last byte
            const next = at + (cuts[i % cuts.length] as number);
            got = opener.push(bytes.subarray(at, next));
            at = next;
          }
          expect(got).toEqual(sent);
          expect(opener.push(Uint8Array.of(1, 2, 3))).toBeUndefined();
        },
      ),
      { numRuns: 400 },
    );
  });
});
