import { expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import type { StreamHost } from '../../../../src/agent/transport/stream-host.ts';
import { Streams } from '../../../../src/agent/transport/streams.ts';
import { toAddress } from '../../../../src/base/address.ts';
import { inOneTurn } from '../../../../src/base/time.ts';
import type { PushPull } from '../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE as ENVELOPE } from '../../../../src/wire/packet.ts';
import { encodeStream, StreamReader, sealStream } from '../../../../src/wire/stream-writer.ts';

const nonce = (): Uint8Array => new Uint8Array(12);
const STATE: PushPull = { kind: 'pushPull', join: true, nodes: [], userState: new Uint8Array(0), dropped: 0 };

test('S10: a peer that starts push/pulls too often gets an error message, and its state is not merged', () => {
  const merged: string[] = [];
  let isAllowed = true;
  const host = {
    isMemberHost: () => false,
    acquirePushPull: () => isAllowed,
    composePushPull: () => STATE,
    readPushPull: () => inOneTurn(() => undefined),
    mergeRemoteState: (_state: PushPull, from: { key: string }) => inOneTurn(() => merged.push(from.key)),
  } as unknown as StreamHost;
  const streams = new Streams(ENVELOPE, host, nonce, 10_000);
  const peer = toAddress(Uint8Array.of(10, 0, 0, 9), 50_000);

  const dial = (stream: number): Effect[] => {
    const out: Effect[] = [];
    streams.onAccepted(stream, peer, 0, out);
    streams.onData(stream, sealStream(encodeStream(STATE), ENVELOPE, { role: 'dialer', nonce }), 0, out);
    return out;
  };
  const answerIn = (out: Effect[]) => {
    const written = out.filter((effect) => effect.kind === 'writeStream');
    expect(written).toMatchObject([{ end: true }]);
    return new StreamReader(ENVELOPE, 'dialer').push(written[0]?.bytes ?? new Uint8Array(0));
  };

  expect(answerIn(dial(1))?.kind).toBe('pushPull');
  isAllowed = false;
  const refused = dial(3);
  expect(answerIn(refused)).toEqual({
    kind: 'err',
    error: 'too many push/pulls from your address, at most one in 5 s: try again later',
  });
  expect(refused).toContainEqual({
    kind: 'fact',
    fact: { kind: 'streamRefused', from: '10.0.0.9:50000', reason: 'push/pull rate limit exceeded' },
  });
  expect(merged).toEqual(['10.0.0.9:50000']);
});
