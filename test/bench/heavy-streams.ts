/** How long an agent is away from its event loop because of one stream, and how much memory that takes (`npx tsx --expose-gc`). */
import { createAgent } from '../../src/agent/agent.ts';
import type { Effect } from '../../src/agent/contract/machine.ts';
import { parseAddress } from '../../src/base/address.ts';
import { NO_BYTES } from '../../src/base/bytes.ts';
import { createRng } from '../../src/base/rng.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { metaFromTags } from '../../src/serf/tags.ts';
import { encodeCatalogSyncRequest, encodeDeltas } from '../../src/wire/catalog.ts';
import { PushNodeState } from '../../src/wire/memberlist.ts';
import { BARE_ENVELOPE } from '../../src/wire/packet.ts';
import { SerfState } from '../../src/wire/serf.ts';
import { encodePushPull, encodeStream, sealStream } from '../../src/wire/stream-writer.ts';

const { config } = resolveConfig({ flags: {}, env: {}, files: [], hostname: 'ann' });
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const META = metaFromTags(new Map([['hearsay', '1']]));
const KEY = new Uint8Array(32).fill(9);
const IP = Uint8Array.of(10, 0, 0, 1);
const nonce = (): Uint8Array => new Uint8Array(12);
const row = (name: string, over: object = {}): PushNodeState =>
  PushNodeState.create({
    name,
    addr: IP,
    port: 1,
    meta: NO_BYTES,
    vsn: VSN,
    incarnation: 1,
    state: 0,
    ...over,
  });
const rows = (n: number, prefix: string, over: object = {}) =>
  Array.from({ length: n }, (_, i) => row(`${prefix}${i}`, over));
const pushPull = (nodes: readonly PushNodeState[], userState: Uint8Array = NO_BYTES): Uint8Array =>
  encodePushPull({ kind: 'pushPull', join: false, nodes, userState });
const serf = (over: object): Uint8Array => SerfState.encode(SerfState.create(over)).slice();
const service = (i: number, extra = 400): unknown => ({
  kind: 'service',
  id: `j${i}`,
  name: 'junk',
  tags: Array.from({ length: 20 }, (_, k) => `tag-${k}-${'x'.repeat(40)}`),
  address: '1.2.3.4',
  port: 1,
  ports: [],
  taggedAddresses: new Map(),
  meta: new Map([['a', 'y'.repeat(extra)]]),
  weights: { passing: 1, warning: 1 },
  enableTagOverride: false,
  draining: false,
});
const ledger = (n: number, owner = 'mallory', size = 400): Uint8Array =>
  encodeStream({
    kind: 'user',
    body: encodeDeltas([
      {
        owner,
        epoch: Date.now() * 1024,
        from: 0,
        to: n,
        swept: 0,
        entries: Array.from({ length: n }, (_, i) => ({
          key: `s:j${i}`,
          version: i + 1,
          value: service(i, size),
        })),
      },
    ] as never),
  });

const CASES: Record<string, () => Uint8Array> = {
  '20 MB of zeros': () => new Uint8Array(20 << 20),
  '300,000 dead rows': () => pushPull(rows(300_000, 'd', { state: 2 })),
  '250,000 rows of insane versions': () =>
    pushPull(rows(250_000, 'v', { vsn: Uint8Array.of(1, 5, 9, 2, 5, 5) })),
  '16,000 alive rows': () => pushPull(rows(16_000, 'a')),
  '4,000 alive rows': () => pushPull(rows(4_000, 'a')),
  '500,000 status times': () =>
    pushPull(
      [],
      serf({
        ltime: 10,
        statusLTimes: new Map(Array.from({ length: 500_000 }, (_, i) => [`name-${i}`, i + 1])),
        eventLTime: 1,
        queryLTime: 1,
      }),
    ),
  '512 times 900 events': () =>
    pushPull(
      [],
      serf({
        ltime: 1,
        eventLTime: 2000,
        queryLTime: 1,
        events: Array.from({ length: 512 }, (_, i) => ({
          kind: 'eventBucket',
          ltime: 1000 + i,
          events: Array.from({ length: 900 }, (_, k) => ({
            kind: 'eventBody',
            name: `${i}-${k}`,
            payload: NO_BYTES,
          })),
        })),
      }),
    ),
  '8,000 services of 1.4 kB': () => ledger(8000),
  '2,000 services of 1.4 kB': () => ledger(2000),
  'a request of everything': () =>
    encodeStream({
      kind: 'user',
      body: encodeCatalogSyncRequest({ bucketCount: 1, buckets: [0], rows: [] }),
    }),
  'a request naming 400,000 owners': () =>
    encodeStream({
      kind: 'user',
      body: encodeCatalogSyncRequest({
        bucketCount: 1,
        buckets: [0],
        rows: Array.from({ length: 400_000 }, (_, i) => ({ owner: `o${i}`, epoch: 5, version: 5 })),
      }),
    }),
};

const only = process.argv[2];
for (const [name, make] of Object.entries(CASES)) {
  if (only !== undefined && !name.includes(only)) continue;
  for (const keyed of [false, true]) {
    const agent = createAgent({
      name: 'ann',
      address: parseAddress('10.9.9.9:7946') as never,
      tags: new Map(),
      swim: config.swim,
      serf: config.serf,
      keys: keyed ? [KEY] : [],
      label: '',
      rng: createRng(1),
      nonce,
      startedAt: 1_700_000_000_000,
      now: 0,
    } as never);
    const envelope = { ...BARE_ENVELOPE, keys: keyed ? [KEY] : [], compress: keyed };
    const t0 = performance.now();
    const worst = { ms: 0, at: '' };
    const all: number[] = [];
    const run = (what: string, input: object): Effect[] => {
      const out: Effect[] = [];
      const before = process.cpuUsage();
      agent.handle(input as never, performance.now() - t0, out);
      const { user, system } = process.cpuUsage(before);
      const ms = (user + system) / 1000;
      all.push(ms);
      if (ms > worst.ms) {
        worst.ms = ms;
        worst.at = what;
      }
      return out;
    };
    const from = parseAddress('10.0.0.77:50000');
    run('start', { kind: 'tick' });
    const dial = (stream: number, bytes: Uint8Array): Effect[] => {
      const out = run('accept', { kind: 'streamAccepted', stream, from });
      for (let at = 0; at < bytes.length; at += 65_536)
        for (const one of run(`data ${at}`, {
          kind: 'streamData',
          stream,
          bytes: bytes.slice(at, at + 65_536),
        }))
          out.push(one);
      return out;
    };
    dial(
      1,
      sealStream(
        pushPull(
          [row('mallory', { meta: META, addr: Uint8Array.of(10, 0, 0, 77), port: 7946 })].concat(
            rows(70, 'f'),
          ),
        ),
        envelope,
        { role: 'dialer', nonce },
      ),
    );
    const sealed = sealStream(make(), envelope, { role: 'dialer', nonce });
    (globalThis as { gc?: () => void }).gc?.();
    const heap = process.memoryUsage();
    worst.ms = 0;
    all.length = 0;
    let turns = 0;
    let peak = 0;
    const out = dial(3, sealed);
    const measure = (): void => {
      const m = process.memoryUsage();
      peak = Math.max(peak, m.heapUsed + m.arrayBuffers - heap.heapUsed - heap.arrayBuffers);
    };
    measure();
    const start = performance.now();
    while (turns < 5000 && agent.deadline <= performance.now() - t0 + 0.5) {
      turns++;
      for (const one of run('turn', { kind: 'tick' })) out.push(one);
      if (turns % 10 === 0) measure();
    }
    const facts = out.flatMap((e) => (e.kind === 'fact' ? [e.fact.kind] : []));
    console.log(
      `${name.padEnd(34)} ${keyed ? 'keyed' : 'plain'} wire ${(sealed.length / 1e6).toFixed(2)} MB worst ${worst.ms.toFixed(1)} ms (${worst.at}) p99 ${(all.sort((a, b) => a - b)[Math.floor(all.length * 0.99)] ?? 0).toFixed(1)} turns ${turns} in ${Math.round(performance.now() - start)} ms, memory ${(peak / 1e6).toFixed(0)} MB, members ${agent.view.members().length} facts ${facts.length} ${[...new Set(facts)].slice(0, 4).join(',')}`,
    );
  }
}
