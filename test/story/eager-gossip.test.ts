/** Eager gossip, beside the same world without it: sooner, and for as many bytes. */
import { describe, expect, test } from 'vitest';
import { toAddress } from '../../src/base/address.ts';
import type { Millis } from '../../src/base/time.ts';
import { makeService } from '../../src/sim/workload/definitions.ts';
import { MESSAGE_TYPE } from '../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, sealPacket } from '../../src/wire/packet.ts';
import { UserEvent } from '../../src/wire/serf.ts';
import { startStory } from './start-story.ts';

interface Cost {
  readonly bytes: number;
  readonly worst: Millis;
}

const SEEDS = [51, 52, 53, 54];
/** By how much more the bytes of so many seeds may differ, either way: what is lost is not the same in both worlds. */
const AS_MUCH = { withoutLoss: 1.01, withLoss: 1.05 };
/** From one change to the next. */
const WINDOW: Millis = 4000;

/** Nine agents: twelve registrations, tag changes and user events each, one after the other. */
function measureOne(seed: number, eagerGossip: boolean, loss: number): Cost {
  const labels = Array.from({ length: 9 }, (_, i) => `n${i}`);
  const story = startStory(labels.join(' '), {
    seed,
    all: { swim: { eagerGossip } },
    detail: 'facts',
    linkQuality: { loss },
  });
  const { world, register, known, member, setTags, timeUntilEach, run } = story;
  run('10s');
  const sent = world.counts.packetBytes;
  let worst = 0;
  let nextAt = world.now;
  const wait = (holds: (label: string) => boolean): void => {
    const times = timeUntilEach(holds, 10_000);
    worst = Math.max(
      worst,
      times.size < labels.length ? Number.POSITIVE_INFINITY : Math.max(...times.values()),
    );
    nextAt += WINDOW;
    world.run(Math.max(0, nextAt - world.now)); // as long in both worlds, since probes cost bytes, too
  };
  for (let i = 0; i < 12; i++) {
    const by = labels[i % 9] as string;
    register(by, makeService(`web-${i}`), []);
    wait((label) => known(label, 'web').includes(`web-${i}`));
    setTags(by, { round: `${i}` });
    wait((label) => member(label, by)?.tags.get('round') === `${i}`);
    const name = `deploy-${i}`;
    world.command(by, { kind: 'fireEvent', name, payload: new Uint8Array(40), coalesce: false });
    wait((label) => world.host(label).runningAgent.view.userEvents().at(-1)?.name === name);
  }
  return { bytes: world.counts.packetBytes - sent, worst };
}

function measure(eagerGossip: boolean, loss: number): Cost {
  const costs = SEEDS.map((seed) => measureOne(seed, eagerGossip, loss));
  const bytes = costs.reduce((sum, one) => sum + one.bytes, 0);
  return { bytes, worst: Math.max(...costs.map(({ worst }) => worst)) };
}

describe('beside the same world without it', () => {
  test('without loss each change is everywhere within 10 ms, and for as many bytes', () => {
    const [eager, paced] = [measure(true, 0), measure(false, 0)];
    expect(eager.worst).toBeLessThanOrEqual(10);
    expect(paced.worst).toBeGreaterThan(100);
    expect(eager.bytes).toBeLessThan(AS_MUCH.withoutLoss * paced.bytes);
  });

  test('with 10 % loss each is everywhere within a second, and for as many bytes', () => {
    const [eager, paced] = [measure(true, 0.1), measure(false, 0.1)];
    expect(eager.worst).toBeLessThan(1000);
    expect(eager.bytes).toBeLessThan(AS_MUCH.withLoss * paced.bytes);
  });
});

test('a storm falls back to the rounds: a hundred changes at once cause no more than the bucket allows', () => {
  const { world, register, run } = startStory('ann bob cat dan eve', { seed: 52 });
  run('5s');
  const sent = world.counts.packets;
  for (let i = 0; i < 100; i++) register('ann', makeService(`web-${i}`), []);
  // Eight bursts of three packets at each of five agents, and a little more.
  expect(world.counts.packets - sent).toBeLessThanOrEqual(24);
  run('100ms');
  expect(world.counts.packets - sent).toBeLessThan(5 * 3 * (8 + 4 + 2));
});

test('an agent that stalled leaves its news to the rounds for a second', () => {
  const { world, pause, register, run } = startStory('ann bob cat dan eve', { seed: 54 });
  run('5s');
  const sentAtOnce = (service: string): number => {
    const before = world.counts.packets;
    register('ann', makeService(service), []);
    return world.counts.packets - before;
  };
  expect(sentAtOnce('web-1')).toBe(3);
  pause('ann', '300ms');
  run('400ms');
  expect(sentAtOnce('web-2')).toBe(0);
  run('2s');
  expect(sentAtOnce('web-3')).toBe(3);
});

test('S31 what a stranger’s datagram causes waits for the round, so that it draws nothing', () => {
  const { world, run } = startStory('ann bob cat', { seed: 53 });
  run('5s');
  const event = UserEvent.encode({ ltime: 1, name: 'forged', payload: new Uint8Array(4), cc: false });
  const packet = sealPacket([Uint8Array.of(MESSAGE_TYPE.user, ...event)], BARE_ENVELOPE, {
    ...{ crc: false, nonce: () => new Uint8Array(12) },
  });
  const sent = world.counts.packets;
  world.injectDatagram('ann', toAddress(Uint8Array.of(192, 0, 2, 1), 7946), packet);
  expect(world.counts.packets).toBe(sent);
  run('2s');
  const names = world
    .host('cat')
    .runningAgent.view.userEvents()
    .map(({ name }) => name);
  expect(names).toEqual(['forged']);
});
