import { describe, expect, test } from 'vitest';
import { MsgpackReader, MsgpackWriter } from '../../../src/wire/msgpack.ts';
import {
  arrayField,
  bool,
  bytes,
  decodeStruct,
  float,
  omitEmpty,
  STR,
  str,
  struct,
  u8,
  u32,
} from '../../../src/wire/struct.ts';
import { codeOf, hex } from './support.ts';

const Thing = struct('thing', 42, {
  zeal: str('Zeal'),
  age: u8('Age'),
  note: omitEmpty(bytes('Note')),
  tags: arrayField('Tags', 3, STR),
  weight: float('Weight'),
  good: bool('Good'),
  count: omitEmpty(u32('Count')),
});

const body = (write: (writer: MsgpackWriter) => void): MsgpackReader => {
  const writer = new MsgpackWriter(64);
  write(writer);
  return new MsgpackReader(writer.finish());
};

test('keys are written sorted by their Go name, zero values too unless they are optional', () => {
  const zero = Thing.encode(Thing.create());
  expect(Buffer.from(zero).toString('latin1')).toBe(
    '\x2a\x85\xa3Age\x00\xa4Good\xc2\xa4Tags\xc0\xa6Weight\xcb\0\0\0\0\0\0\0\0\xa4Zeal\xa0',
  );
  const full = Thing.create({
    zeal: 'z',
    age: 200,
    note: hex('01'),
    tags: ['a', 'b'],
    weight: 0.5,
    good: true,
    count: 7,
  });
  expect(Thing.encode(full)[1]).toBe(0x87);
  expect(decodeStruct(Thing, Thing.encode(full))).toEqual(full);
});

test('a message has its kind first, then its fields in one order, whatever order was received', () => {
  const empty = Thing.read(new MsgpackReader(hex('80')));
  const order = ['kind', 'age', 'count', 'good', 'note', 'tags', 'weight', 'zeal'];
  expect(Object.keys(Thing.read(new MsgpackReader(hex('82 a45a65616c a178 a3416765 05'))))).toEqual(order);
  expect(Object.keys(Thing.create({ zeal: 'x' }))).toEqual(order);
  expect(Object.keys(empty)).toEqual(order);
  expect(empty).toEqual(Thing.create());
});

test('keys may come in any order; unknown ones are skipped; the last of two wins', () => {
  const reader = body((writer) => {
    writer.mapHeader(5);
    for (const [key, age] of [['Zeal'], ['Age', 1], ['age', 2], ['Unknown', 3], ['Age', 4]] as const) {
      writer.str(key);
      if (age === undefined) writer.str('first');
      else writer.uint(age);
    }
  });
  expect(Thing.read(reader)).toEqual(Thing.create({ zeal: 'first', age: 4 }));
});

test('keys may be written as str8 or bin8, as other writers do', () => {
  expect(Thing.read(new MsgpackReader(hex('82 d903416765 05 c4045a65616c a178')))).toEqual(
    Thing.create({ age: 5, zeal: 'x' }),
  );
});

test('a key that only begins like a known one is unknown', () => {
  expect(Thing.read(new MsgpackReader(hex('81 a441676573 05')))).toEqual(Thing.create());
  expect(Thing.read(new MsgpackReader(hex('81 a24167 05')))).toEqual(Thing.create());
});

test('bytes after the map are left for the next reader', () => {
  const reader = new MsgpackReader(hex('81 a3416765 05 ffff'));
  Thing.read(reader);
  expect(reader.at).toBe(6);
});

describe('refused', () => {
  test('a number above the width of its field', () => {
    expect(codeOf(() => Thing.read(new MsgpackReader(hex('81 a3416765 cd0100'))))).toBe('badValue');
  });
  test('a list longer than it may be', () => {
    expect(codeOf(() => Thing.read(new MsgpackReader(hex('81 a454616773 94a0a0a0a0'))))).toBe('tooLarge');
  });
  test('more keys than any struct has', () => {
    expect(codeOf(() => Thing.read(new MsgpackReader(hex(`de0100${'00'.repeat(600)}`))))).toBe('tooLarge');
  });
  test('another value than a map, another type byte, nothing at all', () => {
    expect(codeOf(() => Thing.read(new MsgpackReader(hex('93'))))).toBe('malformed');
    expect(codeOf(() => decodeStruct(Thing, hex('2b80')))).toBe('unknownType');
    expect(codeOf(() => decodeStruct(Thing, hex('')))).toBe('short');
    expect(codeOf(() => decodeStruct(Thing, hex('2a')))).toBe('short');
  });
});

test('two messages in a row share nothing', () => {
  const first = Thing.create({ tags: ['a'] });
  const encoded = Thing.encode(first);
  Thing.encode(Thing.create({ zeal: 'later'.repeat(20) }));
  expect(decodeStruct(Thing, encoded)).toEqual(first);
  expect(Thing.read(new MsgpackReader(hex('80'))).tags).toEqual([]);
});
