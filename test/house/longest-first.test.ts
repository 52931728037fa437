/** The order of test files (test/support/longest-first.ts). */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LONG_FILES } from '../support/longest-first.ts';

test('each file that comes first is there', () => {
  expect(LONG_FILES.filter((file) => !existsSync(file))).toEqual([]);
});
