import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../../../src/base/pattern/pattern.ts';

const matches = (expression: string, text: string): boolean | undefined | 'refused' => {
  const pattern = compilePattern(expression);
  return pattern === undefined ? 'refused' : pattern.test(text, { left: 100_000 });
};

describe('P54: RE2 searches, in time linear in the text', () => {
  test.each([
    ['', 'anything', true],
    ['web', 'a web server', true],
    ['^web$', 'a web server', false],
    ['^web$', 'web', true],
    ['^(web|db)-[0-9]+$', 'db-17', true],
    ['^(web|db)-[0-9]+$', 'db-', false],
    ['a.c', 'a\nc', false],
    ['(?s)a.c', 'a\nc', true],
    ['(?i)WEB', 'web', true],
    ['(?i:w)EB', 'WEB', true],
    ['(?i:w)eb', 'WEB', false],
    ['(?P<kind>web)', 'web', true],
    ['x*', '', true],
    ['^x+$', 'xxx', true],
    ['^x{2,3}$', 'xxxx', false],
    ['^x{2,3}$', 'xxx', true],
    ['^x{2,}$', 'xxxxx', true],
    ['^x{2}?$', 'xx', true],
    ['x{,2}', 'x{,2}', true],
    ['[^a-c]', 'abc', false],
    ['[]a]', ']', true],
    ['[a-]', '-', true],
    ['[[:alpha:]]', '5', false],
    ['[[:^alpha:]]', '5', true],
    ['[\\d.]+', '1.2', true],
    ['\\d\\D\\w\\W\\s\\S', '1a_- x', true],
    ['\\bweb\\b', 'a web b', true],
    ['\\bweb\\b', 'awebb', false],
    ['\\Aweb\\z', 'web', true],
    ['(?m)^b$', 'a\nb\nc', true],
    ['^b$', 'a\nb\nc', false],
    ['\\Qa.c\\E$', 'a.c', true],
    ['\\Qa.c\\E$', 'abc', false],
    ['\\x41\\x{1F600}', 'A😀', true],
    ['^.$', '😀', true],
    ['\\.', 'a.b', true],
    ['a||b', '', true],
    ['^(a|b)*c', 'ababc', true],
    ['(a*)*$', 'aaab', true],
    ['[á-é]', 'ç', true],
  ])('%s in %j: %s', (expression, text, expected) => {
    expect(matches(expression, text)).toBe(expected);
  });

  test.each([
    '(',
    ')',
    'a)',
    '[',
    '[b-a]',
    '*',
    'a**',
    'x{3,2}',
    'x{1001}',
    '\\',
    '\\1',
    '\\p{Greek}',
    '(?=a)',
    '(?<=a)',
    '[[:nope:]]',
    '\\Z',
  ])('%s is not supported', (expression) => {
    expect(matches(expression, 'a')).toBe('refused');
  });

  test('S19 an expression that stalls a backtracking engine takes steps in proportion to the text', () => {
    const pattern = compilePattern('^(a+)+$');
    const cost = (length: number): number => {
      const budget = { left: 1_000_000 };
      expect(pattern?.test(`${'a'.repeat(length)}!`, budget)).toBe(false);
      return 1_000_000 - budget.left;
    };

    expect(cost(400)).toBeLessThan(2.1 * cost(200));
  });

  test('S19 an expression that expands too far is refused, one that takes too long is aborted', () => {
    expect(matches('((x{100}){100}){100}', 'x')).toBe('refused');
    expect(matches('(((){1000}){1000}){1000}', 'x')).toBe('refused');
    expect(matches('('.repeat(60) + ')'.repeat(60), '')).toBe('refused');
    expect(matches('x'.repeat(2000), '')).toBe('refused');
    expect(compilePattern('(x|y|z){300}$')?.test('xyz'.repeat(170), { left: 5000 })).toBeUndefined();
  });

  test('S19 Node’s own engine agrees where both support an expression', () => {
    const expressions = ['a*b', '(ab|a)(c|bcd)', '^a?b{1,2}c*$', '[ab]+c', 'a.?c|b+$', '(a|b|ab)*c', '\\bab'];
    const texts = ['', 'a', 'b', 'ab', 'abc', 'abbc', 'aabbcc', 'bcd', 'abcd', 'c a b', 'ba ab', 'bbb'];
    for (const expression of expressions)
      for (const text of texts)
        expect(matches(expression, text), `${expression} in ${text}`).toBe(new RegExp(expression).test(text));
  });
});
