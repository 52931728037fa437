/** S1: places for streams that are given before anything is known of the dialer (finding 9 of issue 14). */
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { counter, KEY, PORT } from './attacker.ts';

const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await killProcesses();
});

/** Opens connections and dials again whenever one is closed, as fast as one is. `first`: what it sends at once. */
function holdStreams(to: string, from: string, count: number, first: Uint8Array): () => void {
  let held = true;
  const dial = (): void => {
    if (!held) return;
    const socket = connect({ host: to, port: PORT, localAddress: from }, () => socket.write(first));
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      setTimeout(dial, 20);
    });
  };
  for (let i = 0; i < count; i++) dial();
  return () => {
    held = false;
  };
}

/** The head of an encrypted message of 16 MB, and a part of it: more than a small stream. */
const BEGUN = new Uint8Array(20_000);
BEGUN.set([10, 1, 0, 0, 0]);

test.each([
  ['say nothing', 1, new Uint8Array(0)],
  ['begin a message and do not end it', 2, BEGUN],
])(
  '16 addresses without the key that dial 400 streams and %s keep nobody from joining',
  async (_, net, first) => {
    const ann = await startHearsay({ name: 'ann', ip: `127.22.${net}.1`, key: KEY });
    const stops = Array.from({ length: 16 }, (_, i) =>
      holdStreams(ann.ip, `127.22.${net}.${100 + i}`, 25, first),
    );
    await waitUntil(
      'the attack is under way',
      10_000,
      async () => (await counter(ann.http, 'streams_refused')) > 0,
    );
    await sleep(500);
    const began = performance.now();
    for (let i = 2; i <= 4; i++)
      await startHearsay({ name: `n${i}`, ip: `127.22.${net}.${i}`, key: KEY, join: ann.ip });
    process.stdout.write(`3 of 3 joined within ${Math.round(performance.now() - began)} ms\n`);
    const members = await ann.members();
    expect(members.filter(({ status }) => status === 'alive')).toHaveLength(4);
    expect(ann.log()).not.toContain('EMFILE');
    for (const stop of stops) stop();
  },
);
