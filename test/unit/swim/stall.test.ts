import { describe, expect, test } from 'vitest';
import { swimSection as settings } from '../../../src/config/protocol.ts';
import { withDefaults } from '../../../src/config/setting.ts';
import { stallThreshold } from '../../../src/swim/swim.ts';
import { Actor, ack, addressOf, alive, PORT, suspect } from './helpers.ts';
import { Network } from './network.ts';

/** The loop stands still for so long, then notices. */
function sleep(ann: Actor, millis: number): void {
  const { deadline } = ann.swim;
  ann.now += millis;
  const lateness = ann.now - deadline;
  if (lateness > 0) ann.do((swim, now, out) => swim.onStall(lateness, now, out));
}
const probing = (): Actor => {
  const ann = new Actor('ann', { gossipInterval: 1e7, pushPullInterval: 1e8 }).knowing('bob').start();
  ann.untilPing();
  ann.take();
  return ann;
};

test('a stall is a quarter of the probe timeout, at least 50 ms', () => {
  expect(stallThreshold(withDefaults(settings))).toBe(125);
  expect(stallThreshold(withDefaults(settings, { probeTimeout: 100 }))).toBe(50);
  const ann = probing().do((swim, now, out) => swim.onStall(124, now, out));
  expect(ann.take()).toEqual([]);
});

test('a stall costs one point of health, and is a fact', () => {
  const ann = probing();
  sleep(ann, 900);
  expect(ann.facts()).toEqual([
    { kind: 'stalled', latenessMs: 400 },
    { kind: 'awarenessChanged', awareness: 1 },
  ]);
});

test('the running round is extended; an ack that waited in the socket ends it, but measures no round trip', () => {
  const ann = probing();
  sleep(ann, 1900);
  ann.take();
  ann.do((swim, now, out) => swim.tick(now, out));
  expect(ann.state('bob')).toBe('alive');
  ann.receive(ack(1));
  expect(ann.take().map(({ kind }) => kind)).not.toContain('roundTrip');
});

test('a round with a stall accuses nobody, even without an ack, and does not change the health score', () => {
  const ann = probing();
  sleep(ann, 1900);
  ann.take();
  ann.pass(1000);
  expect([ann.state('bob'), ann.swim.awareness]).toEqual(['alive', 1]);
  expect(ann.facts().map(({ kind }) => kind)).not.toContain('probeFailed');
});

test('suspicions are extended, so that a refutation in the socket comes first', () => {
  const ann = probing();
  ann.receive(suspect('bob', 'cat')); // in a table of two it runs 4 s
  sleep(ann, 20_000);
  ann.do((swim, now, out) => swim.tick(now, out));
  expect(ann.state('bob')).toBe('suspect');
  ann.receive(alive('bob', 2), addressOf('bob'));
  expect(ann.state('bob')).toBe('alive');
});

test.each([true, false])('a short stall extends suspicions too, with last call %s', (lastCall) => {
  const ann = new Actor('ann', { lastCall }).knowing('bob').receive(suspect('bob', 'cat')); // ends at 4 s
  ann.pass(3500);
  ann.now = 4400;
  ann.do((swim, now, out) => swim.onStall(400, now, out));
  ann.pass(499);
  expect(ann.state('bob')).toBe('suspect');
  ann.pass(1);
  expect(ann.state('bob')).toBe('dead');
});

test('a round with a short stall measures no round trip', () => {
  const ann = probing();
  ann.now += 300;
  ann.do((swim, now, out) => swim.onStall(200, now, out));
  ann.receive(ack(1));
  expect(ann.take().map(({ kind }) => kind)).not.toContain('roundTrip');
});

test('an indirect probe with a stall does not end before its ack can be read', () => {
  const ann = new Actor('ann').knowing('cat').receive({
    kind: 'indirectPing',
    seqNo: 77,
    target: addressOf('bob').ip,
    port: PORT,
    node: 'bob',
    nack: true,
    sourceAddr: addressOf('cat').ip,
    sourcePort: PORT,
    sourceNode: 'cat',
  });
  const seqNo = ann.pingNumber();
  sleep(ann, 900);
  ann.take();
  ann.do((swim, now, out) => swim.tick(now, out)).receive(ack(seqNo));
  expect(ann.sends()).toMatchObject([{ message: { kind: 'ack', seqNo: 77 } }]);
});

describe('after a long stall', () => {
  test('two rounds accuse nobody; the third may', () => {
    const ann = probing().receive(ack(1));
    sleep(ann, 12 * 3_600_000);
    ann.take();
    const suspectedIn: boolean[] = [];
    for (let round = 0; round < 3; round++) {
      ann.untilPing('bob');
      ann.until('fact', ({ fact }) => fact.kind === 'probeFailed');
      suspectedIn.push(ann.state('bob') === 'suspect');
    }
    expect(suspectedIn).toEqual([false, false, true]);
  });

  test('no suspicion ends before those rounds are over', () => {
    const ann = probing().receive(suspect('bob', 'cat'));
    ann.pass(3500);
    sleep(ann, 10_000);
    ann.take();
    for (let failed = 0; failed < 2; ) {
      const { fact } = ann.until(
        'fact',
        ({ fact }) => fact.kind === 'probeFailed' || fact.kind === 'memberDeclaredDead',
      );
      expect(fact.kind).toBe('probeFailed');
      failed++;
    }
    ann.until('fact', ({ fact }) => fact.kind === 'memberDeclaredDead');
  });

  test('the agent announces itself again, and syncs with a member, which is asked first whether it holds the same', () => {
    const ann = probing().receive(ack(1));
    ann.drainBroadcasts();
    sleep(ann, 10_000);
    expect(ann.take().filter(({ kind }) => kind === 'pushPull')).toMatchObject([
      { peer: { identity: { name: 'bob' } }, periodic: true },
    ]);
    expect(ann.drainBroadcasts()).toEqual([alive('ann', 1)]);
  });

  test('stalls that follow one another cause one sync with one member in five seconds, and the last of them has its own', () => {
    const ann = new Actor('ann', { gossipInterval: 1e7, pushPullInterval: 1e8 })
      .knowing('bob', 'cat', 'dan', 'eve')
      .start();
    ann.take();
    const syncs: number[] = [];
    const count = (): void => {
      for (const { kind } of ann.take()) if (kind === 'pushPull') syncs.push(ann.now);
    };
    const from = ann.now;
    for (let i = 0; i < 5; i++) {
      ann.now += 2100;
      ann.do((swim, now, out) => swim.onStall(2050, now, out));
      count();
    }
    for (let i = 0; i < 100; i++) {
      ann.pass(100);
      count();
    }
    expect(syncs.map((at) => at - from)).toEqual([2100, 8400, 13_400]);
  });
});

test.each([5_000, 20_000, 3_600_000])(
  'a member that slept %i ms declares nobody dead, and is soon alive to all',
  (millis) => {
    const net = new Network('ann bob cat dan eve');
    net.pass(10_000);
    net.pause('ann', millis);
    const resumed = net.now;
    net.pass(10_000);
    expect(net.seenAs('ann')).toEqual({ bob: 'alive', cat: 'alive', dan: 'alive', eve: 'alive' });
    for (const name of ['bob', 'cat', 'dan', 'eve']) expect(net.seenAs(name)['ann']).toBe('alive');
    net.pass(60_000);
    expect(net.facts('memberDeclaredDead').filter(({ at, who }) => who === 'ann' && at >= resumed)).toEqual(
      [],
    );
  },
);
