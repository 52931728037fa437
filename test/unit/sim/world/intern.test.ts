import { expect, test } from 'vitest';
import { type Entry, type EntryKey, type Published, toEntryKey } from '../../../../src/model/service.ts';
import { createEntryInterner } from '../../../../src/sim/world/intern.ts';
import { service } from '../../catalog/values.ts';

const state = { owner: 'ann', epoch: 1, version: 1, swept: 0 };
const entries = (...values: Published[]): ReadonlyMap<EntryKey, Entry> =>
  new Map(values.map((value, i) => [toEntryKey(value), { key: toEntryKey(value), version: i + 1, value }]));

test('equal copies of one owner become one', () => {
  const intern = createEntryInterner();
  const first = entries(service('web-1'), service('db-1'));
  expect(intern(state, first)).toBe(first);
  expect(intern(state, entries(service('web-1'), service('db-1')))).toBe(first);
});

test('copies that claim the same state but differ stay apart, so that no difference is hidden', () => {
  const intern = createEntryInterner();
  const first = entries(service('web-1'));
  intern(state, first);
  const other = entries(service('web-1', { port: 81 }));
  expect(intern(state, other)).toBe(other);
  expect(intern({ ...state, owner: 'bob' }, entries(service('web-1')))).not.toBe(first);
  const gone: ReadonlyMap<EntryKey, Entry> = new Map([
    ['s:web-1', { key: 's:web-1', version: 1, value: undefined }],
  ]);
  expect(intern(state, gone)).toBe(gone);
});
