/** What hosts that are no members can draw out of an agent: little, and to nobody else's cost (S31). */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../../../src/agent/agent.ts';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import type { Address } from '../../../../src/base/address.ts';
import { World } from '../../../../src/sim/world/world.ts';
import { Alive, Dead, IndirectPing, Ping } from '../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, openPacket, sealPacket } from '../../../../src/wire/packet.ts';

const nonce = (): Uint8Array => new Uint8Array(12);
const seal = (parts: readonly Uint8Array[], compress = false): Uint8Array =>
  sealPacket(parts, { ...BARE_ENVELOPE, compress }, { crc: false, nonce });

function cluster(...names: string[]) {
  const world = new World({ seed: 5, makeAgent: createAgent });
  const sent: { readonly from: string; readonly to: string; readonly packet: Uint8Array }[] = [];
  const facts: Fact[] = [];
  world.subscribe({
    onDatagram: ({ label: from }, to, packet) =>
      void sent.push({ from, to: to?.label ?? '', packet: packet.slice() }),
    onEffects: (_host, some) => void facts.push(...some),
  });
  for (const name of names) {
    world.add(name, { swim: { compression: false } }); // the lengths tell which datagrams carry gossip
    world.start(name);
  }
  const seed = names[0] as string;
  const seeds = [{ text: seed, addresses: [world.host(seed).address] }];
  for (const name of names.slice(1)) world.command(name, { kind: 'join', seeds });
  if (names.length > 1) world.run(15_000);
  /** What `ann` sends because of a datagram. */
  const drawn = (from: Address, packet: Uint8Array) => {
    sent.length = 0;
    world.injectDatagram('ann', from, packet);
    return sent.filter((one) => one.from === 'ann');
  };
  /** The address of a host where no member lives. */
  const outsider = (label = 'eve'): Address => world.add(label).address;
  return { world, drawn, sent, facts, outsider };
}

const pingTo = (at: Address, over: object = {}): Uint8Array =>
  Ping.encode(
    Ping.create({
      seqNo: 7,
      node: 'ann',
      sourceAddr: at.ip,
      sourcePort: at.port,
      sourceNode: 'eve',
      ...over,
    }),
  ).slice();

test('S31 forty pings in one datagram, with the address of a member, draw 32 acks to it, and gossip with the first only', () => {
  const others = Array.from({ length: 12 }, (_, i) => `m${i}`);
  const { world, drawn } = cluster('ann', 'bob', ...others);
  const bob = world.host('bob').address;
  for (const name of others) // those that are gossiped at once go to three members each
    world.command('ann', { kind: 'fireEvent', name, payload: new Uint8Array(300), coalesce: false });
  const pings = Array.from({ length: 40 }, () => pingTo(bob, { sourceNode: 'bob' }));

  const sizes = drawn(bob, seal(pings, true)).map(({ packet }) => packet.length);

  expect(sizes.length).toBe(32);
  expect(sizes.filter((size) => size > 600)).toHaveLength(1);
  expect(Math.max(...sizes.slice(1))).toBeLessThan(250);
});

describe('S31 a ping of an outsider', () => {
  test('draws one ack: without a coordinate, and without gossip', () => {
    const { world, drawn, outsider } = cluster('ann', 'bob');
    world.command('ann', {
      kind: 'fireEvent',
      name: 'deploy',
      payload: new Uint8Array(300),
      coalesce: false,
    });
    const eve = outsider();

    const packets = drawn(eve, seal([pingTo(eve)]));

    expect(packets.map(({ to }) => to)).toEqual(['eve']);
    const { messages } = openPacket((packets[0] as { packet: Uint8Array }).packet, BARE_ENVELOPE);
    expect(messages.map((message) => message[0])).toEqual([2]);
    expect((messages[0] as Uint8Array).length).toBeLessThan(30);
  });

  test.each([1, 7, 127])(
    '%i of them in one datagram draw one packet to whatever address they name',
    (count) => {
      const { drawn, facts, outsider } = cluster('ann', 'bob');
      const victims = Array.from({ length: count }, (_, i) => outsider(`victim-${i}`));
      const bytes = seal(
        victims.map((victim) => pingTo(victim)),
        true,
      );

      const packets = drawn(outsider(), bytes);

      expect(packets.length).toBe(1);
      expect((packets[0] as { packet: Uint8Array }).packet.length).toBeLessThanOrEqual(3 * bytes.length);
      const withheld = facts.filter(({ kind }) => kind === 'repliesWithheld');
      expect(withheld).toMatchObject(count === 1 ? [] : [{ count: count - 1 }]);
    },
  );

  test('of two octets draws nothing, since every answer is longer than six', () => {
    const { drawn, outsider } = cluster('ann', 'bob');
    expect(drawn(outsider(), Uint8Array.of(0, 0x80))).toEqual([]);
  });

  test('does not use up what members have not heard yet', () => {
    const { world, drawn, outsider } = cluster('ann', 'bob', 'cat', 'dan');
    const eve = outsider();
    world.command('ann', {
      kind: 'fireEvent',
      name: 'deploy',
      payload: new Uint8Array(300),
      coalesce: false,
    });
    for (let i = 0; i < 500; i++) drawn(eve, seal([pingTo(eve)]));
    world.run(3000);
    for (const name of ['bob', 'cat', 'dan'])
      expect(
        world
          .host(name)
          .runningAgent.view.userEvents()
          .map((event) => event.name),
      ).toEqual(['deploy']);
  });

  test('whose row was dropped draws the ack and the accusation in one packet', () => {
    const { world, drawn } = cluster('ann', 'bob');
    const bob = world.host('bob').address;
    world.stop('bob', { powerOff: true });
    world.run(180_000);

    const packets = drawn(bob, seal([pingTo(bob, { sourceNode: 'bob' })]));

    expect(packets.length).toBe(1);
    const { messages } = openPacket((packets[0] as { packet: Uint8Array }).packet, BARE_ENVELOPE);
    expect(messages.map((message) => message[0])).toEqual([2, 5]);
  });
});

test('S31 a member still gets acks with coordinate and gossip', () => {
  const { world, drawn } = cluster('ann', 'bob');
  world.command('ann', { kind: 'fireEvent', name: 'deploy', payload: new Uint8Array(300), coalesce: false });
  const bob = world.host('bob').address;
  const packets = drawn(bob, seal([pingTo(bob, { sourceNode: 'bob' })]));
  expect(packets.length).toBe(1);
  expect((packets[0] as { packet: Uint8Array }).packet.length).toBeGreaterThan(400);
});

test('S31 no outsider has another address pinged for it', () => {
  const { drawn, outsider } = cluster('ann', 'bob');
  const [eve, victim] = [outsider(), outsider('victim')];
  const { ip: target, port } = victim;
  const source = { sourceAddr: eve.ip, sourcePort: eve.port, sourceNode: 'eve' };
  const request = IndirectPing.create({ seqNo: 1, target, port, node: 'x', nack: true, ...source });
  expect(drawn(eve, seal([IndirectPing.encode(request)]))).toEqual([]);
});

test('S31 one host is not pinged for as many names as a stranger can think of', () => {
  const { world, facts } = cluster('ann', 'bob');
  const victim = world.newAddress();
  const vsn = Uint8Array.of(1, 5, 2, 2, 5, 5);
  const claim = (i: number): Uint8Array =>
    Alive.encode({
      ...{
        incarnation: 1,
        node: `n${i}`,
        addr: victim.ip,
        port: 1000 + i,
        meta: Uint8Array.of(0xff, 0x80),
        vsn,
      },
    }).slice();
  for (let i = 0; i < 1000; i += 100)
    world.injectDatagram(
      'ann',
      world.newAddress(),
      seal(
        Array.from({ length: 100 }, (_, k) => claim(i + k)),
        true,
      ),
    );
  world.run(10_000);
  const pinged = facts.flatMap((fact) => (fact.kind === 'memberUnverified' ? [fact.address] : []));
  expect(pinged.length).toBeGreaterThan(0);
  expect(pinged.length).toBeLessThanOrEqual(16);
});

test('S31 accusations by an outsider draw one refutation to it', () => {
  const { drawn, outsider } = cluster('ann', 'bob');
  const accuse = (incarnation: number): Uint8Array =>
    Dead.encode({ incarnation, node: 'ann', from: 'eve' }).slice();
  const packets = drawn(outsider(), seal([10, 20, 30, 40].map(accuse)));
  expect(packets.filter(({ to }) => to === 'eve').length).toBe(1);
});
