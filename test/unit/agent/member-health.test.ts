/** What `why JOB` says against an agent, for each thing that can be against it. */
import { expect, test } from 'vitest';
import { reasonAgainst } from '../../../src/agent/scheduling/member-health.ts';
import type { CatalogView } from '../../../src/catalog/types.ts';
import type { SerfView } from '../../../src/serf/types.ts';

interface Situation {
  readonly status?: string;
  readonly absence?: string;
  readonly tags?: readonly (readonly [string, string])[];
  readonly checks?: readonly { id: string; name: string; type: string; status: string }[];
  readonly draining?: readonly boolean[];
  readonly place?: { readonly service?: string; readonly tag?: string };
}

const check = (type: string, name = '') => ({ id: `${type}-1`, name, type, status: 'critical' });

test.each<[Situation, string | undefined]>([
  [{}, undefined],
  [{ status: 'failed' }, 'had failed'],
  [{ status: 'left' }, 'had left'],
  [{ status: 'leaving' }, 'was leaving'],
  [{ absence: 'pause' }, 'was paused'],
  [{ tags: [] }, 'was a plain Serf agent'],
  [{ checks: [check('http', 'disk'), check('maintenance')] }, 'was in maintenance'],
  [{ checks: [check('http', 'disk')] }, 'had the critical check disk'],
  [{ checks: [check('http')] }, 'had the critical check http-1'],
  [{ checks: [{ ...check('http'), status: 'passing' }] }, undefined],
  [{ place: { tag: 'role=db' } }, 'had no tag role=db'],
  [{ place: { service: 'web' } }, 'had no instance of web'],
  [{ place: { service: 'web' }, draining: [true, true] }, 'was draining'],
  [{ place: { service: 'web' }, draining: [true, false] }, 'had no usable instance of web'],
])('%o', (situation, reason) => {
  const { status = 'alive', absence, checks = [], draining = [], place = {} } = situation;
  const tags = new Map(situation.tags ?? [['hearsay', '1']]);
  const serf = { get: () => ({ status, tags, member: { absence } }) } as unknown as SerfView;
  const catalog = {
    node: () => ({ checks }),
    instances: () => [
      ...draining.map((one) => ({ node: 'db-1', service: { draining: one } })),
      { node: 'db-2', service: { draining: false } },
    ],
  } as unknown as CatalogView;
  expect(reasonAgainst({ serf, catalog }, 'db-1', place)).toBe(reason);
});
