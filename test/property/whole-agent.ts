/**
 * Lives of whole agents for the fuzzer: an agent that may be born from a poisoned snapshot receives well-formed messages
 * with extremes in every field, from members and strangers, by datagram and stream, with the gossip key and without, and
 * starts again from what it has saved. Laws watch it, and in the end the members must find one another.
 */
import * as fc from 'fast-check';
import { createAgent } from '../../src/agent/agent.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import { disagreements, LawChecker } from '../../src/sim/laws/index.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { World } from '../../src/sim/world/world.ts';
import { MAX_INCARNATION } from '../../src/swim/precedence.ts';
import { encodeDelta, encodeDeltaAnnounce } from '../../src/wire/catalog.ts';
import { encodeMessage, MESSAGE_TYPE, type PushNodeState } from '../../src/wire/memberlist.ts';
import { sealPacket } from '../../src/wire/packet.ts';
import { JoinIntent, LeaveIntent, Query, QueryResponse, SerfState, UserEvent } from '../../src/wire/serf.ts';
import { encodePushPull, encodeStream, sealStream } from '../../src/wire/stream-writer.ts';
import * as wire from './wire.arbitrary.ts';

const KEY = new Uint8Array(32).fill(7);
/** Laws that forged messages cannot break: they concern what an agent says of itself and of its own table. */
const LAWS = /^\S+ (I1|I5|I11|I13|I14|I28|L4) /;
const BACK_WITHIN = 60_000;
const NAMES = ['ann', 'bob', 'cat', 'ANN', 'ann ', 'b\u00f6b', '__proto__', 'x'.repeat(128)];
const POWERS = [0, 1, 6, 8, 16, 20, 24, 31, 32, 42, 47, 51, 52, 53];

const extreme = fc.oneof(
  fc.constantFrom(...POWERS.flatMap((n) => [2 ** n - 2, 2 ** n - 1, 2 ** n, 2 ** n + 1])),
  fc.integer({ min: 0, max: 200 }),
);
const upTo = (max: number): fc.Arbitrary<number> => extreme.map((n) => Math.max(0, Math.min(n, max)));
const u32 = upTo(2 ** 32 - 1);
const u64 = upTo(Number.MAX_SAFE_INTEGER);
const version = upTo(2 ** 52 - 1);
const name = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...NAMES) }, wire.name);
/** Which host an address is of; `undefined`: any octets. */
const where = fc.constantFrom('ann', 'bob', 'eve', undefined);

type Where = 'ann' | 'bob' | 'eve' | undefined;
type At = (host: Where, other: Uint8Array) => { readonly addr: Uint8Array; readonly port: number };
/** A message that is made when the addresses are known. */
type Make = (at: At) => Uint8Array;

const swim: fc.Arbitrary<Make> = fc
  .tuple(wire.swimMessage, name, name, u32, where)
  .map(([message, node, from, incarnation, host]) => (at) => {
    switch (message.kind) {
      case 'alive':
        return encodeMessage({ ...message, node, incarnation, ...at(host, message.addr) });
      case 'suspect':
      case 'dead':
        return encodeMessage({ ...message, node, from, incarnation });
      default:
        return encodeMessage(message);
    }
  });
const body = (encode: (at: At) => Uint8Array): Make => {
  const type = Uint8Array.of(MESSAGE_TYPE.user);
  return (at) => concatBytes([type, encode(at)]);
};
const serf: fc.Arbitrary<Make> = fc
  .tuple(wire.serfStruct, name, u64, fc.constantFrom('', '_serf_conflict', '_serf_list-keys', 'deploy'))
  .map(([message, node, ltime, query]) =>
    body(() => {
      switch (message.kind) {
        case 'joinIntent':
          return JoinIntent.encode({ ...message, node, ltime });
        case 'leaveIntent':
          return LeaveIntent.encode({ ...message, node, ltime });
        case 'userEvent':
          return UserEvent.encode({ ...message, ltime });
        case 'query':
          return Query.encode({ ...message, ltime, sourceNode: node, name: query });
        case 'queryResponse':
          return QueryResponse.encode({ ...message, ltime, from: node });
      }
    }),
  );
const catalog: fc.Arbitrary<Make> = fc
  .tuple(name, version, version, version, fc.boolean())
  .map(([owner, epoch, from, to, isDelta]) =>
    body(() =>
      isDelta
        ? encodeDelta({
            owner,
            epoch,
            from: Math.min(from, to),
            to: Math.max(from, to),
            swept: 0,
            entries: [],
          })
        : encodeDeltaAnnounce({ owner, epoch, version: to }),
    ),
  );
const message = fc.oneof(swim, serf, catalog);

const pushPull: fc.Arbitrary<Make> = fc
  .tuple(
    fc.array(fc.tuple(wire.nodeState, name, u32, where), { maxLength: 8 }),
    fc.record({ ltime: u64, eventLTime: u64, queryLTime: u64 }),
    fc.array(fc.tuple(name, u64), { maxLength: 6 }),
    fc.boolean(),
  )
  .map(([rows, clocks, statuses, join]) => (at) => {
    const nodes = rows.map(
      ([row, node, incarnation, host]): PushNodeState => ({
        ...{ ...row, name: node, incarnation },
        ...at(host, row.addr),
      }),
    );
    const state = SerfState.create({ ...clocks, statusLTimes: new Map(statuses) });
    return encodePushPull({ kind: 'pushPull', join, nodes, userState: SerfState.encode(state).slice() });
  });

interface Step {
  readonly to: 'ann' | 'bob';
  readonly from: Where;
  readonly packet: readonly Make[];
  readonly stream: Make | undefined;
  readonly pass: number;
  readonly restart: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  to: fc.constantFrom('ann' as const, 'ann' as const, 'bob' as const),
  from: where,
  packet: fc.array(message, { minLength: 1, maxLength: 12 }),
  stream: fc.option(
    fc.oneof(
      pushPull,
      message.map(
        (make): Make =>
          (at) =>
            encodeStream({ kind: 'user', body: make(at).slice(1) }),
      ),
    ),
    { nil: undefined, freq: 2 },
  ),
  pass: fc.constantFrom(0, 1, 200, 1000, 6000),
  restart: fc.boolean().map((one) => one),
});

export interface Life {
  readonly keyed: boolean;
  readonly born: { readonly incarnation: number; readonly clock: number; readonly epoch: number } | undefined;
  readonly steps: readonly Step[];
  readonly seed: number;
}

export const life: fc.Arbitrary<Life> = fc.record({
  keyed: fc.boolean(),
  born: fc.option(fc.record({ incarnation: u32, clock: u64, epoch: version }), { nil: undefined, freq: 1 }),
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
});

/** Lives it, and returns what is wrong. An exception of an agent comes out as it is. */
export function live({ keyed, born, steps, seed }: Life): string[] {
  const world = new World({ seed, makeAgent: createAgent, poisonInputs: true });
  const laws = new LawChecker(world);
  laws.watchCatalog();
  for (const node of NAMES) laws.markForged(node);
  const keys = keyed ? [KEY] : [];
  for (const label of ['ann', 'bob']) world.add(label, { keys, hasSeeds: true });
  if (born !== undefined) {
    const { incarnation, clock, epoch } = born;
    const clocks = { member: clock, event: clock, query: clock };
    const peers = [{ name: 'bob', addr: world.host('bob').address.key }];
    world.host('ann').disk.renameSnapshot({ snapshot: { incarnation, clocks, peers, epoch }, composedAt: 0 });
  }
  world.start('bob');
  const meet = (): void => {
    const seeds = [{ text: 'bob', addresses: [world.host('bob').address] }];
    world.command('ann', { kind: 'join', seeds });
    world.run(3000);
  };
  world.start('ann');
  meet();
  const eve = world.newAddress();
  const addressOf = (host: Where) => (host === undefined || host === 'eve' ? eve : world.host(host).address);
  const at: At = (host, other) =>
    host === undefined
      ? { addr: other, port: 7946 }
      : { addr: addressOf(host).ip, port: addressOf(host).port };
  const nonce = world.nonceSource();
  for (const { to, from, packet, stream, pass, restart } of steps) {
    const envelope = hostEnvelope(world.host(to).currentOptions);
    const bytes = sealPacket(
      packet.map((make) => make(at).slice()),
      envelope,
      { crc: false, nonce },
    );
    world.injectDatagram(to, addressOf(from), bytes);
    if (stream !== undefined)
      world.injectStream(to, addressOf(from), sealStream(stream(at), envelope, { role: 'dialer', nonce }));
    world.run(pass);
    if (restart && pass === 6000) {
      world.stop('ann');
      world.start('ann');
      meet();
    }
  }
  const back = world.runUntil(() => apart(world).length === 0, BACK_WITHIN, 500);
  const found = laws.violations.filter((line) => LAWS.test(line));
  if (!back) found.push(...apart(world));
  for (const { label, runningAgent } of world.hosts) {
    const { incarnation } = runningAgent.view.self();
    if (incarnation >= MAX_INCARNATION) found.push(`${label} is @${incarnation}`);
    for (const [clock, time] of Object.entries(runningAgent.view.health().clocks))
      if (!Number.isSafeInteger(time + 1)) found.push(`the ${clock} clock of ${label} is at ${time}`);
  }
  return found;
}

/** The two members do not show one another as alive. Other names were made up. */
const apart = (world: World): string[] =>
  disagreements(world).filter((line) => / sees (ann|bob)(@| )/.test(line) && !line.includes(' instead of @'));
