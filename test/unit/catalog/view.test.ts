import { beforeEach, describe, expect, test } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import type { Delta, InstanceStatus } from '../../../src/catalog/types.ts';
import { CatalogIndex, type CatalogTopic } from '../../../src/catalog/view.ts';
import type { Check, EntryWrite, Service } from '../../../src/model/service.ts';
import { check, service } from './values.ts';

let ann: Catalog;
let bob: Catalog;
let view: CatalogIndex;

/** Ann writes, and bob applies it; returns the topics that wake bob's readers. */
function annWrites(...changes: EntryWrite[]): CatalogTopic[] {
  const topics = new Set<CatalogTopic>();
  for (const { delta } of ann.publish(changes, 0).rumors)
    view.onEntriesChanged('ann', bob.apply(delta, 0).changes, topics);
  return [...topics].sort();
}
const put = (...values: (Service | Check)[]): EntryWrite[] => values.map((value) => ({ put: value }));
function annIs(up: boolean): CatalogTopic[] {
  const topics = new Set<CatalogTopic>();
  view.setOwnerUp('ann', up, topics);
  return [...topics].sort();
}
const statuses = (name: string): InstanceStatus[] => view.instances(name).map((instance) => instance.status);
const ids = (name: string): string[] => view.usable(name).map((instance) => instance.service.id);

beforeEach(() => {
  ann = new Catalog({ owner: 'ann', epoch: 1, canOwn: () => true });
  bob = new Catalog({ owner: 'bob', epoch: 1, canOwn: () => true });
  view = new CatalogIndex(bob);
  annIs(true);
});

describe('affected topics', () => {
  test('a service that is added or removed: the list of services, and its own readers', () => {
    expect(annWrites(...put(service('web')))).toEqual(['entries:ann', 'service:web', 'services']);
    expect(annWrites({ remove: 's:web' })).toEqual(['entries:ann', 'service:web', 'services']);
  });

  test('a check that changes: readers of checks and of its service, not of the list, not of others', () => {
    annWrites(...put(service('Web'), service('db'), check('ok', 'Web')));
    const topics = annWrites(...put(check('ok', 'Web', { status: 'critical' })));
    expect(topics).toEqual(['checks', 'entries:ann', 'service:web']);
  });

  test('a check of the node: readers of each of its services', () => {
    annWrites(...put(service('web'), service('db')));
    const topics = annWrites(...put(check('disk', '', { status: 'warning' })));
    expect(topics).toEqual(['checks', 'entries:ann', 'service:db', 'service:web']);
  });

  test('a service renamed: readers of both names, and of its checks, which show the name', () => {
    annWrites(...put(service('x', { name: 'web' }), check('ok', 'x')));
    const topics = annWrites(...put(service('x', { name: 'api' })));
    expect(topics).toEqual(['checks', 'entries:ann', 'service:api', 'service:web', 'services']);
    expect(view.instances('web')).toEqual([]);
    expect(view.instances('api')).toHaveLength(1);
  });

  test('draining: its readers and those of checks, who see it as a check, but not the list', () => {
    annWrites(...put(service('web')));
    expect(annWrites(...put(service('web', { draining: true })))).toEqual([
      'checks',
      'entries:ann',
      'service:web',
    ]);
  });

  test('other weights or meta: its readers, and the list, which can be filtered by them', () => {
    annWrites(...put(service('web')));
    expect(annWrites(...put(service('web', { weights: { passing: 5, warning: 1 } })))).toEqual([
      'entries:ann',
      'service:web',
      'services',
    ]);
  });

  test('the same again: none', () => {
    annWrites(...put(service('web'), check('ok', 'web')));
    expect(annWrites(...put(service('web'), check('ok', 'web')))).toEqual([]);
    annIs(true);
    expect(annIs(true)).toEqual([]);
  });

  test('a new epoch with the same services: none', () => {
    annWrites(...put(service('web'), check('ok', 'web')));
    const before = view.instances('web');
    const restarted = new Catalog({ owner: 'ann', epoch: 9, canOwn: () => true });
    restarted.publish(put(check('ok', 'web'), service('web')), 0);
    const { outcome, changes } = bob.apply(restarted.deltaFor('ann') as Delta, 0);
    expect([outcome, changes]).toEqual(['applied', []]);
    expect(view.instances('web')).toBe(before);
  });

  test('an owner that goes down or comes up: readers of all its services, and of checks', () => {
    annWrites(...put(service('web'), service('db')));
    expect(annIs(false)).toEqual(['checks', 'entries:ann', 'service:db', 'service:web']);
    expect(annIs(true)).toEqual(['checks', 'entries:ann', 'service:db', 'service:web']);
  });
});

describe('reading', () => {
  test('a dead owner’s instances stop passing at once, a returned owner’s pass again with no message', () => {
    annWrites(...put(service('web'), check('ok', 'web')));
    expect([statuses('web'), ids('web')]).toEqual([['passing'], ['web']]);
    annIs(false);
    expect([statuses('web'), ids('web')]).toEqual([['critical'], []]);
    expect(view.node('ann')?.up).toBe(false);
    annIs(true);
    expect([statuses('web'), ids('web')]).toEqual([['passing'], ['web']]);
  });

  test.each<[InstanceStatus, Partial<Service>, Check[]]>([
    ['passing', {}, []],
    ['passing', {}, [check('a', 'web'), check('b', '')]],
    ['warning', {}, [check('a', 'web'), check('b', '', { status: 'warning' })]],
    ['critical', {}, [check('a', 'web', { status: 'critical' }), check('b', '', { status: 'warning' })]],
    ['critical', {}, [check('b', '', { status: 'critical' })]],
    ['passing', {}, [check('a', 'db', { status: 'critical' })]],
    ['draining', { draining: true }, [check('a', 'web')]],
    ['maintenance', { draining: true }, [check('_service_maintenance:web', 'web', { status: 'critical' })]],
    ['maintenance', {}, [check('_node_maintenance', '', { status: 'critical' })]],
  ])('an instance is %s', (status, over, checks) => {
    annWrites(...put(service('web', over), ...checks));
    expect(statuses('web')).toEqual([status]);
    expect(ids('web')).toEqual(status === 'passing' || status === 'warning' ? ['web'] : []);
  });

  test('services have the union of their tags, under the name as registered', () => {
    annWrites(
      ...put(
        service('b', { name: 'Web', tags: ['v2', 'blue'] }),
        service('c', { name: 'web', tags: ['v1', 'v2'] }),
      ),
    );
    annWrites(...put(service('a', { name: 'db' })));
    expect([...view.services()]).toEqual([
      ['db', []],
      ['Web', ['blue', 'v1', 'v2']],
    ]);
    expect(view.instances('WEB').map((instance) => instance.service.id)).toEqual(['b', 'c']);
    expect(view.size).toBe(3);
  });

  test('checks belong to their service or node, in order of their ids', () => {
    annWrites(
      ...put(service('web'), check('z', 'web'), check('a', 'web'), check('n', ''), check('lost', 'nobody')),
    );
    const [instance] = view.instances('web');
    expect(instance?.checks.map((one) => one.id)).toEqual(['a', 'z']);
    expect(instance?.nodeChecks.map((one) => one.id)).toEqual(['n']);
    expect(view.node('ann')?.checks).toBe(instance?.nodeChecks);
  });

  test('arrays and instances are the same objects until something about them changes', () => {
    annWrites(...put(service('web-1'), service('web-2'), service('db'), check('ok', 'web-1')));
    const [first, second] = view.instances('web');
    const databases = view.instances('db');
    expect(view.instances('web')).toBe(view.instances('web'));
    annWrites(...put(check('ok', 'web-1', { status: 'warning' })));
    expect(view.instances('web')[0]).not.toBe(first);
    expect(view.instances('web')[1]).toBe(second);
    expect(view.instances('db')).toBe(databases);
    expect(view.services()).toBe(view.services());
  });

  test('a deleted owner leaves nothing', () => {
    annWrites(...put(service('web'), check('n', '')));
    expect([...view.nodes()].map((node) => node.node)).toEqual(['ann']);
    const topics = new Set<CatalogTopic>();
    view.onOwnerDeleted('ann', bob.deleteOwner('ann'), topics);
    expect([...topics].sort()).toEqual(['checks', 'entries:ann', 'service:web', 'services']);
    expect([view.node('ann'), [...view.nodes()], [...view.services()], view.size]).toEqual([
      undefined,
      [],
      [],
      0,
    ]);
  });

  test('changes before the first read are reported, too', () => {
    const topics = annWrites(...put(service('web')));
    expect(topics).toContain('service:web');
    expect(view.instances('nope')).toEqual([]);
    expect(view.node('nope')).toBeUndefined();
  });
});
