/** What is published of partitions comes back as it was, and what is not as this agent would write it is dropped. */
import { expect, test } from 'vitest';
import { isPartitionKey, MAX_PARTITIONS, poolOfKey } from '../../../src/model/partition-entries.ts';
import { type Check, toEntryKey } from '../../../src/model/service.ts';
import {
  decodeQuorum,
  decodeRow,
  encodeRow,
  encodeWorker,
  parsePartitionKey,
  rowKey,
  workerKey,
} from '../../../src/partitions/entries.ts';
import type { PartitionRow } from '../../../src/partitions/types.ts';
import { validateValue } from '../../../src/wire/entry-limits.ts';

const POOL = { service: 'work', count: MAX_PARTITIONS };
const ROWS: readonly PartitionRow[] = [
  { partition: 0, state: 'claimed', token: 1, worker: 'w:1' },
  { partition: 7, state: 'held', token: 1_843_200_000_000_123, worker: 'w'.repeat(128) },
  { partition: 7, state: 'releasing', token: 5, worker: 'w' },
  { partition: 1023, state: 'kept', token: 5, worker: '' },
  { partition: 3, state: 'passed', token: 5, worker: '', to: { node: 'n'.repeat(255), id: 'w'.repeat(128) } },
];

test.each(ROWS)('the row $state comes back, and may be published', (row) => {
  const check = encodeRow(POOL, row);
  expect(decodeRow(row.partition, check)).toEqual(row);
  expect(validateValue(check)).toBeUndefined();
  expect(toEntryKey(check)).toBe(rowKey(POOL, row.partition));
  expect(isPartitionKey(toEntryKey(check))).toBe(true);
  expect(poolOfKey(toEntryKey(check))).toBe('work:1024');
  expect(parsePartitionKey(toEntryKey(check))).toEqual({ pool: POOL, partition: row.partition });
});

test('what others wait for is urgent', () => {
  expect(ROWS.map((row) => encodeRow(POOL, row).status)).toEqual([
    ...['critical', 'passing', 'passing', 'passing', 'critical'],
  ]);
});

test('a worker is named by its key, whatever its ID has in it', () => {
  const check = encodeWorker(POOL, 'a:b c', 3);
  expect(toEntryKey(check)).toBe(workerKey(POOL, 'a:b c'));
  expect(parsePartitionKey(toEntryKey(check))).toEqual({ pool: POOL, worker: 'a:b c' });
  expect(decodeQuorum(check)).toBe(3);
  expect(decodeQuorum(encodeWorker(POOL, 'w', 1))).toBe(1);
  for (const notes of ['{"q":0}', '{"q":1.5}', '{"q":"3"}', '{"q":10001}', 'x'])
    expect(decodeQuorum({ ...check, notes })).toBe(1);
  expect(validateValue(check)).toBeUndefined();
});

test.each([
  ...['work:8:p:8', 'work:8:p:-1', 'work:8:p:01', 'work:8:p:', 'work:0:p:0', 'work:2000:p:0', 'work:8:x:1'],
  ...['Work:8:p:1', 'a b:8:p:1', 'work', '', `work:8:w:${'w'.repeat(129)}`, 'work:8:w:'],
])('the key %j is dropped', (text) => {
  expect(parsePartitionKey(`c:hearsay:partitions:${text}`)).toBeUndefined();
});

test.each([
  ...['', '[]', 'null', '{', '{"s":9,"t":1,"w":"w"}', '{"s":1,"t":0,"w":"w"}', '{"s":1,"t":1.5,"w":"w"}'],
  ...[
    '{"s":1,"t":1,"w":""}',
    '{"s":3,"t":1,"w":"w"}',
    '{"s":4,"t":1,"w":""}',
    '{"s":4,"t":1,"w":"","n":"a"}',
  ],
  ...['{"s":1,"t":9007199254740991,"w":"w"}', '{"s":1,"t":1,"w":7}', '{"s":"1","t":1,"w":"w"}'],
])('the row %j is dropped', (notes) => {
  const check: Check = { ...encodeRow(POOL, ROWS[0] as PartitionRow), notes };
  expect(decodeRow(0, check)).toBeUndefined();
});
