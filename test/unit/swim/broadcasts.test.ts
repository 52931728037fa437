import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { type Broadcast, BroadcastQueue, retransmitLimit } from '../../../src/swim/broadcasts.ts';

interface Op {
  readonly Op: 'queue' | 'get' | 'prune';
  readonly Args: never;
  readonly Result: string[] | null;
  readonly Finished: string[] | null;
}
const golden = JSON.parse(readFileSync(new URL('../../golden/algorithms.json', import.meta.url), 'utf8')) as {
  queue: { numNodes: number; retransmitMult: number; ops: Op[] };
  retransmitLimit: { mult4: number; n: number }[];
};

const ofLength = (length: number): Uint8Array => new Uint8Array(length);
const lengths = (packet: readonly Uint8Array[]): number[] => packet.map((message) => message.length);

describe('as recorded from memberlist', () => {
  test('the retransmit limit at all sizes; differs: at least twice the multiplier', () => {
    for (const { n, mult4 } of golden.retransmitLimit)
      expect([n, retransmitLimit(4, n)]).toEqual([n, Math.max(8, mult4)]);
    expect(golden.retransmitLimit.some(({ mult4 }) => mult4 > 8)).toBe(true);
  });

  test('a whole run of the queue: what goes into each packet, in which order, and when each is finished', () => {
    const { numNodes, retransmitMult, ops } = golden.queue;
    const limit = retransmitMult * Math.ceil(Math.log10(numNodes + 1));
    const queue = new BroadcastQueue();
    const ids = new Map<Uint8Array, string>();
    const open = new Map<string, Broadcast>();
    for (const [at, { Op, Args, Result, Finished }] of ops.entries()) {
      let result: string[] | null = null;
      if (Op === 'queue') {
        const { id, len, name } = Args as { id: string; len: number; name: string };
        const message = ofLength(len);
        ids.set(message, id);
        open.set(id, name === '' ? queue.enqueue(message) : queue.enqueue(message, name));
      } else if (Op === 'get') {
        const { limit: room, overhead } = Args as { limit: number; overhead: number };
        const packet: Uint8Array[] = [];
        const used = queue.dequeue(room, overhead, limit, packet);
        expect(used).toBe(packet.reduce((sum, message) => sum + message.length + overhead, 0));
        result = packet.length === 0 ? null : packet.map((message) => ids.get(message) as string);
      } else queue.prune(Args as number);
      const finished = [...open].filter(([, broadcast]) => broadcast.finished).map(([id]) => id);
      for (const id of finished) open.delete(id);
      expect([at, result]).toEqual([at, Result]);
      expect([at, finished.sort()]).toEqual([at, (Finished ?? []).toSorted()]);
      expect(queue.size).toBe(open.size);
    }
  });
});

test('each message is sent as often as the limit says, then it is finished', () => {
  const queue = new BroadcastQueue();
  const handle = queue.enqueue(ofLength(10));
  for (let sends = 1; sends <= 3; sends++) {
    expect(handle.finished).toBe(false);
    expect(queue.dequeue(100, 2, 3, [])).toBe(12);
    expect(handle.sends).toBe(sends);
  }
  expect(handle.finished).toBe(true);
  expect(queue.size).toBe(0);
  expect(queue.dequeue(100, 2, 3, [])).toBe(0);
});

test('a newer message of a name replaces the older one, in any tier', () => {
  const queue = new BroadcastQueue();
  const old = queue.enqueue(ofLength(10), 'bob');
  queue.dequeue(100, 2, 9, []);
  const fresh = queue.enqueue(ofLength(20), 'bob');
  expect([old.finished, fresh.finished, queue.size]).toEqual([true, false, 1]);
  const packet: Uint8Array[] = [];
  queue.dequeue(100, 2, 9, packet);
  expect(lengths(packet)).toEqual([20]);
});

test('a finished name is free: the next of its name replaces nothing', () => {
  const queue = new BroadcastQueue();
  queue.enqueue(ofLength(10), 'bob');
  queue.dequeue(100, 2, 1, []);
  queue.enqueue(ofLength(10), 'bob');
  expect(queue.size).toBe(1);
});

test('the least-sent message goes first, even if a larger one then does not fit', () => {
  const queue = new BroadcastQueue();
  queue.enqueue(ofLength(90));
  queue.dequeue(92, 2, 9, []);
  queue.enqueue(ofLength(5));
  const packet: Uint8Array[] = [];
  queue.dequeue(92, 2, 9, packet);
  expect(lengths(packet)).toEqual([5]);
});

test('a message too large for the packet stays queued, and does not block others', () => {
  const queue = new BroadcastQueue();
  queue.enqueue(ofLength(2000));
  queue.enqueue(ofLength(30));
  const packet: Uint8Array[] = [];
  expect(queue.dequeue(1400, 3, 4, packet)).toBe(33);
  expect(queue.size).toBe(2);
});

test('the overhead counts: a message must fit with it, to the byte', () => {
  const queue = new BroadcastQueue();
  queue.enqueue(ofLength(10));
  expect(queue.dequeue(11, 2, 4, [])).toBe(0);
  expect(queue.dequeue(12, 2, 4, [])).toBe(12);
});

test('a packet contains no message twice', () => {
  const queue = new BroadcastQueue();
  queue.enqueue(ofLength(10));
  const packet: Uint8Array[] = [];
  queue.dequeue(1400, 2, 9, packet);
  expect(packet.length).toBe(1);
});

test('pruning drops the most-sent first, the smallest of them first', () => {
  const queue = new BroadcastQueue();
  const often = queue.enqueue(ofLength(50));
  queue.dequeue(100, 2, 9, []);
  const small = queue.enqueue(ofLength(5));
  const large = queue.enqueue(ofLength(9));
  expect(queue.prune(2)).toBe(1);
  expect(queue.prune(1)).toBe(1);
  expect([often.finished, small.finished, large.finished]).toEqual([true, true, false]);
  expect(queue.prune(1)).toBe(0);
});

describe('who has it already', () => {
  const message = Uint8Array.of(1, 2, 3);
  const sendTo = (queue: BroadcastQueue, peer: string, audience: number, limit = 8): number => {
    const packet: Uint8Array[] = [];
    queue.dequeue(100, 2, limit, packet, { peer, audience });
    return packet.length;
  };

  test('a peer that sent us a message gets no copy of it, others do', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(message);
    queue.recordHolder(Uint8Array.of(1, 2, 3), 'bob', 3);
    expect(['bob', 'cat', 'bob', 'dan'].map((peer) => sendTo(queue, peer, 3))).toEqual([0, 1, 0, 1]);
  });

  test('another message of that peer says nothing about this one', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(message);
    queue.recordHolder(Uint8Array.of(1, 2, 4), 'bob', 3);
    expect(sendTo(queue, 'bob', 3)).toBe(1);
  });

  test('once all have it, it is finished', () => {
    const queue = new BroadcastQueue();
    const handle = queue.enqueue(message, 'x');
    queue.recordHolder(message, 'bob', 2);
    expect(handle.finished).toBe(false);
    queue.recordHolder(message, 'cat', 2);
    expect([handle.finished, queue.size]).toEqual([true, 0]);
  });

  test('nobody gets a second copy before all have had one; then another pass begins, without those that have it', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(message);
    expect(['bob', 'bob', 'cat', 'bob'].map((peer) => sendTo(queue, peer, 3))).toEqual([1, 0, 1, 0]);
    expect(sendTo(queue, 'dan', 3)).toBe(1);
    queue.recordHolder(message, 'dan', 3);
    expect(['dan', 'bob', 'cat', 'dan', 'bob'].map((peer) => sendTo(queue, peer, 3))).toEqual([
      0, 1, 1, 0, 1,
    ]);
  });

  test('another pass begins as well when the last that was not told sends it, or is gone', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(message);
    expect(['bob', 'cat'].map((peer) => sendTo(queue, peer, 3))).toEqual([1, 1]);
    queue.recordHolder(message, 'dan', 3);
    expect(queue.hasFor('bob')).toBe(true);
    expect(['bob', 'cat', 'dan'].map((peer) => sendTo(queue, peer, 3))).toEqual([1, 1, 0]);

    const shrunk = new BroadcastQueue();
    shrunk.enqueue(message);
    expect(['bob', 'cat', 'bob'].map((peer) => sendTo(shrunk, peer, 3))).toEqual([1, 1, 0]);
    expect(sendTo(shrunk, 'bob', 2)).toBe(1);
  });

  test.each([false, true])(
    'a message whose other receivers are never met ends all the same (the one that is met sent it: %j)',
    (isHolder) => {
      const queue = new BroadcastQueue();
      queue.enqueue(message);
      if (isHolder) queue.recordHolder(message, 'bob', 5);
      for (let i = 0; i < 1000 && queue.size > 0; i++) sendTo(queue, 'bob', 5);
      expect(queue.size).toBe(0);
    },
  );

  test('as many first copies as wanted, and no more of the rest', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(message);
    expect(queue.hasUnsent).toBe(true);
    const copies = ['bob', 'cat', 'dan', 'eve'].map((peer) =>
      queue.dequeue(100, 2, 8, [], { peer, audience: 9, maxSends: 3 }),
    );
    expect(copies).toEqual([5, 5, 5, 0]);
    expect(queue.hasUnsent).toBe(false);
  });

  test('what is cancelled is gone, and its name is free', () => {
    const queue = new BroadcastQueue();
    const handle = queue.enqueue(message, 'x');
    queue.cancel(handle);
    queue.cancel(handle);
    queue.recordHolder(message, 'bob', 1);
    expect([handle.finished, queue.size, sendTo(queue, 'bob', 3)]).toEqual([true, 0, 0]);
    queue.enqueue(message, 'x');
    expect(queue.size).toBe(1);
  });
});

test('it behaves like a sorted list, over thousands of steps', () => {
  interface Plain {
    readonly bytes: Uint8Array;
    readonly name: string | undefined;
    readonly id: number;
    sends: number;
  }
  const rng = createRng(3);
  const queue = new BroadcastQueue();
  let plain: Plain[] = [];
  let id = 0;
  const inOrder = (a: Plain, b: Plain): number =>
    a.sends - b.sends || b.bytes.length - a.bytes.length || b.id - a.id;
  for (let step = 0; step < 4000; step++) {
    if (rng.next() < 0.6) {
      const bytes = ofLength(1 + rng.int(60));
      const name = rng.next() < 0.5 ? `n${rng.int(20)}` : undefined;
      if (name !== undefined) plain = plain.filter((entry) => entry.name !== name);
      plain.push({ bytes, name, id: id++, sends: 0 });
      if (name === undefined) queue.enqueue(bytes);
      else queue.enqueue(bytes, name);
    } else {
      const room = rng.int(300);
      const limit = 1 + rng.int(5);
      const expected: Plain[] = [];
      let used = 0;
      for (const entry of plain.toSorted(inOrder)) {
        if (used + entry.bytes.length + 2 > room) continue;
        used += entry.bytes.length + 2;
        expected.push(entry);
      }
      for (const entry of expected) entry.sends++;
      plain = plain.filter((entry) => entry.sends < limit || !expected.includes(entry));
      const packet: Uint8Array[] = [];
      expect(queue.dequeue(room, 2, limit, packet)).toBe(used);
      expect(packet.every((bytes, at) => bytes === expected[at]?.bytes)).toBe(true);
      expect(packet.length).toBe(expected.length);
    }
    expect(queue.size).toBe(plain.length);
  }
});
