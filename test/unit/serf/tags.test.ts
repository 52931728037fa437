import { expect, test } from 'vitest';
import { metaFromTags, tagsFromIdentity, updateTags } from '../../../src/serf/tags.ts';
import { member } from './one.ts';

test('P39 tags become meta, and come back from an identity', () => {
  expect([...metaFromTags(new Map())]).toEqual([0xff, 0x80]);
  expect([...metaFromTags(new Map([['a', 'b']]))]).toEqual([0xff, 0x81, 0xa1, 0x61, 0xa1, 0x62]);
  expect(tagsFromIdentity(member('bob', 'alive', { a: 'b' }).identity)).toEqual(new Map([['a', 'b']]));
});

test('P39 512 bytes of tags are allowed, one more is refused, and the error says how many there are', () => {
  const room = 512 - 2 - 2 - 3; // magic, map, key "k", raw16 header
  expect(metaFromTags(new Map([['k', 'x'.repeat(room)]]))).toHaveLength(512);

  expect(() => metaFromTags(new Map([['k', 'x'.repeat(room + 1)]]))).toThrowError(
    expect.objectContaining({
      name: 'AgentError',
      code: 'tooLarge',
      message: expect.stringContaining('513'),
    }),
  );
});

test('P39 a change removes first and then sets, and leaves the old tags as they were', () => {
  const before = new Map([
    ['role', 'db'],
    ['dc', 'east'],
  ]);

  expect(updateTags(before, new Map([['role', 'web']]), ['role', 'dc'])).toEqual(new Map([['role', 'web']]));
  expect(before.size).toBe(2);
});

test('P39 an identity is decoded once, however many tables hold it', () => {
  const { identity } = member('bob', 'alive', { a: 'b' });

  expect(tagsFromIdentity(identity)).toBe(tagsFromIdentity(identity));
});
