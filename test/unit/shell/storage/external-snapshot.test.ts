import { expect, test } from 'vitest';
import type { Snapshot } from '../../../../src/agent/contract/machine.ts';
import { decodeSnapshotFile, encodeSnapshotFile } from '../../../../src/shell/storage/snapshot.ts';

const NOTHING = { services: [], checks: [], states: [], maintenance: [], draining: [] };
const SNAPSHOT: Snapshot = {
  ...{ incarnation: 1, clocks: { member: 1, event: 1, query: 1 }, peers: [], registered: NOTHING },
  external: [
    {
      ...{ name: 'ext', address: '192.0.2.9', taggedAddresses: [['lan', '192.0.2.9']], meta: [['k', 'v']] },
      ...{ id: '', registeredAt: 1_700_000_000_000, registered: { ...NOTHING, services: ['{"Name":"es"}'] } },
    },
  ],
};

test('A43 external nodes are in the snapshot as they were', () => {
  expect(decodeSnapshotFile(encodeSnapshotFile(SNAPSHOT))).toEqual(SNAPSHOT);
});

test.each([
  ['no name', { name: undefined }],
  ['a time that is none', { registeredAt: -1 }],
  ['pairs of numbers', { meta: [[1, 2]] }],
])('A43 a snapshot whose external node has %s is refused as a whole', (_, change) => {
  const [node] = SNAPSHOT.external ?? [];
  const broken = { ...SNAPSHOT, external: [{ ...node, ...change }] } as unknown as Snapshot;
  expect(decodeSnapshotFile(encodeSnapshotFile(broken))).toEqual(
    expect.stringContaining('unexpected contents'),
  );
});
