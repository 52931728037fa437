/** Laws of membership, over histories nobody would think of. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isUp } from '../../src/swim/precedence.ts';
import type { MemberState } from '../../src/swim/types.ts';
import {
  decodeMessage,
  encodeMessage,
  type PushNodeState,
  type SwimMessage,
} from '../../src/wire/memberlist.ts';
import { Actor, addressOf, alive, dead, left, row, suspect } from '../unit/swim/helpers.ts';

const OTHERS = ['bob', 'cat', 'dan', 'eve'];
const ALL = ['ann', ...OTHERS];
const who = fc.constantFrom(...ALL);
const other = fc.constantFrom(...OTHERS);
const incarnation = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1) },
);
const meta = fc.uint8Array({ maxLength: 1 });

const rumorOf = (names: fc.Arbitrary<string>): fc.Arbitrary<SwimMessage> =>
  fc.oneof(
    fc.record({ node: names, at: incarnation, meta }).map((r) => alive(r.node, r.at, { meta: r.meta })),
    fc.record({ node: names, from: who, at: incarnation }).map((r) => suspect(r.node, r.from, r.at)),
    fc.record({ node: names, from: who, at: incarnation }).map((r) => dead(r.node, r.from, r.at)),
    fc.record({ node: names, at: incarnation }).map((r) => left(r.node, r.at)),
  );

type Step =
  | { readonly kind: 'hear'; readonly rumor: SwimMessage }
  | { readonly kind: 'merge'; readonly states: PushNodeState[] }
  | { readonly kind: 'pass' | 'stall'; readonly millis: number }
  | { readonly kind: 'ack'; readonly seqNo: number }
  | { readonly kind: 'forget'; readonly node: string }
  | { readonly kind: 'setMeta' };

const stepOf = (rumor: fc.Arbitrary<SwimMessage>): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 8, arbitrary: rumor.map((one): Step => ({ kind: 'hear', rumor: one })) },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.record({ node: who, state: fc.integer({ min: 0, max: 4 }), at: incarnation, meta }), {
          maxLength: 4,
        })
        .map(
          (rows): Step => ({
            kind: 'merge',
            states: rows.map((r) => row(r.node, r.state, r.at, { meta: r.meta })),
          }),
        ),
    },
    {
      weight: 3,
      arbitrary: fc.integer({ min: 0, max: 20_000 }).map((millis): Step => ({ kind: 'pass', millis })),
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0, max: 90_000 }).map((millis): Step => ({ kind: 'stall', millis })),
    },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 40 }).map((seqNo): Step => ({ kind: 'ack', seqNo })) },
    { weight: 1, arbitrary: other.map((node): Step => ({ kind: 'forget', node })) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'setMeta' }) },
  );

function take(ann: Actor, step: Step): void {
  switch (step.kind) {
    case 'hear':
      ann.receive(step.rumor);
      return;
    case 'merge':
      ann.merge(...step.states);
      return;
    case 'pass':
      ann.pass(step.millis);
      return;
    case 'stall':
      ann.now += step.millis;
      ann.do((swim, now, out) => swim.onStall(step.millis, now, out));
      return;
    case 'ack':
      ann.receive({ kind: 'ack', seqNo: step.seqNo, payload: new Uint8Array(0) });
      return;
    case 'forget':
      ann.do((swim, now, out) => swim.dropMember(step.node, now, out));
      return;
    case 'setMeta':
      ann.do((swim, now, out) => swim.setMeta(Uint8Array.of(7), now, out));
  }
}

const history = fc.array(stepOf(rumorOf(who)), { size: 'max', maxLength: 60 });
const young = (): Actor => new Actor('ann').knowing('bob', 'cat').start();
const BADNESS: Record<MemberState, number> = { alive: 0, suspect: 1, dead: 2, left: 2 };

interface Seen {
  readonly state: MemberState;
  readonly incarnation: number;
}
const snapshot = (ann: Actor): Map<string, Seen> =>
  new Map(
    [...ann.swim.members.all()].map((m) => [m.identity.name, { state: m.state, incarnation: m.incarnation }]),
  );

test('incarnations never fall, and at one incarnation the state only gets worse, while a row exists', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const ann = young();
      let before = snapshot(ann);
      for (const step of steps) {
        ann.take();
        take(ann, step);
        const dropped = new Set(
          ann
            .events()
            .flatMap((event) => (event.kind === 'memberDropped' ? [event.member.identity.name] : [])),
        );
        const after = snapshot(ann);
        for (const [name, was] of before) {
          const is = after.get(name);
          if (dropped.has(name)) continue;
          expect(is).toBeDefined();
          if (is === undefined) continue;
          expect(is.incarnation).toBeGreaterThanOrEqual(was.incarnation);
          if (is.incarnation === was.incarnation)
            expect(BADNESS[is.state]).toBeGreaterThanOrEqual(BADNESS[was.state]);
        }
        before = after;
      }
    }),
  );
});

test('only legal state changes, each with its event: joined when up again, down once, dropped when down', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const ann = young();
      const up = new Map<string, boolean>([
        ['bob', true],
        ['cat', true],
      ]);
      for (const event of ann.events())
        if (event.kind === 'memberJoined') up.set(event.member.identity.name, true);
      for (const step of steps) {
        take(ann, step);
        for (const event of ann.events()) {
          const { name } = event.member.identity;
          switch (event.kind) {
            case 'memberJoined':
              expect(up.get(name)).not.toBe(true);
              up.set(name, true);
              break;
            case 'memberDown':
              expect(up.get(name)).toBe(true);
              if (event.left) expect(event.by).toBe(name);
              up.set(name, false);
              break;
            case 'memberDropped':
              expect(up.get(name)).toBe(false);
              up.delete(name);
              break;
            case 'memberUpdated':
            case 'nameConflict':
              break;
          }
        }
        let upNow = 0;
        for (const { identity, state } of ann.swim.members.all()) {
          expect(up.get(identity.name)).toBe(isUp(state));
          upNow += Number(isUp(state));
        }
        expect(ann.swim.members.upCount).toBe(upNow);
        expect(ann.swim.members.size).toBe(up.size);
      }
    }),
  );
});

test('whatever is received, the agent is alive in its own table, never accuses itself, and never reaches the highest incarnation', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const ann = young();
      for (const step of steps) {
        take(ann, step);
        expect(ann.state('ann')).toBe('alive');
        expect(ann.swim.incarnation).toBeLessThan(2 ** 31);
        for (const message of ann.drainBroadcasts())
          if (message.kind === 'suspect' || message.kind === 'dead') expect(message.node).not.toBe('ann');
        for (const { message, compoundWith } of ann.sends())
          for (const one of [message, compoundWith])
            if (one?.kind === 'suspect' || one?.kind === 'dead') expect(one.node).not.toBe('ann');
      }
    }),
  );
});

test('after a leave the agent never returns', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const ann = young().do((swim, now, out) => swim.leave(now, out));
      ann.drainBroadcasts();
      for (const step of steps) {
        take(ann, step);
        expect([ann.state('ann'), ann.swim.incarnation]).toEqual(['left', 1]);
        for (const message of ann.drainBroadcasts())
          if (message.kind === 'alive') expect(message.node).not.toBe('ann');
      }
    }),
  );
});

test('broadcasts about other members are plausible, and never below the incarnation held', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const ann = young();
      ann.drainBroadcasts();
      for (const step of steps) {
        take(ann, step);
        expect(ann.swim.broadcasts.size).toBeLessThanOrEqual(ALL.length);
        for (const message of ann.drainBroadcasts())
          if (message.kind === 'alive' || message.kind === 'suspect' || message.kind === 'dead')
            expect(message.incarnation).toBeLessThan(2 ** 31);
      }
    }),
  );
});

test('after every input there is a deadline, never in the past', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const ann = young();
      for (const step of steps) {
        take(ann, step);
        ann.do((swim, now, out) => swim.tick(now, out));
        expect(ann.swim.deadline).toBeGreaterThan(ann.now);
        expect(ann.swim.deadline).toBeLessThan(ann.now + 60_000);
      }
    }),
  );
});

test('no message that decodes makes it throw, and no view on a datagram is kept', () => {
  const field = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 4, maxLength: 4 }));
  const u32 = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  const u16 = fc.integer({ min: 0, max: 65_535 });
  const name = fc.oneof(
    who,
    fc.string({ minLength: 1, maxLength: 4 }),
    fc.constantFrom('__proto__', 'constructor'),
  );
  const source = { sourceAddr: field, sourcePort: u16, sourceNode: name };
  const wild: fc.Arbitrary<SwimMessage> = fc.oneof(
    fc.record({ kind: fc.constant('ping' as const), seqNo: u32, node: name, ...source, held: u16 }),
    fc.record({
      kind: fc.constant('indirectPing' as const),
      seqNo: u32,
      target: field,
      port: u16,
      node: name,
      nack: fc.boolean(),
      ...source,
    }),
    fc.record({ kind: fc.constant('ack' as const), seqNo: u32, payload: field }),
    fc.record({ kind: fc.constant('nack' as const), seqNo: u32 }),
    fc.record({ kind: fc.constant('suspect' as const), incarnation: u32, node: name, from: name }),
    fc.record({ kind: fc.constant('dead' as const), incarnation: u32, node: name, from: name }),
    fc.record({
      kind: fc.constant('alive' as const),
      incarnation: u32,
      node: name,
      addr: field,
      port: u16,
      meta: field,
      vsn: fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constant(Uint8Array.of(1, 5, 2, 2, 5, 5))),
    }),
  );
  fc.assert(
    fc.property(fc.array(wild, { size: 'max', maxLength: 40 }), (messages) => {
      const ann = young();
      for (const message of messages) {
        ann.receive(message, addressOf('bob')).pass(100);
        // The memory of a datagram is reused.
        for (const value of Object.values(message)) if (value instanceof Uint8Array) value.fill(0xee);
      }
      ann.pass(40_000);
      for (const { identity } of ann.swim.members.all()) {
        expect([4, 16]).toContain(identity.address.ip.length);
        expect(identity.vsn).toEqual(Uint8Array.of(1, 5, 2, 2, 5, 5));
      }
      for (const message of ann.drainBroadcasts())
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
    }),
  );
});
