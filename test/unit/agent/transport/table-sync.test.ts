import { expect, test } from 'vitest';
import type { PushPullRequest } from '../../../../src/agent/transport/stream-host.ts';
import { type TableHost, TableSync } from '../../../../src/agent/transport/table-sync.ts';
import { toAddress } from '../../../../src/base/address.ts';
import { NO_BYTES } from '../../../../src/base/bytes.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { swimSection } from '../../../../src/config/protocol.ts';
import { withDefaults } from '../../../../src/config/setting.ts';
import { MemberTable } from '../../../../src/swim/members.ts';
import {
  decodeTable,
  encodeSums,
  encodeTableAnswer,
  includesBucket,
  ROW_BUCKETS,
} from '../../../../src/wire/table.ts';
import { identityOf } from '../../swim/helpers.ts';

const PEER = identityOf('peer');

/** An agent with a table of so many rows, the bodies of the questions that it asks, and the push/pulls that it dials. */
function createSync(rows: number) {
  const members = new MemberTable(identityOf('me'), 1, createRng(1), 0);
  for (let i = 2; i < rows; i++)
    members.add({ ...identityOf(`n${i}`), address: toAddress(Uint8Array.of(10, 0, 1, i), 7946) }, 0);
  const peer = members.add(PEER, 0);
  const questions: Uint8Array[] = [];
  const dialed: PushPullRequest[] = [];
  const exchangedParts = {
    membership: { statuses: { all: () => [], revision: 0 } },
    events: { floor: 0, heldFrom: () => [] },
  };
  const host = {
    ...{ members, isHere: () => true, isCatalogPeer: () => true, onSpared: () => {} },
    ...{ summary: () => NO_BYTES, compareSummary: () => {} },
    serf: { exchangedParts, clocks: { member: 1, event: 1, query: 1 } },
    packets: { sendUserMessage: (_to: unknown, body: Uint8Array) => questions.push(body) },
    streams: { dialPushPull: (request: PushPullRequest) => dialed.push(request) },
  } as unknown as TableHost;
  return { sync: new TableSync(withDefaults(swimSection, {}), createRng(2), host), peer, questions, dialed };
}

type Created = ReturnType<typeof createSync>;

/** The peer answers the last question that its table is another one. */
function answerOtherwise({ sync, questions }: Created, sums: Uint8Array): void {
  const { id } = decodeTable(questions.at(-1) as Uint8Array);
  const answer = { id, floor: 0, digest: new Uint8Array(8), summary: NO_BYTES, sums };
  sync.receive(encodeTableAnswer(answer), PEER.address, 0, []);
}

const OTHER_SUMS = encodeSums(Array.from({ length: ROW_BUCKETS }, (_, i) => i + 1));

test('only the buckets that differ are exchanged, and after fifteen such push/pulls the whole table', () => {
  const created = createSync(20);
  const { sync, peer, questions, dialed } = created;
  for (let i = 0; i < 15; i++) {
    sync.sync(peer, 0, []);
    answerOtherwise(created, OTHER_SUMS);
  }
  expect(questions).toHaveLength(15);
  expect(dialed).toHaveLength(15);
  for (const { buckets } of dialed) expect(buckets !== undefined && includesBucket(buckets, 0)).toBe(true);
  sync.sync(peer, 0, []);
  expect(questions).toHaveLength(15);
  expect(dialed.at(-1)?.buckets).toBeUndefined();
});

test.each<[string, number, Uint8Array]>([
  ['a small table', 15, OTHER_SUMS],
  ['an answer without sums', 20, NO_BYTES],
])('with %s all rows are exchanged', (_, rows, sums) => {
  const created = createSync(rows);
  created.sync.sync(created.peer, 0, []);
  answerOtherwise(created, sums);
  expect(created.dialed.map(({ buckets }) => buckets)).toEqual([undefined]);
});
