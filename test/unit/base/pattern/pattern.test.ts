import { fc, test as prop } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { compilePattern } from '../../../../src/base/pattern/pattern.ts';

const matches = (pattern: string, text: string): boolean =>
  compilePattern(pattern)?.test(text, { left: 1_000_000 }) === true;

const TABLE: readonly [pattern: string, yes: readonly string[], no: readonly string[]][] = [
  ['', ['', 'a'], []],
  ['web', ['web', 'a web b'], ['we', 'WEB']],
  ['^web$', ['web'], ['web1', 'aweb', 'web\n']],
  ['^(web|api)-\\d+$', ['web-1', 'api-22'], ['web-', 'db-1', 'web-1x']],
  ['^a.c$', ['abc', 'aéc', 'a😀c'], ['ac', 'a\nc']],
  ['^a*$', ['', 'aaa'], ['ab']],
  ['^(a|b)+?c?$', ['a', 'abab', 'abc'], ['', 'c']],
  ['^[^a-c]+$', ['xyz', 'é'], ['xaz', '']],
  ['^[]a]$', [']', 'a'], ['b']],
  ['^[a-]$', ['a', '-'], ['b']],
  ['^[\\d_x-z]+$', ['0_xyz'], ['a']],
  ['^[[:alpha:]][[:^digit:]]$', ['ab', 'a-'], ['a1', '1a']],
  ['^\\w+\\s\\S$', ['ab c', '_1\tx'], ['ab  ', '-  c']],
  ['^\\W\\D$', ['-a'], ['a-', '-1']],
  ['^a{2}b{1,2}c{0,}$', ['aab', 'aabbccc'], ['ab', 'aabbb']],
  ['^a{,2}$', ['a{,2}'], ['aa']],
  ['^\\x41\\x{1F600}$', ['A😀'], ['a']],
  ['\\bweb\\b', ['a web b', 'web'], ['webs', 'aweb']],
  ['\\Bb', ['ab'], ['b']],
  ['\\Aa\\z', ['a'], ['ba', 'ab']],
  ['(?i)^Web[A-C]$', ['webA', 'WEBb'], ['webd']],
  ['^(?P<n>a)(?:b)$', ['ab'], ['a']],
  ['^\\.\\*$', ['.*'], ['aa']],
  ['^(|a)b$', ['b', 'ab'], ['aab']],
  ['(a*)*b', ['b', 'aab'], ['aaa']],
  ['^(a|ab)(c|bcd)$', ['ac', 'abc', 'abcd'], ['ab']],
];

test.each(TABLE)('S19 %s', (pattern, yes, no) => {
  for (const text of yes) expect([text, matches(pattern, text)]).toEqual([text, true]);
  for (const text of no) expect([text, matches(pattern, text)]).toEqual([text, false]);
});

test.each([
  '(',
  ')',
  'a)',
  '[a',
  '[b-a]',
  '*a',
  'a**',
  'a{3,2}',
  '((a{100}){100}){100}',
  '(?=a)',
  '(?!a)',
  '(?<=a)b',
  '(a)\\1',
  '\\p{L}',
  '\\',
  '\\x4',
  '\\x{110000}',
  '[[:nope:]]',
])('S19 refused: %s', (pattern) => {
  expect(compilePattern(pattern)).toBeUndefined();
});

test('S19 an expression with catastrophic backtracking in Node takes time linear in the text', () => {
  const evil = compilePattern('^(a+)+$');
  const budget = { left: 1_000_000 };
  expect(evil?.test(`${'a'.repeat(4000)}!`, budget)).toBe(false);
  expect(1_000_000 - budget.left).toBeLessThan(60_000);
});

test('S19 an exhausted budget ends the search', () => {
  expect(compilePattern('(a|aa)*b')?.test('a'.repeat(1000), { left: 500 })).toBeUndefined();
});

test('S19 an expression has 128 bytes at most, whatever its characters', () => {
  expect(compilePattern('x'.repeat(128))).toBeDefined();
  expect(compilePattern('x'.repeat(129))).toBeUndefined();
  expect(compilePattern('é'.repeat(65))).toBeUndefined();
});

test('S19 compiling is paid from the budget, and ends with it', () => {
  const cheap = { left: 1000 };
  expect(compilePattern('^(web|db)-[0-9]+$', cheap)).toBeDefined();
  expect(cheap.left).toBeGreaterThan(900);
  for (const dear of ['(((){1000}){7})?', '(?:(?:){0,7}){0,250}', '(a{0,30}){0,60}']) {
    const budget = { left: 500 };
    expect([dear, compilePattern(dear, budget)]).toEqual([dear, undefined]);
    expect(budget.left).toBeLessThan(0);
  }
});

test('S19 a set costs as many steps as it has members, a folded one more', () => {
  const cost = (expression: string): number => {
    const budget = { left: 1_000_000 };
    compilePattern(expression)?.test('-'.repeat(100), budget);
    return 1_000_000 - budget.left;
  };

  expect(cost(`[${'a'.repeat(60)}]`)).toBeGreaterThan(25 * cost('[aa]'));
  expect(cost('(?i)[ab]')).toBeGreaterThan(2 * cost('[ab]'));
});

test('an expression can be asked to match a whole text', () => {
  const pattern = compilePattern('^(a|ab)(c|bcd)$', undefined, true);
  expect(pattern?.test('abcd', { left: 1000 })).toBe(true);
  expect(compilePattern('b', undefined, true)?.test('abc', { left: 1000 })).toBe(false);
  expect(compilePattern('a)(b', undefined, true)).toBeUndefined();
});

const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(a|b)', '(ab|)', '\\w', '^', '$', '\\b');
const part = fc
  .tuple(atom, fc.constantFrom('', '*', '+', '?', '{1,2}'))
  .map(([one, count]) => (/^[\^$]|^\\b/.test(one) ? one : one + count));

prop.prop([fc.array(part, { maxLength: 6 }), fc.array(fc.constantFrom('a', 'b', '-'), { maxLength: 8 })], {
  numRuns: 2000,
})('it finds what Node finds', (parts, chars) => {
  const pattern = parts.join('');
  const text = chars.join('');
  expect([pattern, text, matches(pattern, text)]).toEqual([pattern, text, new RegExp(pattern).test(text)]);
});
