import { expect, test } from 'vitest';
import { type AgentOptions, createAgent } from '../../../../src/agent/agent.ts';
import type { Effect, Input } from '../../../../src/agent/contract/machine.ts';
import { LawChecker } from '../../../../src/sim/laws/index.ts';
import { clockDifferences } from '../../../../src/sim/laws/membership/clocks.ts';
import { unsettledHosts } from '../../../../src/sim/laws/membership/quiet-period.ts';
import { World } from '../../../../src/sim/world/world.ts';
import { encodeCatalogSnapshot } from '../../../../src/wire/catalog.ts';
import { Ping } from '../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, type Envelope, sealPacket } from '../../../../src/wire/packet.ts';
import { sealStream } from '../../../../src/wire/stream-writer.ts';
import { nowhere } from '../echo-agent.ts';
import { facts, pair, ScriptedAgent } from '../scripted-agent.ts';

const { appeared, tried, suspected, died } = facts;

test('I4: an identity that its member never had at that incarnation', () => {
  const { ann, step, world } = pair();
  ann.show('bob', { address: world.host('ann').address });
  expect(step(appeared)).toEqual(['I4']);

  const meta = pair();
  meta.ann.show('bob', { address: meta.world.host('bob').address, meta: Uint8Array.of(7) });
  expect(meta.step(appeared)).toEqual(['I4']);
});

test('I4: what a member was in an earlier incarnation counts for that one only', () => {
  const { ann, bob, step, world, poke } = pair();
  const address = world.host('bob').address;
  bob.show('bob', { address, incarnation: 3, meta: Uint8Array.of(3) });
  poke('bob', { kind: 'topicsChanged', topics: [] });
  ann.show('bob', { address, incarnation: 2 });
  expect(step(appeared)).toEqual([]);
  ann.show('bob', { address, incarnation: 3 });
  expect(step(tried)).toEqual(['I4']);
});

test('I4: a member that changes without a new incarnation', () => {
  const { bob, poke } = pair();
  bob.show('bob', { meta: Uint8Array.of(3) });
  expect(poke('bob', { kind: 'topicsChanged', topics: [] })).toEqual(['I4']);
});

test('I4: an accused row shows the identity before; two boots may begin at one incarnation', () => {
  const { ann, bob, step, world } = pair();
  const { address } = world.host('bob');
  bob.show('bob', { address, incarnation: 2, meta: Uint8Array.of(2) });
  ann.show('bob', { address, incarnation: 2, state: 'suspect' });
  expect(step(appeared, tried, suspected)).toEqual([]);

  world.stop('bob');
  world.start('bob', { newAddress: true });
  ann.show('bob', { address: world.host('bob').address, incarnation: 2, state: 'suspect' });
  expect(step(tried)).toEqual([]);
});

test('I10: an own suspicion without a probe', () => {
  const { step } = pair();
  expect(step(appeared, suspected)).toContain('I10');
  expect(pair().step(appeared, tried, suspected)).not.toContain('I10');
});

test('I10: a suspicion in the name of a member that never had it', () => {
  const { step } = pair();
  expect(step(appeared, { ...suspected, by: 'eve' })).toContain('I10');
});

test('I10: the incarnation that a claimant was notified of is a reason, if a copy of it reaches others (seed 2004943)', () => {
  const { incarnation } = suspected;
  const notified = { kind: 'claimNotSuperseding', node: 'bob', incarnation, claimed: '10.0.0.9:1' } as const;
  const copied = {
    ...suspected,
    by: 'ann',
    reason: { kind: 'message', by: 'ann', source: '10.0.0.9:1' },
  } as const;
  expect(pair().step(appeared, copied)).toContain('I10');
  expect(pair().step(appeared, notified, copied)).not.toContain('I10');
});

test('I10: a suspicion may be taken from a push/pull, and gossiped on', () => {
  const { world, poke } = pair();
  world.add('eve');
  world.start('eve');
  const said = [appeared, tried, { ...suspected, by: 'eve' }] as const;
  poke('eve', ...said.map((fact) => ({ kind: 'fact', fact }) as const));
  const notified = [appeared, { ...suspected, by: 'eve' }] as const;
  expect(poke('ann', ...notified.map((fact) => ({ kind: 'fact', fact }) as const))).not.toContain('I10');
});

test('I10: a leave of a failed member is a reason, since push/pulls say no more (seed 500121)', () => {
  const table = {
    ...suspected,
    reason: { kind: 'pushPull', state: 'dead', source: '10.0.0.3:7946' },
  } as const;
  const { poke, step } = pair();
  poke('bob', { kind: 'fact', fact: facts.left });
  expect(step(appeared, table)).not.toContain('I10');

  const later = pair();
  later.poke('bob', { kind: 'fact', fact: facts.left });
  expect(later.step(appeared, { ...table, incarnation: table.incarnation + 1 })).toContain('I10');
});

test.each([
  ['before the suspicion has timed out', [appeared, tried, { ...suspected, deadline: 5000 }, died]],
  ['without a suspicion', [appeared, died]],
  ['on the word of a member that never said so', [appeared, { ...died, by: 'eve' }]],
] as const)('I10: a death %s', (_what, reported) => {
  expect(pair().step(...reported)).toContain('I10');
});

test('I11: a datagram above the size limit', () => {
  const { world, poke } = pair();
  const to = world.host('bob').address;
  expect(poke('ann', { kind: 'sendPacket', to, packet: new Uint8Array(1400) })).toEqual([]);
  expect(poke('ann', { kind: 'sendPacket', to, packet: new Uint8Array(1401) })).toEqual(['I11']);
});

test.each<[string, (ann: ScriptedAgent) => void]>([
  [
    'more members than there have been',
    (ann) => range(20).forEach((i) => void ann.show(`ghost-${i}`, { state: 'left' })),
  ],
  ['a queue without bound', (ann) => Object.assign(ann.lanes, { membership: 11 })],
  ['a local health out of range', (ann) => Object.assign(ann, { awareness: 8 })],
  [
    'a snapshot full of outsiders',
    (ann) =>
      ann.saveSnapshot({ peers: range(20).map((i) => ({ name: `ghost-${i}`, addr: '10.0.0.9:7946' })) }),
  ],
])('I11: %s', (_what, misbehave) => {
  const { ann, world, poke, broken } = pair();
  misbehave(ann);
  poke('ann');
  world.run(1500);
  expect(broken()).toContain('I11');
});

test.each(['membership', 'intents', 'queries', 'events', 'catalog'])(
  'I12: a message of the lane %s that is never sent',
  (lane) => {
    const { ann, step, world, broken } = pair();
    ann.show('bob', { tags: new Map([['hearsay', '1']]) });
    step(appeared);
    ann.lanes[lane] = 1;
    world.run(5000);
    expect(broken()).toEqual(['I12']);
  },
);

test('I12: no violation for a host that has no peers, or that sends', () => {
  const noJoin = pair();
  noJoin.ann.lanes['intents'] = 1;
  noJoin.world.run(10_000);
  expect(noJoin.broken()).toEqual([]);

  const { ann, step, world, poke, broken } = pair();
  ann.show('bob');
  step(appeared);
  ann.lanes['intents'] = 1;
  const packet = sealPacket([Uint8Array.of(8, 1)], BARE_ENVELOPE, { crc: false, nonce });
  for (let i = 0; i < 10; i++) {
    poke('ann', { kind: 'sendPacket', to: world.host('bob').address, packet });
    world.run(1000);
  }
  expect(broken()).toEqual([]);
});

const KEY = new Uint8Array(16).fill(7);
const keyed: Envelope = { ...BARE_ENVELOPE, keys: [KEY] };
const ping = Ping.encode(Ping.create({ seqNo: 1, node: 'bob' }));
let nonces = 0;
const nonce = (): Uint8Array => new Uint8Array(12).fill(++nonces);

test('I13: what a key holder sends is encrypted, with a fresh nonce', () => {
  const { world, poke } = pair({ keys: [KEY] });
  const to = world.host('bob').address;
  const say = (envelope: Envelope, of = nonce): readonly string[] =>
    poke('ann', { kind: 'sendPacket', to, packet: sealPacket([ping], envelope, { crc: false, nonce: of }) });
  const write = (envelope: Envelope, of = nonce): readonly string[] => {
    const bytes = sealStream(ping, envelope, { role: 'dialer', nonce: of });
    return poke('ann', { kind: 'writeStream', stream: 2, bytes, end: false });
  };

  expect([say(keyed), write(keyed), say(keyed), write(keyed)].flat()).toEqual([]);
  const again = (): Uint8Array => new Uint8Array(12).fill(nonces);
  expect(say(keyed, again)).toEqual(['I13']);
  expect(write(keyed, again)).toHaveLength(2);
  expect(say(BARE_ENVELOPE)).toHaveLength(3);
  expect(write(BARE_ENVELOPE)).toHaveLength(4);
  expect(say({ ...keyed, keys: [new Uint8Array(16)] })).toHaveLength(5);
});

test('I16: the same seed under other clocks gives the same facts; an agent that uses the wall clock is detected', () => {
  const scenario = { seed: 3, members: 3, minutes: 1 };
  expect(clockDifferences(scenario)).toEqual([]);

  const spies = clockDifferences({
    ...scenario,
    makeAgent: (options) => {
      const agent = createAgent(options);
      const late = options.startedAt > 1_800_000_000_000;
      return {
        get deadline() {
          return agent.deadline;
        },
        view: agent.view,
        handle: (input: Input, now: number, out: Effect[]) => {
          agent.handle(input, now, out);
          if (late && input.kind === 'tick')
            out.push({
              kind: 'fact',
              fact: { kind: 'gossipMessageRefused', node: 'n0', reason: 'it is late' },
            });
        },
      };
    },
  });
  expect(spies.map((line) => line.split('"')[0])).toEqual(['I16 clocks ahead: ', 'I16 clocks mixed: ']);
});

test('I17: a true snapshot', () => {
  const { ann, world, poke } = pair();
  const { key } = world.host('bob').address;
  ann.saveSnapshot({ incarnation: 1, peers: [{ name: 'bob', addr: key }] });
  expect(poke('ann')).toEqual([]);
});

test.each<[string, (ann: ScriptedAgent) => void]>([
  ['an incarnation above its own', (ann) => ann.saveSnapshot({ incarnation: 2 })],
  ['a clock ahead of its own', (ann) => ann.saveSnapshot({ clocks: { member: 9, event: 1, query: 1 } })],
  [
    'a peer at an address it never had',
    (ann) => ann.saveSnapshot({ peers: [{ name: 'bob', addr: '10.9.9.9:1' }] }),
  ],
  ['what is no plain data', (ann) => ann.saveSnapshot({ epoch: Number.NaN })],
  [
    'fewer services than are registered',
    (ann) => {
      ann.services.set('web', {});
      ann.saveSnapshot();
    },
  ],
  [
    'a catalog that cannot be read',
    (ann) => ann.emitNext({ kind: 'saveCatalog', bytes: Uint8Array.of(1, 2) }),
  ],
])('I17: a snapshot with %s', (_what, misbehave) => {
  const { ann, poke } = pair();
  misbehave(ann);
  expect(poke('ann')).toEqual(['I17']);
});

test('I17: a snapshot that goes back', () => {
  const { ann, poke } = pair();
  ann.show('ann', { incarnation: 5, address: ann.view.self().address });
  ann.saveSnapshot({ incarnation: 5 });
  expect(poke('ann')).toEqual([]);
  ann.saveSnapshot({ incarnation: 4 });
  expect(poke('ann')).toEqual(['I17']);
});

test('I17: a catalog reads back byte for byte', () => {
  const bytes = encodeCatalogSnapshot({ owner: 'ann', epoch: 1, version: 1, ledgers: [] });
  const { poke } = pair();
  expect(poke('ann', { kind: 'saveCatalog', bytes })).toEqual([]);
});

test('I17: an agent that restores continues where the last one was', () => {
  const honest = pair();
  honest.ann.saveSnapshot();
  honest.poke('ann');
  honest.world.stop('ann');
  honest.world.start('ann', { restore: true });
  expect(honest.broken()).toEqual([]);

  const { world, ann, poke, broken } = pair();
  const disk = { incarnation: 4, clocks: { member: 1, event: 1, query: 1 }, peers: [] };
  ann.show('ann', { incarnation: 4, address: ann.view.self().address });
  ann.saveSnapshot({ ...disk, registered: { ...NOTHING, services: ['web'] } });
  ann.services.set('web', {});
  poke('ann');
  world.run(100); // until it is on the disk
  world.stop('ann');
  world.start('ann', { restore: true });
  poke('ann', { kind: 'topicsChanged', topics: [] });
  expect(broken()).toEqual(['I17']);
});

test.each(['member', 'event', 'query'] as const)(
  'I17: a %s clock that is restored at another time',
  (clock) => {
    for (const [time, expected] of [
      [1, []],
      [2, ['I17']],
    ] as const) {
      const world = new World({
        seed: 1,
        makeAgent: (options) => {
          const agent = new ScriptedAgent(options);
          if (options.snapshot !== undefined) Object.assign(agent.clocks, { [clock]: time });
          return agent;
        },
      });
      const { violations } = new LawChecker(world);
      world.add('ann');
      world.start('ann');
      (world.host('ann').runningAgent as ScriptedAgent).saveSnapshot();
      world.injectDatagram('ann', nowhere, new Uint8Array(1));
      world.run(100); // until it is on the disk
      world.stop('ann');
      world.start('ann', { restore: true });
      expect(violations.map((line) => line.split(' ')[1])).toEqual(expected);
    }
  },
);

test('I17: a start at an incarnation that was never saved', () => {
  const makeAgent = (options: AgentOptions): ScriptedAgent => {
    const agentOf = new ScriptedAgent(options);
    agentOf.show(options.name, { incarnation: 9 });
    return agentOf;
  };
  const world = new World({ seed: 1, makeAgent });
  const checkers = new LawChecker(world);
  world.add('ann');
  world.start('ann');
  expect(checkers.violations.join()).toContain('I17 ann starts @9, and has saved nothing');
});

test('L5 and L6: what is left to send, and bad local health', () => {
  const { world, ann, bob } = pair();
  expect(unsettledHosts(world)).toEqual([]);
  ann.lanes['intents'] = 2;
  bob.awareness = 3;
  expect(unsettledHosts(world).map((clause) => clause.slice(0, 6))).toEqual(['L5 ann', 'L6 bob']);
});

test('L7: every membership change is counted, cleared suspicions are not', () => {
  const { checkers, step } = pair();
  step(appeared, tried, suspected, facts.lifted);
  expect(checkers.membershipChanges.count).toBe(1);
  step(tried, suspected, died, facts.returned);
  expect(checkers.membershipChanges).toEqual({ count: 3, last: 'ann memberReturned bob' });
});

const NOTHING = { services: [], checks: [], states: [], maintenance: [], draining: [] };
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
