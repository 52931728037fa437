/**
 * The papers, section by section. SWIM: Das, Gupta, Motivala, "Scalable Weakly-consistent Infection-style Process
 * Group Membership Protocol" (2002). Lifeguard: Dadgar, Phillips, Currey, "Lifeguard: Local Health Awareness for
 * More Accurate Failure Detection" (2018).
 */
import { describe, expect, test } from 'vitest';
import { retransmitLimit } from '../../../src/swim/broadcasts.ts';
import { suspicionLength, suspicionTimeout } from '../../../src/swim/state/suspicion.ts';
import { Actor, ack, addressOf, alive, dead, PORT, suspect } from './helpers.ts';
import { Network } from './network.ts';

const NAMES = Array.from({ length: 15 }, (_, i) => `m${i}`);
const pingsOf = (ann: Actor, rounds: number): string[] =>
  Array.from({ length: rounds }, () => {
    const { message } = ann.untilPing();
    ann.receive(ack(message.seqNo));
    return message.node;
  });

describe('SWIM §3.1, the failure detector', () => {
  test('one random member is pinged per protocol period', () => {
    const ann = new Actor('ann').knowing(...NAMES).start();
    ann.untilPing();
    const from = ann.now;
    ann.receive(ack(1));
    pingsOf(ann, 20);
    expect(ann.now - from).toBeCloseTo(20_000, 6);
  });

  test('without an ack within the timeout, k members are asked to ping it, within the same period', () => {
    const ann = new Actor('ann', { indirectChecks: 4 }).knowing(...NAMES).start();
    const { message } = ann.untilPing();
    ann.take();
    ann.pass(500);
    const helpers = ann.sends();
    expect(helpers.length).toBe(4);
    for (const { message: request, peer } of helpers) {
      expect(request).toMatchObject({ kind: 'indirectPing', node: message.node });
      expect(peer?.identity.name).not.toBe(message.node);
    }
  });

  test('an ack by any path, to the end of the period, is enough', () => {
    const ann = new Actor('ann').knowing(...NAMES).start();
    const { message } = ann.untilPing();
    ann.pass(990);
    ann.receive(ack(message.seqNo)).pass(100);
    expect(ann.state(message.node)).toBe('alive');
  });

  test('the load of a member does not grow with the group', () => {
    const perMember = (names: string): number => {
      const net = new Network(names, { gossipInterval: 1e6, pushPullInterval: 1e8 });
      net.pass(2000);
      net.packets = 0;
      net.pass(20_000);
      return net.packets / names.split(' ').length / 20;
    };
    expect(perMember(NAMES.slice(0, 5).join(' '))).toBeCloseTo(2, 0); // a ping and an ack per second
    expect(perMember(NAMES.join(' '))).toBeCloseTo(2, 0);
  });

  test('every failure is detected by every member that is not faulty: completeness', () => {
    const net = new Network(NAMES.slice(0, 7).join(' '));
    net.pass(2000);
    for (const name of ['m1', 'm4']) net.stop(name);
    net.pass(25_000);
    for (const name of ['m1', 'm4'])
      expect(new Set(Object.values(net.seenAs(name)))).toEqual(new Set(['dead']));
  });
});

describe('SWIM §4.1, dissemination on the backs of pings and acks', () => {
  const bytesIn = (ann: Actor): number => ann.swim.broadcasts.size;

  test('pings, requests, acks and nacks all piggyback broadcasts', () => {
    const ann = new Actor('ann').knowing('bob', 'cat', 'dan').start();
    ann.untilPing();
    ann.pass(500);
    ann.receive({
      kind: 'indirectPing',
      seqNo: 7,
      target: addressOf('bob').ip,
      port: PORT,
      node: 'bob',
      nack: true,
      sourceAddr: addressOf('cat').ip,
      sourcePort: PORT,
      sourceNode: 'cat',
    });
    ann.pass(501);
    const carriers = ann.sends().filter(({ compoundWith }) => compoundWith === undefined);
    expect(new Set(carriers.map(({ message }) => message.kind))).toEqual(
      new Set(['ping', 'indirectPing', 'nack']),
    );
    expect(carriers.every(({ piggyback: fill }) => fill)).toBe(true);
  });

  test('each broadcast is sent λ log n times, the least-sent first', () => {
    expect(retransmitLimit(4, 1000)).toBe(4 * Math.ceil(Math.log10(1001)));
    const ann = new Actor('ann').knowing('bob');
    ann.receive(alive('cat'));
    const packet: Uint8Array[] = [];
    const old = bytesIn(ann);
    ann.swim.broadcasts.dequeue(1400, 2, 4, packet);
    ann.receive(alive('dan'));
    packet.length = 0;
    ann.swim.broadcasts.dequeue(60 + packet.length, 2, 4, packet);
    expect(old).toBe(1);
    for (const one of packet) expect(Buffer.from(one).toString('latin1')).toContain('dan');
  });

  test('broadcasts reach all members', () => {
    const net = new Network(NAMES.join(' '));
    net.pass(5000);
    net.get('m3').setMeta(Uint8Array.of(5), net.now, []);
    net.pass(3000);
    for (const swim of net.swims.values())
      expect(swim.members.get('m3')?.identity.meta).toEqual(Uint8Array.of(5));
  });
});

describe('SWIM §4.2, suspicion', () => {
  test('alive overrides suspect and alive of any lower incarnation', () => {
    const ann = new Actor('ann')
      .knowing('bob')
      .receive(suspect('bob', 'cat', 3))
      .receive(alive('bob', 4));
    expect([ann.state('bob'), ann.incarnationOf('bob')]).toEqual(['alive', 4]);
  });

  test('suspect overrides suspect of a lower and alive of the same incarnation', () => {
    const ann = new Actor('ann')
      .knowing('bob')
      .receive(suspect('bob', 'cat', 1))
      .receive(suspect('bob', 'cat', 2));
    expect([ann.state('bob'), ann.incarnationOf('bob')]).toEqual(['suspect', 2]);
  });

  test('only the member itself raises its incarnation', () => {
    const ann = new Actor('ann').knowing('bob', 'cat', 'dan').start();
    ann.untilPing();
    ann.pass(20_000);
    expect(['bob', 'cat', 'dan'].map((name) => ann.incarnationOf(name))).toEqual([1, 1, 1]);
    expect(ann.receive(suspect('ann', 'bob', 1)).swim.incarnation).toBe(2);
  });

  test('a suspect is declared failed after the suspicion timeout, and that is broadcast', () => {
    const ann = new Actor('ann').knowing('bob').receive(suspect('bob', 'cat'));
    ann.drainBroadcasts();
    ann.pass(suspicionTimeout(4, 2, 1000));
    expect(ann.drainBroadcasts()).toEqual([dead('bob', 'ann')]);
  });

  test('Differs: confirm is final in the paper; here, as in memberlist, a failed member may outbid it', () => {
    const ann = new Actor('ann')
      .knowing('bob')
      .receive(dead('bob', 'cat', 1))
      .receive(alive('bob', 2));
    expect(ann.state('bob')).toBe('alive');
  });
});

describe('SWIM §4.3, round-robin: detection in bounded time', () => {
  test('two probes of one member are at most 2n - 1 periods apart', () => {
    const ann = new Actor('ann').knowing(...NAMES).start();
    const order = pingsOf(ann, 300);
    for (const name of NAMES) {
      const turns = order.flatMap((probed, at) => (probed === name ? [at] : []));
      const gaps = turns.slice(1).map((turn, i) => turn - (turns[i] as number));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * NAMES.length - 1);
    }
  });

  test('each pass visits every member once, and passes differ', () => {
    const ann = new Actor('ann').knowing(...NAMES).start();
    const order = pingsOf(ann, NAMES.length * 4);
    // Newcomers joined at random places, so the first pass is whole from the start.
    const passes = [0, 1, 2, 3].map((pass) => order.slice(pass * NAMES.length, (pass + 1) * NAMES.length));
    for (const pass of passes) expect(new Set(pass).size).toBe(NAMES.length);
    expect(passes[0]).not.toEqual(passes[1]);
  });
});

describe('Lifeguard §IV-A, self-awareness', () => {
  test('timeouts grow with the local health multiplier: a failed probe of a sick member takes longer', () => {
    const lengthAt = (score: number): number => {
      const ann = new Actor('ann').knowing('bob').start();
      for (let i = 1; i <= score; i++) ann.receive(suspect('ann', 'x', i));
      ann.untilPing();
      const from = ann.now;
      ann.until('fact', ({ fact }) => fact.kind === 'probeFailed');
      return ann.now - from;
    };
    expect([0, 1, 3].map(lengthAt).map(Math.round)).toEqual([1000, 2000, 4000]);
  });

  test('success lowers it, a failed probe, a missing nack, and having to refute raise it', () => {
    const ann = new Actor('ann').knowing('bob').start();
    ann.receive(suspect('ann', 'x'));
    expect(ann.swim.awareness).toBe(1);
    ann.receive(ack(ann.untilPing().message.seqNo));
    expect(ann.swim.awareness).toBe(0);
    ann.until('fact', ({ fact }) => fact.kind === 'probeFailed');
    expect(ann.swim.awareness).toBe(1);
  });

  test('it saturates', () => {
    const ann = new Actor('ann');
    for (let i = 1; i < 30; i++) ann.receive(suspect('ann', 'x', i));
    expect(ann.swim.awareness).toBe(7);
  });
});

describe('Lifeguard §IV-B, dynamic suspicion timeouts', () => {
  test('from max with no confirmation, by the logarithm, to min with k', () => {
    expect([0, 1, 2, 3].map((c) => suspicionLength(c, 3, 2000, 30_000))).toEqual([
      30_000, 16_000, 7810, 2000,
    ]);
  });

  test('the first k independent suspicions are broadcast, further ones are not', () => {
    const ann = new Actor('ann').knowing(...NAMES.slice(0, 8));
    const told = ['a', 'b', 'c', 'd', 'e'].map(
      (by) => ann.receive(suspect('m0', by)).drainBroadcasts().length,
    );
    expect(told).toEqual([1, 1, 1, 0, 0]);
  });
});

describe('Lifeguard §IV-C, buddy system', () => {
  test('a ping of a suspect carries the accusation', () => {
    const ann = new Actor('ann')
      .knowing('bob')
      .receive(suspect('bob', 'cat', 1))
      .start();
    expect(ann.untilPing()).toMatchObject({ compoundWith: suspect('bob', 'ann', 1) });
  });

  test('so that it refutes with its ack', () => {
    const bob = new Actor('bob').knowing('ann');
    bob.receive(suspect('bob', 'ann', 1), addressOf('ann'));
    expect(bob.drainBroadcasts()).toEqual([alive('bob', 2)]);
  });
});
