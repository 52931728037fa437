/** The target cache never bypasses access control, nor serves a reply after a change. */
import { describe, expect, test } from 'vitest';
import { HttpReply } from '../../../../src/http/endpoint/reply/reply.ts';
import { TargetCache } from '../../../../src/http/server/target-cache.ts';
import { instance, service } from '../data.ts';
import { FakeAgent, member, raw, SEED, send, serve } from '../fixture.ts';

const path = '/v1/health/service/web';
const TOKEN = '5f1a0c7e5f1a0c7e5f1a0c7e5f1a0c7e';

function world(): FakeAgent {
  const agent = new FakeAgent(member('ann'));
  agent.catalog.held = [instance('ann', service('web'))];
  return agent;
}

describe('replies that were just sent', () => {
  test('is served again without reading the view', async () => {
    const agent = world();
    const server = await serve(agent);
    const before = await send(server, path);
    const looked = agent.catalog.reads;
    const again = await send(server, path);
    expect([again.body, again.headers['x-consul-index']]).toEqual([
      before.body,
      before.headers['x-consul-index'],
    ]);
    expect(agent.catalog.reads).toBe(looked);
  });

  test('is discarded as soon as anything changes', async () => {
    const agent = world();
    const server = await serve(agent);
    await send(server, path);
    agent.catalog.held = [];
    agent.touch(['service:web']);
    const answer = await send(server, path);
    expect([answer.body, answer.headers['x-consul-index']]).toEqual(['[]', `${SEED + 1}`]);
    const looked = agent.catalog.reads;
    agent.touch(['node:elsewhere']);
    await send(server, path);
    expect(agent.catalog.reads).toBeGreaterThan(looked);
  });

  test('S11 S12 S13 access control applies to it', async () => {
    const server = await serve(world(), { tokens: { all: TOKEN } });
    const headers = { 'x-consul-token': TOKEN };
    expect((await send(server, path, { headers })).status).toBe(200);
    expect((await send(server, path, { headers })).status).toBe(200);
    expect((await send(server, path)).status).toBe(403);
    for (const wrong of [
      { host: 'evil.example' },
      { origin: 'http://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { 'x-consul-token': 'wrong' },
    ])
      expect((await send(server, path, { headers: { ...headers, ...wrong } })).status).toBe(403);
    const two = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nX-Consul-Token: ${TOKEN}\r\nConnection: close\r\n\r\n`;
    expect(await raw(server, two)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('S13 a token in the target is checked for each request', async () => {
    const server = await serve(world(), { tokens: { all: TOKEN } });
    const target = `${path}?token=${TOKEN}`;
    for (let i = 0; i < 2; i++) expect((await send(server, target)).status).toBe(200);
    const wrong = `${path}?token=${TOKEN}x`;
    for (let i = 0; i < 2; i++) expect((await send(server, wrong)).status).toBe(403);
  });

  test('serves GET only', async () => {
    const server = await serve(world());
    await send(server, path);
    expect((await send(server, path, { method: 'PUT' })).status).toBe(405);
    expect((await send(server, path, { method: 'OPTIONS' })).body).toBe('');
  });
});

describe('TargetCache', () => {
  const shortcut = (length = 1) => ({
    query: new Map<string, string[]>(),
    path,
    scope: 'read' as const,
    reply: new HttpReply(200, 'x'.repeat(length)),
  });

  test('hold for a second at most, should an index fail to move', () => {
    let clock = 0;
    const shortcuts = new TargetCache({ agent: world(), monotonicClock: () => clock });
    const kept = shortcut();
    shortcuts.store('/a', kept);
    clock = 1000;
    expect(shortcuts.get('/a')).toBe(kept);
    clock = 1001;
    expect(shortcuts.get('/a')).toBeUndefined();
  });

  test('there are at most 256, with at most 8 MiB of bodies', () => {
    const shortcuts = new TargetCache({ agent: world(), monotonicClock: () => 0 });
    const held = (names: number) =>
      Array.from({ length: names }, (_, i) => shortcuts.get(`/${i}`)).filter((one) => one !== undefined)
        .length;
    for (let i = 0; i < 256; i++) shortcuts.store(`/${i}`, shortcut());
    expect(held(300)).toBe(256);
    shortcuts.store('/256', shortcut());
    expect(held(300)).toBe(1);
    for (let i = 0; i < 8; i++) shortcuts.store(`/${i}`, shortcut(1024 * 1024 - 1));
    expect(held(300)).toBe(9);
    shortcuts.store('/more', shortcut(1024 * 1024));
    expect([held(300), shortcuts.get('/more')]).toEqual([0, expect.anything()]);
  });
});
