/** S1: what others send costs an agent the same whether it has heard of few members or of many. */
import { expect, test } from 'vitest';
import { createAgent } from '../../../../src/agent/agent.ts';
import type { Effect, Input } from '../../../../src/agent/contract/machine.ts';
import { parseAddress } from '../../../../src/base/address.ts';
import { NO_BYTES } from '../../../../src/base/bytes.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { resolveConfig } from '../../../../src/config/resolve.ts';
import { Alive, PushNodeState } from '../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, sealPacket } from '../../../../src/wire/packet.ts';
import { encodeTags, Query, QueryResponse, RelayHeader } from '../../../../src/wire/serf.ts';
import { encodePushPull } from '../../../../src/wire/stream-writer.ts';
import { countRowReads } from '../../swim/row-reads.ts';

const { config } = resolveConfig({ flags: {}, env: {}, files: [], hostname: 'ann' });
const at = (text: string) => parseAddress(text) as NonNullable<ReturnType<typeof parseAddress>>;
const HOST = '10.0.0.1';
const stranger = at('10.7.7.7:7946');
const vsn = Uint8Array.of(1, 5, 2, 2, 5, 5);
const meta = encodeTags(new Map([['hearsay', '1']]));
/** More than a dialer may bring without being asked about each, and all at one host. */
const MEMBERS = 200;

/** An agent that a push/pull has told of so many members, none of which has answered. */
function agentInCrowd() {
  const agent = createAgent({
    ...{ name: 'ann', address: at('10.9.9.9:7946'), tags: new Map(), swim: config.swim, serf: config.serf },
    ...{ keys: [], label: '', rng: createRng(1), nonce: () => new Uint8Array(12), startedAt: 1e12, now: 0 },
  });
  const handle = (input: Input): Effect[] => {
    const out: Effect[] = [];
    agent.handle(input, 1, out);
    return out;
  };
  let stream = -1;
  const pushPull = (nodes: readonly PushNodeState[]): string[] => {
    stream += 2;
    const bytes = encodePushPull({ kind: 'pushPull', join: false, nodes, userState: NO_BYTES });
    handle({ kind: 'streamAccepted', stream, from: at(`${HOST}:50000`) });
    const out = handle({ kind: 'streamData', stream, bytes });
    handle({ kind: 'streamClosed', stream });
    return out.map((effect) => (effect.kind === 'fact' ? effect.fact.kind : effect.kind));
  };
  handle({ kind: 'tick' });
  const row = { addr: at(`${HOST}:0`).ip, meta, vsn, incarnation: 1 };
  pushPull(
    Array.from({ length: MEMBERS }, (_, i) =>
      PushNodeState.create({ ...row, name: `m${i}`, port: 8000 + i }),
    ),
  );
  while (agent.deadline <= 1) handle({ kind: 'tick' });
  expect(agent.view.members()).toHaveLength(MEMBERS + 1);
  return { handle, pushPull };
}

const alive = Alive.create({ incarnation: 1, node: 'newcomer', meta, addr: stranger.ip, port: 7946, vsn });
const query = { id: 7, ltime: 1, name: 'q', flags: 1, timeout: 5e9, addr: stranger.ip, port: stranger.port };
const dest = { kind: 'relayAddress', ip: stranger.ip, port: stranger.port, zone: '' } as const;
const toStranger = RelayHeader.encode({ dest, destName: 'nobody' }).slice();
const user = (...bodies: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from([8, ...bodies.flatMap((body) => [...body])]);

test.each<[string, Uint8Array, typeof stranger]>([
  ['of a stranger that tells of an unknown member', Alive.encode(alive).slice(), stranger],
  ['of a member that tells of an unknown member', Alive.encode(alive).slice(), at(`${HOST}:8199`)],
  [
    'with a query of nobody',
    user(Query.encode(Query.create({ ...query, sourceNode: 'nobody' })).slice()),
    stranger,
  ],
  [
    'with a response that is to be relayed to nobody',
    user(toStranger, QueryResponse.encode(QueryResponse.create({}))),
    stranger,
  ],
])('a datagram %s reads but some of the rows', (_, message, from) => {
  const rows = countRowReads();
  const { handle } = agentInCrowd();
  const bytes = sealPacket([message], BARE_ENVELOPE, { crc: false, nonce: () => NO_BYTES });
  const effects = (): Effect[] => handle({ kind: 'packet', from, bytes });

  expect(rows.during(() => expect(effects()).not.toEqual([]))).toBeLessThan(MEMBERS / 4);
});

test('S10 a push/pull that is refused, of a host of many members, reads no row at all', () => {
  const rows = countRowReads();
  const { pushPull } = agentInCrowd();
  const wasRefused = (): boolean => pushPull([]).some((kind) => kind === 'streamRefused');
  let tries = 1;
  while (!wasRefused() && tries < 1000) tries += 1;
  expect(tries).toBeLessThan(1000);

  expect(rows.during(() => expect(wasRefused()).toBe(true))).toBe(0);
});
