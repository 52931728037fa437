import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/bytes.ts';
import { AgentError } from '../../../src/base/errors.ts';
import { exceedsLimits, validatePublishable, validateWrites } from '../../../src/catalog/publish-limits.ts';
import { newReplica, type Replica } from '../../../src/catalog/replica.ts';
import type { Delta } from '../../../src/catalog/types.ts';
import { estimateBytes, sameExceptOutput, samePublished } from '../../../src/catalog/values.ts';
import { type Published, toEntryKey, truncateForGossip } from '../../../src/model/service.ts';
import { check, service } from './values.ts';

test('output is truncated for gossip, between characters', () => {
  for (const text of ['x'.repeat(1000), 'ü'.repeat(1000), `a${'€'.repeat(400)}`, `ab${'🙂'.repeat(200)}`]) {
    const cut = truncateForGossip(text);
    expect(text.startsWith(cut)).toBe(true);
    expect(encodeUtf8(cut).length).toBeLessThanOrEqual(256);
    expect(encodeUtf8(cut).length).toBeGreaterThan(252);
  }
  expect(truncateForGossip('short')).toBe('short');
  expect(truncateForGossip('half \ud83d of a pair')).toBe('half \ufffd of a pair');
  expect(truncateForGossip('xyz🙂', 4)).toBe('xyz');
  expect(truncateForGossip('y'.repeat(300))).toBe('y'.repeat(256));
});

test('a check whose output changed is equal except for its output', () => {
  const before = check('ok', 'web', { output: '200 in 3 ms' });
  expect(sameExceptOutput(before, { ...before, output: '200 in 4 ms' })).toBe(true);
  expect(sameExceptOutput(before, { ...before, status: 'warning' })).toBe(false);
  expect(samePublished(before, { ...before, output: '200 in 4 ms' })).toBe(false);
  expect(samePublished(before, { ...before })).toBe(true);
});

test.each([
  [{ name: 'db' }],
  [{ tags: ['a'] }],
  [{ address: '10.0.0.1' }],
  [{ port: 81 }],
  [{ meta: new Map([['a', '1']]) }],
  [{ taggedAddresses: new Map([['wan', { address: '1.2.3.4', port: 1 }]]) }],
  [{ weights: { passing: 2, warning: 1 } }],
  [{ weights: { passing: 1, warning: 2 } }],
  [{ enableTagOverride: true }],
  [{ draining: true }],
])('a service is another with %o', (over) => {
  const web = service('web');
  expect(samePublished(web, service('web', over))).toBe(false);
  expect(samePublished(service('web', over), service('web', over))).toBe(true);
});

test.each([
  ['an empty id', service('', { name: 'web' }), 'id'],
  ['an id over 512 bytes', service('ü'.repeat(257), { name: 'web' }), 'id'],
  ['an id with a line break', service('a\nb', { name: 'web' }), 'id'],
  ['half a character', service('a\ud800', { name: 'web' }), 'id'],
  ['a name DNS and pages cannot carry', service('x', { name: '<script>' }), 'name'],
  ['a tag with an escape', service('x', { tags: ['\u001b[2J'] }), 'tags'],
  ['an address that is none', service('x', { address: 'not here' }), 'address'],
  ['a port too high', service('x', { port: 65_536 }), 'port'],
  ['a port that is no integer', service('x', { port: 1.5 }), 'port'],
  ['a meta key with a dot', service('x', { meta: new Map([['a.b', '']]) }), 'meta'],
  ['a meta value over 512 bytes', service('x', { meta: new Map([['a', 'y'.repeat(513)]]) }), 'meta'],
  [
    '65 pairs of meta',
    service('x', { meta: new Map(Array.from({ length: 65 }, (_, i) => [`k${i}`, ''])) }),
    'meta',
  ],
  ['no weight', service('x', { weights: { passing: 0, warning: 1 } }), 'weight'],
  ['a check without an id', check('', 'web'), 'id'],
  ['notes over a kilobyte', check('x', '', { notes: 'n'.repeat(1025) }), 'notes'],
  ['a type with blanks', check('x', '', { type: 'a b' }), 'type'],
])('%s is refused, and the sentence names it', (_, value, word) => {
  expect(() => validatePublishable(value)).toThrow(AgentError);
  expect(() => validatePublishable(value)).toThrow(new RegExp(`its ${word}.*Nothing was changed`, 's'));
});

test('ids may hold any printable text, and no name is special', () => {
  for (const id of ['_nomad-task-1/web:8080', 'wéb 1', '__proto__', 'constructor'])
    expect(() => validatePublishable(service(id, { name: 'web' }))).not.toThrow();
  expect(() =>
    validatePublishable(service('x', { meta: new Map([['__proto__', 'y']]), port: -1 })),
  ).not.toThrow();
  expect(() =>
    validatePublishable(service('x', { tags: ['', 'traefik.enable=true'], address: 'fe80::1%eth0' })),
  ).not.toThrow();
});

describe('the size of a ledger', () => {
  const MAX_LEDGER = 4 * 1024 * 1024;
  const MAX_CATALOG = 512 * 1024 * 1024;
  /** A ledger with these values, in which others fill `bytes` in all. */
  const ledger = (bytes: number, ...values: readonly Published[]): Replica => {
    const entries = values.map((value, i) => ({ key: toEntryKey(value), version: i + 1, value }));
    return {
      ...newReplica('ann', 1),
      entries: new Map(entries.map((entry) => [entry.key, entry])),
      live: values.length,
      estimatedBytes: bytes,
    };
  };
  const large = check('ok', 'web', { output: 'x'.repeat(200) });
  const small = { ...large, output: '' };
  const delta = (value: Published | undefined, from = 1): Delta =>
    ({
      owner: 'ann',
      epoch: 1,
      from,
      to: 2,
      entries: [{ key: toEntryKey(large), version: 2, value }],
    }) as unknown as Delta;
  const growth = estimateBytes(large) - estimateBytes(small);

  test('an update counts by what it adds, however often it comes', () => {
    const full = ledger(MAX_LEDGER, large);
    for (let i = 0; i < 3; i++) validateWrites(full, [{ put: { ...large, status: 'warning' } }]);
    validateWrites(
      full,
      Array.from({ length: 1000 }, () => ({ put: small })),
    );
    const less = ledger(MAX_LEDGER - growth, small);
    expect(() => validateWrites(less, [{ put: large }])).not.toThrow();
    expect(() => validateWrites(ledger(MAX_LEDGER - growth + 1, small), [{ put: large }])).toThrow(/at most/);
    expect(() => validateWrites(full, [{ put: check('new', 'web') }])).toThrow(/at most/);
  });

  test('of another owner likewise', () => {
    expect(exceedsLimits(ledger(MAX_LEDGER, large), delta(small), 0)).toBe(false);
    expect(exceedsLimits(ledger(MAX_LEDGER, large), delta(undefined), 0)).toBe(false);
    expect(exceedsLimits(ledger(MAX_LEDGER, small), delta(large), 0)).toBe(true);
  });

  test('a catalog above its limit takes what makes it smaller, or leaves it as it is, and no more', () => {
    for (const catalog of [MAX_CATALOG, MAX_CATALOG + 1_000_000]) {
      expect(exceedsLimits(ledger(1000, large), delta(small), catalog)).toBe(false);
      expect(exceedsLimits(ledger(1000, large), delta(undefined), catalog)).toBe(false);
      expect(exceedsLimits(ledger(1000, large), delta({ ...large, status: 'critical' }), catalog)).toBe(
        false,
      );
      expect(exceedsLimits(ledger(1000, small), delta(large), catalog)).toBe(true);
      // A whole ledger takes the place of the one before.
      expect(exceedsLimits(ledger(1000, large), delta(small, 0), catalog)).toBe(false);
      expect(exceedsLimits(undefined, delta(small, 0), catalog)).toBe(true);
    }
    expect(exceedsLimits(ledger(1000, small), delta(large), MAX_CATALOG - growth)).toBe(false);
    expect(exceedsLimits(ledger(1000, small), delta(large), MAX_CATALOG - growth + 1)).toBe(true);
  });
});
