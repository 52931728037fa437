/**
 * Series of forged messages, each of them plausible by itself: walks of many steps, values just below every ceiling, many
 * senders that say the same, names that readers fold, and queries that are dear to judge.
 */
import { type Address, toAddress } from '../../base/address.ts';
import { concatBytes, encodeUtf8, NO_BYTES } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import { encodeDelta, encodeDeltaAnnounce } from '../../wire/catalog.ts';
import { encodeFilter } from '../../wire/filter.ts';
import { Alive, Dead, encodeMessage, MESSAGE_TYPE, Suspect } from '../../wire/memberlist.ts';
import { JoinIntent, LeaveIntent, Query, UserEvent } from '../../wire/serf.ts';
import type { SimHost } from '../world/host.ts';

/** What a forgery is made from. */
export interface ForgeryContext {
  readonly victim: SimHost;
  /** The member that receives it. */
  readonly to: SimHost;
  /** Where the sender is: no member has this address. */
  readonly from: Address;
  readonly rng: Rng;
}

export type Series = (typeof SERIES)[number];

/** All kinds of series. */
export const SERIES = [
  ...(['walk', 'clockWalk', 'ceilings', 'sybils', 'foldedName', 'dearQueries'] as const),
] as const;

const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const WALK_LENGTH = 100;
const STEPS = [1, 60, 2 ** 16, 2 ** 20, 2 ** 25] as const;
const CLOCK_STEPS = [500, 2 ** 14, 2 ** 20 - 100, 2 ** 32 - 8] as const;
/** The highest values that some limit lets through, or almost. */
const INCARNATIONS = [2 ** 31 - 3, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 32 - 2, 2 ** 32 - 1] as const;
const TIMES = [2 ** 20, 2 ** 32 - 8, 2 ** 32, 2 ** 52, 2 ** 53 - 3, 2 ** 53 - 2] as const;
const EPOCHS = [2 ** 47, 2 ** 52 - 2 ** 47 - 1, 2 ** 52 - 2, 2 ** 52 - 1] as const;
const DEAR = '(((){1000}){7})?';

/** The messages of one datagram of a series. */
export function seriesMessages(series: Series, context: ForgeryContext): Uint8Array[] {
  const { victim, from, rng } = context;
  const { name: node, address } = victim;
  const { incarnation: current, serf } = victim.runningAgent.view.self();
  const pick = <T>(values: readonly T[]): T => values[rng.int(values.length)] as T;
  const alive = (over: Partial<Alive>): Uint8Array => {
    const own = { node, addr: address.ip, port: address.port, meta: serf.member.identity.meta, vsn: VSN };
    return encodeMessage(Alive.create({ incarnation: current + 1, ...own, ...over }));
  };
  switch (series) {
    case 'walk': {
      const step = pick(STEPS);
      const incarnation = (i: number): number => Math.min(2 ** 32 - 1, current + step * i);
      const steps = Array.from({ length: WALK_LENGTH }, (_, i) =>
        alive({ incarnation: incarnation(i + 1), meta: NO_BYTES }),
      );
      const top = Suspect.create({ incarnation: incarnation(WALK_LENGTH), node, from: 'x' });
      return [...steps, encodeMessage(top)];
    }
    case 'clockWalk': {
      const step = pick(CLOCK_STEPS);
      return Array.from({ length: WALK_LENGTH }, (_, i) => {
        const ltime = step * (i + 1);
        return user(pick([event(ltime, i), JoinIntent.encode({ ltime, node }), query(context, ltime, [])]));
      });
    }
    case 'ceilings': {
      const incarnation = pick(INCARNATIONS);
      const ltime = pick(TIMES);
      const epoch = pick(EPOCHS);
      const delta = {
        owner: node,
        epoch,
        from: 0,
        to: pick([1, 2 ** 32, 2 ** 52 - 1]),
        swept: 0,
        entries: [],
      };
      return [
        alive({ incarnation }),
        alive({ incarnation, addr: from.ip, port: from.port }),
        encodeMessage(Suspect.create({ incarnation, node, from: 'x' })),
        encodeMessage(Dead.create({ incarnation, node, from: pick(['x', node]) })),
        user(LeaveIntent.encode({ ltime, node, prune: rng.int(2) === 0 })),
        user(event(ltime, 0)),
        user(query(context, ltime, [])),
        user(encodeDelta(delta)),
        user(encodeDeltaAnnounce({ owner: node, epoch, version: delta.to })),
      ];
    }
    case 'sybils':
      return Array.from({ length: 8 }, () =>
        encodeMessage(
          pick([Suspect, Dead]).create({
            incarnation: current,
            node,
            from: `sybil${rng.int(1000)}`,
          }) as Suspect,
        ),
      );
    case 'foldedName':
      return [alive({ node: pick([node.toUpperCase(), `${node}\u200b`, `${node} `]), incarnation: 1 })];
    case 'dearQueries':
      return Array.from({ length: 2 }, (_, i) => user(query(context, 2 + i, [DEAR, DEAR, DEAR])));
  }
}

/** Many hosts say the same; a folded name comes from a member, which may introduce others. */
export function seriesSender(series: Series, { victim, from, rng }: ForgeryContext): Address {
  if (series === 'foldedName') return victim.address;
  if (series !== 'sybils' || from.ip.length !== 4) return from;
  return toAddress(Uint8Array.of(10, 99, rng.int(256), 1 + rng.int(254)), from.port);
}

const user = (body: Uint8Array): Uint8Array => concatBytes([Uint8Array.of(MESSAGE_TYPE.user), body]);

const event = (ltime: number, i: number): Uint8Array =>
  UserEvent.encode({ ltime, name: `forged-${i}`, payload: NO_BYTES, cc: false });

function query({ victim, rng }: ForgeryContext, ltime: number, exprs: readonly string[]): Uint8Array {
  const filters = exprs.map((expr) => encodeFilter({ kind: 'tag', tag: 'hearsay', expr }));
  const { name: sourceNode, address } = victim;
  const source = { addr: address.ip, port: address.port, sourceNode };
  return Query.encode(
    Query.create({
      ...{ ltime, id: rng.int(2 ** 32), ...source, filters, flags: 1 },
      ...{ timeout: 1e9, name: 'forged', payload: encodeUtf8('x') },
    }),
  );
}
