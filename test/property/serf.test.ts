/** Laws of the Serf layer: order does not matter, clocks do not fall, strangers cannot break or use us. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireError } from '../../src/base/errors.ts';
import { decodeSerf, encodeTags, SerfState } from '../../src/wire/serf.ts';
import { type One, one, SELF } from '../unit/serf/one.ts';

const NAMES = ['bob', 'cat', 'dan', SELF];
const LANES = ['intents', 'events', 'queries'] as const;
const name = fc.constantFrom(...NAMES, 'eve', 'fox');

/** Something that can happen to a Serf. */
type Happening =
  | {
      readonly kind: 'join' | 'leave';
      readonly node: string;
      readonly ltime: number;
      readonly prune: boolean;
    }
  | { readonly kind: 'up' | 'down'; readonly node: string }
  | { readonly kind: 'event' | 'query'; readonly id: number; readonly ltime: number; readonly flags: number }
  | { readonly kind: 'merge'; readonly state: SerfState; readonly join: boolean }
  | { readonly kind: 'raw'; readonly body: Uint8Array }
  | { readonly kind: 'pass'; readonly millis: number }
  | { readonly kind: 'joined' }
  | { readonly kind: 'forget'; readonly node: string; readonly prune: boolean };

/** Stamps as honest clocks give them, and beyond all belief. */
const clear = fc.oneof(
  { weight: 9, arbitrary: fc.nat(60) },
  { weight: 1, arbitrary: fc.integer({ min: 2 ** 40, max: Number.MAX_SAFE_INTEGER }) },
);
/** Those too that are believed or not by a hair, or only after another. */
const any = fc.oneof(
  { weight: 8, arbitrary: clear },
  { weight: 1, arbitrary: fc.maxSafeNat() },
  { weight: 1, arbitrary: fc.integer({ min: 2 ** 32 - 2, max: 2 ** 33 }) },
);

const kinds = <const K extends string>(...all: K[]): fc.Arbitrary<K> => fc.constantFrom(...all);

const states = (stamp: fc.Arbitrary<number>): fc.Arbitrary<SerfState> => {
  const event = fc.record({
    kind: kinds('eventBody'),
    name: fc.constantFrom('a', 'b'),
    payload: fc.uint8Array({ maxLength: 4 }),
  });
  const bucket = fc.record({
    kind: kinds('eventBucket'),
    ltime: stamp,
    events: fc.array(event, { maxLength: 3 }),
  });
  return fc.record({
    kind: kinds('serfState'),
    ltime: stamp,
    statusLTimes: fc.array(fc.tuple(name, stamp), { maxLength: 6 }).map((entries) => new Map(entries)),
    leftMembers: fc.array(name, { maxLength: 3 }),
    eventLTime: stamp,
    events: fc.array(fc.option(bucket, { nil: undefined }), { maxLength: 4 }),
    queryLTime: stamp,
    summary: fc.constant(new Uint8Array(0)),
    buckets: fc.constantFrom(new Uint8Array(0), new Uint8Array(4)),
  });
};

/** A type octet of Serf's, then anything; or a state with one octet changed. */
const raw = fc.oneof(
  fc.tuple(fc.nat(10), fc.uint8Array({ maxLength: 80 })).map(([type, rest]) => Uint8Array.of(type, ...rest)),
  fc.tuple(states(any), fc.nat(), fc.nat(255)).map(([value, at, octet]) => {
    const body = SerfState.encode(value);
    body[at % body.length] = octet;
    return body;
  }),
);

/** Messages as others may send them. */
const messages = (stamp: fc.Arbitrary<number>): fc.Arbitrary<Happening> =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: kinds('join', 'leave'),
        node: name,
        ltime: stamp,
        prune: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: kinds('event', 'query'),
        id: fc.nat(3),
        ltime: stamp,
        flags: fc.nat(3),
      }),
    },
  );

/** All that can happen to a table at one instant. */
const changes = (stamp: fc.Arbitrary<number>): fc.Arbitrary<Happening> =>
  fc.oneof(
    { weight: 8, arbitrary: messages(stamp) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: kinds('up', 'down'), node: fc.constantFrom('bob', 'cat', 'eve') }),
    },
    { weight: 2, arbitrary: fc.record({ kind: kinds('merge'), state: states(stamp), join: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: kinds('joined') }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: kinds('forget'),
        node: fc.constantFrom('bob', 'cat'),
        prune: fc.boolean(),
      }),
    },
  );

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: changes(any) },
  { weight: 1, arbitrary: fc.record({ kind: kinds('raw'), body: raw }) },
  { weight: 1, arbitrary: fc.record({ kind: kinds('pass'), millis: fc.nat(400_000) }) },
);

function happen(ann: One, what: Happening): void {
  switch (what.kind) {
    case 'join':
      return ann.joinIntent(what.node, what.ltime);
    case 'leave':
      return ann.leaveIntent(what.node, what.ltime, what.prune);
    case 'up':
      return ann.up(what.node);
    case 'down':
      return ann.down(what.node);
    case 'event':
      return ann.event(`e${what.id}`, what.ltime);
    case 'query':
      return ann.query(what.id, what.ltime, { flags: what.flags });
    case 'merge':
      return ann.merge(what.state, what.join);
    case 'raw':
      return ann.receive(what.body);
    case 'pass':
      return ann.pass(what.millis);
    case 'joined':
      return ann.serf.broadcastJoin(ann.now, ann.out);
    case 'forget':
      if (ann.serf.view.get(what.node) !== undefined)
        ann.serf.forceLeave(what.node, what.prune, ann.now, ann.out);
  }
}

/** Foreign bytes may be refused, and in no other way than this. */
function tolerate(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

test('intents of a member that is up, in any order, repeated, before or after its join: one status, one time', () => {
  const intents = fc.uniqueArray(
    fc.record({ leaves: fc.boolean(), ltime: fc.integer({ min: 1, max: 1000 }) }),
    { minLength: 1, maxLength: 8, selector: (intent) => intent.ltime },
  );
  fc.assert(
    fc.property(
      intents.chain((all) =>
        fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length })),
      ),
      fc.nat(16),
      ([all, order], upAfter) => {
        const newest = all.reduce((a, b) => (a.ltime > b.ltime ? a : b));
        const ann = one();
        order.forEach((intent, i) => {
          if (i === upAfter % order.length) ann.up('bob');
          if (intent.leaves) ann.leaveIntent('bob', intent.ltime);
          else ann.joinIntent('bob', intent.ltime);
        });
        expect(ann.seen('bob')).toEqual({
          status: newest.leaves ? 'leaving' : 'alive',
          ltime: newest.ltime,
        });
        ann.down('bob');
        expect(ann.status('bob')).toBe(newest.leaves ? 'left' : 'failed');
      },
    ),
  );
});

test('two tables that exchange states agree on the times of members that are down, and nearly of those alive', () => {
  const history = fc.array(changes(clear), { maxLength: 25 });
  fc.assert(
    fc.property(history, history, (here, there) => {
      const [left, right] = [here, there].map((happenings) => {
        const ann = one({ members: ['bob', 'cat', 'dan'] });
        for (const what of happenings) happen(ann, what);
        return ann;
      }) as [One, One];
      for (let round = 0; round < 6; round++) {
        left.serf.mergeRemoteState(right.serf.localState(), false, 0, left.out);
        right.serf.mergeRemoteState(left.serf.localState(), false, 0, right.out);
      }

      // Both believe to be `ann`, and either may be the one to refute. Of the living a state tells a time one too
      // early, so that a leave of that time is still new; it does not contain leaving members.
      for (const { name: node, status, statusLTime } of left.serf.view.all()) {
        if (node === SELF || right.status(node) !== status || status === 'leaving') continue;
        const apart = Math.abs((right.seen(node)?.ltime ?? 0) - statusLTime);
        expect(apart).toBeLessThanOrEqual(status === 'alive' ? 1 : 0);
      }
    }),
  );
});

test('whatever happens, clocks never fall, stay above all status times, and only WireError leaves', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40, size: 'max' }), (happenings) => {
      const ann = one({ members: ['bob', 'cat', 'dan'] });
      let before = ann.serf.clocks;
      const times = new Map<string, number>();
      for (const what of happenings) {
        tolerate(() => happen(ann, what));
        const after = ann.serf.clocks;
        expect(after.member).toBeGreaterThanOrEqual(before.member);
        expect(after.event).toBeGreaterThanOrEqual(before.event);
        expect(after.query).toBeGreaterThanOrEqual(before.query);
        for (const held of ann.serf.view.all()) {
          expect(held.statusLTime).toBeLessThan(after.member);
          // One back where a leave that nobody followed up is taken for none.
          expect(held.statusLTime).toBeGreaterThanOrEqual((times.get(held.name) ?? 0) - 1);
          expect(held.downAt !== undefined).toBe(held.status === 'left' || held.status === 'failed');
        }
        times.clear(); // a member that was erased may start again
        for (const held of ann.serf.view.all()) times.set(held.name, held.statusLTime);
        before = after;
      }
      expect(ann.status(SELF)).toBe('alive');
      for (const name of ann.state().leftMembers) expect(ann.status(name)).toBe('left');
    }),
  );
});

test('duplicates are not rebroadcast', () => {
  fc.assert(
    fc.property(fc.array(messages(clear), { maxLength: 40 }), (all) => {
      const ann = one({ members: ['bob', 'cat', 'dan'] });
      ann.down('cat');
      for (const what of all) happen(ann, what);
      for (const lane of LANES) ann.takeBroadcasts(lane);
      ann.out.length = 0;

      for (const what of all) happen(ann, what);

      for (const lane of LANES) expect(ann.takeBroadcasts(lane)).toEqual([]);
      expect(ann.events()).toEqual([]);
    }),
  );
});

test('all broadcasts are well-formed and plausible: they decode, and another Serf accepts them', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
      const ann = one({ members: ['bob', 'cat', 'dan'] });
      const bob = one({ members: ['bob', 'cat', 'dan'] });
      bob.merge({ ltime: 2 ** 32, eventLTime: 2 ** 32, queryLTime: 2 ** 32 });
      for (const what of happenings) tolerate(() => happen(ann, what));

      for (const lane of LANES)
        for (const body of ann.takeBroadcasts(lane)) {
          expect(decodeSerf(body).kind).not.toBe('foreign');
          bob.receive(body);
        }
      bob.serf.mergeRemoteState(ann.serf.localState(), false, 0, bob.out);
    }),
  );
});

test('any octets as user state, or as tags, are refused or accepted, and never fatal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), (octets) => {
      const ann = one();
      tolerate(() => ann.serf.mergeRemoteState(Uint8Array.of(2, ...octets), false, 0, ann.out));
      tolerate(() => ann.serf.mergeRemoteState(octets, true, 0, ann.out));
      const row = ann.serf.view.get(SELF);
      if (row === undefined) throw new Error('we are gone');
      const identity = { ...row.member.identity, meta: octets };
      ann.serf.handleMemberEvent({ kind: 'memberJoined', member: { ...row.member, identity } }, 0, ann.out);
      const tags = ann.serf.view.get(SELF)?.tags ?? new Map();
      if (octets[0] !== 0xff) expect([...tags.keys()]).toEqual(['role']);
      else expect(() => encodeTags(tags)).not.toThrow();
    }),
  );
});
