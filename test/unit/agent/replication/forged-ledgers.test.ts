/** Forged ledgers: what a stranger, or a member that lies, can make others show of an owner, and for how long (A33 to A36). */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../../../src/agent/agent.ts';
import type { Address } from '../../../../src/base/address.ts';
import { concatBytes } from '../../../../src/base/bytes.ts';
import type { Delta } from '../../../../src/catalog/types.ts';
import type { Entry } from '../../../../src/model/service.ts';
import { SerfPeer } from '../../../../src/sim/peers/serf-peer.ts';
import { hostEnvelope } from '../../../../src/sim/world/message-kinds.ts';
import { World } from '../../../../src/sim/world/world.ts';
import {
  encodeCatalogSnapshot,
  encodeDelta,
  encodeDeltaAnnounce,
  encodeDeltas,
} from '../../../../src/wire/catalog.ts';
import { MESSAGE_TYPE } from '../../../../src/wire/memberlist.ts';
import { sealPacket } from '../../../../src/wire/packet.ts';
import { encodeStream, sealStream } from '../../../../src/wire/stream-writer.ts';

const CEILING = 2 ** 52;
/** Above every epoch of today's owners, and below what is doubtful. */
const EPOCH = 2_500_000_000_000 * 1024;
const nonce = (): Uint8Array => new Uint8Array(12);

/** ann has the service web at port 80; all are members of each other, with a disk. */
function cluster(annOptions: { readonly wallClockOffset?: number } = {}) {
  const world = new World({
    seed: 9,
    makeAgent: (options, host) =>
      host.options.serfPeer === true ? new SerfPeer(options) : createAgent(options),
  });
  for (const name of ['ann', 'bob', 'cat']) {
    world.add(name);
    world.start(name, name === 'ann' ? annOptions : {});
  }
  const join = (name: string, via = 'ann'): void =>
    void world.command(name, {
      kind: 'join',
      seeds: [{ text: via, addresses: [world.host(via).address] }],
    });
  join('bob');
  join('cat');
  const register = (port: number, meta: ReadonlyMap<string, string> = new Map()): void =>
    void world.command('ann', {
      ...{ kind: 'registerService', checks: [], replaceChecks: true },
      service: { ...definition, port, meta },
    });
  register(80);
  world.run(20_000);
  /** The ports at which this agent shows web. */
  const shown = (name: string): readonly number[] =>
    world
      .host(name)
      .runningAgent.view.catalog.usable('web')
      .map(({ service }) => service.port);
  const sendUser = (to: string, from: Address, body: Uint8Array): void => {
    const message = concatBytes([Uint8Array.of(MESSAGE_TYPE.user), body]);
    const envelope = hostEnvelope(world.host(to).currentOptions);
    world.injectDatagram(to, from, sealPacket([message], envelope, { crc: false, nonce }));
  };
  const sendStream = (to: string, from: Address, body: Uint8Array): void =>
    world.injectStream(
      to,
      from,
      sealStream(encodeStream({ kind: 'user', body }), hostEnvelope(world.host(to).currentOptions), {
        role: 'dialer',
        nonce,
      }),
    );
  return {
    world,
    shown,
    register,
    join,
    sendUser,
    sendStream,
    address: (name: string) => world.host(name).address,
  };
}

const definition = {
  ...{
    id: 'web',
    name: 'web',
    tags: [],
    address: '',
    port: 80,
    ports: [],
    taggedAddresses: new Map(),
    meta: new Map(),
  },
  ...{ weights: { passing: 1, warning: 1 }, enableTagOverride: false },
};

/** An empty ledger of ann: whoever believes it shows no service of ann. */
const erasing = (epoch: number, over: Partial<Delta> = {}): Delta => ({
  ...{ owner: 'ann', epoch, from: 0, to: 1, swept: 0, entries: [] },
  ...over,
});

describe('A33 nobody takes a ledger that is too far ahead', () => {
  test.each([CEILING - 1, CEILING - 2, 2 ** 51 + 2 ** 50])(
    'of epoch %i, by datagram or stream, member or not',
    (epoch) => {
      const { world, shown, sendUser, sendStream, address } = cluster();
      for (const from of [world.newAddress(), address('cat')]) {
        sendUser('bob', from, encodeDelta(erasing(epoch)).slice());
        sendUser('bob', from, encodeDeltaAnnounce({ owner: 'ann', epoch, version: 1 }).slice());
        sendStream('bob', from, encodeDeltas([erasing(epoch)]));
        for (let i = 0; i < 50; i++) {
          world.run(100);
          expect([shown('bob'), shown('cat')]).toEqual([[80], [80]]);
        }
      }
    },
  );

  test('and what the owner registers afterwards spreads as ever', () => {
    const { world, shown, register, sendUser, address } = cluster();
    for (const to of ['ann', 'bob', 'cat'])
      sendUser(to, address('cat'), encodeDelta(erasing(CEILING - 1)).slice());
    register(81);
    world.run(3000);
    expect([shown('bob'), shown('cat')]).toEqual([[81], [81]]);
  });
});

test('A34 a delta from an address without a member changes nothing at all', () => {
  const { world, shown, sendUser, sendStream } = cluster();
  const { epoch } = world.host('ann').disk.snapshot as { epoch: number };
  const from = world.newAddress();
  sendUser('bob', from, encodeDelta(erasing(epoch + 5000)).slice());
  sendStream('bob', from, encodeDeltas([erasing(epoch + 5000)]));
  expect(shown('bob')).toEqual([80]);
  world.run(5000);
  expect([shown('bob'), shown('cat')]).toEqual([[80], [80]]);
});

test('A33 a copy of that kind on disk is not restored, and the true one comes with the first exchange', () => {
  const { world, shown, join } = cluster();
  world.stop('bob');
  const bob = world.host('bob');
  const poisoned = erasing(CEILING - 1);
  bob.disk.saveCatalog(
    encodeCatalogSnapshot({
      owner: 'bob',
      epoch: 1,
      version: 0,
      ledgers: [poisoned],
    }),
  );
  world.start('bob');
  join('bob');
  world.run(5000);
  expect(shown('bob')).toEqual([80]);
});

test('A33 an owner whose clock is a century ahead is believed all the same: others ask it', () => {
  const { world, shown, register } = cluster({ wallClockOffset: 60 * 365 * 86_400_000 });
  expect([shown('bob'), shown('cat')]).toEqual([[80], [80]]);
  register(82);
  world.run(3000);
  expect([shown('bob'), shown('cat')]).toEqual([[82], [82]]);
});

test('A16 an agent of Serf owns no ledger', () => {
  const { world, join, sendUser, address } = cluster();
  world.add('sam', { serfPeer: true });
  world.start('sam');
  join('sam');
  world.run(5000);
  const bob = world.host('bob').runningAgent.view;
  expect(bob.member('sam')?.status).toBe('alive');
  const web = {
    key: 's:web' as const,
    version: 1,
    value: { kind: 'service' as const, ...definition, draining: false },
  };
  sendUser('bob', address('cat'), encodeDelta(erasing(5, { owner: 'sam', entries: [web] })).slice());
  world.run(2000);
  expect(bob.catalog.node('sam')).toBeUndefined();
});

test('A46 a ledger that was forged in the very epoch, and to the very version, that its owner takes next', () => {
  const { world, shown, sendUser, address } = cluster();
  const { epoch } = world.host('ann').disk.snapshot as { epoch: number };
  const next = EPOCH + 1 + (epoch % 1021);
  sendUser('ann', address('cat'), encodeDelta(erasing(EPOCH)).slice());
  sendUser('bob', address('cat'), encodeDelta(erasing(next)).slice());
  world.run(1);
  expect([world.host('ann').runningAgent.view.catalog.usable('web').length, shown('bob')]).toEqual([1, []]);
  world.run(3000);
  expect([shown('bob'), shown('cat')]).toEqual([[80], [80]]);
});

describe('A48 a ledger that was forged up to the version that its owner takes next, where no delta of that comes by', () => {
  const forgery = (over: Partial<Entry>): Entry => ({ key: 's:web', version: 2, value: undefined, ...over });
  test.each([
    [
      'another port',
      forgery({ value: { kind: 'service', ...definition, draining: false, port: 666 } }),
      [666],
    ],
    ['without the service', forgery({}), []],
  ])('%s: the owner is asked when tables are compared', (_, entry, forged) => {
    const { world, shown, register, sendStream, address } = cluster();
    const { epoch } = world.host('ann').disk.snapshot as { epoch: number };
    sendStream('bob', address('cat'), encodeDeltas([erasing(epoch, { from: 1, to: 2, entries: [entry] })]));
    world.run(100);
    // A delta that no packet holds is announced, and of a version that is held already an announcement is no news.
    register(81, new Map(['a', 'b', 'c'].map((key) => [key, 'x'.repeat(500)])));
    world.run(3000);
    expect([shown('ann'), shown('bob'), shown('cat')]).toEqual([[81], forged, [81]]);
    world.run(60_000);
    expect([shown('ann'), shown('bob'), shown('cat')]).toEqual([[81], [81], [81]]);
  });
});

test('A47 an owner that starts twice within seconds is heard as ever, and so is what it registers then', () => {
  const { world, shown, join, register } = cluster();
  for (let i = 0; i < 2; i++) {
    world.stop('ann');
    world.run(100);
    world.start('ann');
    join('ann', 'bob');
    world.run(3000);
  }
  for (let port = 81; port < 90; port++) {
    register(port);
    world.run(900);
    expect([shown('bob'), shown('cat')]).toEqual([[port], [port]]);
  }
});

describe('A47 who forges on and on', () => {
  test.each([
    ['epochs', (i: number) => erasing(EPOCH + i * 5_000_000)],
    ['epochs, each a little further', (i: number) => erasing(EPOCH + i)],
  ])(
    '%s, 50 times a second: the owner is shown in 99 %% of reads, and its changes within 6 s',
    (_, forged) => {
      const { world, shown, register, sendUser, address } = cluster();
      let [reads, good] = [0, 0];
      const attack = (rounds: number, port: number): void => {
        for (let i = 0; i < rounds; i++) {
          for (const to of ['bob', 'cat']) sendUser(to, address('cat'), encodeDelta(forged(reads)).slice());
          world.run(20);
          reads += 1;
          good += Number(shown('bob').join() === `${port}` && shown('cat').join() === `${port}`);
        }
      };
      attack(3000, 80);
      expect(good / reads).toBeGreaterThan(0.99);
      register(81);
      attack(300, 81);
      expect([shown('bob'), shown('cat')]).toEqual([[81], [81]]);
      world.run(400_000);
      register(82);
      world.run(1000);
      expect([shown('bob'), shown('cat')]).toEqual([[82], [82]]);
    },
  );
});
