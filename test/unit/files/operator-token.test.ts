import { expect, test } from 'vitest';
import { formatOperatorToken, isOperatorTokenFor } from '../../../src/files/operator-token.ts';

const SECRET = 'ab'.repeat(32);
const isFor = (listening: string, target: string): boolean =>
  isOperatorTokenFor(formatOperatorToken(listening, SECRET), target);

test.each([
  ['127.0.0.1:8500', '127.0.0.1:8500'],
  ['127.0.0.1:8500', 'localhost:8500'],
  ['[::1]:8500', '[::1]:8500'],
  ['[::1]:8500', 'LOCALHOST:8500'],
  ['0.0.0.0:8500', '127.0.0.1:8500'],
  ['[::]:8500', 'localhost:8500'],
  ['10.0.0.7:8500', '10.0.0.7:8500'],
  ['unix:/run/a b/ö.sock', 'unix:/run/a b/ö.sock'],
])('S13 the token of an agent at %s is sent to %s', (listening, target) => {
  expect(isFor(listening, target)).toBe(true);
});

test.each([
  ['127.0.0.1:8500', '127.0.0.1:8501'],
  ['127.0.0.1:8500', '127.0.0.2:8500'],
  ['10.0.0.7:8500', 'localhost:8500'],
  ['0.0.0.0:8500', '10.0.0.7:8500'],
  ['0.0.0.0:8500', '127.0.0.1:8501'],
  ['unix:/run/a.sock', 'unix:/run/b.sock'],
  ['127.0.0.1:8500', 'unix:/run/b.sock'],
  ['127.0.0.1:8500', 'evil.example:8500'],
])('S13 the token of an agent at %s is not sent to %s', (listening, target) => {
  expect(isFor(listening, target)).toBe(false);
});

test('S13 what is no such token is sent nowhere: the file of a stranger may hold anything', () => {
  for (const text of ['', 'root:x:0:0', `127.0.0.1:8500!${SECRET}x`, `127.0.0.1:8500${SECRET}`, `!${SECRET}`])
    expect(isOperatorTokenFor(text, '127.0.0.1:8500')).toBe(false);
});

test('S13 the token can be sent in a header', () => {
  expect(formatOperatorToken('unix:/run/ö \n.sock', SECRET)).toMatch(/^[\x21-\x7e]+$/);
});
