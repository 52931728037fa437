/** D2: a peer that asks without reading does not fill our memory. The frames here mean nothing; only TCP is at work. */
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createTcpServer } from '../../../../src/dns/server/tcp.ts';
import { frame } from '../fixture.ts';

const COUNT = 1000;
const BIG = Buffer.alloc(60_000, 1);

test.each([
  ['large', BIG],
  ['small', Buffer.alloc(20, 1)],
])(
  'a peer that sends %s questions and does not read is soon neither answered nor read from, and gets all once it reads',
  async (_, question) => {
    let asked = 0;
    const { server, closeAll } = createTcpServer({
      respond: (query) => {
        if (query.length !== question.length) return query;
        asked++;
        return BIG;
      },
      idleTimeout: 60_000,
      maxConnections: 8,
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const at = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };

    const deaf = connect(at).pause();
    deaf.write(Buffer.concat(Array.from({ length: COUNT }, () => frame(question))));
    await expect.poll(() => asked).toBeGreaterThan(0);
    const other = connect(at);
    for (let i = 0; i < 500; i++) await echo(other); // others are served meanwhile, and the deaf one has its time
    const held = asked;
    expect(held).toBeLessThan(COUNT / 2); // 60 MB would have been all
    if (question === BIG) expect(deaf.writableLength).toBeGreaterThan(0); // 60 MB of questions are not taken in either

    let received = 0;
    deaf.on('data', (chunk) => {
      received += chunk.length;
    });
    deaf.resume();
    await expect.poll(() => received, { timeout: 30_000 }).toBe(COUNT * (BIG.length + 2));
    expect(asked).toBe(COUNT);

    deaf.destroy();
    other.destroy();
    closeAll();
    await new Promise((closed) => server.close(closed));
  },
);

const echo = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', () => {
      socket.off('error', reject);
      resolve();
    });
    socket.write(frame(Buffer.from('hello')));
  });
