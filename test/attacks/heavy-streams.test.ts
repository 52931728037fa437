/** S1: streams of megabytes that hold hundreds of thousands of rows (finding 14 of issue 14). */
import { afterEach, expect, test } from 'vitest';
import { NO_BYTES } from '../../src/base/bytes.ts';
import { encodeCatalogSyncRequest } from '../../src/wire/catalog.ts';
import { PushNodeState } from '../../src/wire/memberlist.ts';
import { SerfState } from '../../src/wire/serf.ts';
import { encodePushPull, encodeStream, sealStream } from '../../src/wire/stream-writer.ts';
import { getJson } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { Attacker, counter, KEY, nonce, octets, peakMegabytes } from './attacker.ts';

afterEach(killProcesses);

const rows = (count: number, over: object): PushNodeState[] =>
  Array.from({ length: count }, (_, i) =>
    PushNodeState.create({
      ...{ name: `node-${i}`, addr: octets('10.0.0.1'), port: 1, meta: NO_BYTES },
      ...{ vsn: Uint8Array.of(1, 5, 2, 2, 5, 5), incarnation: 1, ...over },
    }),
  );
const pushPull = (nodes: readonly PushNodeState[], userState: Uint8Array = NO_BYTES): Uint8Array =>
  encodePushPull({ kind: 'pushPull', join: false, nodes, userState });
const serf = (over: object): Uint8Array => pushPull([], SerfState.encode(SerfState.create(over)).slice());
const times = (count: number) => new Map(Array.from({ length: count }, (_, i) => [`name-${i}`, i + 1]));
const request = (count: number): Uint8Array =>
  encodeStream({
    kind: 'user',
    body: encodeCatalogSyncRequest({
      ...{ bucketCount: 1, buckets: [0] },
      rows: Array.from({ length: count }, (_, i) => ({ owner: `o${i}`, epoch: 5, version: 5 })),
    }),
  });
const buckets = (count: number, each: number) =>
  Array.from({ length: count }, (_, i) => ({
    ...{ kind: 'eventBucket', ltime: 1000 + i },
    events: Array.from({ length: each }, (_, k) => ({ kind: 'eventBody', name: `${k}`, payload: NO_BYTES })),
  }));

/** As the attack was, which is refused now, and as much as is still taken. */
const BODIES: readonly [what: string, body: () => Uint8Array][] = [
  ['20 MB of zeros', () => new Uint8Array(20 << 20)],
  [
    '250,000 rows of insane versions',
    () => pushPull(rows(250_000, { vsn: Uint8Array.of(1, 5, 9, 2, 5, 5) })),
  ],
  ['60,000 rows of insane versions', () => pushPull(rows(60_000, { vsn: Uint8Array.of(1, 5, 9, 2, 5, 5) }))],
  ['60,000 dead rows', () => pushPull(rows(60_000, { state: 2 }))],
  ['500,000 status times', () => serf({ ltime: 10, statusLTimes: times(500_000) })],
  ['60,000 status times', () => serf({ ltime: 10, statusLTimes: times(60_000) })],
  ['460,000 events', () => serf({ eventLTime: 2000, events: buckets(512, 900) })],
  ['60,000 events', () => serf({ eventLTime: 2000, events: buckets(512, 117) })],
  ['a request naming 400,000 owners', () => request(400_000)],
  ['a request naming 60,000 owners', () => request(60_000)],
];

test('streams of hundreds of thousands of rows do not keep an agent from answering, and take little memory', async () => {
  const ann = await startHearsay({ name: 'ann', ip: '127.22.31.1', key: KEY });
  const bob = await startHearsay({ name: 'bob', ip: '127.22.31.2', key: KEY, join: ann.ip });
  const mallory = await Attacker.at('127.22.31.9', KEY);
  await mallory.join(ann.ip);
  await waitUntil('mallory is a member', 15_000, async () => (await bob.members()).length === 3);
  const resting = peakMegabytes(ann);
  for (const [what, make] of BODIES) {
    const envelope = { ...mallory.envelope, compress: true };
    const sealed = sealStream(make(), envelope, { role: 'dialer', nonce });
    let worst = 0;
    let busy = true;
    const probe = (async () => {
      while (busy) {
        const began = performance.now();
        await getJson(`${ann.http}/v1/status/leader`);
        worst = Math.max(worst, performance.now() - began);
        await sleep(5);
      }
    })();
    await mallory.dial(ann.ip, sealed);
    await sleep(700);
    busy = false;
    await probe;
    process.stdout.write(
      `${what}: ${(sealed.length / 1e6).toFixed(2)} MB, HTTP answered within ${Math.round(worst)} ms\n`,
    );
    expect([what, worst < 500]).toEqual([what, true]);
  }
  process.stdout.write(`memory: ${Math.round(resting)} MB, at most ${Math.round(peakMegabytes(ann))} MB\n`);
  expect(peakMegabytes(ann) - resting).toBeLessThan(200);
  expect(await counter(ann.http, 'streams_rejected')).toBeGreaterThanOrEqual(4);
  expect(bob.log()).not.toMatch(/"node":"ann".*"msg":"member suspected"/);
  mallory.close();
});
