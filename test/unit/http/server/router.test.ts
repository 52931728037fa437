/** Routes of paths. Source: T5 to T7 (docs/consul.md). */
import { expect, test } from 'vitest';
import { textReply } from '../../../../src/http/endpoint/reply/reply.ts';
import type { Route } from '../../../../src/http/endpoint/route.ts';
import { createRouter } from '../../../../src/http/server/router.ts';

const of = (path: string, method: Route['method'] = 'GET'): Route => ({
  method,
  path,
  scope: 'read',
  legacyGetWrite: false,
  description: { summary: path, query: [] },
  handle: () => textReply(200, path),
});

/** In an order that would hide routes if order mattered. */
const find = createRouter(
  ['/v1/a/:rest...', '/v1/a/:id', '/v1/a/:id/run', '/v1/a/word', '/v1/:x/y/:z', '/v1/b', '/'].map((path) =>
    of(path),
  ),
);
const found = (path: string): unknown => {
  const place = find(path);
  return place && [place.path, place.params];
};

test.each([
  ['/', '/', {}],
  ['/v1/b', '/v1/b', {}],
  ['/v1/a/word', '/v1/a/word', {}],
  ['/v1/%61/w%6Frd', '/v1/a/word', {}],
  ['/v1/a/words', '/v1/a/:id', { id: 'words' }],
  ['/v1/a/7/run', '/v1/a/:id/run', { id: '7' }],
  ['/v1/a/7/go', '/v1/a/:rest...', { rest: '7/go' }],
  ['/v1/a/', '/v1/a/:rest...', { rest: '' }],
  ['/v1/a/x//y/', '/v1/a/:rest...', { rest: 'x//y/' }],
  ['/v1/a/a%2Fb', '/v1/a/:id', { id: 'a/b' }],
  ['/v1/a/50%25%2525', '/v1/a/:id', { id: '50%%25' }],
  ['/v1/a/word/x', '/v1/a/:rest...', { rest: 'word/x' }],
  ['/v1/q/y/p', '/v1/:x/y/:z', { x: 'q', z: 'p' }],
  ['/v1/a/__proto__', '/v1/a/:id', { id: '__proto__' }],
])('%s is %s', (path, declared, params) => {
  expect(found(path)).toEqual([declared, params]);
});

test.each([
  '',
  '/v1',
  '/v1/a',
  '/v1/b/',
  '/V1/b',
  '//',
  '/v1/q/y/',
  '/v1//y/p',
  '/__proto__',
  '/constructor',
])('%j is nowhere', (path) => {
  expect(found(path)).toBeUndefined();
});

test('routes of one path stay together, one per method', () => {
  const place = createRouter([of('/v1/q/:id'), of('/v1/x'), of('/v1/q/:id', 'PUT')])('/v1/q/7');
  expect(place?.routes.map(({ method }) => method)).toEqual(['GET', 'PUT']);
});

test.each(['/%', '/%zz', '/v1/a/%E9', '/v1/a/%C3/x', '/v1/a/%C0%80'])('T5 %s is a broken path', (path) => {
  expect(() => find(path)).toThrowError(expect.objectContaining({ code: 'badRequest' }));
});
