/** S16, S24: the dashboard's files, and where browsers and programs are led. */
import { expect, test } from 'vitest';
import { createUiLoader, toUiFiles } from '../../../../src/http/endpoint/reply/ui-files.ts';
import { FakeAgent, member, send, serve } from '../fixture.ts';

const files = toUiFiles((name) => Buffer.from(`${name} ${'x'.repeat(2000)}`));
const withUi = () => serve(new FakeAgent(member('ann')), { ui: () => files });
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

test('each file has its type, and every other path is the page', async () => {
  const server = await withUi();
  const types = {
    '/ui/': 'text/html; charset=utf-8',
    '/ui/app.js': 'text/javascript; charset=utf-8',
    '/ui/app.css': 'text/css; charset=utf-8',
    '/ui/icon.svg': 'image/svg+xml',
    '/ui/dc1/services/web': 'text/html; charset=utf-8',
    '/ui/nodes/..%2f..%2fpackage.json': 'text/html; charset=utf-8',
    '/ui/app.js/x': 'text/html; charset=utf-8',
  };
  for (const [path, type] of Object.entries(types)) {
    const answer = await send(server, path);
    expect([path, answer.status, answer.headers['content-type']]).toEqual([path, 200, type]);
    expect(answer.body).toContain(type.startsWith('text/html') ? 'index.html' : path.slice(4));
  }
});

test('S16 nothing inline or from elsewhere is allowed, and no page may frame it', async () => {
  const { headers } = await send(await withUi(), '/ui/');
  const policy = String(headers['content-security-policy']);
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ])
    expect(policy).toContain(rule);
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
  expect(headers['x-content-type-options']).toBe('nosniff');
});

test('a file that the browser has is not sent again', async () => {
  const server = await withUi();
  const { headers } = await send(server, '/ui/app.js');
  const etag = String(headers.etag);
  const again = await send(server, '/ui/app.js', { headers: { 'If-None-Match': `"other", ${etag}` } });
  expect([again.status, again.body, again.headers['content-length']]).toEqual([304, '', undefined]);
  expect((await send(server, '/ui/app.css', { headers: { 'If-None-Match': etag } })).status).toBe(200);
  const small = await send(server, '/ui/app.js', { headers: { 'Accept-Encoding': 'gzip' } });
  expect(small.bytes.length).toBeLessThan(300);
});

test('browsers that ask for / are led to the dashboard, programs get the banner', async () => {
  const server = await withUi();
  const browser = await send(server, '/', { headers: { Accept: BROWSER } });
  expect([browser.status, browser.headers.location]).toEqual([302, '/ui/']);
  for (const accept of ['*/*', '', 'application/json', 'text/htmlish'])
    expect((await send(server, '/', { headers: { Accept: accept } })).body).toBe('hearsay agent');
  const bare = await send(server, '/ui');
  expect([bare.status, bare.headers.location]).toEqual([301, '/ui/']);
});

test('the files need no token, and the facts behind them do', async () => {
  const token = 'r'.repeat(32);
  const server = await serve(new FakeAgent(member('ann')), { ui: () => files, tokens: { read: token } });
  expect((await send(server, '/ui/')).status).toBe(200);
  expect((await send(server, '/v1/hearsay/info')).status).toBe(403);
});

test('without a dashboard /ui/ says why, and / is the banner for all', async () => {
  const off = await serve(new FakeAgent(member('ann')));
  expect(await send(off, '/ui/')).toMatchObject({ status: 404, body: expect.stringContaining('--ui off') });
  expect((await send(off, '/', { headers: { Accept: BROWSER } })).body).toBe('hearsay agent');
  const loader = createUiLoader(['./nowhere/']);
  expect(loader()).toBeUndefined();
  const unbuilt = await serve(new FakeAgent(member('ann')), { ui: loader });
  expect(await send(unbuilt, '/ui/')).toMatchObject({
    status: 404,
    body: expect.stringContaining('npm run build'),
  });
});

test('S12 a page of another site gets nothing of it into a frame or a script', async () => {
  const server = await withUi();
  const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' };
  expect((await send(server, '/ui/app.js', { headers })).status).toBe(403);
});
