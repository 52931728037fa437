/**
 * One agent and clients that take without giving: its memory stays bounded, whoever else asks is answered, and when they
 * are gone it is as it was. S23.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const IP = '127.0.63.1';
const INSTANCES = 100;
const SERVICE = '/v1/health/service/web';
const HEADERS = 'HTTP/1.1\r\nHost: localhost\r\n';
/** What all of them together may cost for a while. */
const MARGIN = 128 * 2 ** 20;

let agent: HearsayProcess;
let bytes = 0;
const sockets = new Set<Socket>();

beforeAll(async () => {
  agent = await startHearsay({ name: 'abused', ip: IP });
  for (let i = 0; i < INSTANCES; i++) await register(i, 'first');
  const { body } = await httpRequest('GET', agent.http + SERVICE);
  bytes = body.length;
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});
afterAll(killProcesses);

test('half-sent headers and bodies are cut in time, and nobody waits for them', async () => {
  const slow = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      open(
        i % 2 === 0
          ? `GET / ${HEADERS}X-`
          : `PUT /v1/agent/service/register ${HEADERS}Content-Length: 100000\r\n\r\n{`,
      ),
    ),
  );
  const drip = setInterval(() => {
    for (const { socket } of slow) if (socket.writable) socket.write('a');
  }, 1000);
  await healthy();
  await waitUntil('headers are cut', 60_000, () =>
    slow.every(({ socket }, i) => i % 2 === 1 || socket.closed),
  );
  await waitUntil('bodies are cut', 120_000, () => slow.every(({ socket }) => socket.closed));
  clearInterval(drip);
  expect(slow.every(({ heard }) => heard().includes(' 408 '))).toBe(true);
  await healthy();
});

test('who asks and never reads holds one answer, not one for each request', async () => {
  const before = memory();
  const ask = `GET ${SERVICE} ${HEADERS}\r\n`.repeat(50);
  await Promise.all(Array.from({ length: 200 }, () => open(ask, false)));
  expect(200 * 50 * bytes).toBeGreaterThan(4 * MARGIN);
  await stays(before);
  await healthy();
});

test('who follows events and never reads gets the latest when it does, and nothing is kept for it', async () => {
  const before = memory();
  const follow = `GET /v1/hearsay/events?type=service ${HEADERS}\r\n`;
  const deaf = await Promise.all(Array.from({ length: 100 }, () => open(follow, false)));
  for (let round = 0; round < 200; round++) await register(0, `round ${round}`);
  await stays(before);
  const [first] = deaf;
  first?.socket.resume();
  await register(0, 'last');
  await waitUntil('it has the latest', 30_000, () => first?.heard().includes('"last"'));
  await healthy();
});

test('T4 thousands of connections are served, more are told 429, and there is room again when they go', async () => {
  const before = memory();
  const idle: Opened[] = [];
  while (idle.length < 4096)
    idle.push(...(await Promise.all(Array.from({ length: 256 }, () => open(`GET / ${HEADERS}\r\n`)))));
  await waitUntil('all are answered', 60_000, () => idle.every(({ heard }) => heard() !== ''));
  const served = idle.filter(({ heard }) => heard().includes(' 200 ')).length;
  expect(served).toBeGreaterThan(4000);
  const more = await Promise.all(Array.from({ length: 200 }, () => open(`GET / ${HEADERS}\r\n`)));
  await waitUntil('the rest is refused', 30_000, () => more.every(({ socket }) => socket.closed));
  expect(more.some(({ heard }) => heard().includes(' 429 '))).toBe(true);
  expect(more.some(({ heard }) => heard().includes(' 200 '))).toBe(false);
  await stays(before);
  for (const { socket } of idle) socket.destroy();
  await healthy();
});

interface Opened {
  readonly socket: Socket;
  heard(): string;
}

/** A connection that has sent its bytes; `reads` false: it takes nothing that comes. */
function open(sent: string, reads = true): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const socket = connect(8500, IP);
    sockets.add(socket);
    let heard = '';
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject).on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1');
      });
      if (!reads) socket.pause();
      socket.write(sent, () => resolve({ socket, heard: () => heard }));
    });
  });
}

async function register(i: number, version: string): Promise<void> {
  const tags = [version, ...Array.from({ length: 20 }, (_, n) => `tag-${n}-of-many`)];
  const body = JSON.stringify({ ID: `web-${i}`, Name: 'web', Port: 80 + i, Tags: tags });
  const headers = { 'content-type': 'application/json' };
  const { status } = await httpRequest('PUT', `${agent.http}/v1/agent/service/register`, { headers, body });
  expect(status).toBe(200);
}

/** Another client is answered. */
const healthy = (): Promise<unknown> =>
  waitUntil('another client is answered', 30_000, async () => {
    const { status, body } = await httpRequest('GET', agent.http + SERVICE);
    return status === 200 && (JSON.parse(body) as unknown[]).length === INSTANCES;
  });

/** For as long as ten others are answered, the agent is at most that much larger. */
async function stays(before: number): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const { status } = await httpRequest('GET', `${agent.http}/v1/agent/metrics`).catch(() => ({
      status: 0,
    }));
    expect([200, 429, 0]).toContain(status);
    expect(memory() - before).toBeLessThan(MARGIN);
  }
}

/** Resident bytes of the agent. */
function memory(): number {
  const status = readFileSync(`/proc/${agent.child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
