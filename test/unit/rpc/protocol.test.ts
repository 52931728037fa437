import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import { packReply, toBytes, toInteger } from '../../../src/rpc/protocol/replies.ts';
import * as requests from '../../../src/rpc/protocol/requests.ts';
import { MAX_VALUE_BYTES } from '../../../src/rpc/protocol/scanner.ts';
import { ValueReader } from '../../../src/rpc/protocol/value-reader.ts';
import { MsgpackReader } from '../../../src/wire/msgpack.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const bytesOf = (...octets: number[]): Uint8Array => Uint8Array.from(octets);

function readAll(reader: ValueReader): Uint8Array[] {
  const values: Uint8Array[] = [];
  for (let value = reader.next(); value !== undefined; value = reader.next()) values.push(value.slice());
  return values;
}

const anyValue = fc.letrec((tie) => ({
  leaf: fc.oneof(
    ...[fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.string({ maxLength: 300 })],
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.bigInt({ min: 2n ** 40n, max: 2n ** 60n }),
  ),
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 10 }), tie('value'), { maxKeys: 20 }),
  ),
})).value;

describe('values', () => {
  test('are cut apart wherever the pieces end', () => {
    fc.assert(
      fc.property(
        fc.array(anyValue, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (values, sizes) => {
          const packed = values.map((value) => Buffer.from(packr.pack(value)));
          const all = Buffer.concat(packed);
          const reader = new ValueReader();
          const found: Uint8Array[] = [];
          for (let at = 0; at < all.length; ) {
            const size = sizes.next().value as number;
            reader.push(all.subarray(at, at + size));
            found.push(...readAll(reader));
            at += size;
          }
          expect(found.map((value) => Buffer.from(value).toString('hex'))).toEqual(
            packed.map((value) => value.toString('hex')),
          );
          expect(reader.isEmpty).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('each kind of header is measured by the octet', () => {
    const kinds: readonly (readonly number[])[] = [
      [0x7f],
      [0xff],
      [0xc0],
      [0xcc, 1],
      [0xd1, 1, 2],
      [0xca, 1, 2, 3, 4],
      [0xcf, 1, 2, 3, 4, 5, 6, 7, 8],
      [0xc4, 2, 9, 9],
      [0xda, 0, 2, 9, 9],
      [0xc6, 0, 0, 0, 1, 9],
      [0xc7, 2, 1, 9, 9],
      [0xd4, 1, 9],
      [0xd8, 1, ...Array.from({ length: 16 }, () => 9)],
      [0xdc, 0, 2, 1, 2],
      [0xdf, 0, 0, 0, 1, 1, 0x91, 0xc3],
      [0x82, 1, 0x80, 2, 0x90],
    ];
    for (const kind of kinds) {
      const reader = new ValueReader();
      reader.push(bytesOf(...kind, 0x2a));
      expect(readAll(reader).map((value) => value.length)).toEqual([kind.length, 1]);
      for (let length = 0; length < kind.length; length++) {
        const partial = new ValueReader();
        partial.push(bytesOf(...kind.slice(0, length)));
        expect(partial.next()).toBeUndefined();
      }
    }
  });

  test('what is declared too large or too deep, or is no msgpack, is refused before it has come', () => {
    const hostile: readonly (readonly number[])[] = [
      [0xc1],
      [0xdb, 0xff, 0xff, 0xff, 0xff],
      [0xc6, 0, 2, 0, 1],
      [0xdd, 0, 1, 0, 0],
      [0xdf, 0xff, 0xff, 0xff, 0xff],
      Array.from({ length: 20 }, () => 0x91),
    ];
    for (const octets of hostile) {
      const reader = new ValueReader();
      reader.push(bytesOf(...octets));
      expect(() => reader.next(), octets.join(' ')).toThrow(WireError);
    }
  });

  test('a large value that comes octet by octet', () => {
    const reader = new ValueReader();
    const value = packr.pack({ Existing: Array.from({ length: 4000 }, () => 'x'.repeat(20)) });
    expect(value.length).toBeLessThan(MAX_VALUE_BYTES);
    for (let at = 0; at < value.length; at++) {
      reader.push(value.subarray(at, at + 1));
      if (at + 1 < value.length && reader.next() !== undefined) expect.unreachable(`ended at ${at}`);
    }
    expect(reader.next()?.length).toBe(value.length);
  });
});

describe('requests', () => {
  const read = (value: unknown) => requests.EventBody.read(new MsgpackReader(packr.pack(value)));

  test('payloads are bytes, whether they come as text, as bytes or not at all', () => {
    const payload = (value: unknown): number[] => [
      ...read({ Name: 'e', Payload: value, Coalesce: true }).payload,
    ];
    expect(payload('hi')).toEqual([104, 105]);
    expect(payload(Buffer.from([255, 0]))).toEqual([255, 0]);
    expect(payload(null)).toEqual([]);
    expect(read({ Name: 'e' })).toMatchObject({ name: 'e', coalesce: false });
  });

  test('the old raw family of text, which has no str8', () => {
    const name = Buffer.from('n'.repeat(40));
    const old = Buffer.concat([bytesOf(0x81), packr.pack('Name'), bytesOf(0xda, 0, 40), name]);
    expect(requests.EventBody.read(new MsgpackReader(old)).name).toBe('n'.repeat(40));
  });
});

describe('replies', () => {
  test('whole numbers stay whole, and maps take any key', () => {
    expect(toInteger(2 ** 40)).toBe(2n ** 40n);
    const body = {
      Tags: new Map([['__proto__', 'x']]),
      LTime: toInteger(2 ** 40),
      Payload: toBytes(bytesOf()),
    };
    const packed = packReply(3, '', body);
    const { length } = packr.pack({ Error: '', Seq: 3 });
    const back = packr.unpack(packed.subarray(length)) as { Tags: object; LTime: bigint; Payload: null };
    expect(back.LTime).toBe(2n ** 40n);
    expect(back.Payload).toBeNull();
    expect(Buffer.from(packed).toString('latin1')).toContain('__proto__');
    expect(packed[length + 6]).toBe(0x81); // a map of one, not a type of msgpackr's own
  });
});
