/**
 * Speed of the codec: `npx tsx test/bench/codec.ts`. Median and best of several runs, in nanoseconds per operation; on
 * a busy machine the best is more accurate.
 */
import { pathToFileURL } from 'node:url';
import { Packr, Unpackr } from 'msgpackr';
import { encodeUtf8 } from '../../src/base/bytes.ts';
import { Ack, Alive, decodeMessage, encodeMessage, Ping, PushNodeState } from '../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, openPacket, sealPacket } from '../../src/wire/packet.ts';
import { CoordinateBody, decodeSerf, encodeTags, UserEvent } from '../../src/wire/serf.ts';
import { encodePushPull, StreamReader } from '../../src/wire/stream-writer.ts';
import { measure, measured, RUNS, repeat } from './kit/operation.ts';

const IP = Uint8Array.of(127, 0, 11, 2);
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const meta = encodeTags(new Map(Object.entries({ role: 'web', dc: 'east', catalog: '1' })));
const alive = Alive.create({ incarnation: 70_000, node: 'node-17', addr: IP, port: 7946, meta, vsn: VSN });
const ping = Ping.create({
  seqNo: 5,
  node: 'node-17',
  sourceAddr: IP,
  sourcePort: 7946,
  sourceNode: 'node-1',
});
const vec = [0.001, 0.002, -0.001, 0.0004, 0.0021, -0.0003, 0.0011, 0.0007];
const coordinate = CoordinateBody.encode({ vec, error: 0.3, adjustment: 1e-5, height: 1e-5 });
const ack = Ack.create({ seqNo: 5, payload: coordinate });
const event = UserEvent.encode(UserEvent.create({ ltime: 9, name: 'deploy', payload: encodeUtf8('v1.2.3') }));
const nodes = Array.from({ length: 1000 }, (_, i) =>
  PushNodeState.create({ name: `node-${i}`, addr: IP, port: 7946, meta, incarnation: 3, vsn: VSN }),
);

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

function cases(): readonly (readonly [string, () => unknown])[] {
  const bytes = {
    alive: encodeMessage(alive),
    ping: encodeMessage(ping),
    ack: encodeMessage(ack),
  };
  const goAlive = {
    Addr: IP,
    Incarnation: 70_000,
    Meta: Buffer.from(meta),
    Node: 'node-17',
    Port: 7946,
    Vsn: Buffer.from(VSN),
  };
  const goNodes = nodes.map((node) => ({ ...goAlive, Node: node.name }));
  const packed = packr.pack(goAlive);
  const packedNodes = packr.pack(goNodes);

  const parts = [bytes.ping, bytes.alive, bytes.alive, bytes.alive, bytes.alive];
  const closed = { ...BARE_ENVELOPE, keys: [new Uint8Array(32).fill(7)] };
  const nonce = (): Uint8Array => IP12;
  const plainPacket = sealPacket(parts, BARE_ENVELOPE, { crc: true, nonce });
  const sealedPacket = sealPacket(parts, closed, { crc: true, nonce });
  const squeezed = { ...BARE_ENVELOPE, compress: true };
  const squeezedPacket = sealPacket(parts, squeezed, { crc: true, nonce });
  const state = { kind: 'pushPull', join: false, nodes, userState: new Uint8Array(1000) } as const;
  const stateBytes = encodePushPull(state);

  return [
    [`alive encode (${bytes.alive.length} bytes)`, () => encodeMessage(alive)],
    ['alive decode', () => decodeMessage(bytes.alive)],
    ['  msgpackr pack', () => packr.pack(goAlive)],
    ['  msgpackr unpack', () => unpackr.unpack(packed)],
    [`ping encode (${bytes.ping.length} bytes)`, () => encodeMessage(ping)],
    ['ping decode', () => decodeMessage(bytes.ping)],
    [`ack encode (${bytes.ack.length} bytes)`, () => encodeMessage(ack)],
    ['ack decode', () => decodeMessage(bytes.ack)],
    ['coordinate encode', () => CoordinateBody.encode({ vec, error: 0.3, adjustment: 1e-5, height: 1e-5 })],
    ['user event decode', () => decodeSerf(event)],
    [
      `packet of ${parts.length} seal, with CRC (${plainPacket.length} bytes)`,
      () => sealPacket(parts, BARE_ENVELOPE, { crc: true, nonce }),
    ],
    ['packet open', () => openPacket(plainPacket, BARE_ENVELOPE)],
    ['packet seal, AES-256', () => sealPacket(parts, closed, { crc: true, nonce })],
    ['packet open, AES-256', () => openPacket(sealedPacket, closed)],
    ['packet seal, LZW', () => sealPacket(parts, squeezed, { crc: true, nonce })],
    ['packet open, LZW', () => openPacket(squeezedPacket, squeezed)],
    [`push/pull of 1000 nodes encode (${stateBytes.length} bytes)`, () => encodePushPull(state)],
    ['push/pull decode', () => new StreamReader(BARE_ENVELOPE, 'listener').push(stateBytes)],
    ['  msgpackr pack', () => packr.pack(goNodes)],
    ['  msgpackr unpack', () => unpackr.unpack(packedNodes)],
  ];
}

const IP12 = new Uint8Array(12).fill(3);

/** Measures and prints everything. */
export async function run(): Promise<void> {
  console.log(`${`codec, ${RUNS} runs each, ns/op`.padEnd(48)}    median      best`);
  // Runs each operation once first, so that all are measured with the same hidden classes in the engine.
  const all = cases();
  for (const [, operation] of all) repeat(operation, 200);
  for (const [name, operation] of all) {
    const { median, best } = measure(operation);
    console.log(`${name.padEnd(48)}${median.toFixed(0).padStart(10)}${best.toFixed(0).padStart(10)}`);
  }
  measured();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await run();
