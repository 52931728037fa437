/** S31: no datagram of an outsider draws more than one packet to outsiders, or more than three times its bytes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import { World } from '../../src/sim/world/world.ts';
import { encodeMessage, MESSAGE_TYPE } from '../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, sealPacket } from '../../src/wire/packet.ts';
import { Query } from '../../src/wire/serf.ts';
import { ip, query, swimMessage, text, u16, u32 } from './wire.arbitrary.ts';

const KEY = new Uint8Array(32).fill(7);
const source = fc.record({ sourceAddr: ip, sourcePort: u16, sourceNode: text });
/** Messages that ask for an answer, at any address, more often than chance would have it. */
const asking = fc.oneof(
  source.map((from) => encodeMessage({ kind: 'ping', seqNo: 1, node: '', held: 0, ...from })),
  fc
    .tuple(source, ip, u16)
    .map(([from, target, port]) =>
      encodeMessage({ kind: 'indirectPing', seqNo: 1, target, port, node: 'x', nack: true, ...from }),
    ),
  u32.map((incarnation) => encodeMessage({ kind: 'suspect', incarnation, node: 'ann', from: 'eve' })),
  query.map((body) =>
    concatBytes([
      Uint8Array.of(MESSAGE_TYPE.user),
      Query.encode({ ...body, ltime: 5, filters: [], flags: 1, name: '_serf_conflict' }),
    ]),
  ),
);
const message = fc.oneof(
  asking,
  swimMessage.map((one) => encodeMessage(one)),
);

test.each([
  ['without a key', []],
  ['with a key', [KEY]],
])('%s', (_, keys) => {
  const world = new World({ seed: 1, makeAgent: createAgent });
  for (const name of ['ann', 'bob']) {
    world.add(name, { keys });
    world.start(name);
  }
  world.command('bob', { kind: 'join', seeds: [{ text: 'ann', addresses: [world.host('ann').address] }] });
  world.run(10_000);
  const eve = world.add('eve').address;
  let drawn: number[] = [];
  world.subscribe({
    onDatagram: (from, to, bytes) => {
      if (from.label === 'ann' && to?.label !== 'bob') drawn.push(bytes.length);
    },
  });
  let most = 0;
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 40 }), fc.boolean(), (messages, compress) => {
      const packet = sealPacket(
        messages.map((one) => one.slice()),
        { ...BARE_ENVELOPE, keys, compress },
        { crc: false, nonce: world.nonceSource() },
      );
      drawn = [];
      world.injectDatagram('ann', eve, packet);
      expect(drawn.length).toBeLessThanOrEqual(1);
      for (const bytes of drawn) expect(bytes).toBeLessThanOrEqual(3 * packet.length);
      most = Math.max(most, drawn.length);
    }),
    { numRuns: 400 },
  );
  expect(most).toBe(1); // the property is not empty
});
