/**
 * Heavy streams: push/pulls and requests with the greatest counts that are read, one more than that, and streams that are many
 * and slow. They hold the key, so all of it is decoded; nothing of it may stay, or take the place of what honest members send.
 */
import { type Address, toAddress } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { encodeCatalogSyncRequest, encodeDeltas } from '../../wire/catalog.ts';
import { PushNodeState } from '../../wire/memberlist.ts';
import { SerfState } from '../../wire/serf.ts';
import { encodePushPull, encodeStream, sealStream } from '../../wire/stream-writer.ts';
import type { SimHost } from '../world/host.ts';
import { hostEnvelope } from '../world/message-kinds.ts';
import type { World } from '../world/world.ts';
import { type FaultDefinitions, hostLabels } from './fault.ts';
import { FAKE_NAME_PREFIX } from './forgeries.ts';

export type HeavyStream = (typeof HEAVY_STREAMS)[number];

export const HEAVY_STREAMS = ['rows', 'insaneRows', 'statusTimes', 'events', 'owners', 'deltas'] as const;

export interface HeavyStreamFaults {
  heavyStreams: {
    readonly what: HeavyStream;
    /** Rows, times, events, owners or entries in each of them. */
    readonly count: number;
    /** The member whose host they come from; half of them come from elsewhere. */
    readonly victim: string;
    /** Many that are written piece by piece, and never to the end, instead of a few whole ones. */
    readonly slow: boolean;
    readonly seed: number;
  };
}

/** The most that is read of each kind. */
const LIMIT = 65_536;
const COUNTS = [1000, 4000, 16_000, LIMIT, LIMIT + 1] as const;
const SLOW_STREAMS = 40;
/** None of these is ever decoded: larger ones cost the simulator their seals and copies, a third of a seed, and show no more. */
const MAX_SLOW_COUNT = 16_000;
const SLOW_PIECES = 20;
const NAMES = 100;
const SANE = Uint8Array.of(1, 5, 2, 2, 5, 5);
const INSANE = Uint8Array.of(1, 5, 9, 2, 5, 5);
const BUCKETS = 16;

export const heavyStreamFaults: FaultDefinitions<HeavyStreamFaults> = {
  heavyStreams: {
    maxSpan: 15_000,
    draw: ({ rng, host, pick, oneIn }) => ({
      what: pick(HEAVY_STREAMS),
      count: pick(COUNTS),
      victim: host(),
      slow: oneIn(3),
      seed: rng.int(2 ** 31),
    }),
    inject: (world, { what, count, victim, slow, seed, span }) => {
      const rng = createRng(seed);
      const from = world.newAddress(world.host(victim).options.v6);
      const body = heavyStream(what, slow ? Math.min(count, MAX_SLOW_COUNT) : count, world.host(victim));
      const nonce = world.nonceSource();
      const send = (): void => {
        const labels = hostLabels(world);
        const to = world.host(labels[rng.int(labels.length)] as string);
        if (!to.running) return;
        const bytes = sealStream(body, hostEnvelope(to.currentOptions), { role: 'dialer', nonce });
        const source = rng.int(2) === 0 ? world.host(victim).address : from;
        if (slow) writeSlowly(world, to, portOf(source, rng), bytes, span);
        else world.injectStream(to.label, portOf(source, rng), bytes);
      };
      if (slow) for (let i = 0; i < SLOW_STREAMS; i++) send();
      // The greatest cost most of the simulator's time, too, so there are few of them.
      else for (let at = 0; at < span; at += 500 + count / 4) world.schedule(world.now + at, send);
    },
    affected: () => [],
  },
};

const portOf = (host: Address, rng: Rng): Address => toAddress(host.ip, 40_000 + rng.int(20_000));

function writeSlowly(world: World, to: SimHost, from: Address, bytes: Uint8Array, span: Millis): void {
  const write = world.openStream(to.label, from);
  const length = Math.ceil(bytes.length / (SLOW_PIECES + 1));
  for (let i = 0; i < SLOW_PIECES; i++)
    world.schedule(world.now + (span * i) / SLOW_PIECES, () =>
      write(bytes.subarray(i * length, (i + 1) * length)),
    );
  world.schedule(world.now + span, () => write());
}

/** A stream of so many things, without its envelope. */
export function heavyStream(what: HeavyStream, count: number, { name, address }: SimHost): Uint8Array {
  const many = <T>(make: (i: number) => T, length = count): T[] => Array.from({ length }, (_, i) => make(i));
  const fake = (i: number): string => `${FAKE_NAME_PREFIX}${i % NAMES}`;
  const row = { addr: address.ip, port: address.port, meta: NO_BYTES, incarnation: 1, state: 0 };
  const pushPull = (nodes: readonly PushNodeState[], state?: Partial<SerfState>): Uint8Array => {
    const userState = state === undefined ? NO_BYTES : SerfState.encode(SerfState.create(state)).slice();
    return encodePushPull({ kind: 'pushPull', join: false, nodes, userState });
  };
  switch (what) {
    case 'rows':
      return pushPull(many((i) => PushNodeState.create({ ...row, name: fake(i), vsn: SANE })));
    case 'insaneRows':
      return pushPull(many((i) => PushNodeState.create({ ...row, name: fake(i), vsn: INSANE })));
    case 'statusTimes':
      return pushPull([], { ltime: 5, statusLTimes: new Map(many((i) => [`${FAKE_NAME_PREFIX}${i}`, 1])) });
    case 'events': {
      const event = { kind: 'eventBody', name: 'heavy', payload: NO_BYTES } as const;
      const bucket = (ltime: number): NonNullable<SerfState['events'][number]> => ({
        ...{ kind: 'eventBucket', ltime },
        events: many(() => event, Math.ceil(count / BUCKETS)),
      });
      return pushPull([], { eventLTime: BUCKETS, events: many((i) => bucket(1 + i), BUCKETS) });
    }
    case 'owners': {
      const rows = many((i) => ({ owner: `${FAKE_NAME_PREFIX}${i}`, epoch: 5, version: 5 }));
      const body = encodeCatalogSyncRequest({ bucketCount: 1, buckets: [0], rows, failed: [] });
      return encodeStream({ kind: 'user', body });
    }
    case 'deltas': {
      const delta = { owner: name, epoch: 1, from: 0, swept: 0 };
      const entries = many((i) => ({ key: `s:heavy-${i}` as const, version: i + 1, value: undefined }));
      return encodeStream({
        kind: 'user',
        body: encodeDeltas([{ ...delta, to: count, entries }]),
      });
    }
  }
}
