import { describe, expect, test } from 'vitest';
import { NO_BYTES } from '../../../src/base/bytes.ts';
import { compressLzw } from '../../../src/wire/lzw.ts';
import {
  Ack,
  Compress,
  Err,
  Ping,
  PushNodeState,
  type PushPull,
  PushPullHeader,
} from '../../../src/wire/memberlist.ts';
import { MsgpackWriter } from '../../../src/wire/msgpack.ts';
import { encodePushPull, encodeStream, StreamReader, sealStream } from '../../../src/wire/stream-writer.ts';
import { codeOf, envelope, hex, key, label, nonces } from './support.ts';

const bare = envelope();
const row = (name: string, over: Partial<PushNodeState> = {}): PushNodeState =>
  PushNodeState.create({
    name,
    addr: Uint8Array.of(127, 0, 0, 1),
    port: 7946,
    incarnation: 1,
    vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
    ...over,
  });
const state = (nodes: readonly PushNodeState[], userState: Uint8Array = new Uint8Array(0)): PushPull => ({
  kind: 'pushPull',
  join: true,
  nodes,
  userState,
  dropped: 0,
});
const open = (bytes: Uint8Array, under = bare, role: 'dialer' | 'listener' = 'listener') =>
  new StreamReader(under, role).push(bytes);

describe('rows of a push/pull', () => {
  test('that are invalid are left out and counted, and the others stay', () => {
    const bad = [
      row('no-vsn', { vsn: new Uint8Array(0) }),
      row('short-vsn', { vsn: new Uint8Array(3) }),
      row('odd-addr', { addr: new Uint8Array(3) }),
      row(''),
      row('x'.repeat(256)),
      row('much-meta', { meta: new Uint8Array(513) }),
      row('odd-state', { state: 4 }),
      row('odd-port', { port: 65_536 }),
      row('odd-incarnation', { incarnation: 2 ** 32 }),
    ];
    const nodes = [row('ann'), ...bad, row('bob', { state: 3 })];
    const got = open(encodePushPull(state(nodes, hex('0102'))));
    expect(got).toEqual({
      ...state([row('ann'), row('bob', { state: 3 })], hex('0102')),
      dropped: bad.length,
    });
  });

  test('that are no map are left out', () => {
    const writer = new MsgpackWriter();
    writer.byte(6);
    PushPullHeader.write(writer, { nodes: 3, userStateLen: 0, join: false });
    writer.append(hex('c0 93 01 02 03')); // nil, and an array
    PushNodeState.write(writer, row('ann'));
    expect(open(writer.finish())).toEqual({ ...state([row('ann')]), join: false, dropped: 2 });
  });

  test('invalid msgpack is an error', () => {
    const writer = new MsgpackWriter();
    writer.byte(6);
    PushPullHeader.write(writer, { nodes: 1, userStateLen: 0, join: false });
    writer.append(hex('c1'));
    expect(codeOf(() => open(writer.finish()))).toBe('malformed');
  });
});

test('a large push/pull in small chunks is read in linear time', () => {
  const bytes = encodePushPull(
    state(
      Array.from({ length: 20_000 }, (_, i) => row(`node-${i}`)),
      new Uint8Array(9),
    ),
  );
  const readInChunks = (piece: number): { millis: number; nodes: number } => {
    const opener = new StreamReader(bare, 'listener');
    const startedAt = performance.now();
    for (let at = 0; at < bytes.length; at += piece) {
      const message = opener.push(bytes.subarray(at, at + piece));
      if (message?.kind === 'pushPull')
        return { millis: performance.now() - startedAt, nodes: message.nodes.length };
    }
    return { millis: 0, nodes: 0 };
  };
  const { millis, nodes } = readInChunks(100); // 17,000 chunks: parsing from the start each time would be 170 million rows
  expect(nodes).toBe(20_000);
  expect(millis).toBeLessThan(5000);
});

describe('sealed streams', () => {
  const ping = Ping.create({ seqNo: 7, node: 'bob' });
  const options = (role: 'dialer' | 'listener') => ({ role, nonce: nonces() });

  test('only the dialer sends the label, but both authenticate it', () => {
    const blue = envelope({ label: label('blue'), keys: [key(1)] });
    const asked = sealStream(encodeStream(ping), blue, options('dialer'));
    const answered = sealStream(encodeStream(ping), blue, options('listener'));
    expect(Buffer.from(asked.subarray(0, 7)).toString('latin1')).toBe('\u00f4\u0004blue\n');
    expect(answered[0]).toBe(10);
    expect(open(asked, blue, 'listener')).toEqual(ping);
    expect(open(answered, blue, 'dialer')).toEqual(ping);
    const closed = envelope({ keys: [key(1)] });
    expect(codeOf(() => open(answered, closed, 'dialer'))).toBe('undecryptable');
    expect(codeOf(() => open(asked, closed, 'listener'))).toBe('badLabel');
    expect(codeOf(() => open(answered, blue, 'listener'))).toBe('badLabel');
    expect(codeOf(() => open(asked, blue, 'dialer'))).toBe('badLabel');
  });

  test('the length is authenticated, too', () => {
    const closed = envelope({ keys: [key(1)] });
    const bytes = sealStream(encodeStream(ping), closed, options('dialer'));
    bytes[4] = (bytes[4] as number) - 1;
    expect(codeOf(() => open(bytes, closed))).toBe('undecryptable');
  });

  test('P7 compression is used from 256 bytes on, and only if the result is shorter', () => {
    const seal = (body: Uint8Array): Uint8Array =>
      sealStream(body, envelope({ compress: true }), options('dialer'));
    expect(seal(encodeStream(ping))).toEqual(encodeStream(ping));
    const long = encodePushPull(
      state(
        ['ann', 'bob', 'cat', 'dan'].map((name) => row(name)),
        NO_BYTES,
      ),
    );
    const packed = seal(long);
    expect(packed[0]).toBe(9);
    expect(packed.length).toBeLessThan(long.length);
    expect(open(packed)).toMatchObject({ kind: 'pushPull', nodes: [{ name: 'ann' }, {}, {}, {}] });
    const mixed = Uint8Array.from({ length: 300 }, (_, i) => (i * i * 31 + i * 7) >> 3);
    expect(seal(mixed)).toEqual(mixed);
  });

  test('a compress message with its fields in another order, and unknown ones between, is read', () => {
    const body = encodeStream(ping);
    const packed = [...Compress.encode({ algo: 0, buf: compressLzw(body) }).subarray(1)];
    expect(packed[0]).toBe(0x82);
    const [algo, buf] = [packed.slice(1, 7), packed.slice(7)];
    const bytes = Uint8Array.of(9, 0x83, ...buf, 0xa1, 0x58, 0x92, 1, 2, ...algo);
    const opener = new StreamReader(bare, 'listener');
    const got = [...bytes].map((octet) => opener.push(Uint8Array.of(octet)));
    expect(got.filter((one) => one !== undefined)).toEqual([ping]);
  });

  test('an error of the peer is a message', () => {
    expect(open(Err.encode({ error: 'no room' }))).toEqual({ kind: 'err', error: 'no room' });
  });

  test('bytes after the message are ignored', () => {
    const ack = Ack.create({ seqNo: 1 });
    expect(open(Uint8Array.of(...Ack.encode(ack), 1, 2, 3))).toEqual(ack);
  });
});

describe('refused', () => {
  const ping = encodeStream(Ping.create({ seqNo: 7 }));
  const closed = envelope({ keys: [key(1)] });

  test('plaintext with a key, unless the cluster migrates to encryption; ciphertext without a key', () => {
    expect(codeOf(() => open(ping, closed))).toBe('plaintext');
    expect(open(ping, envelope({ keys: [key(1)], verifyIncoming: false }))?.kind).toBe('ping');
    const bytes = sealStream(ping, closed, { role: 'dialer', nonce: nonces() });
    expect(codeOf(() => open(bytes))).toBe('encrypted');
  });

  test('messages of datagrams, and unknown ones', () => {
    for (const type of [1, 3, 4, 5, 7, 11, 12, 50])
      expect(codeOf(() => open(Uint8Array.of(type, 0x80)))).toBe('unknownType');
    const twice = sealStream(sealStream(ping, closed, { role: 'listener', nonce: nonces() }), closed, {
      role: 'dialer',
      nonce: nonces(),
    });
    expect(codeOf(() => open(twice, closed))).toBe('unknownType');
    const compress = (body: Uint8Array): Uint8Array => Compress.encode({ algo: 0, buf: compressLzw(body) });
    expect(codeOf(() => open(compress(compress(ping))))).toBe('tooLarge');
  });

  test('a message that is truncated inside its encryption', () => {
    const cut = encodePushPull(state([row('ann')], hex('0102'))).slice(0, -1);
    const bytes = sealStream(cut, closed, { role: 'dialer', nonce: nonces() });
    expect(codeOf(() => open(bytes, closed))).toBe('short');
    expect(open(cut)).toBeUndefined(); // unencrypted: wait for more
  });

  test('more than any limit allows', () => {
    const limited = (bytes: Uint8Array, limits: object, under = bare): string =>
      codeOf(() => new StreamReader(under, 'listener', limits).push(bytes));
    const bytes = encodePushPull(state([row('ann'), row('bob')], new Uint8Array(100)));
    expect(limited(bytes, {})).toBe('fine');
    expect(limited(bytes, { nodes: 1 })).toBe('tooLarge');
    expect(limited(bytes, { userBytes: 99 })).toBe('tooLarge');
    expect(limited(new Uint8Array(30_000), { streamBytes: 10_000 })).toBe('tooLarge');
    const packed = sealStream(bytes, envelope({ compress: true }), { role: 'dialer', nonce: nonces() });
    expect(limited(packed, { expandedBytes: bytes.length })).toBe('fine');
    expect(limited(packed, { expandedBytes: bytes.length - 1 })).toBe('tooLarge');
    const sealed = sealStream(bytes, closed, { role: 'dialer', nonce: nonces() });
    expect(limited(sealed, { streamBytes: sealed.length - 6 }, closed)).toBe('tooLarge');
    // So few bytes cannot hold so many rows
    const many = Uint8Array.of(6, 0x81, 0xa5, ...Buffer.from('Nodes'), 0xcd, 0x02, 0x00);
    expect(codeOf(() => open(sealStream(many, closed, { role: 'dialer', nonce: nonces() }), closed))).toBe(
      'tooLarge',
    );
  });

  test('after a refusal the reader is finished', () => {
    const opener = new StreamReader(bare, 'listener');
    expect(codeOf(() => opener.push(hex('32')))).toBe('unknownType');
    expect(opener.push(ping)).toBeUndefined();
  });
});
