import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import type { StreamCodec } from '../../../../src/agent/transport/stream-host.ts';
import { Watches } from '../../../../src/agent/transport/watches.ts';
import { toAddress } from '../../../../src/base/address.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { NEVER } from '../../../../src/base/time.ts';
import { swimSection } from '../../../../src/config/protocol.ts';
import { withDefaults } from '../../../../src/config/setting.ts';
import type { Member, MembersView } from '../../../../src/swim/types.ts';
import type { StreamMessage } from '../../../../src/wire/memberlist.ts';
import { encodeWatch, FAREWELL, WATCHING } from '../../../../src/wire/watch.ts';

const memberOf = (name: string, host: number): Member => ({
  identity: {
    name,
    address: toAddress(Uint8Array.of(10, 0, 0, host), 7946),
    meta: new Uint8Array(0),
    vsn: new Uint8Array(6),
  },
  state: 'alive',
  incarnation: 1,
  since: 0,
});

/** The watch streams of ann, with what she sends and is told in words. Messages travel as one byte: a place in a list. */
function createWatches(settings: Parameters<typeof withDefaults<typeof swimSection>>[1] = {}) {
  const members = ['ann', 'bob', 'cat', 'dan', 'eve'].map((name, i) => memberOf(name, i + 1));
  /** `answered`: of a crowd, those that have answered. */
  const ring = {
    members: members.slice(1, 4),
    answered: undefined as Member[] | undefined,
    isDeparting: false,
  };
  const out: Effect[] = [];
  const closed: string[] = [];
  const sent: StreamMessage[] = [];
  let last = 0;
  const codec: StreamCodec = {
    nextStream: () => (last += 2),
    write: (stream, message, _role, end, into) => {
      into.push({ kind: 'writeStream', stream, bytes: Uint8Array.of(sent.push(message) - 1), end });
    },
    createDecoder: () => ({ push: (chunk) => sent[chunk[0] ?? -1], isBusy: false }),
  };
  const watches = new Watches(withDefaults(swimSection, settings), codec, createRng(1), {
    members: {
      self: members[0] as Member,
      get: (name: string) => members.find(({ identity }) => identity.name === name),
      get isCrowded() {
        return ring.answered !== undefined;
      },
    } as unknown as MembersView,
    allSuccessors: (count) => ring.members.slice(0, count),
    successors: (count) => (ring.answered ?? ring.members).slice(0, count),
    isDeparting: () => ring.isDeparting,
    onConnectionClosed: (node) => void closed.push(node),
  });
  const take = (): string[] =>
    out.splice(0).map((effect) => {
      if (effect.kind === 'openStream') return `open ${effect.stream} ${effect.to.host}`;
      if (effect.kind === 'writeStream') return `write ${effect.stream}${effect.end ? ' end' : ''}`;
      return 'stream' in effect ? `${effect.kind} ${effect.stream}` : effect.kind;
    });
  const say = (stream: number, body: Uint8Array, now = 0): void =>
    watches.onData(stream, Uint8Array.of(sent.push({ kind: 'user', body }) - 1), now, out);
  const pass = (now: number): void => watches.tick(now, out);
  /** Streams 2, 4 and 6 to bob, cat and dan are open and kept. */
  const open = (now = 0): void => {
    watches.onRingChanged(now);
    pass(now + 1000);
    for (const stream of [last - 4, last - 2, last]) {
      watches.onOpened(stream, out);
      say(stream, WATCHING, now + 1000);
    }
    take();
  };
  return { watches, members, ring, out, closed, take, say, pass, open };
}

test('the members that follow on the ring are dialed, and kept once they agree', () => {
  const { watches, take, pass, out, say } = createWatches();
  watches.onRingChanged(0);
  expect(watches.deadline).toBeLessThanOrEqual(1000);
  pass(1000);
  expect(take()).toEqual(['open 2 10.0.0.2', 'open 4 10.0.0.3', 'open 6 10.0.0.4']);
  watches.onOpened(2, out);
  expect(take()).toEqual(['write 2']);
  expect(watches.watching).toEqual([]);
  say(2, WATCHING);
  expect(take()).toEqual(['holdStream 2']);
  expect(watches.watching).toEqual(['bob']);
});

test('none is dialed where none is to be watched, or streams may not probe', () => {
  for (const settings of [{ watchedMembers: 0 }, { streamPing: false }]) {
    const { watches } = createWatches(settings);
    watches.onRingChanged(0);
    expect(watches.deadline).toBe(NEVER);
  }
});

describe('a stream that closes', () => {
  test('is told, and dialed again later', () => {
    const { watches, closed, open, pass, take } = createWatches();
    open();
    watches.onClosed(2, 5000);
    expect(closed).toEqual(['bob']);
    expect(watches.owns(2)).toBe(false);
    pass(7000);
    expect(take()).toEqual(['open 8 10.0.0.2']);
  });

  test('before it is kept is not told, and waits twice as long each time', () => {
    const { watches, closed, take, pass } = createWatches();
    watches.onRingChanged(0);
    pass(1000);
    watches.onClosed(2, 1000);
    expect(take()).toHaveLength(3);
    pass(1990);
    expect(take()).toEqual([]);
    pass(3000);
    expect(take()).toEqual(['open 8 10.0.0.2']);
    watches.onClosed(8, 3000);
    pass(4990);
    expect(take()).toEqual([]);
    expect(closed).toEqual([]);
  });

  test('after a farewell, or because this agent leaves itself, is not told', () => {
    const { watches, closed, open, say, ring, take } = createWatches();
    open();
    say(2, FAREWELL, 5000);
    expect(take()).toEqual(['closeStream 2']);
    ring.isDeparting = true;
    watches.onClosed(4, 5000);
    expect(closed).toEqual([]);
  });
});

test('a member that is back is dialed at once, however often that failed before', () => {
  const { watches, ring, members, open, pass, take } = createWatches();
  open();
  const dead: Member = { ...(members[1] as Member), state: 'dead', since: 5000 };
  members[1] = dead;
  watches.onClosed(2, 5000);
  pass(7000);
  pass(11_000);
  expect(take()).toEqual([]); // three failures
  const back: Member = { ...dead, state: 'alive', since: 12_000 };
  members[1] = back;
  ring.members = [back, ...ring.members.slice(1)];
  watches.onRingChanged(12_000);
  pass(13_000);
  expect(take()).toEqual(['open 8 10.0.0.2']);
});

test('whoever does not follow on the ring any more is let go', () => {
  const { watches, ring, members, open, pass, take } = createWatches();
  open();
  ring.members = [members[4], members[2], members[3]] as Member[];
  watches.onRingChanged(2000);
  pass(3000);
  expect(take()).toEqual(['closeStream 2', 'open 8 10.0.0.5']);
});

describe('in a crowd', () => {
  test('those that follow on the ring are dialed, whether they have answered or not', () => {
    const { watches, ring, members, pass, take } = createWatches();
    ring.answered = [members[4] as Member];
    watches.onRingChanged(0);
    pass(1000);
    expect(take()).toEqual(['open 2 10.0.0.2', 'open 4 10.0.0.3', 'open 6 10.0.0.4']);
  });

  test('S1 one that has answered is watched in place of one that cannot be, until that can be', () => {
    const { watches, ring, members, out, pass, take, say } = createWatches();
    ring.answered = [members[4] as Member];
    watches.onRingChanged(0);
    pass(1000);
    take();
    watches.onClosed(2, 1000);
    pass(1990);
    expect(take()).toEqual(['open 8 10.0.0.5']);
    pass(3000);
    expect(take()).toEqual(['open 10 10.0.0.2']);
    for (const stream of [4, 6, 8, 10]) {
      watches.onOpened(stream, out);
      say(stream, WATCHING, 3000);
    }
    take();
    pass(4000);
    expect(take()).toEqual(['closeStream 8']);
    expect(watches.watching).toEqual(['bob', 'cat', 'dan']);
  });
});

describe('a watcher', () => {
  const ask = (node: string, watcher: string): Uint8Array => encodeWatch({ node, watcher });

  test('is kept if it is a member and means this agent', () => {
    const { watches, out, take } = createWatches();
    expect(watches.accept(1, ask('ann', 'bob'), out)).toBe(true);
    expect(take()).toEqual(['write 1', 'holdStream 1']);
    expect(watches.watchers).toEqual(['bob']);
    expect(watches.accept(3, ask('zoe', 'bob'), out)).toBe(false);
    expect(watches.accept(3, ask('ann', 'zoe'), out)).toBe(false);
    expect(watches.accept(3, WATCHING, out)).toBe(false);
    watches.onClosed(1, 0);
    expect(watches.watchers).toEqual([]);
  });

  test('is told farewell when this agent leaves, once', () => {
    const { watches, out, take } = createWatches();
    watches.accept(1, ask('ann', 'bob'), out);
    take();
    watches.sayFarewell(out);
    watches.sayFarewell(out);
    expect(take()).toEqual(['write 1 end']);
  });

  test('is refused while this agent leaves, or has 32', () => {
    const { watches, out, ring } = createWatches();
    for (let i = 0; i < 32; i++) expect(watches.accept(2 * i + 1, ask('ann', 'bob'), out)).toBe(true);
    expect(watches.accept(99, ask('ann', 'bob'), out)).toBe(false);
    watches.onClosed(1, 0);
    ring.isDeparting = true;
    expect(watches.accept(99, ask('ann', 'bob'), out)).toBe(false);
  });
});
