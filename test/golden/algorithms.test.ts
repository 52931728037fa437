/** Vectors from Go's compress/lzw and from zlib. The rest of algorithms.json is tested beside the algorithms. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { crc32 } from '../../src/wire/crc.ts';
import { compressLzw, decompressLzw } from '../../src/wire/lzw.ts';
import { bytesOf, hexOf } from './vectors.ts';

const numbers = JSON.parse(readFileSync(new URL('./algorithms.json', import.meta.url), 'utf8')) as {
  readonly lzw: {
    readonly cases: readonly { readonly lzwHex: string; readonly plainHex: string }[];
    readonly long: {
      readonly lzwCrc32: string;
      readonly lzwHexFirst64: string;
      readonly lzwHexLast32: string;
      readonly lzwLen: number;
    };
  };
  readonly crc32: readonly { readonly text: string; readonly crc32: string }[];
};

test.each(numbers.lzw.cases.map((one) => [one.plainHex.slice(0, 20), one] as const))(
  'LZW of %s… both ways',
  (_, { plainHex, lzwHex }) => {
    expect(hexOf(compressLzw(bytesOf(plainHex)))).toBe(lzwHex);
    expect(hexOf(decompressLzw(bytesOf(lzwHex), 65_536))).toBe(plainHex);
  },
);

test('LZW of 20,000 bytes, which fills the table several times', () => {
  const plain = new Uint8Array(20_000);
  let x = 1n;
  for (let i = 0; i < plain.length; i++) {
    x = (1103515245n * x + 12345n) % 2147483648n;
    plain[i] = Number((x >> 16n) & 63n);
  }
  const packed = compressLzw(plain);
  const { long } = numbers.lzw;
  expect(packed.length).toBe(long.lzwLen);
  expect(crc32(packed).toString(16).padStart(8, '0')).toBe(long.lzwCrc32);
  expect(hexOf(packed.subarray(0, 64))).toBe(long.lzwHexFirst64);
  expect(hexOf(packed.subarray(-32))).toBe(long.lzwHexLast32);
  expect(decompressLzw(packed, plain.length)).toEqual(plain);
});

test.each(numbers.crc32)('CRC-32 of $text', ({ text, crc32: expected }) => {
  expect(crc32(new TextEncoder().encode(text)).toString(16)).toBe(expected);
});
