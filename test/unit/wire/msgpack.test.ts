import { describe, expect, test } from 'vitest';
import { MsgpackReader, MsgpackWriter } from '../../../src/wire/msgpack.ts';
import { codeOf, hex } from './support.ts';

const written = (write: (writer: MsgpackWriter) => void): string => {
  const writer = new MsgpackWriter(1);
  write(writer);
  return Buffer.from(writer.finish()).toString('hex');
};

describe('the writer uses the forms of the old spec, smallest first', () => {
  test.each([
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [255, 'ccff'],
    [256, 'cd0100'],
    [65_535, 'cdffff'],
    [65_536, 'ce00010000'],
    [4_294_967_295, 'ceffffffff'],
    [4_294_967_296, 'cf0000000100000000'],
    [15_000_000_000, 'cf000000037e11d600'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
  ])('%d is %s', (value, expected) => {
    expect(written((writer) => writer.uint(value))).toBe(expected);
    expect(new MsgpackReader(hex(expected)).uint()).toBe(value);
    expect(new MsgpackReader(hex(expected)).int()).toBe(value);
  });

  test('text has no str8 form: 31 bytes have one header byte, 32 have three', () => {
    expect(written((writer) => writer.str('x'.repeat(31))).slice(0, 4)).toBe('bf78');
    expect(written((writer) => writer.str('x'.repeat(32))).slice(0, 8)).toBe('da002078');
    expect(written((writer) => writer.str('x'.repeat(70_000))).slice(0, 12)).toBe('db0001117078');
    expect(written((writer) => writer.str('é'.repeat(16))).slice(0, 10)).toBe('da0020c3a9');
    expect(written((writer) => writer.str(''))).toBe('a0');
  });

  test('empty bytes are nil, as a nil slice of Go is', () => {
    expect(written((writer) => writer.raw(new Uint8Array(0)))).toBe('c0');
    expect(written((writer) => writer.raw(new Uint8Array(300)))).toHaveLength(2 * 303);
  });

  test('floats always have eight bytes', () => {
    expect(written((writer) => writer.float(1))).toBe('cb3ff0000000000000');
  });

  test('containers of 15 and 16 and of 70,000', () => {
    expect(written((writer) => writer.mapHeader(15))).toBe('8f');
    expect(written((writer) => writer.mapHeader(16))).toBe('de0010');
    expect(written((writer) => writer.mapHeader(70_000))).toBe('df00011170');
    expect(written((writer) => writer.arrayHeader(15))).toBe('9f');
    expect(written((writer) => writer.arrayHeader(16))).toBe('dc0010');
    expect(written((writer) => writer.arrayHeader(70_000))).toBe('dd00011170');
  });
});

describe('the reader accepts every form that agents accept', () => {
  test.each([
    'a26869',
    'd9026869',
    'da00026869',
    'db000000026869',
    'c4026869',
    'c500026869',
    'c6000000026869',
  ])('text and bytes as %s', (form) => {
    expect(new MsgpackReader(hex(form)).str()).toBe('hi');
    expect(Buffer.from(new MsgpackReader(hex(form)).raw()).toString()).toBe('hi');
  });

  test('nil is empty, zero and false', () => {
    const nil = hex('c0');
    expect(new MsgpackReader(nil).str()).toBe('');
    expect(new MsgpackReader(nil).raw()).toEqual(new Uint8Array(0));
    expect(new MsgpackReader(nil).uint()).toBe(0);
    expect(new MsgpackReader(nil).int()).toBe(0);
    expect(new MsgpackReader(nil).bool()).toBe(false);
    expect(new MsgpackReader(nil).float()).toBe(0);
    expect(new MsgpackReader(nil).arrayLength(10)).toBe(0);
  });

  test('signed forms of positive numbers, as Serf 0.10 writes them', () => {
    expect(new MsgpackReader(hex('d10100')).uint()).toBe(256);
    expect(new MsgpackReader(hex('d200010000')).uint()).toBe(65_536);
    expect(new MsgpackReader(hex('d3000000037e11d600')).uint()).toBe(15_000_000_000);
    expect(new MsgpackReader(hex('d07f')).uint()).toBe(127);
  });

  test('negative numbers are read for signed fields only', () => {
    for (const [form, value] of [
      ['ff', -1],
      ['d080', -128],
      ['d18000', -32_768],
      ['d280000000', -2_147_483_648],
      ['d3ffffffffffffffff', -1],
    ] as const) {
      expect(new MsgpackReader(hex(form)).int()).toBe(value);
      expect(codeOf(() => new MsgpackReader(hex(form)).uint())).toBe('malformed');
    }
  });

  test('integers beyond 2^53 saturate', () => {
    expect(new MsgpackReader(hex('cfffffffffffffffff')).uint()).toBe(Number.MAX_SAFE_INTEGER);
    expect(new MsgpackReader(hex('d37fffffffffffffff')).int()).toBe(Number.MAX_SAFE_INTEGER);
    expect(new MsgpackReader(hex('d38000000000000000')).int()).toBe(-Number.MAX_SAFE_INTEGER);
  });

  test('booleans as 0 and 1, floats as integers and in four bytes', () => {
    expect(
      [new MsgpackReader(hex('c3')), new MsgpackReader(hex('01'))].map((reader) => reader.bool()),
    ).toEqual([true, true]);
    expect(
      [new MsgpackReader(hex('c2')), new MsgpackReader(hex('00'))].map((reader) => reader.bool()),
    ).toEqual([false, false]);
    expect(codeOf(() => new MsgpackReader(hex('02')).bool())).toBe('malformed');
    expect(new MsgpackReader(hex('05')).float()).toBe(5);
    expect(new MsgpackReader(hex('ca3f800000')).float()).toBe(1);
    expect(new MsgpackReader(hex('cbbff8000000000000')).float()).toBe(-1.5);
  });

  test('a float for an integer, text for a number, ext and 0xc1 are refused', () => {
    expect(codeOf(() => new MsgpackReader(hex('cb3ff0000000000000')).uint())).toBe('malformed');
    expect(codeOf(() => new MsgpackReader(hex('a131')).uint())).toBe('malformed');
    expect(codeOf(() => new MsgpackReader(hex('d40000')).str())).toBe('malformed');
    expect(codeOf(() => new MsgpackReader(hex('c1')).skip())).toBe('malformed');
    expect(codeOf(() => new MsgpackReader(hex('81')).arrayLength(9))).toBe('malformed');
    expect(codeOf(() => new MsgpackReader(hex('91')).mapLength(9))).toBe('malformed');
  });

  test('text must be UTF-8; a byte order mark belongs to it', () => {
    expect(codeOf(() => new MsgpackReader(hex('a2c328')).str())).toBe('malformed');
    expect(new MsgpackReader(hex('a4efbbbf61')).str()).toBe('\uFEFFa');
    expect(new MsgpackReader(hex('a6c3a9e282ac61')).str()).toBe('é€a');
  });

  test('bytes are a view, not a copy', () => {
    const bytes = hex('a26869');
    const view = new MsgpackReader(bytes).raw();
    bytes[1] = 0x48;
    expect(Buffer.from(view).toString()).toBe('Hi');
  });
});

describe('declared counts are bounded by the remaining bytes', () => {
  test.each(['', 'a3', 'a26', 'cd01', 'ce000000', 'cf00', 'cb00', 'da00', 'db00000001', 'c7', 'd4'])(
    'a value cut to "%s" is short',
    (form) => {
      expect(codeOf(() => new MsgpackReader(hex(form)).skip())).toBe('short');
    },
  );

  test('counts of maps and arrays', () => {
    expect(codeOf(() => new MsgpackReader(hex('ddffffffff')).arrayLength(2 ** 32))).toBe('short');
    expect(codeOf(() => new MsgpackReader(hex('dfffffffff')).mapLength(4096))).toBe('tooLarge');
    expect(codeOf(() => new MsgpackReader(hex('ddffffffff00')).skip())).toBe('short');
    expect(codeOf(() => new MsgpackReader(hex('dc100200')).arrayLength(4096))).toBe('tooLarge');
  });

  test('eight levels of nesting are skipped, nine are refused', () => {
    expect(codeOf(() => new MsgpackReader(hex(`${'91'.repeat(8)}00`)).skip())).toBe('fine');
    expect(codeOf(() => new MsgpackReader(hex(`${'91'.repeat(9)}00`)).skip())).toBe('tooLarge');
    expect(codeOf(() => new MsgpackReader(hex('91'.repeat(30_000))).skip())).toBe('tooLarge');
  });
});
