import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import type { StreamHost } from '../../../../src/agent/transport/stream-host.ts';
import { Streams } from '../../../../src/agent/transport/streams.ts';
import { type Address, toAddress } from '../../../../src/base/address.ts';
import { NO_BYTES } from '../../../../src/base/bytes.ts';
import { NEVER } from '../../../../src/base/time.ts';
import { Ping, type PushPull, type StreamMessage } from '../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE } from '../../../../src/wire/packet.ts';
import { encodeStream } from '../../../../src/wire/stream-writer.ts';

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
function createStreams() {
  const calls: string[] = [];
  const host: StreamHost = {
    isMemberHost: () => false,
    acquirePushPull: () => true,
    composePushPull: (join) => state(join),
    mergeRemoteState: (_state, from, sync) => {
      calls.push(`merge ${from.host} ${sync === undefined ? 'dialed us' : 'we dialed'}`);
      return 1;
    },
    isOwnName: (node) => node === 'ann',
    handleUserMessage: () => undefined,
    onResponse: (_question, body) => void calls.push(`answered ${body?.length ?? 'nothing'}`),
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
