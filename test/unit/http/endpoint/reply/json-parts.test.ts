import { expect, test } from 'vitest';
import { CatalogIndex, type CatalogTopic } from '../../../../../src/catalog/view.ts';
import { JsonPart, JsonParts } from '../../../../../src/http/endpoint/reply/json-parts.ts';
import { Memo } from '../../../../../src/http/endpoint/reply/memo.ts';
import type { Entry } from '../../../../../src/model/service.ts';
import { check, service } from '../../data.ts';
import { FakeAgent, member, send, serve } from '../../fixture.ts';

test('a list of parts serializes as the list of all their values', () => {
  const parts = new JsonParts([new JsonPart([1, 2]), new JsonPart<number>([]), new JsonPart([3])]);
  expect([parts.json, JSON.stringify(parts)]).toEqual(['[1,2,3]', '[1,2,3]']);
  expect(parts.filter((one) => one === 3).json).toBe('[3]');
  expect(parts.filter(() => false).json).toBe('[]');
});

test('a part whose elements all match stays the same, with its text', () => {
  const part = new JsonPart([1, 2]);
  expect(part.filter(() => true)).toBe(part);
  expect(part.filter((one) => one === 1).values).toEqual([1]);
});

test('a memoized value is computed again when its stamp changes', () => {
  const memo = new Memo<object, number>();
  const key = {};
  let made = 0;
  const make = (): number => ++made;
  expect([
    memo.getOrCompute(key, 1, make),
    memo.getOrCompute(key, 1, make),
    memo.getOrCompute(key, 2, make),
  ]).toEqual([1, 1, 2]);
});

test('a check that changes, or a node that fails, is seen in lists whose other parts are reused', async () => {
  const agent = new FakeAgent(member('ann'), member('bob'));
  const ledgers = new Map(
    ['ann', 'bob'].map((owner) => {
      const values = [service('web'), check('c1', { serviceId: 'web' })];
      const entries = values.map((value) => {
        const key = `${value.kind === 'check' ? 'c' : 's'}:${value.id}` as const;
        return [key, { key, version: 1, value } as Entry] as const;
      });
      return [owner, new Map(entries)] as const;
    }),
  );
  const index = new CatalogIndex({
    owners: () => ledgers.keys(),
    entries: (owner) => ledgers.get(owner),
    isUnconfirmed: () => false,
  });
  for (const owner of ledgers.keys()) index.setOwnerUp(owner, true, new Set());
  Object.assign(agent.view, { catalog: index });
  const server = await serve(agent, { selfService: 'off' });
  const statuses = async (path: string): Promise<unknown[]> =>
    [...(await send(server, path)).body.matchAll(/"Status":"(\w+)"/g)].map(([, status]) => status);
  const state = '/v1/health/state/any';
  const instances = '/v1/health/service/web';
  for (const path of [state, instances]) expect(await statuses(path)).toEqual(Array(4).fill('passing'));

  const before = check('c1', { serviceId: 'web' });
  const after = { ...before, status: 'critical' as const };
  ledgers.get('bob')?.set('c:c1', { key: 'c:c1', version: 2, value: after });
  const topics = new Set<CatalogTopic>();
  index.onEntriesChanged('bob', [{ key: 'c:c1', before, after }], topics);
  agent.touch([...topics]);
  for (const path of [state, instances])
    expect(await statuses(path)).toEqual(['passing', 'passing', 'passing', 'critical']);

  agent.rows.set('ann', member('ann', { status: 'failed', state: 'dead' }));
  agent.touch(['nodes', 'node:ann', 'checks', 'entries:ann', 'service:web']);
  expect(await statuses(state)).toEqual(['critical', 'passing', 'passing', 'critical']);
});
