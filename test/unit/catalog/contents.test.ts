/** What ledgers say is compared, not only how far they go: of two copies of equal progress one may be forged (A48). */
import { describe, expect, test } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import type { BucketSet } from '../../../src/catalog/digest.ts';
import type { Delta, Progress } from '../../../src/catalog/types.ts';
import type { ExternalNode, Published } from '../../../src/model/service.ts';
import {
  decodeCatalog,
  decodeCatalogSnapshot,
  decodeCatalogSummary,
  encodeCatalogSyncRequest,
  encodeCatalogSyncResponse,
} from '../../../src/wire/catalog.ts';
import { MsgpackReader } from '../../../src/wire/msgpack.ts';
import { acceptResponse, answerRequest } from '../../support/anti-entropy.ts';
import { check, service } from './values.ts';

const EPOCH = 1000;
const open = (owner: string, over: object = {}): Catalog =>
  new Catalog({ owner, epoch: EPOCH, canOwn: () => true, ...over });
const difference = (one: Catalog, other: Catalog): BucketSet | undefined =>
  one.differingBuckets(decodeCatalogSummary(other.digest.encodedSummary()));
const whole = (...values: readonly Published[]): Delta => ({
  ...{ owner: 'ann', epoch: EPOCH, from: 0, to: values.length, swept: 0 },
  entries: values.map((value, i) => ({
    key: `${value.kind === 'service' ? 's' : 'c'}:${value.kind === 'external' ? '' : value.id}`,
    version: i + 1,
    value,
  })),
});
const copyOf = (owner: string, ...values: readonly Published[]): Catalog => {
  const catalog = open(owner);
  catalog.apply(whole(...values), 0);
  return catalog;
};
const rowOf = (catalog: Catalog): Progress | undefined =>
  catalog.createSyncRequest().rows.find(({ owner }) => owner === 'ann');
const contentsOf = (value: Published): number | undefined => rowOf(copyOf('bob', value))?.contents;

describe('A48 two copies that go equally far', () => {
  const forgeries: readonly (readonly [string, Published])[] = [
    ['another port', service('web', { port: 666 })],
    ['another address', service('web', { address: '6.6.6.6' })],
    ['another id', service('wob')],
  ];
  test.each(forgeries)('%s: both ask the owner', (_, forged) => {
    const [bob, cat] = [copyOf('bob', service('web')), copyOf('cat', forged)];
    expect(bob.replicaProgress('ann')).toEqual(cat.replicaProgress('ann'));
    const buckets = difference(bob, cat);
    expect(buckets).toBeDefined();
    const request = decodeCatalog(encodeCatalogSyncRequest(bob.createSyncRequest(buckets)));
    const answer = answerRequest(cat, request as never);
    expect(answer).toMatchObject({ deltas: [], wants: [{ owner: 'ann', epoch: EPOCH, version: 1 }] });
    const accepted = acceptResponse(bob, decodeCatalog(encodeCatalogSyncResponse(answer)) as never);
    expect([accepted.deltas, accepted.isPartial]).toEqual([[], true]);
    expect([bob.consumeDoubtful(), cat.consumeDoubtful()]).toEqual([['ann'], ['ann']]);
    expect(bob.doubts.isUnsettled('ann')).toBe(true);
  });

  test('an empty one, too, and equal forgeries of two owners', () => {
    const [bob, cat] = [copyOf('bob', service('web')), open('cat')];
    cat.apply({ ...whole(), to: 1 }, 0);
    expect(difference(bob, cat)).toBeDefined();
    const [dan, eve] = [open('dan'), open('eve')];
    for (const owner of ['ann', 'zoe', 'kim', 'lea']) {
      dan.apply({ ...whole(service('web')), owner }, 0);
      eve.apply({ ...whole(service('web', { port: 666 })), owner }, 0);
    }
    expect(difference(dan, eve)).toBeDefined();
  });

  test('say the same: nothing is exchanged, whatever the order in which it came', () => {
    const ann = open('ann');
    const rumors = ['a', 'b', 'c'].map(
      (id) => ann.publish([{ put: service(id) }], 0).rumors[0]?.delta as Delta,
    );
    const gone = ann.publish([{ remove: 's:a' }, { put: service('b', { port: 81 }) }], 0);
    const late = [...gone.rumors.map(({ delta }) => delta), ...rumors].reverse();
    const bob = open('bob');
    bob.apply({ ...(rumors[0] as Delta), from: 0 }, 0);
    for (const delta of late) bob.apply(delta, 0);
    bob.reapTombstones(4_000_000);
    const cat = open('cat');
    cat.apply(ann.deltaFor('ann') as Delta, 0);
    expect(bob.replicaProgress('ann')).toEqual(ann.replicaProgress('ann'));
    expect([difference(bob, cat), difference(bob, ann)]).toEqual([undefined, undefined]);
    expect(rowOf(bob)).toEqual(rowOf(ann));
  });

  test('a copy with a gap does not say what it holds; its difference shows all the same', () => {
    const ann = open('ann');
    const [a, , c] = ['a', 'b', 'c'].map(
      (id) => ann.publish([{ put: service(id) }], 0).rumors[0]?.delta as Delta,
    );
    const bob = open('bob');
    bob.apply({ ...(a as Delta), from: 0 }, 0);
    const cat = copyOf('cat', service('a'));
    expect(difference(bob, cat)).toBeUndefined();
    bob.apply(c as Delta, 0);
    expect(rowOf(bob)?.contents).toBeUndefined();
    expect(difference(bob, cat)).toBeDefined();
    expect([answerRequest(cat, bob.createSyncRequest()), cat.consumeDoubtful()][1]).toEqual([]);
  });

  test('a restored copy is not confirmed by one that says something else', () => {
    const ann = copyOf('ann2', service('web'));
    const bob = open('bob', {
      snapshot: decodeCatalogSnapshot(copyOf('bob', service('web', { port: 81 })).snapshot()),
    });
    expect(difference(bob, ann)).toBeDefined();
    answerRequest(bob, ann.createSyncRequest());
    expect(bob.isUnconfirmed('ann')).toBe(true);
  });
});

describe('A48 agents of earlier versions', () => {
  test('send summaries and rows without contents, and neither is a difference', () => {
    const [bob, cat] = [copyOf('bob', service('web')), copyOf('cat', service('web', { port: 81 }))];
    const summary = decodeCatalogSummary(cat.digest.encodedSummary());
    expect(bob.differingBuckets({ ...summary, contents: [] })).toBeUndefined();
    const { rows, ...request } = cat.createSyncRequest();
    const plain = rows.map(({ owner, epoch, version }) => ({ owner, epoch, version }));
    expect(answerRequest(bob, { ...request, rows: plain }).wants).toEqual([]);
    expect(bob.consumeDoubtful()).toEqual([]);
  });

  test('compare versions, and those of what is held beyond a gap', () => {
    const [bob, cat, dan] = ['bob', 'cat', 'dan'].map((owner) => copyOf(owner, service('web'))) as [
      Catalog,
      Catalog,
      Catalog,
    ];
    const next = { key: 's:db', version: 3, value: service('db') } as const;
    const gap: Delta = { owner: 'ann', epoch: EPOCH, from: 2, to: 3, swept: 0, entries: [next] };
    expect(cat.apply(gap, 0).outcome).toBe('gap');
    expect(dan.apply(whole(service('web'), service('db')), 0).outcome).toBe('applied');
    for (const other of [cat, dan]) {
      const summary = decodeCatalogSummary(other.digest.encodedSummary());
      expect(bob.differingBuckets({ ...summary, contents: [] })).toBeDefined();
    }
  });

  test('skip what they do not know: the fourth element of a row, the field c of a summary', () => {
    const [bob] = [copyOf('bob', service('web'))];
    const reader = new MsgpackReader(bob.digest.encodedSummary());
    reader.byte();
    expect(reader.mapLength(64)).toBe(4);
    const length = encodeCatalogSyncRequest({ ...bob.createSyncRequest() }).length;
    const { rows, ...request } = bob.createSyncRequest();
    const plain = rows.map(({ owner, epoch, version }) => ({ owner, epoch, version }));
    expect(length - encodeCatalogSyncRequest({ ...request, rows: plain }).length).toBeLessThanOrEqual(10);
  });
});

const node: ExternalNode = {
  ...{ kind: 'node', name: 'nas', address: '10.0.0.9', id: '', registeredAt: 5, removed: false },
  ...{ taggedAddresses: new Map([['wan', '1.2.3.4']]), meta: new Map([['rack', 'r1']]) },
};
const external = (value: ExternalNode): Published => ({ kind: 'external', node: 'nas', value });
const full = service('web', {
  ...{ tags: ['a', 'b'], ports: [{ name: 'http', port: 80, isDefault: true }] },
  taggedAddresses: new Map([
    ['lan', { address: '10.0.0.1', port: 80 }],
    ['wan', { address: '1.2.3.4', port: 81 }],
  ]),
  meta: new Map([
    ['version', 'v1'],
    ['stage', 'prod'],
  ]),
});

describe('A48 what counts', () => {
  test.each<readonly [string, Published, Published]>([
    ['name', full, { ...full, name: 'wob' }],
    ['tags', full, { ...full, tags: ['a', 'c'] }],
    ['their order', full, { ...full, tags: ['b', 'a'] }],
    ['where a tag ends', full, { ...full, tags: ['ab', ''] }],
    ['ports', full, { ...full, ports: [{ name: 'http', port: 80, isDefault: false }] }],
    [
      'tagged addresses',
      full,
      { ...full, taggedAddresses: new Map([['lan', { address: '10.0.0.1', port: 81 }]]) },
    ],
    ['keys of meta', full, { ...full, meta: new Map([['version', 'v1']]) }],
    ['weights', full, { ...full, weights: { passing: 1, warning: 0 } }],
    ['draining', full, { ...full, draining: true }],
    ['override', full, { ...full, enableTagOverride: true }],
    ['status', check('c', 'web'), check('c', 'web', { status: 'critical' })],
    ['its service', check('c', 'web'), check('c', 'wob')],
    ['interval', check('c', 'web'), check('c', 'web', { interval: '5s' })],
    ['length of notes', check('c', 'web'), check('c', 'web', { notes: 'x' })],
    ['address of a node', external(node), external({ ...node, address: '10.0.0.8' })],
    ['time of a node', external(node), external({ ...node, registeredAt: 5 + 2 ** 33 })],
    ['removal of a node', external(node), external({ ...node, removed: true })],
  ])('%s', (_, one, other) => {
    expect(contentsOf(one)).not.toBe(contentsOf(other));
  });

  test('not the order of maps, and of texts that recordings mask only the length', () => {
    const turned = { ...full, meta: new Map([...full.meta].reverse()) };
    const addresses = new Map([...full.taggedAddresses].reverse());
    expect(contentsOf({ ...turned, taggedAddresses: addresses })).toBe(contentsOf(full));
    const masked = new Map([
      ['version', 'x7'],
      ['stage', 'abcd'],
    ]);
    expect(contentsOf({ ...full, meta: masked })).toBe(contentsOf(full));
    const text = { notes: 'abc', output: 'defg' };
    expect(contentsOf(check('c', 'web', { notes: 'xyz', output: 'uvwx' }))).toBe(
      contentsOf(check('c', 'web', text)),
    );
  });

  test('all versions compute the same', () => {
    expect(
      [full, check('c', 'web', { status: 'warning', output: 'slow' }), external(node)].map(contentsOf),
    ).toEqual([242874303, 3279002389, 2149614799]);
  });
});
