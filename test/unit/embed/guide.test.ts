/** docs/guides/node.md shows a test that is run. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('the test in the guide is the one that runs, in 40 lines at most', () => {
  const shown = /```ts\n([\s\S]*?)```/.exec(read('docs/guides/node.md'))?.[1] ?? '';
  const own = read('test/unit/embed/shop.test.ts').split('// ---\n')[1] ?? '';
  expect(shown).toBe(own.replace('../../../src/embed/testing.ts', 'hearsay/testing'));
  expect(shown.trim().split('\n').length).toBeLessThanOrEqual(40);
});
