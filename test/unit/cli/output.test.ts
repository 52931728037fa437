import { describe, expect, test } from 'vitest';
import { parseRegularExpression } from '../../../src/cli/input/regular-expressions.ts';
import { formatAge, formatTable } from '../../../src/cli/output/table.ts';
import { sanitize, sanitizeJson } from '../../../src/cli/sanitize.ts';

describe('no text from the network reaches the terminal as a control sequence (S17)', () => {
  const corpus = [
    '\u001b[2J\u001b[H',
    '\u001b]0;title\u0007',
    '\u001b]8;;http://evil.example\u001b\\link',
    '\u009b31mred',
    '\u0090q\u009c',
    'a\u0000b\u0008\u007f',
    'web\u202egnp.exe',
    '\u2066\u2067\u2068\u2069\u200e\u200f\u061c',
    'zero\u200b\u200c\u200d\ufeff\u2060width',
    'line\u2028and\u2029paragraph',
    'tag\u{e0001}\u{e0041}characters',
    'lone\ud800surrogate',
  ];
  // biome's rule against control characters is for patterns by accident; these are listed by number.
  const dangerous = (text: string): boolean =>
    [...text].some((letter) => {
      const code = letter.codePointAt(0) ?? 0;
      return (
        code < 0x20 ||
        (code >= 0x7f && code <= 0x9f) ||
        code === 0x61c ||
        (code >= 0x200b && code <= 0x200f) ||
        (code >= 0x2028 && code <= 0x202e) ||
        (code >= 0x2060 && code <= 0x206f) ||
        (code >= 0xd800 && code <= 0xdfff) ||
        code === 0xfeff ||
        code >= 0xe0000
      );
    });

  test.each(corpus.map((text) => [JSON.stringify(text), text]))('%s', (_, text) => {
    expect(dangerous(text)).toBe(true);
    expect(dangerous(sanitize(text))).toBe(false);
    expect(dangerous(sanitizeJson({ text }))).toBe(false);
    expect(JSON.parse(sanitizeJson({ text }))).toEqual({ text });
    expect(dangerous(formatTable(['A'], [[text]]).replaceAll('\n', ''))).toBe(false);
  });

  test('line breaks become blanks, and letters of all languages are kept', () => {
    expect(sanitize('one\r\ntwo\tthree')).toBe('one two three');
    expect(sanitize('Zürich 東京 🙂')).toBe('Zürich 東京 🙂');
  });
});

test('columns align below their header, without trailing blanks', () => {
  const table = formatTable(
    ['NODE', 'STATUS', 'TAGS'],
    [
      ['a', 'alive', ''],
      ['long-name', 'failed', 'role=web'],
    ],
  );
  expect(table).toBe('NODE       STATUS  TAGS\na          alive\nlong-name  failed  role=web\n');
});

test('color does not move a column', () => {
  const paint = (cell: string, column: number): string => (column === 0 ? `<${cell}>` : cell);
  expect(
    formatTable(
      ['A', 'B'],
      [
        ['x', '1'],
        ['yyy', '2'],
      ],
      paint,
    ),
  ).toBe('A    B\n<x>    1\n<yyy>  2\n');
});

test.each([
  [0, '0s'],
  [3999, '3s'],
  [120_000, '2m'],
  [5 * 3_600_000, '5h'],
  [50 * 3_600_000, '2d'],
  [-5, '0s'],
])('%d ms is %s old', (millis, shown) => {
  expect(formatAge(millis)).toBe(shown);
});

test.each([
  ['web-1', 'web-.*', true],
  ['web-1', 'web', false],
  ['web-1', 'eb-1', false],
  ['web-1', 'web-1|db-1', true],
  ['web-12', 'web-1|db-1', false],
  ['', '.*', true],
  ['dbxeu', 'db\\.eu', false],
  ['web-4', 'web-[^0-3]', true],
])('%j by %j: %j', (name, expression, expected) => {
  expect(parseRegularExpression(expression, '--name')(name)).toBe(expected);
});

test.each(['*', 'web[', 'a)(b', '(?<=a)b', 'a**'])('%j is no regular expression', (expression) => {
  expect(() => parseRegularExpression(expression, '--name')).toThrow(
    /^--name: ".*" is not a regular expression/,
  );
});

test('a hostile expression is matched in bounded time (S19)', () => {
  // A backtracking matcher would need 2^60 steps: this ends, or the test times out.
  expect(parseRegularExpression(`${'(a*)*'.repeat(20)}b`, '--name')('a'.repeat(5000))).toBe(false);
});
