import { expect, test } from 'vitest';
import { StatusSince } from '../../../src/catalog/status-since.ts';
import { type Published, toEntryKey } from '../../../src/model/service.ts';
import { check, service } from '../http/data.ts';

const said = (before: Published | undefined, after: Published | undefined) => {
  return [{ key: toEntryKey((after ?? before) as Published), before, after }];
};
const [well, bad] = [check('c1'), check('c1', { status: 'critical' })];

test('nothing is stored for an entry that always passed; others have the time when they were first seen', () => {
  const since = new StatusSince();
  since.record('ann', said(undefined, well), 1);
  since.record('ann', said(undefined, service('web')), 1);
  expect([since.get('ann', 'c:c1'), since.get('ann', 's:web')]).toEqual([undefined, undefined]);
  since.record('bob', said(undefined, bad), 2);
  expect(since.get('bob', 'c:c1')).toBe(2);
});

test('the time changes with the status, not with the output', () => {
  const since = new StatusSince();
  since.record('ann', said(well, bad), 5);
  since.record('ann', said(bad, { ...bad, output: 'still' }), 6);
  expect(since.get('ann', 'c:c1')).toBe(5);
  since.record('ann', said(bad, well), 7);
  expect(since.get('ann', 'c:c1')).toBe(7);
  since.record('ann', said(service('web'), service('web', { draining: true })), 8);
  expect(since.get('ann', 's:web')).toBe(8);
});

test('the time of a removed entry or of a dropped owner is deleted', () => {
  const since = new StatusSince();
  since.record('ann', said(undefined, bad), 1);
  since.record('ann', said(bad, undefined), 2);
  since.record('bob', said(undefined, bad), 1);
  since.deleteOwner('bob');
  expect([since.get('ann', 'c:c1'), since.get('bob', 'c:c1')]).toEqual([undefined, undefined]);
});
