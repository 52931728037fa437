/**
 * Properties of the catalog's messages: written messages read back equal, and any bytes cause at most a `WireError`.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import type { Delta } from '../../src/catalog/types.ts';
import { type Check, type Entry, type Published, type Service, toEntryKey } from '../../src/model/service.ts';
import {
  decodeCatalog,
  decodeCatalogSnapshot,
  decodeCatalogSummary,
  encodeCatalogSnapshot,
  encodeCatalogSummary,
  encodeCatalogSyncRequest,
  encodeCatalogSyncResponse,
  encodeDelta,
  encodeDeltaAnnounce,
  encodeDeltas,
} from '../../src/wire/catalog.ts';
import { validateValue } from '../../src/wire/entry-limits.ts';
import type { FailedMemberRow } from '../../src/wire/failed-member.ts';
import { check, service } from '../unit/catalog/values.ts';
import { codeOf } from '../unit/wire/support.ts';

const word = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
const id = fc
  .oneof(
    word,
    fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
    fc.constantFrom('__proto__', 'constructor'),
  )
  .filter((text) => validateValue(service(text, { name: 'web' })) === undefined);
const prose = fc.string({ maxLength: 100, unit: 'grapheme' });
const port = fc.integer({ min: -1, max: 65_535 });
const address = fc.constantFrom('', '10.0.0.1', 'fd00::1', 'db.example.org');

const aService: fc.Arbitrary<Service> = fc.record({
  kind: fc.constant('service' as const),
  id,
  name: word,
  tags: fc.array(fc.oneof(word, fc.constant('')), { maxLength: 5 }),
  address,
  port,
  ports: fc.array(
    fc.record({
      name: fc.stringMatching(/^[a-z0-9]{1,8}$/),
      port: fc.integer({ min: 1, max: 65_535 }),
      isDefault: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  taggedAddresses: fc
    .array(fc.tuple(word, fc.record({ address, port })), { maxLength: 3 })
    .map((pairs) => new Map(pairs)),
  meta: fc
    .array(fc.tuple(fc.oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/), fc.constant('__proto__')), prose), {
      maxLength: 3,
    })
    .map((pairs) => new Map(pairs)),
  weights: fc.record({
    passing: fc.integer({ min: 1, max: 65_535 }),
    warning: fc.integer({ min: 0, max: 65_535 }),
  }),
  enableTagOverride: fc.boolean(),
  draining: fc.boolean(),
});
const aCheck: fc.Arbitrary<Check> = fc.record({
  kind: fc.constant('check' as const),
  id,
  name: word,
  status: fc.constantFrom('passing' as const, 'warning' as const, 'critical' as const),
  notes: prose,
  output: prose,
  serviceId: fc.oneof(id, fc.constant('')),
  type: fc.constantFrom('', 'http', 'maintenance'),
  interval: fc.constantFrom('', '10s', '1m0s'),
  timeout: fc.constantFrom('', '1.5s'),
});
const value: fc.Arbitrary<Published> = fc.oneof(aService, aCheck);
const count = fc.oneof(
  fc.integer({ min: 0, max: 100 }),
  fc.constantFrom(2 ** 32, 1_790_000_000_000, 2 ** 52 - 1),
);
const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const progress = fc.record({ owner: word, epoch: count, version: count });
const delta: fc.Arbitrary<Delta> = fc
  .record({
    owner: word,
    epoch: fc.integer({ min: 1, max: 2 ** 45 }),
    from: fc.integer({ min: 0, max: 9 }),
    more: fc.integer({ min: 0, max: 2 ** 40 }),
    values: fc.array(fc.tuple(value, fc.boolean(), fc.integer({ min: 1, max: 2 ** 41 })), { maxLength: 4 }),
  })
  .map(({ owner, epoch, from, more, values }) => ({
    owner,
    epoch,
    from,
    to: from + more,
    swept: from,
    entries: values.map(
      ([one, gone, above]): Entry => ({
        key: toEntryKey(one),
        version: from + above,
        value: gone ? undefined : one,
      }),
    ),
  }));
const some = fc.array(delta, { maxLength: 3 });
const rows = fc.array(progress, { maxLength: 5 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const failedMember: fc.Arbitrary<FailedMemberRow> = fc.record({
  name: word,
  addr: fc.oneof(octets(4, 4), octets(16, 16)),
  port: fc.integer({ min: 0, max: 65_535 }),
  meta: octets(0, 512),
  vsn: octets(6, 6),
  incarnation: u32,
  statusLTime: count,
  age: count,
});
const failedMembers = fc.array(failedMember, { maxLength: 3 });

test('written messages read back equal', () => {
  fc.assert(
    fc.property(delta, some, rows, failedMembers, fc.boolean(), (one, deltas, wants, failed, more) => {
      expect(decodeCatalog(encodeDelta(one))).toEqual({ kind: 'delta', ...one });
      const kinds = deltas.map((each) => ({ kind: 'delta', ...each }));
      expect(decodeCatalog(encodeDeltas(deltas))).toEqual({ kind: 'deltas', deltas: kinds });
      const answer = decodeCatalog(encodeCatalogSyncResponse({ deltas, wants, failed, more }));
      expect(answer).toEqual({ kind: 'catalogSyncResponse', deltas: kinds, wants, failed, more });
      const request = { bucketCount: 4, buckets: [0, 3], rows: wants, failed };
      expect(decodeCatalog(encodeCatalogSyncRequest(request))).toEqual({
        kind: 'catalogSyncRequest',
        ...request,
      });
      for (const row of wants)
        expect(decodeCatalog(encodeDeltaAnnounce(row))).toEqual({ kind: 'deltaAnnounce', ...row });
      const memory = { owner: 'ann', epoch: 7, version: 9, ledgers: deltas };
      expect(decodeCatalogSnapshot(encodeCatalogSnapshot(memory))).toEqual({
        kind: 'catalogSnapshot',
        ...memory,
        ledgers: kinds,
      });
    }),
    { numRuns: 1000 },
  );
});

test('summaries read back equal', () => {
  fc.assert(
    fc.property(u32, u32, fc.constantFrom(1, 2, 16, 64), (high, low, of) => {
      const words = (from: number) => Array.from({ length: of }, (_, i) => (from + i * 77) >>> 0);
      for (const contents of [[], words(low)]) {
        const summary = { high, low, buckets: words(high), contents };
        expect(decodeCatalogSummary(encodeCatalogSummary(summary))).toEqual(summary);
      }
    }),
  );
});

test('20,000 mutated messages decode or are refused', () => {
  const rng = createRng(3);
  const seeds = fc
    .sample(fc.tuple(delta, some, rows, failedMembers), { numRuns: 100, seed: 5 })
    .flatMap(([one, deltas, wants, failed]) => [
      encodeDelta(one).slice(),
      encodeDeltas(deltas),
      encodeCatalogSyncResponse({ deltas, wants, failed, more: true }),
      encodeCatalogSyncRequest({ bucketCount: 2, buckets: [1], rows: wants, failed }),
    ]);
  const refused = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const bytes = (seeds[i % seeds.length] as Uint8Array).slice();
    for (let hits = 1 + rng.int(3); hits > 0; hits--) bytes[1 + rng.int(bytes.length - 1)] = rng.int(256);
    const cut = rng.int(8) === 0 ? bytes.subarray(0, rng.int(bytes.length)) : bytes;
    const code = codeOf(() => {
      const message = decodeCatalog(cut);
      const deltas = message.kind === 'delta' ? [message] : 'deltas' in message ? message.deltas : [];
      for (const { entries } of deltas)
        for (const entry of entries)
          if (entry.value !== undefined) expect(validateValue(entry.value)).toBeUndefined();
    });
    refused.set(code, (refused.get(code) ?? 0) + 1);
  }
  for (const code of ['fine', 'short', 'malformed', 'badValue', 'unknownType'])
    expect(refused.get(code), code).toBeGreaterThan(100);
});

test('A36 an epoch or version of 2^52 is refused, and one below it is not', () => {
  for (const [value, code] of [
    [2 ** 52 - 1, 'fine'],
    [2 ** 52, 'badValue'],
  ] as const) {
    const whole = { owner: 'ann', epoch: 1, from: 0, to: 1, swept: 0, entries: [] };
    const entry = { key: 's:x' as const, version: value, value: undefined };
    for (const one of [
      encodeDelta({ ...whole, epoch: value }).slice(),
      encodeDelta({ ...whole, to: value }).slice(),
      encodeDelta({ ...whole, entries: [entry] }).slice(),
      encodeDeltaAnnounce({ owner: 'ann', epoch: value, version: 1 }).slice(),
      encodeDeltaAnnounce({ owner: 'ann', epoch: 1, version: value }).slice(),
    ])
      expect(codeOf(() => decodeCatalog(one))).toBe(code);
  }
});

test('invalid messages are refused', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(200, 201, 202, 203, 204, 205),
      fc.uint8Array({ maxLength: 200 }),
      (type, tail) => {
        codeOf(() => decodeCatalog(Uint8Array.of(type, 1, ...tail)));
        codeOf(() => decodeCatalogSummary(Uint8Array.of(1, ...tail)));
        codeOf(() => decodeCatalogSnapshot(Uint8Array.of(1, ...tail)));
      },
    ),
    { numRuns: 5000 },
  );
});

test('the declared length of a list is bounded by the remaining bytes', () => {
  // A map of one: `d`, an array of 2^16 - 1, and one of 2^20 - 1.
  const bomb = Uint8Array.of(204, 1, 0x81, 0xa1, 0x64, 0xdd, 0x00, 0x00, 0xff, 0xff);
  expect(codeOf(() => decodeCatalog(bomb))).toBe('short');
  const larger = Uint8Array.of(204, 1, 0x81, 0xa1, 0x64, 0xdd, 0x00, 0x0f, 0xff, 0xff);
  expect(codeOf(() => decodeCatalog(larger))).toBe('tooLarge');
  expect(codeOf(() => decodeCatalog(encodeDelta({ ...base, entries: [] })))).toBe('fine');
  expect(codeOf(() => decodeCatalog(encodeDelta({ ...base, swept: 9 })))).toBe('badValue');
  expect(codeOf(() => decodeCatalog(encodeDelta({ ...base, from: 5 })))).toBe('badValue');
  expect(codeOf(() => decodeCatalog(encodeDelta({ ...base, epoch: 0 })))).toBe('badValue');
  expect(codeOf(() => decodeCatalog(encodeDelta({ ...base, owner: '' })))).toBe('badValue');
});

test('fields of a later version are skipped, other formats refused', () => {
  // { e: 1, o: "ann", t: 0, z: [1] }
  const later = [0x84, 0xa1, 0x65, 1, 0xa1, 0x6f, 0xa3, 0x61, 0x6e, 0x6e, 0xa1, 0x74, 0, 0xa1, 0x7a, 0x91, 1];
  expect(decodeCatalog(Uint8Array.of(200, 1, ...later))).toMatchObject({ owner: 'ann', epoch: 1 });
  expect(codeOf(() => decodeCatalog(Uint8Array.of(200, 2, ...later)))).toBe('unknownType');
});

test.each([
  ['a name with markup', service('x', { name: '<b>' })],
  ['an id with a control character', service('a\u001b[31m', { name: 'web' })],
  ['an id that turns the text around', service('a\u202eb', { name: 'web' })],
  ['a port that cannot be', service('x', { port: 70_000 })],
  ['no weight', service('x', { weights: { passing: 0, warning: 1 } })],
  ['too many tags', service('x', { tags: Array.from({ length: 129 }, String) })],
  ['a check without an id', check('', 'x')],
])('%s is not believed', (_, wrong) => {
  const bytes = encodeDelta({ ...base, entries: [{ key: toEntryKey(wrong), version: 1, value: wrong }] });
  expect(['badValue', 'tooLarge', 'malformed']).toContain(codeOf(() => decodeCatalog(bytes)));
});

const base: Delta = { owner: 'ann', epoch: 1, from: 0, to: 1, swept: 0, entries: [] };
