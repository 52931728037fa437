import { expect, test } from 'vitest';
import {
  bucketOf,
  digestTable,
  sumBuckets,
  type TableDigest,
  type TableParts,
} from '../../../../src/agent/transport/table-digest.ts';
import { toAddress } from '../../../../src/base/address.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { UserEventBuffer } from '../../../../src/serf/events.ts';
import { Statuses } from '../../../../src/serf/membership/status.ts';
import type { SerfMember } from '../../../../src/serf/types.ts';
import { MemberTable } from '../../../../src/swim/members.ts';
import type { Member, MemberState } from '../../../../src/swim/types.ts';
import { differingBuckets, includesBucket, ROW_BUCKETS } from '../../../../src/wire/table.ts';
import { identityOf } from '../../swim/helpers.ts';

interface Held {
  readonly rows: readonly (readonly [name: string, state: MemberState, incarnation: number, meta: string])[];
  readonly statuses: readonly (readonly [name: string, status: string, statusLTime: number])[];
  readonly events: readonly (readonly [ltime: number, name: string])[];
  readonly summary: string;
  readonly clocks: readonly [member: number, event: number, query: number];
}

const ROWS: Held['rows'] = [
  ['ann', 'alive', 1, 'a'],
  ['bob', 'alive', 2, ''],
];
const STATUSES: Held['statuses'] = [
  ['ann', 'alive', 7],
  ['cat', 'failed', 3],
];
const HELD: Held = {
  ...{ rows: ROWS, statuses: STATUSES, summary: 's', clocks: [9, 4, 2] },
  events: [
    [2, 'old'],
    [3, 'deploy'],
  ],
};

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);

function digestOf(change: Partial<Held> = {}, floor = 0, of: keyof TableDigest = 'all'): string {
  return digestTable(partsOf(change), floor)[of].join('.');
}

/** New objects each time, as at another agent. */
function partsOf(change: Partial<Held> = {}): TableParts {
  const { rows, statuses, events, summary, clocks } = { ...HELD, ...change };
  const buffer = new UserEventBuffer(512);
  for (const [ltime, name] of events)
    buffer.handleUserEvent({ ltime, name, payload: octets('x'), coalesce: false }, []);
  const members = rows.map(([name, state, incarnation, meta]): Member => {
    const address = toAddress(Uint8Array.of(10, 0, 0, name.length), 7946);
    return {
      identity: { name, address, meta: octets(meta), vsn: new Uint8Array(6) },
      ...{ state, incarnation, since: 0 },
    };
  });
  const held = statuses.map(([name, status, statusLTime]) => ({ name, status, statusLTime }));
  const [member, event, query] = clocks;
  const exchangedParts = { membership: { statuses: { all: () => held } }, events: buffer };
  return {
    ...{ members: { all: () => members }, summary: () => octets(summary) },
    serf: { exchangedParts, clocks: { member, event, query } },
  } as unknown as TableParts;
}

test('equal tables have equal digests, in whatever order they are', () => {
  expect(digestOf()).toBe(digestOf());
  expect(digestOf({ rows: [...ROWS].reverse(), statuses: [...STATUSES].reverse() })).toBe(digestOf());
});

test('without the catalog all else makes a difference', () => {
  const rest = (change: Partial<Held>): string => digestOf(change, 0, 'rest');
  expect(rest({ summary: 't' })).toBe(rest({}));
  expect(rest({ rows: [...ROWS, ['dan', 'alive', 1, '']] })).not.toBe(rest({}));
  expect(rest({ clocks: [10, 4, 2] })).not.toBe(rest({}));
  expect(rest({ events: HELD.events.slice(0, 1) })).not.toBe(rest({}));
});

const [ann] = ROWS as [Held['rows'][0], Held['rows'][0]];
test.each<[string, Partial<Held>]>([
  ['a row more', { rows: [...ROWS, ['dan', 'alive', 1, '']] }],
  ['an incarnation', { rows: [ann, ['bob', 'alive', 3, '']] }],
  ['a state', { rows: [ann, ['bob', 'suspect', 2, '']] }],
  ['a leave and a death', { rows: [ann, ['bob', 'left', 2, '']] }],
  ['tags', { rows: [ann, ['bob', 'alive', 2, 'b']] }],
  [
    'who has which incarnation',
    {
      rows: [
        ['ann', 'alive', 2, 'a'],
        ['bob', 'alive', 1, ''],
      ],
    },
  ],
  ['a failed member', { statuses: STATUSES.slice(0, 1) }],
  ['a member that leaves', { statuses: [['ann', 'leaving', 7], ...STATUSES.slice(1)] }],
  ['an event', { events: HELD.events.slice(0, 1) }],
  [
    'the time of an event',
    {
      events: [
        [2, 'deploy'],
        [3, 'old'],
      ],
    },
  ],
  ['the catalog', { summary: 't' }],
  ['the clock of members', { clocks: [10, 4, 2] }],
  ['the clock of events', { clocks: [9, 5, 2] }],
  ['the clock of queries', { clocks: [9, 4, 3] }],
])('%s makes a difference', (_, change) => {
  expect(digestOf(change)).not.toBe(digestOf());
});

test('status times of members that are alive make none, nor do members that left before one of the two came', () => {
  expect(digestOf({ statuses: [['ann', 'alive', 6], ...STATUSES.slice(1)] })).toBe(digestOf());
  expect(digestOf({ statuses: [...STATUSES, ['eve', 'left', 5]] })).toBe(digestOf());
});

test.each<[string, string, Partial<Held>]>([
  ['a row more', 'dan', { rows: [...ROWS, ['dan', 'alive', 1, '']] }],
  ['an incarnation', 'bob', { rows: [ann, ['bob', 'alive', 3, '']] }],
  ['tags', 'bob', { rows: [ann, ['bob', 'alive', 2, 'b']] }],
  ['a member that has failed', 'cat', { statuses: STATUSES.slice(0, 1) }],
])('%s makes the bucket of its name differ, and no other', (_, node, change) => {
  const set = differingBuckets(sumBuckets(partsOf()), sumBuckets(partsOf(change)));
  const buckets = Array.from({ length: ROW_BUCKETS }, (__, bucket) => bucket);
  expect(buckets.filter((bucket) => includesBucket(set, bucket))).toEqual([bucketOf(node)]);
});

test('names are spread over all buckets', () => {
  const counts = new Map<number, number>();
  for (let i = 0; i < 3200; i++)
    counts.set(bucketOf(`web-${i}`), (counts.get(bucketOf(`web-${i}`)) ?? 0) + 1);
  expect(counts.size).toBe(ROW_BUCKETS);
  expect(Math.max(...counts.values())).toBeLessThan(200);
});

test('events before the floor make none', () => {
  expect(digestOf({ events: HELD.events.slice(1) }, 3)).toBe(digestOf({}, 3));
  expect(digestOf({ events: HELD.events.slice(1) }, 2)).not.toBe(digestOf({}, 2));
});

test('what is kept of the rows of a table is as if it were computed anew, after each change', () => {
  const [members, statuses] = [new MemberTable(identityOf('me'), 1, createRng(1), 0), new Statuses()];
  const digest = (of: Pick<MemberTable, 'all' | 'revision'>): string => {
    const exchangedParts = { membership: { statuses }, events: new UserEventBuffer(512) };
    const serf = {
      exchangedParts,
      clocks: { member: 1, event: 1, query: 1 },
    } as unknown as TableParts['serf'];
    const parts = { members: of, serf, summary: () => octets('s') };
    return [digestTable(parts, 0).all, sumBuckets(parts)].join(' ');
  };
  const row = members.add(identityOf('bob'), 0);
  const failed = { name: 'bob', status: 'failed', statusLTime: 1, downAt: 1 } as SerfMember;
  const changes: readonly (() => void)[] = [
    () => members.setState(row, 'alive', 0),
    () => members.setIncarnation(row, 2),
    () => members.setIdentity(row, { ...identityOf('bob'), meta: octets('m') }),
    () => statuses.set(failed),
    () => statuses.set({ ...failed, status: 'left' }),
    () => void members.add(identityOf('cat'), 1),
    () => members.setState(row, 'dead', 1),
    () => members.remove(row),
  ];
  const seen = new Set([digest(members)]);
  for (const change of changes) {
    change();
    const kept = digest(members);
    expect(kept).toBe(digest({ all: () => members.all(), revision: members.revision }));
    expect(digest(members)).toBe(kept);
    seen.add(kept);
  }
  // One that left makes none, so one of them comes twice.
  expect(seen.size).toBe(changes.length);
});
