/**
 * Hostile peers. Without the key nothing that they send may change anything. With the key they are believed for a
 * while, so laws about who said what (I3, I6, I7) cannot hold and are not checked: only that victims are back soon,
 * that tables stay bounded, and that invented members are removed.
 */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import type { Agent, Effect } from '../../src/agent/contract/machine.ts';
import { foldName } from '../../src/config/names.ts';
import { FAKE_NAME_PREFIX, FORGERIES, type Forgery } from '../../src/sim/faults/forgeries.ts';
import { injectFault } from '../../src/sim/faults/index.ts';
import type { Garbage } from '../../src/sim/faults/outsiders.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { createStory } from '../../src/sim/scenarios/story.ts';
import type { SimHost } from '../../src/sim/world/host.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import type { World } from '../../src/sim/world/world.ts';
import { Ack, MESSAGE_TYPE } from '../../src/wire/memberlist.ts';
import { openPacket, sealPacket } from '../../src/wire/packet.ts';
import { CoordinateBody } from '../../src/wire/serf.ts';
import { decodeStruct } from '../../src/wire/struct.ts';
import { startStory, withStatus } from './start-story.ts';

const five = 'ann bob cat dan eve';
const eight = Array.from({ length: 8 }, (_, i) => `n${i}`);

describe('without the key', () => {
  const all5 = { keys: [new Uint8Array(32).fill(7)], gossipLabel: 'ours' };
  const KINDS: readonly Garbage[] = [
    'random',
    'truncated',
    'flipped',
    'replayed',
    'labeled',
    'plaintext',
    'streams',
  ];

  test.each(KINDS)('%s: counted, without any other effect', (how) => {
    const { world, run, facts, statusByObserver } = startStory(five, { seed: 1, detail: 'facts', all: all5 });

    injectFault(world, { at: 0, span: 30_000, kind: 'garbage', how, every: 10, seed: 5 });
    run('75s');

    const kind = how === 'streams' ? 'streamRejected' : 'packetRejected';
    if (how !== 'replayed') expect(facts(kind).length).toBeGreaterThan(1000);
    expect(facts('memberSuspected')).toEqual([]);
    expect(facts('memberDeclaredDead')).toEqual([]);
    expect(statusByObserver('ann')).toEqual(withStatus('bob cat dan eve', 'alive'));
    expect(disagreements(world)).toEqual([]);
  });

  test('replayed leaves and deaths of the boot before, even in plaintext: the member stays', () => {
    const { world, stop, leave, restart, run, facts } = startStory(five, { seed: 2, detail: 'facts' });
    injectFault(world, { at: 0, span: 150_000, kind: 'garbage', how: 'replayed', every: 10, seed: 6 });
    leave('bob');
    stop('cat');
    run('30s');
    restart('bob', { restore: true });
    restart('cat', { restore: true });
    run('5s');
    const ended = facts('memberDeclaredDead').length;
    run('150s');

    expect(facts('memberDeclaredDead')).toHaveLength(ended);
    expect(disagreements(world)).toEqual([]);
  });
});

describe('with the key', () => {
  const lied = (forgery: Forgery, seed: number) => {
    const { world, facts } = createStory(eight.join(' '), { seed, detail: 'off' });
    injectFault(world, { at: 0, span: 30_000, kind: 'byzantine', forgery, victim: 'n3', every: 200, seed });
    world.run(30_000);
    return { world, facts };
  };
  const real = (world: World): string[] =>
    disagreements(world).filter((line) => !line.includes(FAKE_NAME_PREFIX));

  test.each(FORGERIES)(
    '%s for half a minute: the victim stays, or is back everywhere within 10 s',
    (forgery) => {
      const { world, facts } = lied(forgery, 1);

      expect(world.runUntil(() => real(world).length === 0, 10_000)).toBe(true);
      for (const { runningAgent } of world.hosts) {
        const names = runningAgent.view.members().map(({ name }) => foldName(name));
        expect(new Set(names).size).toBe(names.length); // I28
      }
      const rows = [...world.hosts].map((host) => host.runningAgent.view.members().length);
      expect(Math.max(...rows)).toBeLessThanOrEqual(eight.length + 100); // No more than were introduced.
      expect(world.runUntil(() => disagreements(world).length === 0, 60_000)).toBe(true);
      if (forgery === 'maxIncarnation') expect(facts('gossipMessageRefused').length).toBeGreaterThan(50);
    },
  );

  test.each([
    { what: 'huge', vec: 1e30, height: 1e30 },
    { what: 'not a number', vec: Number.NaN, height: Number.POSITIVE_INFINITY },
    { what: 'a little wrong', vec: 5, height: 0.1 },
  ])('coordinates that are $what from one member: those of others stay finite', ({ vec, height }) => {
    const payload = CoordinateBody.encode({
      vec: new Array(8).fill(vec),
      error: 0.01,
      adjustment: 0,
      height,
    });
    const { world, run, facts } = startStory(five, {
      seed: 3,
      detail: 'facts',
      makeAgent: (options, host) =>
        host.label === 'eve' ? lying(createAgent(options), host, payload) : createAgent(options),
    });
    let farthest = 0;
    let seen = 0;
    world.subscribe({
      onDatagram: (host, _to, bytes) => {
        if (host.label === 'eve') return;
        for (const ack of acksIn(bytes, host)) {
          const { vec: own } = decodeStruct(CoordinateBody, ack.payload);
          seen += 1;
          farthest = Math.max(farthest, ...own.map((one) => (Number.isFinite(one) ? Math.abs(one) : 1e9)));
        }
      },
    });

    run('3m');

    expect(seen).toBeGreaterThan(50);
    expect(farthest).toBeLessThan(10);
    expect(facts('memberSuspected')).toEqual([]);
  });
});

function acksIn(bytes: Uint8Array, host: SimHost): Ack[] {
  return openPacket(bytes, hostEnvelope(host.options))
    .messages.filter((message) => message[0] === MESSAGE_TYPE.ack)
    .map((message) => decodeStruct(Ack, message))
    .filter((ack) => ack.payload.length > 0);
}

/** An agent whose every ack carries `payload`. */
function lying(agent: Agent, host: SimHost, payload: Uint8Array): Agent {
  const forgery = (effect: Effect): Effect => {
    if (effect.kind !== 'sendPacket' || acksIn(effect.packet, host).length === 0) return effect;
    const envelope = hostEnvelope(host.options);
    const messages = openPacket(effect.packet, envelope).messages.map((message) =>
      message[0] === MESSAGE_TYPE.ack ? Ack.encode({ ...decodeStruct(Ack, message), payload }) : message,
    );
    const packet = sealPacket(messages, envelope, { crc: false, nonce: () => new Uint8Array(12) });
    return { ...effect, packet };
  };
  return {
    handle: (input, now, out) => {
      const from = out.length;
      agent.handle(input, now, out);
      for (let i = from; i < out.length; i++) out[i] = forgery(out[i] as Effect);
    },
    get deadline() {
      return agent.deadline;
    },
    get view() {
      return agent.view;
    },
  };
}
