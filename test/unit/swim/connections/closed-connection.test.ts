import { describe, expect, test } from 'vitest';
import type { StreamPingOutcome, SwimEffect } from '../../../../src/swim/types.ts';
import { Actor, ack, addressOf, alive, dead, suspect } from '../helpers.ts';

const OTHERS = ['bob', 'cat', 'dan', 'eve', 'fay'];

/** ann, whose connection to bob has just closed. */
function closed(config: ConstructorParameters<typeof Actor>[1] = {}) {
  const ann = new Actor('ann', config).knowing(...OTHERS);
  ann.now = 5000;
  ann.do((swim, now, out) => swim.onConnectionClosed('bob', now, out));
  return ann;
}

type StreamPing = Extract<SwimEffect, { kind: 'streamPing' }>;

/** The stream ping that is under way ends so; returns all effects before and after. */
function answer(ann: Actor, outcome: StreamPingOutcome): SwimEffect[] {
  const before = ann.take();
  const ping = before.findLast((effect): effect is StreamPing => effect.kind === 'streamPing');
  if (ping === undefined) throw new Error('no stream ping is under way');
  ann.do((swim, now, out) => swim.onStreamPing(ping.seqNo, outcome, now, out));
  return before;
}

const isRefused = (ann: Actor): boolean => ann.swim.members.get('bob')?.refused === true;
const second = (ann: Actor): Actor =>
  ann.receive({ ...suspect('bob', 'cat'), refused: true }, addressOf('cat'));

test('it asks at once, over UDP and by a new connection', () => {
  const ann = closed();
  const effects = ann.take();
  expect(effects.map((effect) => (effect.kind === 'send' ? effect.message.kind : effect.kind))).toEqual([
    ...['fact', 'ping', 'streamPing'],
  ]);
});

test('one refusal asks again, the second one suspects, and the others are told that it is refused', () => {
  const ann = closed();
  answer(ann, 'refused');
  expect(ann.state('bob')).toBe('alive');
  answer(ann, 'refused');
  expect([ann.state('bob'), isRefused(ann)]).toEqual(['suspect', true]);
  expect(ann.drainBroadcasts()).toContainEqual({ ...suspect('bob', 'ann'), refused: true });
  expect(ann.take().filter(({ kind }) => kind === 'reachability')).toHaveLength(1);
});

describe('after the grace', () => {
  test('it is dead if its host still refuses, and another watcher was refused, too', () => {
    const ann = closed();
    answer(ann, 'refused');
    answer(ann, 'refused');
    second(ann);
    ann.pass(990);
    expect(ann.state('bob')).toBe('suspect');
    ann.pass(20);
    answer(ann, 'refused');
    expect(ann.state('bob')).toBe('dead');
    expect(ann.facts()).toContainEqual(
      expect.objectContaining({
        kind: 'memberDeclaredDead',
        reason: { kind: 'closed', accusers: ['ann', 'cat'], refusals: 3, durationMs: expect.any(Number) },
      }),
    );
  });

  test('it is a suspect as any other while nobody else was refused, and dead as soon as somebody was', () => {
    const ann = closed();
    for (const wait of [0, 0, 1010, 60]) {
      ann.pass(wait);
      answer(ann, 'refused');
    }
    expect(ann.state('bob')).toBe('suspect');
    second(ann);
    ann.pass(0);
    answer(ann, 'refused');
    expect(ann.state('bob')).toBe('dead');
  });

  test('the grace begins again when anything is heard from it', () => {
    const ann = closed();
    answer(ann, 'refused');
    answer(ann, 'refused');
    second(ann);
    ann.pass(900);
    ann.receive(suspect('eve', 'bob'), addressOf('bob'));
    ann.take();
    ann.pass(200);
    expect(ann.take().filter(({ kind }) => kind === 'streamPing')).toEqual([]);
    expect(ann.state('bob')).toBe('suspect');
  });

  test('without a grace it is dead at the second refusal', () => {
    const ann = closed({ closeGrace: 0 });
    second(ann);
    answer(ann, 'refused');
    answer(ann, 'refused');
    expect(ann.state('bob')).toBe('dead');
  });
});

describe('it is alive', () => {
  test.each(['ping', 'stream ping'])('if it answers the %s, and is served again', (way) => {
    const ann = closed();
    answer(ann, 'refused');
    answer(ann, 'refused');
    second(ann);
    ann.pass(1010);
    const asked = ann.take();
    const ping = asked.findLast((effect): effect is StreamPing => effect.kind === 'streamPing');
    if (way === 'ping') ann.receive(ack(ping?.seqNo ?? 0), addressOf('bob'));
    else ann.do((swim, now, out) => swim.onStreamPing(ping?.seqNo ?? 0, 'acked', now, out));
    expect(isRefused(ann)).toBe(false);
    const effects = ann.take();
    expect(effects.filter(({ kind }) => kind === 'reachability')).toHaveLength(1);
    expect(effects.filter(({ kind }) => kind === 'pushPull')).toHaveLength(1);
    ann.pass(1500);
    expect(ann.state('bob')).toBe('suspect');
  });

  test('if it refutes: nothing more is asked', () => {
    const ann = closed();
    answer(ann, 'refused');
    answer(ann, 'refused');
    second(ann).receive(alive('bob', 2), addressOf('bob'));
    expect([ann.state('bob'), isRefused(ann)]).toEqual(['alive', false]);
    ann.take();
    ann.pass(3000);
    expect(ann.take().filter(({ kind }) => kind === 'streamPing')).toEqual([]);
  });
});

test.each(['timeout', 'unreachable', 'unanswered'] as const)(
  'silence (%s) is left to a probe, which begins now',
  (outcome) => {
    const ann = closed().start();
    answer(ann, outcome);
    expect(ann.untilPing().message.node).toBe('bob');
    expect(ann.now).toBe(5000);
    expect(ann.state('bob')).toBe('alive');
  },
);

test('a process that ends accepts connections for a moment and closes them: it is asked again', () => {
  const ann = closed();
  answer(ann, 'closed');
  ann.pass(10);
  answer(ann, 'refused');
  answer(ann, 'refused');
  expect(isRefused(ann)).toBe(true);
});

test('what goes on accepting is left to a probe', () => {
  const ann = new Actor('ann').knowing(...OTHERS).start();
  ann.receive(ack(ann.untilPing().message.seqNo)).take(); // no round is running
  const closedAt = ann.now;
  ann.do((swim, now, out) => swim.onConnectionClosed('bob', now, out));
  for (const wait of [0, 10, 20, 40, 80, 160]) {
    ann.pass(wait);
    answer(ann, 'closed');
  }
  expect(ann.untilPing().message.node).toBe('bob');
  expect(ann.now).toBe(closedAt + 310);
});

test('a member that is down or away, or unknown, is not asked', () => {
  for (const name of ['ann', 'nobody', 'cat']) {
    const ann = new Actor('ann').knowing(...OTHERS);
    ann.receive({ kind: 'dead', incarnation: 1, node: 'cat', from: 'dan' }).take();
    ann.do((swim, now, out) => swim.onConnectionClosed(name, now, out));
    expect(ann.take()).toEqual([]);
  }
});

test('a bystander drops a suspect that is refused, and takes it back when it refutes', () => {
  const ann = new Actor('ann').knowing(...OTHERS);
  ann.receive(suspect('bob', 'cat'));
  expect(isRefused(ann)).toBe(false);
  ann.drainBroadcasts();
  ann.receive({ ...suspect('bob', 'cat'), refused: true });
  expect(isRefused(ann)).toBe(true);
  expect(ann.drainBroadcasts()).toEqual([{ ...suspect('bob', 'cat'), refused: true }]);
  ann.receive({ ...suspect('bob', 'cat'), refused: true });
  expect(ann.drainBroadcasts()).toEqual([]);
  ann.receive(alive('bob', 2));
  expect(isRefused(ann)).toBe(false);
});

test.each([true, false])(
  'a bystander that is told of the death and refused itself believes it at once if a watcher was refused (%s)',
  (refused) => {
    const ann = new Actor('ann', { dialBack: true }).knowingAll(...OTHERS);
    ann.receive({ ...suspect('bob', 'cat'), ...(refused ? { refused } : {}) }, addressOf('cat'));
    ann.receive(dead('bob', 'dan'), addressOf('dan'));
    ann.pass(0);
    answer(ann, 'refused');
    expect(ann.state('bob')).toBe(refused ? 'dead' : 'suspect');
    ann.pass(1000);
    expect(ann.state('bob')).toBe('dead');
  },
);

test('what others say of refusals declares nobody dead', () => {
  const ann = new Actor('ann').knowing(...OTHERS);
  for (const from of ['cat', 'dan', 'eve', 'fay'])
    ann.receive({ ...suspect('bob', from), refused: true }, addressOf(from));
  ann.pass(2500);
  expect(ann.state('bob')).toBe('suspect');
});
