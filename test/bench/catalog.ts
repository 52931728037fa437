/**
 * What the catalog costs: bytes of a sync by size and difference, memory, and time per change. `node --expose-gc
 * --import tsx test/bench/catalog.ts`; without `--expose-gc` memory is left out.
 */

import { pathToFileURL } from 'node:url';
import { Catalog } from '../../src/catalog/catalog.ts';
import { instancesChecksum, rendezvousOwners } from '../../src/catalog/placement.ts';
import type { Delta } from '../../src/catalog/types.ts';
import { CatalogIndex } from '../../src/catalog/view.ts';
import type { Published } from '../../src/model/service.ts';
import {
  type DeltaMessage,
  decodeCatalog,
  decodeCatalogSummary,
  encodeCatalogSyncRequest,
  encodeCatalogSyncResponse,
  encodeDelta,
  encodeDeltas,
} from '../../src/wire/catalog.ts';
import { acceptResponse, answerRequest } from '../support/anti-entropy.ts';
import { check, service } from '../unit/catalog/values.ts';

const SERVICES_EACH = 10;
/** A wall-clock time in milliseconds. */
const EPOCH = 1_790_000_000_000;

const open = (owner: string): Catalog => new Catalog({ owner, epoch: EPOCH, canOwn: () => true });
const nameOf = (i: number): string => `node-${i}.dc1.example`;

/** A typical service: two tags, some meta, one check. */
function registration(i: number, j: number, port = 8000 + j): Published[] {
  const id = `service-${j}-${i}`;
  const meta = new Map([
    ['version', `1.${j}.${i}`],
    ['team', 'payments'],
  ]);
  return [
    service(id, { name: `service-${j}`, tags: ['http', `v${j}`], port, meta }),
    check(`service:${id}`, id, {
      name: `Service 'service-${j}' check`,
      output: 'HTTP GET: 200 OK',
      interval: '10s',
    }),
  ];
}

function ownerAt(i: number): Catalog {
  const owner = open(nameOf(i));
  const values = Array.from({ length: SERVICES_EACH }, (_, j) => registration(i, j)).flat();
  owner.publish(
    values.map((put) => ({ put })),
    0,
  );
  return owner;
}

/** Encoded and decoded, as another agent would get it. */
const received = (delta: Delta): DeltaMessage => decodeCatalog(encodeDelta(delta).slice()) as DeltaMessage;

function pair(count: number, different: number): readonly [Catalog, Catalog] {
  const one = open('one');
  const other = open('two');
  for (let i = 0; i < count; i++) {
    const owner = ownerAt(i);
    const whole = received(owner.deltaFor(nameOf(i)) as Delta);
    one.apply(whole, 0);
    other.apply(whole, 0);
    if (i >= different) continue;
    const [put] = registration(i, 0, 9999) as [Published];
    other.apply(owner.publish([{ put }], 0).rumors[0]?.delta as Delta, 0);
  }
  return [one, other];
}

function printExchanges(): void {
  console.log('bytes of one exchange                summaries    request     answer       back      total');
  for (const count of [100, 1000])
    for (const different of [0, 1, 100]) {
      const [one, other] = pair(count, different);
      const parts = [one.digest.encodedSummary().length + other.digest.encodedSummary().length, 0, 0, 0];
      const buckets = one.differingBuckets(decodeCatalogSummary(other.digest.encodedSummary()));
      if (buckets !== undefined) {
        const request = one.createSyncRequest(buckets);
        const answer = answerRequest(other, request);
        const { deltas } = acceptResponse(one, answer);
        parts[1] = encodeCatalogSyncRequest(request).length;
        parts[2] = encodeCatalogSyncResponse(answer).length;
        parts[3] = deltas.length === 0 ? 0 : encodeDeltas(deltas).length;
      }
      const total = parts.reduce((sum, part) => sum + part, 0);
      const what = `${count * SERVICES_EACH} services, ${different} of ${count} owners differ`;
      console.log(what.padEnd(38) + [...parts, total].map((part) => `${part}`.padStart(9)).join('  '));
    }
  const [full] = pair(1000, 0);
  const whole = encodeDeltas([...full.owners()].flatMap((owner) => full.deltaFor(owner) ?? []));
  console.log(`everything, to whoever has nothing (10000 services and checks): ${whole.length}`);
}

/** Keeps what is measured last from being collected before it is measured. */
let kept: unknown;

function printMemory(): void {
  const { gc } = globalThis;
  if (gc === undefined) return console.log('memory: run with --expose-gc');
  const heapUsed = (): number => {
    for (let i = 0; i < 4; i++) gc();
    return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  };
  const catalog = open('one');
  const view = new CatalogIndex(catalog);
  const before = heapUsed();
  for (let i = 0; i < 1000; i++) catalog.apply(received(ownerAt(i).deltaFor(nameOf(i)) as Delta), 0);
  const ledgers = heapUsed();
  const topics = new Set<never>();
  for (let i = 0; i < 1000; i++) view.setOwnerUp(nameOf(i), true, topics as Set<never>);
  for (const name of view.services().keys()) view.usable(name);
  for (const node of view.nodes())
    if (node.instances.length !== SERVICES_EACH) throw new Error('not all there');
  const all = heapUsed();
  kept = [catalog, view];
  const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(
    `memory of 10000 instances with a check each: ledgers ${mega(ledgers - before)}, ` +
      `views ${mega(all - ledgers)}, together ${mega(all - before)}`,
  );
}

function timed(what: string, times: number, run: (i: number) => unknown): void {
  for (let i = 0; i < times / 10; i++) kept = run(i);
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < times; i++) kept = run(i);
  const each = Number(process.hrtime.bigint() - startedAt) / times / 1000;
  console.log(`${what.padEnd(64)}${each.toFixed(2).padStart(9)} µs`);
}

function printTimes(): void {
  const [one] = pair(1000, 0);
  const owner = open(nameOf(5));
  const view = new CatalogIndex(one);
  for (let i = 0; i < 1000; i++) view.setOwnerUp(nameOf(i), true, new Set());
  const [first, second] = registration(5, 0) as [Published, Published];
  const { rumors } = owner.publish([{ put: first }, { put: second }], 0);
  const rumor = encodeDelta(rumors[0]?.delta as Delta).slice();
  console.log(`a service with its check is a rumor of ${rumor.length} bytes`);
  timed('decode it', 20_000, () => decodeCatalog(rumor));
  let flips = 0;
  const flip = (): Delta => {
    const status = ++flips % 2 === 0 ? 'passing' : 'critical';
    return owner.publish([{ put: { ...second, status } as Published }], 0).rumors[0]?.delta as Delta;
  };
  timed('a check flips: written by its owner', 20_000, flip);
  one.apply(owner.deltaFor(nameOf(5)) as Delta, 0);
  timed('written, applied elsewhere among 10000 services, views told', 20_000, () => {
    const { changes } = one.apply(flip(), 0);
    view.onEntriesChanged(nameOf(5), changes, new Set());
  });
  timed('and one of 1000 instances read again', 500, () => {
    view.onEntriesChanged(nameOf(5), one.apply(flip(), 0).changes, new Set());
    return view.usable('service-0');
  });
  timed('summary after a change', 2000, () => {
    one.apply(flip(), 0);
    return one.digest.encodedSummary();
  });
  const [same] = pair(1000, 0);
  const summary = decodeCatalogSummary(same.digest.encodedSummary());
  timed('two summaries compared', 20_000, () => same.differingBuckets(summary));
  const instances = view.instances('service-0');
  timed('owner of a key among 1000 instances', 500, (i) => rendezvousOwners(`key-${i}`, instances));
  timed('checksum of 1000 instances', 500, () => instancesChecksum(instances));
  timed('all of 10000 services for the disk', 5, () => same.snapshot());
}

/** Measures and prints everything. */
export async function run(): Promise<void> {
  printExchanges();
  printMemory();
  printTimes();
  if (kept === undefined) throw new Error('measured nothing');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await run();
