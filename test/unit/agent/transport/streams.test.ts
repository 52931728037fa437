import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import { type StreamHost, Streams } from '../../../../src/agent/transport/streams.ts';
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

/** The streams of `ann`, what they asked of the landing, and what came out. */
function room() {
  const asked: string[] = [];
  const host: StreamHost = {
    acquirePushPull: () => true,
    composePushPull: (join) => state(join),
    mergeRemoteState: (_state, from, sync) => {
      asked.push(`merge ${from.host} ${sync === undefined ? 'dialed us' : 'we dialed'}`);
      return 1;
    },
    isOwnName: (node) => node === 'ann',
    handleUserMessage: () => undefined,
    onResponse: (_question, body) => void asked.push(`answered ${body?.length ?? 'nothing'}`),
    onPingResult: (seqNo, ok) => void asked.push(`pinged ${seqNo} ${ok}`),
    onPushPullFinished: (_sync, outcome) =>
      void asked.push(outcome.ok ? `synced ${outcome.news}` : outcome.why),
  };
  const streams = new Streams(BARE_ENVELOPE, host, () => new Uint8Array(12), TIMEOUT);
  const out: Effect[] = [];
  const take = (): string[] =>
    out
      .splice(0)
      .map((effect) => `${effect.kind}${effect.kind === 'writeStream' && effect.end ? ' end' : ''}`);
  const accept = (stream: number): void => streams.onAccepted(stream, PEER, 0, out);
  const hear = (stream: number, message: StreamMessage): void =>
    streams.onData(stream, encodeStream(message), 0, out);
  return { streams, asked, out, take, accept, hear };
}

const ping = (node: string): Ping => Ping.create({ seqNo: 7, node });

describe('whoever dials us', () => {
  test('with a push/pull gets ours and is merged', () => {
    const { accept, hear, asked, take } = room();
    accept(1);
    hear(1, state(true));
    expect(asked).toEqual(['merge 127.0.0.2 dialed us']);
    expect(take()).toEqual(['writeStream end']);
  });

  test('is told that we are there if it means us, and nothing if it means another', () => {
    const { accept, hear, take } = room();
    accept(1);
    hear(1, ping('ann'));
    expect(take()).toEqual(['writeStream end']);
    accept(3);
    hear(3, ping('bob'));
    expect(take()).toEqual(['closeStream']);
  });

  test('and says nothing is closed in the end', () => {
    const { streams, accept, out, take } = room();
    accept(1);
    expect(streams.deadline).toBe(TIMEOUT);
    streams.tick(TIMEOUT - 1, out);
    expect(take()).toEqual([]);
    streams.tick(TIMEOUT, out);
    expect(take()).toEqual(['closeStream']);
    expect(streams.deadline).toBe(NEVER);
  });

  test('as one of more than 128 is turned away, until one of them has ended', () => {
    const { streams, accept, hear, take } = room();
    for (let i = 0; i < 128; i++) accept(1 + 2 * i);
    expect(take()).toEqual([]);
    accept(1001);
    expect(take()).toEqual(['closeStream', 'fact']);

    hear(1, state(false));
    streams.onClosed(3, undefined, 0);
    take();
    accept(1003);
    accept(1005);
    expect(take()).toEqual([]);
    accept(1007);
    expect(take()).toEqual(['closeStream', 'fact']);
  });
});

describe('whom we dial', () => {
  test('for a push/pull is merged when it answers, and given up when it does not', () => {
    const { streams, out, asked, hear } = room();
    streams.dialPushPull({ to: PEER, join: true }, 0, out);
    streams.onOpened(2, out);
    hear(2, state(false));
    expect(asked).toEqual(['merge 127.0.0.2 we dialed', 'synced 1']);
    streams.dialPushPull({ to: PEER, join: true }, 0, out);
    streams.tick(TIMEOUT, out);
    expect(asked.at(-1)).toBe('no answer in time');
  });

  test('for a ping must answer with the number that was asked', () => {
    const { streams, out, asked, hear } = room();
    for (const seqNo of [7, 8]) {
      streams.dialPing(PEER, ping('bob'), 500, out);
      const stream = seqNo === 7 ? 2 : 4;
      streams.onOpened(stream, out);
      hear(stream, { kind: 'ack', seqNo, payload: NO_BYTES });
    }
    expect(asked).toEqual(['pinged 7 true', 'pinged 7 false']);
  });
});
