import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import type { StreamHost } from '../../../../src/agent/transport/stream-host.ts';
import { Streams } from '../../../../src/agent/transport/streams.ts';
import { type Address, toAddress } from '../../../../src/base/address.ts';
import { NO_BYTES } from '../../../../src/base/bytes.ts';
import { inOneTurn, NEVER } from '../../../../src/base/time.ts';
import { Ping, PushNodeState, type PushPull, type StreamMessage } from '../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE } from '../../../../src/wire/packet.ts';
import { encodeStream, sealStream } from '../../../../src/wire/stream-writer.ts';

const TIMEOUT = 10_000;
const PEER: Address = toAddress(Uint8Array.of(127, 0, 0, 2), 7946);
const state = (join: boolean): PushPull => ({
  kind: 'pushPull',
  join,
  nodes: [],
  userState: NO_BYTES,
  dropped: 0,
});

/** The streams of `ann`, the calls of their host, and their effects. */
function createStreams(longMerge = 0) {
  const calls: string[] = [];
  const host: StreamHost = {
    isMemberHost: () => false,
    acquirePushPull: () => true,
    keepOpen: () => false,
    readPushPull: () => inOneTurn(() => undefined),
    composePushPull: (join) => state(join),
    *mergeRemoteState(_state, from, sync, turn) {
      calls.push(`merge ${from.host} ${sync === undefined ? 'dialed us' : 'we dialed'}`);
      for (let turns = 0; turns < longMerge; turns++) if (turn.spend(10_000)) yield;
      return 1;
    },
    isOwnName: (node) => node === 'ann',
    handleUserMessage: () => inOneTurn(() => undefined),
    onResponse: (_question, body) =>
      inOneTurn(() => void calls.push(`answered ${body?.length ?? 'nothing'}`)),
    onPingOutcome: (seqNo, outcome) => void calls.push(`ping ${seqNo} ${outcome}`),
    onPushPullFinished: (_sync, outcome) =>
      void calls.push(outcome.ok ? `synced ${outcome.news}` : outcome.why),
  };
  const streams = new Streams(BARE_ENVELOPE, host, () => new Uint8Array(12), TIMEOUT);
  const out: Effect[] = [];
  const take = (): string[] =>
    out
      .splice(0)
      .map((effect) => `${effect.kind}${effect.kind === 'writeStream' && effect.end ? ' end' : ''}`);
  const accept = (stream: number): void => streams.onAccepted(stream, PEER, 0, out);
  const receive = (stream: number, message: StreamMessage): void =>
    streams.onData(stream, encodeStream(message), 0, out);
  return { streams, calls, out, take, accept, receive };
}

const ping = (node: string): Ping => Ping.create({ seqNo: 7, node });

describe('a peer that dials us', () => {
  test('with a push/pull gets our state, and its own is merged', () => {
    const { accept, receive, calls, take } = createStreams();
    accept(1);
    receive(1, state(true));
    expect(calls).toEqual(['merge 127.0.0.2 dialed us']);
    expect(take()).toEqual(['writeStream end']);
  });

  test('with a ping gets an ack if it is for this agent, and nothing if it is for another', () => {
    const { accept, receive, take } = createStreams();
    accept(1);
    receive(1, ping('ann'));
    expect(take()).toEqual(['writeStream end']);
    accept(3);
    receive(3, ping('bob'));
    expect(take()).toEqual(['closeStream']);
  });

  test('and sends nothing is closed in the end', () => {
    const { streams, accept, out, take } = createStreams();
    accept(1);
    expect(streams.deadline).toBe(TIMEOUT);
    streams.tick(TIMEOUT - 1, out);
    expect(take()).toEqual([]);
    streams.tick(TIMEOUT, out);
    expect(take()).toEqual(['closeStream']);
    expect(streams.deadline).toBe(NEVER);
  });

  test('and is heard late because this agent stalled has the time back', () => {
    const { streams, accept, out, take } = createStreams();
    accept(1);
    streams.onStall(4000);
    expect(streams.deadline).toBe(TIMEOUT + 4000);
    streams.tick(TIMEOUT, out);
    expect(take()).toEqual([]);
  });

  test('S1 costs its own network a stream while 256 others wait', () => {
    const { streams, accept, receive, take, out } = createStreams();
    for (let i = 0; i < 256; i++) accept(1 + 2 * i);
    expect(take()).toEqual([]);
    streams.onAccepted(1001, toAddress(Uint8Array.of(10, 0, 0, 1), 50_000), 0, out);
    expect(out.splice(0)).toEqual([
      { kind: 'closeStream', stream: 1 },
      {
        kind: 'fact',
        fact: { kind: 'streamRefused', from: PEER.key, reason: 'too many streams of its network' },
      },
    ]);

    receive(3, state(false));
    streams.onClosed(5, {}, 0);
    take();
    accept(1003);
    accept(1005);
    expect(take()).toEqual([]);
    accept(1007);
    expect(take()).toEqual(['closeStream', 'fact']);
  });

  test('S1 of streams that have sent much there are 32, of whatever network', () => {
    const { streams, out, take } = createStreams();
    const large = (stream: number, host: number): void => {
      streams.onAccepted(stream, toAddress(Uint8Array.of(10, 0, host, 1), 50_000), 0, out);
      streams.onData(stream, encodeStream({ kind: 'user', body: new Uint8Array(9000) }).slice(0, -1), 0, out);
    };
    for (let i = 0; i < 31; i++) large(1 + 2 * i, 7);
    expect(take()).toEqual([]);
    large(1001, 8);
    expect(take()).toEqual([]);
    large(1003, 9);
    expect(take()).toEqual(['closeStream', 'fact']);
    expect(out).toEqual([]);
  });
});

describe('a peer that we dial', () => {
  test('for a push/pull is merged if it answers, and the push/pull fails if it does not', () => {
    const { streams, out, calls, receive } = createStreams();
    streams.dialPushPull({ to: PEER, join: true }, 0, out);
    streams.onOpened(2, 0, out);
    receive(2, state(false));
    expect(calls).toEqual(['merge 127.0.0.2 we dialed', 'synced 1']);
    streams.dialPushPull({ to: PEER, join: true }, 0, out);
    streams.tick(TIMEOUT, out);
    expect(calls.at(-1)).toBe('no answer in time');
  });

  test('for a ping must answer with its sequence number', () => {
    const { streams, out, calls, receive } = createStreams();
    for (const seqNo of [7, 8]) {
      streams.dialPing(PEER, ping('bob'), 500, out);
      const stream = seqNo === 7 ? 2 : 4;
      streams.onOpened(stream, 0, out);
      receive(stream, { kind: 'ack', seqNo, payload: NO_BYTES });
    }
    expect(calls).toEqual(['ping 7 connected', 'ping 7 acked', 'ping 7 connected', 'ping 7 closed']);
  });

  test.each([
    [
      'a refusal says that nobody listens',
      { why: 'connection refused', failure: 'refused' },
      false,
      'refused',
    ],
    ['a close without a reason', {}, true, 'closed'],
    ['no way to the host', { why: 'no route to host', failure: 'unreachable' }, false, 'unreachable'],
  ] as const)('a ping that fails says how: %s', (_, closed, opens, outcome) => {
    const { streams, out, calls } = createStreams();
    streams.dialPing(PEER, ping('bob'), 500, out);
    if (opens) streams.onOpened(2, 0, out);
    streams.onClosed(2, closed, 100);
    expect(calls.at(-1)).toBe(`ping 7 ${outcome}`);
  });

  test('a ping without an answer in time tells a silent host from a process that hangs', () => {
    const { streams, out, calls } = createStreams();
    streams.dialPing(PEER, ping('bob'), 500, out);
    streams.tick(500, out);
    expect(calls).toEqual(['ping 7 timeout']);
    streams.dialPing(PEER, ping('bob'), 1000, out);
    streams.onOpened(4, 600, out);
    streams.tick(1000, out);
    expect(calls.slice(1)).toEqual(['ping 7 connected', 'ping 7 unanswered']);
  });
});

describe('S1 work that takes more than a turn', () => {
  test('is done one turn per tick, and the stream is answered before', () => {
    const { streams, accept, receive, calls, out, take } = createStreams(3);
    accept(1);
    receive(1, state(true));
    expect(take()).toEqual(['writeStream end']);
    expect(streams.deadline).toBe(0);
    for (let ticks = 0; ticks < 2; ticks++) {
      streams.tick(5, out);
      expect(streams.deadline).toBe(5);
    }
    streams.tick(6, out);
    expect(streams.deadline).toBe(NEVER);
    expect(calls).toEqual(['merge 127.0.0.2 dialed us']);
  });

  test('of a push/pull that we dialed ends when all is merged, though its peer has closed the stream', () => {
    const { streams, out, calls, receive, take } = createStreams(2);
    streams.dialPushPull({ to: PEER, join: true }, 0, out);
    streams.onOpened(2, 0, out);
    receive(2, state(false));
    streams.onClosed(2, {}, 0);
    streams.tick(TIMEOUT, out);
    expect(calls).toEqual(['merge 127.0.0.2 we dialed']);
    streams.tick(TIMEOUT, out);
    expect(calls.at(-1)).toBe('synced 1');
    expect(take().filter((kind) => kind === 'closeStream')).toHaveLength(1);
  });

  test('waits for 32 streams; what comes beyond that is refused, and small work is done at once', () => {
    const { accept, receive, out, take } = createStreams(100);
    for (let i = 0; i < 32; i++) {
      accept(1 + 2 * i);
      receive(1 + 2 * i, state(true));
    }
    expect(new Set(take())).toEqual(new Set(['writeStream end']));
    accept(1001);
    receive(1001, state(true));
    expect(out.at(-1)).toMatchObject({
      fact: { kind: 'streamRefused', reason: 'too much work of streams waits' },
    });
    take();
    accept(1003);
    receive(1003, ping('ann'));
    expect(take()).toEqual(['writeStream end']);
  });

  const row = (i: number): PushNodeState =>
    PushNodeState.create({
      ...{ name: `node-${i}`, addr: Uint8Array.of(10, 0, 0, 1), port: 1, meta: NO_BYTES },
      ...{ vsn: Uint8Array.of(1, 5, 2, 2, 5, 5), incarnation: 1 },
    });
  const long: PushPull = { ...state(true), nodes: Array.from({ length: 3500 }, (_, i) => row(i)) };

  test.each([
    ['as it comes', false],
    ['compressed', true],
  ])(
    'a push/pull of 3,500 rows is read in parts, %s, and its last byte may come meanwhile',
    (_, compress) => {
      const { streams, accept, calls, out } = createStreams();
      const bytes = sealStream(
        encodeStream(long),
        { ...BARE_ENVELOPE, compress },
        { role: 'dialer', nonce: () => NO_BYTES },
      );
      const cut = compress ? bytes.length : bytes.length - 1;
      accept(1);
      streams.onData(1, bytes.subarray(0, cut), 0, out);
      streams.onData(1, bytes.subarray(cut), 0, out);
      let ticks = 0;
      while (calls.length === 0 && ticks < 20) {
        ticks++;
        streams.tick(ticks, out);
      }
      expect(calls).toEqual(['merge 127.0.0.2 dialed us']);
      expect(ticks).toBeGreaterThanOrEqual(3);
      expect(streams.deadline).toBe(NEVER);
    },
  );

  test('a stream that closes while it is read is forgotten', () => {
    const { streams, accept, calls, out } = createStreams();
    accept(1);
    streams.onData(1, encodeStream(long), 0, out);
    streams.onClosed(1, {}, 0);
    streams.tick(1, out);
    expect([streams.deadline, calls]).toEqual([NEVER, []]);
  });
});
