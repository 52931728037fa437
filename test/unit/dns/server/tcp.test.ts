/** D2: a client that sends queries without reading responses does not fill memory. Frames have no DNS content here. */
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
  'backpressure: a client that sends %s queries and does not read is not read from either, and gets all responses later',
  async (_, question) => {
    let queries = 0;
    const { server, closeAll } = createTcpServer({
      respond: (query) => {
        if (query.length !== question.length) return query;
        queries++;
        return BIG;
      },
      idleTimeout: 60_000,
      maxConnections: 8,
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const at = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };

    const slowReader = connect(at).pause();
    slowReader.write(Buffer.concat(Array.from({ length: COUNT }, () => frame(question))));
    await expect.poll(() => queries).toBeGreaterThan(0);
    const other = connect(at);
    for (let i = 0; i < 500; i++) await echo(other); // others are served meanwhile
    const answeredSoFar = queries;
    expect(answeredSoFar).toBeLessThan(COUNT / 2); // all would be 60 MB
    if (question === BIG) expect(slowReader.writableLength).toBeGreaterThan(0); // nor are 60 MB of queries buffered

    let received = 0;
    slowReader.on('data', (chunk) => {
      received += chunk.length;
    });
    slowReader.resume();
    await expect.poll(() => received, { timeout: 30_000 }).toBe(COUNT * (BIG.length + 2));
    expect(queries).toBe(COUNT);

    slowReader.destroy();
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
