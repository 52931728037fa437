import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compressLzw, decompressLzw } from '../../../src/wire/lzw.ts';
import { codeOf, hex } from './support.ts';

test('compressed data expands to itself, also where the table fills and is cleared', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 20_000, size: 'max' }),
    fc
      .array(fc.integer({ min: 0, max: 3 }), { maxLength: 20_000, size: 'max' })
      .map((all) => Uint8Array.from(all)),
  );
  fc.assert(
    fc.property(bytes, (plain) => {
      expect(Buffer.compare(decompressLzw(compressLzw(plain), plain.length), plain)).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('a stream without its leading clear is read, too', () => {
  // 'a' and the end code, nine bits each, without a clear
  expect(decompressLzw(hex('610202'), 10)).toEqual(Uint8Array.of(0x61));
});

test('codes that continue after the table is full, as other encoders write them', () => {
  // clear, then literals until 4096 entries exist and beyond, without ever clearing again
  const codes = [256, ...Array.from({ length: 6000 }, (_, i) => i % 251), 257];
  const out: number[] = [];
  let bits = 0;
  let bitCount = 0;
  let width = 9;
  let next = 257;
  for (const code of codes) {
    bits += code * 2 ** bitCount;
    bitCount += width;
    for (; bitCount >= 8; bitCount -= 8) {
      out.push(bits % 256);
      bits = Math.floor(bits / 256);
    }
    if (code === 256) continue;
    if (next < 4095) next++;
    if (next >= 2 ** width && width < 12) width++;
  }
  if (bitCount > 0) out.push(bits);
  expect(decompressLzw(Uint8Array.from(out), 10_000)).toEqual(Uint8Array.from(codes.slice(1, -1)));
});

test('invalid data, and data without an end, are refused', () => {
  expect(codeOf(() => decompressLzw(new Uint8Array(0), 10))).toBe('badCompression');
  expect(codeOf(() => decompressLzw(compressLzw(hex('616263')).subarray(0, 3), 10))).toBe('badCompression');
  expect(codeOf(() => decompressLzw(hex('ffffff'), 10))).toBe('badCompression');
});

test('data may expand to exactly the limit, and not one byte more', () => {
  const packed = compressLzw(new Uint8Array(1000));
  expect(decompressLzw(packed, 1000).length).toBe(1000);
  expect(codeOf(() => decompressLzw(packed, 999))).toBe('tooLarge');
});
