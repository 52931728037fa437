import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { canWriteWithGet } from '../../../../src/http/server/access.ts';
import { FakeAgent, member, portOf, send, serve } from '../fixture.ts';

const ann = () => new FakeAgent(member('ann'));

describe('T13 writes by GET, for legacy clients', () => {
  const get = '/v1/agent/join/10.0.0.2';

  test('T13 a program may join and force-leave by GET', async () => {
    const agent = ann();
    agent.reply = async () => ({ joined: 1, failed: [] });
    const server = await serve(agent);
    expect((await send(server, get)).status).toBe(200);
    expect((await send(server, '/v1/agent/force-leave/bob')).status).toBe(200);
    expect(agent.commands.map(({ kind }) => kind)).toEqual(['join', 'forget']);
  });

  test('T13 no client on another host may', () => {
    const from = (remoteAddress: string | undefined) => canWriteWithGet(requestFrom(remoteAddress));
    for (const local of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', undefined])
      expect(from(local)).toBe(true);
    for (const far of ['192.0.2.1', '::ffff:192.0.2.1', 'fd00::5', '0.0.0.0']) expect(from(far)).toBe(false);
  });

  test('T13 neither a browser nor HEAD may, and no client where it is turned off', async () => {
    const agent = ann();
    const server = await serve(agent);
    const host = `127.0.0.1:${portOf(server)}`;
    const browsers: Record<string, string>[] = [
      { host, origin: `http://${host}` },
      { host, referer: 'http://evil.example/' },
      { host, 'sec-fetch-site': 'same-origin' },
      { host, 'sec-fetch-mode': 'no-cors' },
      { host, 'sec-fetch-dest': 'image' },
    ];
    for (const headers of browsers) expect((await send(server, get, { headers })).status).toBe(405);
    expect((await send(server, get, { method: 'HEAD' })).status).toBe(405);
    expect((await send(server, '/v1/agent/leave')).status).toBe(405);
    const named = await serve(agent, { allowedHosts: ['agent.test'] });
    for (const headers of [{ host: 'agent.test' }, { host: `agent.test:${portOf(named)}` }])
      expect((await send(named, get, { headers })).status).toBe(405);
    const strict = await serve(agent, { legacyGetWrites: false });
    expect((await send(strict, get)).status).toBe(405);
    expect(agent.commands).toEqual([]);
  });
});

/** A request for 127.0.0.1 from a forged remote address. */
function requestFrom(remoteAddress: string | undefined): IncomingMessage {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
  return Object.assign(new IncomingMessage(socket), { url: '/', rawHeaders: ['Host', '127.0.0.1:8500'] });
}
