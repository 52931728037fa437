/** Lists and streams are split as they arrive, in whichever pieces. */
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { BoundedLines, JsonElements } from '../../../../src/register/containers/json-elements.ts';

function split(text: string, cuts: readonly number[] = [], maxElementBytes = 1000) {
  const found: string[] = [];
  const oversized: string[] = [];
  const elements = new JsonElements({
    maxElementBytes,
    onElement: (one) => found.push(one),
    onOversized: (head) => oversized.push(head),
  });
  const bytes = Buffer.from(text);
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [i, from] of at.entries()) elements.push(bytes.subarray(from, at[i + 1]));
  elements.end();
  return { found, oversized };
}

describe('lists', () => {
  const value = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 4 });

  property.prop([fc.array(value, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 6 })])(
    'the elements are those of JSON.parse, however the bytes are cut',
    (values, cuts) => {
      const text = JSON.stringify(values, undefined, cuts.length % 3);
      expect(split(text, cuts, 1e6).found.map((one) => JSON.parse(one))).toEqual(JSON.parse(text));
    },
  );

  test('an element that is too large is left out, and its beginning is told', () => {
    const text = JSON.stringify([{ Id: 'a' }, { Id: 'b', x: 'y'.repeat(5000) }, { Id: 'c' }]);
    const { found, oversized } = split(text, [900, 1100, 3000]);
    expect(found.map((one) => JSON.parse(one).Id)).toEqual(['a', 'c']);
    expect(oversized).toHaveLength(1);
    expect(oversized[0]).toMatch(/^\{"Id":"b","x":"y+$/);
    expect(oversized[0]?.length).toBeLessThanOrEqual(512);
  });

  test.each(['', '[', '[{}', '[{},', '[{"a":"]"'])('a truncated list is refused: %s', (text) => {
    expect(() => split(text)).toThrow('truncated');
  });

  test.each(['{}', 'null', '[1]', '[{}{}]', '[,{}]', '[{},]', '[] x', '"x"'])(
    'what is no list of objects is refused: %s',
    (text) => {
      expect(() => split(text)).toThrow('no list');
    },
  );
});

describe('lines', () => {
  const lines = (text: string, cuts: readonly number[]) => {
    const found: string[] = [];
    let oversized = 0;
    const bounded = new BoundedLines({
      maxLineBytes: 10,
      onLine: (line) => found.push(line),
      onOversized: () => oversized++,
    });
    const bytes = Buffer.from(text);
    const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    for (const [i, from] of at.entries()) bounded.push(bytes.subarray(from, at[i + 1]));
    return { found, oversized };
  };

  property.prop([fc.array(fc.stringMatching(/^[a-z]{0,14}$/)), fc.array(fc.nat(), { maxLength: 6 })])(
    'each line that is short enough comes once, however the bytes are cut',
    (all, cuts) => {
      const { found, oversized } = lines(all.map((line) => `${line}\n`).join(''), cuts);
      expect(found).toEqual(all.filter((line) => line !== '' && line.length <= 10));
      expect(oversized).toBe(all.filter((line) => line.length > 10).length);
    },
  );
});
