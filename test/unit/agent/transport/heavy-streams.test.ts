/** S1: one stream of a hundred thousand rows, whatever they are, is many short turns for a whole agent. */
import { expect, test } from 'vitest';
import { createAgent } from '../../../../src/agent/agent.ts';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import type { Effect, Input } from '../../../../src/agent/contract/machine.ts';
import { parseAddress } from '../../../../src/base/address.ts';
import { NO_BYTES } from '../../../../src/base/bytes.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { resolveConfig } from '../../../../src/config/resolve.ts';
import { encodeCatalogSyncRequest } from '../../../../src/wire/catalog.ts';
import { PushNodeState } from '../../../../src/wire/memberlist.ts';
import { SerfState } from '../../../../src/wire/serf.ts';
import { encodePushPull, encodeStream } from '../../../../src/wire/stream-writer.ts';

const { config } = resolveConfig({ flags: {}, env: {}, files: [], hostname: 'ann' });
const at = (text: string) => parseAddress(text) as NonNullable<ReturnType<typeof parseAddress>>;

/** An agent, and the facts of each of its turns after a stream has brought these bytes. */
function turnsOf(
  bytes: Uint8Array,
  maxMembers = 16_384,
): { readonly turns: readonly Fact[][]; readonly members: number } {
  const agent = createAgent({
    ...{
      name: 'ann',
      address: at('10.9.9.9:7946'),
      tags: new Map(),
      swim: { ...config.swim, maxMembers },
      serf: config.serf,
    },
    ...{ keys: [], label: '', rng: createRng(1), nonce: () => new Uint8Array(12), startedAt: 1e12, now: 0 },
  });
  const turns: Fact[][] = [];
  const handle = (input: Input): void => {
    const out: Effect[] = [];
    agent.handle(input, 1, out);
    turns.push(out.flatMap((effect) => (effect.kind === 'fact' ? [effect.fact] : [])));
  };
  handle({ kind: 'tick' });
  handle({ kind: 'streamAccepted', stream: 1, from: at('10.0.0.1:50000') });
  for (let i = 0; i < bytes.length; i += 65_536)
    handle({ kind: 'streamData', stream: 1, bytes: bytes.subarray(i, i + 65_536) });
  while (agent.deadline <= 1 && turns.length < 10_000) handle({ kind: 'tick' });
  return { turns, members: agent.view.members().length };
}

const rows = (count: number, over: object): PushNodeState[] =>
  Array.from({ length: count }, (_, i) =>
    PushNodeState.create({
      ...{ name: `node-${i}`, addr: Uint8Array.of(10, 0, 0, 1), port: 7946, meta: NO_BYTES },
      ...{ vsn: Uint8Array.of(1, 5, 2, 2, 5, 5), incarnation: 1, ...over },
    }),
  );
const pushPull = (nodes: readonly PushNodeState[], userState: Uint8Array = NO_BYTES): Uint8Array =>
  encodePushPull({ kind: 'pushPull', join: false, nodes, userState });
const serf = (over: object): Uint8Array => pushPull([], SerfState.encode(SerfState.create(over)).slice());

test('2,000 new members come some dozens a turn', () => {
  const { turns, members } = turnsOf(pushPull(rows(2000, {})));
  expect(members).toBe(2001);
  for (const facts of turns)
    expect(facts.filter(({ kind }) => kind === 'memberDiscovered').length).toBeLessThanOrEqual(40);
});

test('S1 a push/pull of more new members than there is room for fills the table, and no more', () => {
  expect(turnsOf(pushPull(rows(1000, {})), 500).members).toBe(500);
});

test('rows of insane versions are told by the first eight', () => {
  const { turns } = turnsOf(pushPull(rows(20_000, { vsn: Uint8Array.of(1, 5, 9, 2, 5, 5) })));
  const told = turns.flat().filter(({ kind }) => kind === 'gossipMessageRefused');
  expect(told).toHaveLength(8);
  expect(told.at(-1)).toMatchObject({ reason: 'versions 1.5.9.2.5.5, as 19992 more of this push/pull' });
});

test('status times and events of a state are read and merged in turns', () => {
  const times = serf({
    statusLTimes: new Map(Array.from({ length: 50_000 }, (_, i) => [`name-${i}`, i + 1])),
    ltime: 60_000,
  });
  expect(turnsOf(times).turns.length).toBeGreaterThan(150);
  const events = serf({
    eventLTime: 200,
    events: Array.from({ length: 64 }, (_, i) => ({
      ...{ kind: 'eventBucket', ltime: 100 + i },
      events: Array.from({ length: 800 }, (_, k) => ({ kind: 'eventBody', name: `${k}`, payload: NO_BYTES })),
    })),
  });
  const { turns } = turnsOf(events);
  for (const facts of turns)
    expect(facts.filter(({ kind }) => kind === 'userEventReceived').length).toBeLessThanOrEqual(260);
});

test.each([
  ['rows', pushPull(rows(65_537, {}))],
  ['status times', serf({ statusLTimes: new Map(Array.from({ length: 65_537 }, (_, i) => [`n${i}`, 1])) })],
  [
    'events',
    serf({
      events: Array.from({ length: 17 }, (_, i) => ({
        ...{ kind: 'eventBucket', ltime: 1 + i },
        events: Array.from({ length: 4000 }, () => ({ kind: 'eventBody', name: 'e', payload: NO_BYTES })),
      })),
    }),
  ],
  [
    'owners',
    encodeStream({
      kind: 'user',
      body: encodeCatalogSyncRequest({
        ...{ bucketCount: 1, buckets: [0] },
        rows: Array.from({ length: 65_537 }, (_, i) => ({ owner: `o${i}`, epoch: 5, version: 5 })),
      }),
    }),
  ],
])('more than 65,536 %s are refused', (_, bytes) => {
  const { turns } = turnsOf(bytes);
  expect(turns.flat()).toContainEqual(expect.objectContaining({ kind: 'streamRejected', code: 'tooLarge' }));
});
