import { beforeEach, expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import { LinkTests } from '../../../../src/agent/links/link-tests.ts';
import { Packets } from '../../../../src/agent/transport/packets.ts';
import { type Address, parseAddress } from '../../../../src/base/address.ts';
import { WireError } from '../../../../src/base/errors.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { decodeLink, encodeLinkPong, type LinkPing } from '../../../../src/wire/links.ts';
import { decodeMessage } from '../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, openPacket } from '../../../../src/wire/packet.ts';

const at = (literal: string): Address => parseAddress(literal) as Address;
const [BOB, SELF] = [at('10.0.0.2:7946'), at('10.0.0.1:7946')];
/** An address of no member. */
const OTHER = '10.9.0.2:7946';
const peer = { identity: { name: 'bob', address: BOB } };

let tests: LinkTests;
let out: Effect[];

/** The pings that were sent to bob. */
const pings = (): LinkPing[] =>
  out.flatMap((effect) => {
    if (effect.kind !== 'sendPacket' || effect.to !== BOB) return [];
    return openPacket(effect.packet, BARE_ENVELOPE).messages.map((octets) => {
      const message = decodeMessage(octets);
      if (message.kind !== 'user') throw new Error(message.kind);
      return decodeLink(message.body) as LinkPing;
    });
  });

/** Lets the test run, and each ping be answered from `from`. Returns how many answers were refused. */
function answerAll(from: Address): number {
  let refused = 0;
  let answered = 0;
  for (let now = 0; now <= 2000; now += 100) {
    tests.tick(now, out);
    for (const { test: id, seq } of pings().slice(answered)) {
      answered += 1;
      const pong = { test: id, seq, heard: 2 ** seq, ip: SELF.ip, port: SELF.port, clock: now };
      try {
        tests.receive(encodeLinkPong(pong), from, now, out);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
        refused += 1;
      }
    }
  }
  return refused;
}

beforeEach(() => {
  const parts = {
    members: {
      get: (name: string) => (name === 'bob' ? peer : undefined),
      isHostOfMember: ({ host }: Address) => ['10.0.0.2', '10.0.0.3'].includes(host),
    },
    catalogPeers: { all: () => [peer], isCatalogPeer: () => true },
    packets: new Packets(BARE_ENVELOPE, [], () => new Uint8Array(12), 1400),
    streams: { dialPing: () => undefined },
  };
  const options = { name: 'ann', startedAt: 0, now: 0, rng: createRng(1), swim: { packetBytes: 1400 } };
  tests = new LinkTests(options as never, parts as never);
  out = [];
  tests.execute({ kind: 'testLinks', nodes: ['bob'] }, 0, out);
});

test.each(['10.0.0.2:7946', '[::ffff:10.0.0.2]:7946', OTHER])(
  'answers count from the host that the pings went to: %s',
  (from) => {
    expect(answerAll(at(from))).toBe(0);
    expect(tests.reports()).toMatchObject([{ to: 'bob', answered: 16, longest: 1472 }]);
  },
);

test.each(['10.0.0.3:7946', '10.0.0.2:7947'])(
  'answers from elsewhere are refused, whatever their number: %s',
  (from) => {
    expect(answerAll(at(from))).toBe(pings().length);
    expect(tests.reports()).toMatchObject([{ to: 'bob', answered: 0, heard: 0, longest: 0, seenFrom: '' }]);
  },
);
