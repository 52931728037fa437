import { describe, expect, test } from 'vitest';
import { ExternalNodes } from '../../../src/catalog/external-nodes.ts';
import type { EntryChange } from '../../../src/catalog/types.ts';
import { type Entry, type EntryKey, type Published, toEntryKey } from '../../../src/model/service.ts';
import { check, service } from '../http/data.ts';

const node = (name: string, registeredAt: number, address = '192.0.2.1', removed = false): Published => ({
  kind: 'external',
  node: name,
  value: {
    ...{ kind: 'node', name, address, registeredAt, id: '', removed },
    ...{ taggedAddresses: new Map(), meta: new Map() },
  },
});
const on = (name: string, value: ReturnType<typeof service> | ReturnType<typeof check>): Published => ({
  kind: 'external',
  node: name,
  value,
});

/** Ledgers as plain maps, and the readers' view of them at the agent `me`. */
function world() {
  const ledgers = new Map<string, Map<EntryKey, Entry>>([['me', new Map()]]);
  const members = new Set(['me', 'ann', 'bob']);
  const nodes = new ExternalNodes(
    {
      owners: () => ledgers.keys(),
      entries: (owner) => ledgers.get(owner),
      isUnconfirmed: () => false,
    },
    'me',
    (name) => members.has(name),
  );
  let topics = new Set<string>();
  const write = (owner: string, ...values: (Published | { remove: Published })[]): void => {
    const ledger = ledgers.get(owner) ?? new Map<EntryKey, Entry>();
    ledgers.set(owner, ledger);
    const changes = values.map((one): EntryChange => {
      const [value, after] = 'remove' in one ? [one.remove, undefined] : [one, one];
      const key = toEntryKey(value);
      const before = ledger.get(key)?.value;
      ledger.set(key, { key, version: ledger.size + 1, value: after });
      return { key, before, after };
    });
    nodes.onEntriesChanged(owner, changes, topics, 7);
  };
  const up = (owner: string, isUp: boolean): void => nodes.setOwnerUp(owner, isUp, topics);
  const takeTopics = (): string[] => {
    const taken = [...topics].sort();
    topics = new Set();
    return taken;
  };
  const leave = (owner: string): void => {
    const entries = [...(ledgers.get(owner)?.values() ?? [])];
    ledgers.delete(owner);
    nodes.onOwnerDeleted(
      owner,
      entries.map(({ key, value }) => ({ key, before: value, after: undefined })),
      topics,
    );
  };
  const shown = (name: string): string[] =>
    nodes.index.instances(name).map((one) => `${one.node} ${one.service.id} ${one.status}`);
  for (const owner of members) up(owner, true);
  takeTopics();
  return { nodes, members, write, up, leave, shown, takeTopics };
}

describe('A43 external nodes', () => {
  test('A43 are answered under their own names, with the health of their owners', () => {
    const { nodes, write, up, shown, takeTopics } = world();
    write('ann', service('web'), node('ext', 1), on('ext', service('web', { id: 'w' })));
    write('ann', on('ext', check('c', { serviceId: 'w', status: 'warning' })));
    expect(shown('web')).toEqual(['ann web passing', 'ext w warning']);
    expect(takeTopics()).toEqual(
      expect.arrayContaining(['checks', 'entries:ext', 'node:ext', 'nodes', 'service:web', 'services']),
    );
    expect(nodes.index.externalNode('EXT')).toMatchObject({ name: 'ext', owner: 'ann', up: true });
    up('ann', false);
    expect(shown('web')).toEqual(['ann web critical', 'ext w critical']);
    expect(nodes.index.externalNode('ext')?.up).toBe(false);
    expect(takeTopics()).toEqual(expect.arrayContaining(['entries:ext', 'node:ext', 'service:web']));
    up('ann', true);
    expect(shown('web')).toEqual(['ann web passing', 'ext w warning']);
  });

  test('A43 what is on them is told apart from what their owner has under the same id', () => {
    const { write, shown } = world();
    write('ann', service('web', { id: 'x' }), node('ext', 1), on('ext', service('web', { id: 'x' })));
    write('ann', on('ext', check('c', { status: 'critical' })));
    expect(shown('web')).toEqual(['ann x passing', 'ext x critical']);
    write('ann', { remove: on('ext', service('web', { id: 'x' })) });
    expect(shown('web')).toEqual(['ann x passing']);
  });

  test('A43 the latest registration of a name is shown, whichever comes first, and no mixture', () => {
    for (const order of [
      ['ann', 'bob'],
      ['bob', 'ann'],
    ]) {
      const { nodes, write, leave, shown } = world();
      for (const owner of order)
        write(
          owner,
          node('ext', owner === 'ann' ? 1 : 2, owner === 'ann' ? '192.0.2.1' : '192.0.2.2'),
          on('ext', service(owner === 'ann' ? 'old' : 'new')),
        );
      expect([shown('old'), shown('new')]).toEqual([[], ['ext new passing']]);
      expect(nodes.index.externalNode('ext')).toMatchObject({ owner: 'bob', address: '192.0.2.2' });
      leave('bob');
      expect([shown('old'), shown('new')]).toEqual([['ext old passing'], []]);
      leave('ann');
      expect([shown('old'), [...nodes.index.externalNodes()]]).toEqual([[], []]);
    }
  });

  test('A43 a node that its owner registers in another spelling is not hidden by the removal of the first, whenever that comes', () => {
    const { nodes, write, shown } = world();
    write('ann', node('Ext', 1), on('Ext', service('web')));
    write('ann', node('ext', 5), on('ext', service('web')));
    write('ann', { remove: node('Ext', 1) }, { remove: on('Ext', service('web')) });
    expect([shown('web'), nodes.index.externalNode('ext')?.name]).toEqual([['ext web passing'], 'ext']);
    write('ann', { remove: node('ext', 5) }, { remove: on('ext', service('web')) });
    expect([shown('web'), nodes.index.externalNode('ext')]).toEqual([[], undefined]);
  });

  test('A43 a member of the name hides them, until it is gone', () => {
    const { nodes, members, write, shown, takeTopics } = world();
    write('ann', node('cat', 1), on('cat', service('web')));
    takeTopics();
    members.add('cat');
    nodes.onMemberChanged('cat', new Set());
    expect([shown('web'), nodes.index.externalNode('cat')]).toEqual([[], undefined]);
    members.delete('cat');
    nodes.onMemberChanged('cat', new Set());
    expect(shown('web')).toEqual(['cat web passing']);
  });

  test('A43 without the node itself nothing of it is shown; with it alone it is a bare node', () => {
    const { nodes, write, shown } = world();
    write('ann', on('ext', service('web')));
    expect([shown('web'), nodes.index.externalNode('ext')]).toEqual([[], undefined]);
    write('ann', node('ext', 1));
    expect(shown('web')).toEqual(['ext web passing']);
    write('ann', { remove: on('ext', service('web')) });
    expect([shown('web'), nodes.index.externalNode('ext')?.owner]).toEqual([[], 'ann']);
    write('ann', { remove: node('ext', 1) });
    expect([...nodes.index.externalNodes()]).toEqual([]);
  });

  test('A43 the owner learns that another agent has registered its node later', () => {
    const { nodes, write } = world();
    write('me', node('ext', 1), node('mine', 9));
    expect(nodes.consumeSuperseded()).toEqual([]);
    write('bob', node('ext', 2), node('mine', 3));
    expect([nodes.supersededAt, nodes.consumeSuperseded()]).toEqual([7, ['ext']]);
    expect([nodes.supersededAt, nodes.consumeSuperseded()]).toEqual([Number.POSITIVE_INFINITY, []]);
  });

  test('A43 a later removal hides the node, and its owner learns of it', () => {
    const { nodes, write, shown, takeTopics } = world();
    const owners = (): string[] => nodes.holdings('ext').map(({ owner }) => owner);
    write('me', node('ext', 1), on('ext', service('web')));
    takeTopics();
    write('bob', node('EXT', 2, '192.0.2.1', true));
    expect([shown('web'), [...nodes.index.externalNodes()]]).toEqual([[], []]);
    expect(takeTopics()).toEqual(expect.arrayContaining(['node:ext', 'nodes', 'service:web', 'services']));
    expect([nodes.consumeSuperseded(), nodes.latest('ext')?.owner]).toEqual([['EXT'], 'bob']);
    write('ann', node('ext', 3));
    expect(nodes.index.externalNode('ext')?.owner).toBe('ann');
    write('ann', { remove: node('ext', 3) });
    expect(nodes.index.externalNode('ext')).toBeUndefined();
    expect(owners()).toEqual(['me', 'bob']);
    write('bob', { remove: node('EXT', 2) });
    expect([nodes.index.externalNode('ext')?.owner, owners()]).toEqual(['me', ['me']]);
  });
});
