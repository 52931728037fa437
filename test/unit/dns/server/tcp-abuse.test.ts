/**
 * S3 over TCP: clients that hold connections, drip bytes or send wrong lengths do not keep others from being served.
 */
import { connect, type Socket } from 'node:net';
import { decode } from 'dns-packet';
import { afterEach, expect, test } from 'vitest';
import {
  answerTo,
  exchangeTcp,
  frame,
  queryBytes,
  sendUdp,
  startServer,
  type TestServer,
} from '../fixture.ts';

const QUESTION = frame(queryBytes('d1.node.consul', 'A'));
const ANSWER = 'NOERROR | A 10.0.0.1';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

interface Peer {
  readonly socket: Socket;
  readonly closed: Promise<void>;
}

/** A connection whose responses are discarded. */
async function peer(server: TestServer): Promise<Peer> {
  const socket = connect({ host: server.host, port: server.port, noDelay: true });
  sockets.push(socket);
  socket.on('error', () => undefined).resume();
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  await Promise.race([new Promise((connected) => socket.once('connect', connected)), closed]);
  return { socket, closed };
}

test('600 silent connections: the limit holds, and the next client is served', async () => {
  const server = await startServer({ tcpMaxConnections: 64 });
  const peers = await Promise.all(Array.from({ length: 600 }, () => peer(server)));
  await expect
    .poll(() => peers.filter(({ socket }) => socket.closed).length)
    .toBeGreaterThanOrEqual(600 - 64);
  expect(await answerTo(server, 'd1.node.consul A', { tcp: true })).toBe(ANSWER);
  expect(await answerTo(server, 'd1.node.consul A')).toBe(ANSWER);
  await server.close();
});

test('a query that drips in byte by byte (slowloris) gets no more time than an idle connection', async () => {
  const server = await startServer({ tcpIdleTimeout: 300 });
  const { socket, closed } = await peer(server);
  const started = performance.now();
  let at = 0;
  // Never idle for long, and after five minutes still incomplete.
  const dripping = setInterval(() => socket.write(QUESTION.subarray(at % 8, (at++ % 8) + 1)), 20);
  const long = Buffer.from([0xff, 0xff]);
  socket.write(long);
  await closed;
  clearInterval(dripping);
  expect(at).toBeGreaterThan(2);
  expect(performance.now() - started).toBeGreaterThan(300);
  await server.close();
});

test('connections without queries are evicted before those with queries', async () => {
  const server = await startServer({ tcpMaxConnections: 3 });
  const querying = await peer(server);
  const drips = [await peer(server), await peer(server)];
  for (const { socket } of drips) socket.write(Buffer.from([0, 40, 1]));
  const answered = new Promise((resolve) => querying.socket.once('data', resolve));
  querying.socket.write(QUESTION);
  await answered;
  for (const { socket } of drips) socket.write(Buffer.from([2])); // these sent bytes last, but no query
  expect(await answerTo(server, 'd1.node.consul A')).toBe(ANSWER);
  const later = [await peer(server), await peer(server)];
  await Promise.all(drips.map(({ closed }) => closed));
  expect([querying, ...later].map(({ socket }) => socket.closed)).toEqual([false, false, false]);
  await server.close();
});

test.each<[string, readonly Uint8Array[], number]>([
  ['more than there is, then silence', [Buffer.from([0xff, 0xff]), QUESTION], 0],
  ['nothing, ten thousand times', [Buffer.alloc(20_000), QUESTION], 1],
  ['one octet less than there is', [frameOf(QUESTION.length - 3)], 1],
  ['half of a header', [Buffer.from([0, 6, 1, 2, 3, 4, 5, 6]), QUESTION], 1],
])('a length that says %s', async (_, pieces, answers) => {
  const server = await startServer({ tcpIdleTimeout: 400 });
  if (answers === 0) {
    const { socket, closed } = await peer(server);
    for (const piece of pieces) socket.write(piece);
    await closed;
    expect(socket.bytesRead).toBe(0);
  } else {
    const [answer] = await exchangeTcp(server, pieces, answers);
    expect(decode(answer as Buffer).id).toBe(4711);
  }
  expect(decode(await sendUdp(server, QUESTION.subarray(2))).answers).toHaveLength(1);
  await server.close();
});

/** The query with another length prefix. */
function frameOf(length: number): Buffer {
  const bytes = Buffer.from(QUESTION);
  bytes.writeUInt16BE(length, 0);
  return bytes;
}
