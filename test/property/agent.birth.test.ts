/** An agent starts from every snapshot and every saved catalog that a disk can hold, and its counters have room above them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import type { Effect, Snapshot } from '../../src/agent/contract/machine.ts';
import { toAddress } from '../../src/base/address.ts';
import { createRng } from '../../src/base/rng.ts';
import { OUTBID_LIMIT } from '../../src/catalog/doubts.ts';
import { serfSection, swimSection } from '../../src/config/protocol.ts';
import { withDefaults } from '../../src/config/setting.ts';
import { decodeSnapshotFile, encodeSnapshotFile } from '../../src/shell/storage/snapshot.ts';
import { MAX_INCARNATION } from '../../src/swim/precedence.ts';
import { encodeCatalogSnapshot } from '../../src/wire/catalog.ts';

const ADDRESS = toAddress(Uint8Array.of(127, 0, 0, 1), 7946);
const POWERS = [16, 20, 24, 31, 32, 42, 50, 51, 52, 53];
const extreme = fc.oneof(
  fc.constantFrom(...POWERS.flatMap((n) => [2 ** n - 2, 2 ** n - 1, 2 ** n])),
  fc.constantFrom(0, 1, OUTBID_LIMIT - 1, OUTBID_LIMIT, OUTBID_LIMIT + 1, MAX_INCARNATION - 1),
  fc.maxSafeNat(),
);
const count = extreme.map((n) => Math.min(n, Number.MAX_SAFE_INTEGER));
const u32 = count.map((n) => Math.min(n, 2 ** 32 - 1));
const text = fc.oneof(fc.string(), fc.constantFrom('ann', 'bob', '__proto__', '', 'x'.repeat(300)));
const addr = fc.oneof(fc.constantFrom('127.0.0.1:7946', '[::1]:7946', 'x', '127.0.0.1:99999'), fc.string());
const ttlLeft = fc.oneof(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), fc.constant(1e308));
const status = fc.constantFrom('passing' as const, 'warning' as const, 'critical' as const);

const snapshot: fc.Arbitrary<Snapshot> = fc.record(
  {
    incarnation: u32,
    clocks: fc.record({ member: count, event: count, query: count }),
    peers: fc.array(fc.record({ name: text, addr, down: fc.boolean() }, { requiredKeys: ['name', 'addr'] })),
    registered: fc.record({
      services: fc.array(fc.oneof(text, fc.json())),
      checks: fc.array(fc.oneof(text, fc.json())),
      states: fc.array(fc.record({ check: text, status, output: text, ttlLeft })),
      maintenance: fc.array(fc.record({ service: text, reason: text })),
      draining: fc.array(text),
    }),
    epoch: count,
    at: fc.double({ noNaN: true, noDefaultInfinity: true }),
  },
  { requiredKeys: ['incarnation', 'clocks', 'peers'] },
);
const version = count.map((n) => Math.min(n, 2 ** 52));
const delta = fc
  .record({
    owner: fc.constantFrom('ann', 'bob', 'cat'),
    epoch: version,
    from: version,
    to: version,
    swept: version,
  })
  .map((one) => ({ kind: 'delta' as const, ...one, entries: [] }));
const catalog = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .record({ owner: fc.constantFrom('ann', 'bob'), epoch: version, version, ledgers: fc.array(delta) })
    .map((one) => encodeCatalogSnapshot(one)),
);

test('K2 an agent starts from whatever was saved, and what it announces can still be exceeded', () => {
  fc.assert(
    fc.property(snapshot, catalog, fc.constantFrom(1, 1.8e12, 4e12, 8e15), (saved, bytes, startedAt) => {
      const read = decodeSnapshotFile(encodeSnapshotFile(saved));
      if (typeof read === 'string') return; // the shell quarantines it
      const agent = createAgent({
        ...{ name: 'ann', address: ADDRESS, tags: new Map(), keys: [], label: '' },
        ...{ swim: withDefaults(swimSection, {}), serf: withDefaults(serfSection, {}) },
        ...{ rng: createRng(1), nonce: () => new Uint8Array(12), startedAt, now: 0 },
        ...{ snapshot: read, catalog: bytes, persistsSnapshots: true },
      });
      const out: Effect[] = [];
      for (let now = 0; now < 3000; now += 500) agent.handle({ kind: 'tick' }, now, out);
      const { incarnation } = agent.view.self();
      expect(incarnation).toBeLessThan(MAX_INCARNATION);
      for (const effect of out)
        if (effect.kind === 'saveSnapshot') {
          expect(effect.snapshot.epoch).toBeLessThanOrEqual(OUTBID_LIMIT);
          expect(typeof decodeSnapshotFile(encodeSnapshotFile(effect.snapshot))).toBe('object');
        }
    }),
    { numRuns: 300 },
  );
});
