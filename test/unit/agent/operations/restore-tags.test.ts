/** W10: tags that were set while the agent ran go on after a restart; the configuration wins where it has changed. */
import { describe, expect, test } from 'vitest';
import { restoreTags } from '../../../../src/agent/operations/member-commands.ts';

type Tags = Readonly<Record<string, string>>;

const restored = (configured: Tags, before: Tags, current: Tags): Tags =>
  Object.fromEntries(
    restoreTags(new Map(Object.entries(configured)), {
      configured: Object.entries(before),
      current: Object.entries(current),
    }),
  );

describe('W10: after a restart', () => {
  test.each<[what: string, configured: Tags, before: Tags, current: Tags, expected: Tags]>([
    ['a tag that was set goes on', {}, {}, { a: '1' }, { a: '1' }],
    ['one that was overwritten goes on', { a: '1' }, { a: '1' }, { a: '2' }, { a: '2' }],
    ['one that was deleted stays deleted', { a: '1', b: '1' }, { a: '1', b: '1' }, { b: '1' }, { b: '1' }],
    ['a configuration that has changed wins', { a: '3' }, { a: '1' }, { a: '2' }, { a: '3' }],
    ['a tag that the configuration has no more is gone', {}, { a: '1' }, { a: '1' }, {}],
    ['a tag that is new in the configuration wins', { a: '9' }, {}, { a: '2' }, { a: '9' }],
    ['our own tag is not taken from the disk', {}, {}, { hearsay: '0' }, {}],
    [
      'tags that are too large together are those of the configuration',
      { b: 'y'.repeat(300) },
      {},
      { a: 'x'.repeat(300) },
      { b: 'y'.repeat(300) },
    ],
  ])('%s', (_, configured, before, current, expected) => {
    expect(restored(configured, before, current)).toEqual(expected);
  });
});
