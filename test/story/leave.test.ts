import { expect, test } from 'vitest';
import { concatBytes } from '../../src/base/bytes.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';
import { makeService } from '../../src/sim/workload/definitions.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { Dead, encodeMessage, MESSAGE_TYPE } from '../../src/wire/memberlist.ts';
import { sealPacket } from '../../src/wire/packet.ts';
import { LeaveIntent } from '../../src/wire/serf.ts';
import { startStory, withStatus } from './start-story.ts';

test('a member that leaves is left everywhere within 3 s, and never failed', () => {
  const { world, leave, run, runUntil, statusByObserver, statusHistory, timeUntilAllSee } = startStory(
    'ann bob cat dan eve',
    { seed: 1 },
  );
  const began = world.now;

  const asked = leave('bob');

  expect(runUntil(() => asked.result !== undefined)).toBe(true);
  expect(asked.result).toEqual({ ok: true });
  expect(timeUntilAllSee('bob', 'left', began)).toBeLessThan(3000);
  run('60s');
  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'left'));
  for (const observer of ['ann', 'cat', 'dan', 'eve']) {
    expect(statusHistory(observer, 'bob')).not.toContain('failed');
    expect(statusHistory(observer, 'bob')).not.toContain('suspect');
  }
  expect(world.host('bob').running).toBe(false);
});

test.each([0, 0.1])(
  'G2: with 100 members and %d of all packets lost, a leave is known everywhere in time',
  (loss) => {
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`).join(' ');
    const { world, leave, runUntil, statusByObserver, timeUntilAllSee } = startStory(names, {
      seed: 2,
      linkQuality: { loss },
      detail: 'facts',
      bootstrapped: 'byPushPull',
    });
    const began = world.now;

    leave('n5');
    runUntil(() => Object.values(statusByObserver('n5')).every((status) => status === 'left'));

    expect(timeUntilAllSee('n5', 'left', began)).toBeLessThan(loss === 0 ? 2000 : 5000);
  },
);

test('the last two members can leave one after the other', () => {
  const { leave, runUntil } = startStory('ann bob', { seed: 3 });
  const first = leave('ann');
  expect(runUntil(() => first.result !== undefined)).toBe(true);

  const second = leave('bob');

  expect(runUntil(() => second.result !== undefined)).toBe(true);
  expect(second.result).toEqual({ ok: true });
});

test('conformance: back after a graceful leave, at the same address', () => {
  const { world, leave, restart, run, runUntil, timeUntilAllSee } = startStory('ann bob cat dan', {
    seed: 4,
  });
  const asked = leave('bob');
  runUntil(() => asked.result !== undefined);
  run('5s');
  const began = world.now;

  restart('bob');

  expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
  expect(timeUntilAllSee('bob', 'alive', began)).toBeLessThan(3000);
});

test('conformance: back after a graceful leave, at another address', () => {
  const { world, leave, restart, run, runUntil, timeUntilAllSee, member } = startStory('ann bob cat dan', {
    seed: 5,
  });
  const asked = leave('bob');
  runUntil(() => asked.result !== undefined);
  run('5s');
  const began = world.now;

  restart('bob', { newAddress: true });

  expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
  expect(timeUntilAllSee('bob', 'alive', began)).toBeLessThan(3000);
  for (const observer of ['ann', 'cat', 'dan'])
    expect(member(observer, 'bob')?.address.key).toBe(world.host('bob').address.key);
});

test('a failed member that is forgotten is left everywhere', () => {
  const { stop, run, forget, runUntil, statusByObserver } = startStory('ann bob cat dan eve', { seed: 6 });
  stop('bob');
  run('20s');

  expect(forget('cat', 'bob')).toEqual({ ok: true });

  // In so small a cluster gossip may miss a member; then the next push/pull delivers the intent.
  const allSayLeft = (): boolean =>
    Object.values(statusByObserver('bob')).every((status) => status === 'left');
  expect(runUntil(allSayLeft, '40s')).toBe(true);
  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'left'));
});

test('a pruned member is gone everywhere, also for members that join later', () => {
  const { stop, run, forget, statusByObserver, addHost } = startStory('ann bob cat dan', { seed: 7 });
  stop('bob');
  run('20s');

  expect(forget('ann', 'bob', { prune: true })).toEqual({ ok: true });
  run('5s');
  addHost('eve');
  run('90s');

  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'absent'));
});

test('a live member is not forgotten by mistake; one that is wrongly declared left refutes it', () => {
  const { forget, run, statusByObserver } = startStory('ann bob cat dan', { seed: 8 });

  expect(forget('ann', 'bob')).toMatchObject({ ok: false, error: { code: 'conflict' } });
  expect(forget('ann', 'nobody')).toMatchObject({ ok: false, error: { code: 'notFound' } });
  expect(forget('ann', 'bob', { refuseLive: false })).toEqual({ ok: true });
  run('30s');

  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan', 'alive'));
});

/** A datagram to `to`, as if it came from the agent on `from`, or from an address where nobody lives. */
function inject(story: Story, to: string, from: string | undefined, ...messages: Uint8Array[]): void {
  const { world } = story;
  const address = from === undefined ? world.newAddress() : world.host(from).address;
  const envelope = hostEnvelope(world.host(to).currentOptions);
  world.injectDatagram(
    to,
    address,
    sealPacket(messages, envelope, { crc: false, nonce: world.nonceSource() }),
  );
}

const ownWord = (story: Story, node: string): Uint8Array => {
  const { incarnation } = story.world.host(node).runningAgent.view.self();
  return encodeMessage(Dead.create({ incarnation, node, from: node }));
};

const leaveIntent = (node: string, ltime: number, prune = false): Uint8Array =>
  concatBytes([Uint8Array.of(MESSAGE_TYPE.user), LeaveIntent.encode({ node, ltime, prune })]);

const OTHERS = ['ann', 'cat', 'dan', 'eve'];

test('a bare leave of memberlist, without an intent, is a leave everywhere: left, and its services are gone', () => {
  const story = startStory('ann bob cat dan eve', { seed: 51, detail: 'facts' });
  const service = makeService('web-1');
  const request = {
    kind: 'registerService',
    service,
    checks: [],
    replaceChecks: true,
  } as const;
  story.runCommand('bob', request);
  story.run('3s');
  story.lawChecker.markForged('bob');
  const word = ownWord(story, 'bob');
  story.stop('bob');
  for (const to of ['ann', 'cat']) inject(story, to, 'bob', word);

  expect(
    story.runUntil(() => OTHERS.every((name) => story.member(name, 'bob')?.status === 'left'), '5s'),
  ).toBe(true);
  story.run('60s');
  for (const observer of OTHERS) {
    // Its connections close at the same moment, so who is told a little later suspects it until then.
    const history = story.statusHistory(observer, 'bob');
    expect(history.filter((status) => status !== 'suspect')).toEqual(['left']);
    expect(story.facts('memberFailed', observer)).toEqual([]);
    expect(story.world.host(observer).runningAgent.view.catalog.instances('web')).toEqual([]);
  }
});

test.each([
  ['intent first', [0, 1]],
  ['own word first', [1, 0]],
])('a leave in two messages, %s: left, never failed, one event', (_, order) => {
  const story = startStory('ann bob cat dan eve', { seed: 52, detail: 'facts' });
  story.lawChecker.markForged('bob');
  const messages = [leaveIntent('bob', 90), ownWord(story, 'bob')];
  story.stop('bob');
  for (const i of order) {
    for (const to of OTHERS) inject(story, to, 'bob', messages[i] as Uint8Array);
    story.run('100ms');
  }

  story.run('60s');
  for (const observer of OTHERS) {
    expect(story.statusHistory(observer, 'bob').filter((status) => status !== 'leaving')).toEqual(['left']);
    expect(story.facts('memberLeft', observer)).toHaveLength(1);
    expect(story.facts('memberFailed', observer)).toEqual([]);
  }
});

test('a leave that others tell of is asked for: who answers stays a member, whatever is forged', () => {
  const story = startStory('ann bob cat dan eve', { seed: 53, detail: 'facts' });
  for (let round = 0; round < 20; round++) {
    for (const to of OTHERS) {
      inject(story, to, undefined, ownWord(story, 'bob'));
      inject(story, to, 'cat', ownWord(story, 'bob'));
      inject(story, to, 'dan', leaveIntent('bob', 100 + round, true), ownWord(story, 'bob'));
    }
    story.run('500ms');
  }
  story.run('30s');

  expect(story.facts('memberLeft')).toEqual([]);
  expect(story.facts('memberFailed')).toEqual([]);
  expect(story.facts('memberReaped')).toEqual([]);
  expect(story.facts('leaveUnconfirmed').length).toBeGreaterThan(0);
  expect(story.statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'alive'));
});

test('S7 a leave that is forged with the address of the member is refuted as soon as it is believed', () => {
  const story = startStory('ann bob cat dan eve', { seed: 55, detail: 'facts' });
  story.lawChecker.markForged('bob');
  for (let round = 0; round < 5; round++) {
    for (const to of OTHERS) inject(story, to, 'bob', ownWord(story, 'bob'));
    story.run('100ms');
    expect(story.statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'alive'));
    story.run('900ms');
  }
  expect(story.facts('memberLeft').length).toBeGreaterThan(10);
});

test('three of five that leave without intents are no partition', () => {
  const story = startStory('ann bob cat dan eve', { seed: 54, detail: 'facts' });
  for (const name of ['cat', 'dan', 'eve']) {
    story.lawChecker.markForged(name);
    const word = ownWord(story, name);
    story.stop(name);
    for (const to of ['ann', 'bob']) inject(story, to, name, word);
  }
  story.run('90s');
  for (const observer of ['ann', 'bob']) {
    const { kind, known, visible, missing } = story.world.host(observer).runningAgent.view.partitionSummary();
    expect({ kind, known, visible, missing }).toEqual({ kind: 'whole', known: 2, visible: 2, missing: [] });
  }
  expect(story.facts('membersMissing')).toEqual([]);
});

test('ordered leaves without loss are never failed anywhere: four seeds of 30 members of which eight leave at once', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const names = Array.from({ length: 30 }, (_, i) => `n${i}`);
    const story = startStory(names.join(' '), {
      seed: 1000 + seed,
      detail: 'off',
      bootstrapped: 'byPushPull',
    });
    for (const name of names.slice(0, 8)) story.leave(name);
    story.run('60s');
    expect(story.facts('memberFailed')).toEqual([]);
    for (const name of names.slice(0, 8))
      expect(new Set(Object.values(story.statusByObserver(name)))).toEqual(new Set(['left']));
  }
});

test('a Serf peer that leaves is left at agents, without being failed before', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const names = Array.from({ length: 12 }, (_, i) => `n${i}`);
    const hosts = { n0: { serfPeer: true }, n1: { serfPeer: true }, n2: { serfPeer: true } };
    const story = startStory(names.join(' '), { seed: 2000 + seed, detail: 'off', hosts });
    story.leave('n0');
    story.run('60s');
    for (const observer of names.slice(3)) {
      expect(story.statusHistory(observer, 'n0')).not.toContain('failed');
      expect(story.member(observer, 'n0')?.status).toBe('left');
    }
  }
});

test('the snapshot of an agent that left says so, and that of one that was killed or stays does not', () => {
  const story = startStory('ann bob cat dan eve', { seed: 21 });
  const saved = (name: string): unknown => story.world.host(name).disk?.snapshot?.left;
  story.run('5s');
  expect(saved('bob')).toBeUndefined();
  story.leave('bob');
  story.run('30s');
  story.stop('cat');
  story.run('30s');
  expect([saved('bob'), saved('cat'), saved('ann')]).toEqual([true, undefined, undefined]);
  story.restart('bob', { restore: true });
  story.run('40s');
  expect(saved('bob')).toBeUndefined();
});
