/**
 * S1 S3 S28 S29: a member that holds the key sends ours what kills or poisons real agents. Ours stays up and well, hands none of it on
 * to the real agent behind it, and names the address it came from. The control: the same octets end a real agent.
 */
import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { toAddress } from '../../src/base/address.ts';
import { concatBytes, encodeUtf8, NO_BYTES } from '../../src/base/bytes.ts';
import { createRng } from '../../src/base/rng.ts';
import { NONCE_BYTES, parseKey } from '../../src/wire/crypt.ts';
import { Ack, Alive, Dead, MESSAGE_TYPE, Ping, PushNodeState, Suspect } from '../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, type Envelope, openPacket, sealPacket } from '../../src/wire/packet.ts';
import { CoordinateBody, JoinIntent, Query, UserEvent } from '../../src/wire/serf.ts';
import { encodePushPull, sealStream } from '../../src/wire/stream-writer.ts';
import { decodeStruct } from '../../src/wire/struct.ts';
import { getJson } from '../support/http.ts';
import {
  type AgentProcess,
  type HearsayProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { runSerf } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

const KEY = Buffer.alloc(32, 9).toString('base64');
const PORT = 7946;
const TOP = 0xffff_ffff;
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const envelope: Envelope = { ...BARE_ENVELOPE, keys: [parseKey(KEY)] };
const rng = createRng(7);
const nonce = (): Uint8Array => Uint8Array.from({ length: 12 }, () => rng.int(256));
const octets = (ip: string): Uint8Array => Uint8Array.from(ip.split('.').map(Number));

/** One who holds the key, on an address of its own. */
class Mallory {
  readonly ip: string;
  readonly #socket: Socket;
  /** What it puts into its acks to the one it lies to. */
  ackPayload: Uint8Array = NO_BYTES;
  acked = 0;
  /** Of each datagram that came, in hex. */
  readonly nonces: string[] = [];

  private constructor(ip: string, socket: Socket, victim: string) {
    this.ip = ip;
    this.#socket = socket;
    socket.on('message', (bytes, { address: from, port }) => {
      this.nonces.push(bytes.subarray(1, 1 + NONCE_BYTES).toString('hex'));
      for (const message of openPacket(new Uint8Array(bytes), envelope).messages) {
        if (message[0] !== MESSAGE_TYPE.ping) continue;
        const { seqNo } = decodeStruct(Ping, message);
        const payload = from === victim ? this.ackPayload : NO_BYTES;
        if (payload.length > 0) this.acked += 1;
        this.#send(from, port, [Ack.encode({ seqNo, payload })]);
      }
    });
  }

  static at(ip: string, victim: string): Promise<Mallory> {
    const socket = createSocket('udp4');
    return new Promise((resolve) => socket.bind(PORT, ip, () => resolve(new Mallory(ip, socket, victim))));
  }

  close(): void {
    this.#socket.close();
  }

  /** Messages, type octet first, in one datagram. */
  says(to: string, ...messages: Uint8Array[]): void {
    this.#send(to, PORT, messages);
  }

  /** Serf's, each behind memberlist's octet for user messages. */
  serf(to: string, ...bodies: Uint8Array[]): void {
    this.says(to, ...bodies.map((body) => concatBytes([Uint8Array.of(MESSAGE_TYPE.user), body])));
  }

  /** Over a stream; resolves when the other side has ended it. */
  dials(to: string, plain: Uint8Array): Promise<void> {
    const bytes = sealStream(plain, envelope, { role: 'dialer', nonce });
    return new Promise((resolve) => {
      const socket = connect({ host: to, port: PORT, localAddress: this.ip }, () => socket.write(bytes));
      socket.resume();
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
    });
  }

  #send(to: string, port: number, messages: Uint8Array[]): void {
    this.#socket.send(sealPacket(messages, envelope, { crc: false, nonce }), port, to);
  }
}

const alive = (node: string, ip: string, over: Partial<Alive> = {}): Uint8Array =>
  Alive.encode(
    Alive.create({
      incarnation: 1,
      node,
      addr: octets(ip),
      port: PORT,
      meta: Uint8Array.of(0xff, 0x80),
      vsn: VSN,
      ...over,
    }),
  );

const query = (ip: string, over: Partial<Query>): Uint8Array =>
  Query.encode(
    Query.create({
      ...{ ltime: 5, id: rng.int(TOP), addr: octets(ip), port: PORT, sourceNode: 'mallory', filters: [] },
      ...{ flags: 0, relayFactor: 0, timeout: 2e9, name: 'q', payload: NO_BYTES },
      ...over,
    }),
  );

/** What ends a real agent that is sent it. */
const LETHAL: Readonly<Record<string, (mallory: Mallory, to: string) => void>> = {
  'an alive with three octets of versions': (mallory, to) =>
    mallory.says(to, alive('ghost', '127.0.51.77', { vsn: Uint8Array.of(1, 5, 2) })),
  'an alive with five octets of versions': (mallory, to) =>
    mallory.says(to, alive('ghost', '127.0.51.77', { vsn: Uint8Array.of(1, 5, 2, 2, 5) })),
  'a query with an empty filter': (mallory, to) =>
    mallory.serf(to, query(mallory.ip, { filters: [NO_BYTES] })),
  'a key query without a payload': (mallory, to) =>
    mallory.serf(to, query(mallory.ip, { name: '_serf_install-key' })),
};

afterAll(killProcesses);

describe.skipIf(!isInstalled('serf'))('with real Serf agents', { timeout: 240_000 }, () => {
  const ended: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ended.splice(0)) await end();
  });

  test.each(Object.entries(LETHAL))('the control: %s ends a real agent', async (_, send) => {
    const to = '127.0.50.11';
    const victim = await startSerf({ name: 's9', ip: to, key: KEY });
    const mallory = await Mallory.at('127.0.50.66', to);
    ended.push(
      () => mallory.close(),
      () => victim.kill(),
    );

    await waitUntil('it has ended', 20_000, () => {
      send(mallory, to);
      return victim.child.exitCode !== null;
    });
    expect(victim.log()).toMatch(/panic: runtime error/);
  });

  test('S3 S5 S28 S29 ours takes all of it, stays well, hands on none of it, and names who sent it', async () => {
    const ip = (host: number): string => `127.0.51.${host}`;
    const to = ip(1);
    const h1 = await startHearsay({ name: 'h1', ip: to, key: KEY });
    const s1 = await startSerf({ name: 's1', ip: ip(11), join: `${to}:${PORT}`, key: KEY });
    const h2 = await startHearsay({ name: 'h2', ip: ip(2), join: `${to}:${PORT}`, key: KEY });
    const mallory = await Mallory.at(ip(66), to);
    ended.push(() => mallory.close(), ...[h1, s1, h2].map((agent) => () => agent.kill()));
    const agents: readonly AgentProcess[] = [h1, s1, h2];
    const allWell = (): Promise<unknown> =>
      Promise.all(
        agents.map((agent) =>
          waitUntil(`${agent.name} sees the three alive`, 60_000, async () => {
            const members = await agent.members();
            const up = members.filter(({ status }) => status === 'alive').map(({ name }) => name);
            return ['h1', 'h2', 's1'].every((name) => up.includes(name));
          }),
        ),
      );
    await allWell();
    // It is one of them: it joins, and answers whoever asks.
    mallory.says(to, alive('mallory', mallory.ip));
    mallory.serf(to, JoinIntent.encode({ ltime: 2, node: 'mallory' }));
    await waitUntil('mallory is a member', 30_000, async () =>
      (await h1.members()).some(({ name, status }) => name === 'mallory' && status === 'alive'),
    );

    const before = await counters(h1);
    const step = async (what: string, counter: string, act: () => unknown): Promise<void> => {
      const had = (await counters(h1)).get(counter) ?? 0;
      await act();
      await waitUntil(
        `${what} is counted as ${counter}`,
        20_000,
        async () => ((await counters(h1)).get(counter) ?? 0) > had,
      );
      expect(h1.child.exitCode, what).toBeNull();
      expect(s1.child.exitCode, what).toBeNull();
    };
    for (const [what, send] of Object.entries(LETHAL))
      await step(what, 'packets_rejected', () => send(mallory, to));
    for (const name of ['use', 'remove', 'list'])
      await step(`_serf_${name}-key without a payload`, 'packets_rejected', () =>
        mallory.serf(to, query(mallory.ip, { name: `_serf_${name}-key${name === 'list' ? 's' : ''}` })),
      );
    await step('a new key of no octets', 'key_changes_refused', () =>
      mallory.serf(to, query(mallory.ip, { name: '_serf_install-key', payload: Uint8Array.of(7, 0x80) })),
    );
    await step('an address of three octets', 'packets_rejected', () =>
      mallory.says(to, alive('ghost', ip(77), { addr: Uint8Array.of(127, 0, 51) })),
    );
    await step('the highest incarnation, of another', 'gossip_messages_refused', () =>
      mallory.says(to, Dead.encode({ incarnation: TOP, node: 's1', from: 'mallory' })),
    );
    await step('the highest incarnation, of ours', 'gossip_messages_refused', () =>
      mallory.says(to, Suspect.encode({ incarnation: TOP, node: 'h1', from: 'mallory' })),
    );
    await step('a clock near its end', 'lamport_times_refused', () =>
      mallory.serf(to, UserEvent.encode({ ltime: 2 ** 53, name: 'late', payload: NO_BYTES, cc: false })),
    );
    await step('a type that memberlist does not know', 'packets_rejected', () =>
      mallory.says(to, Uint8Array.of(50, 0x80)),
    );
    await step('a type that Serf does not know', 'packets_rejected', () =>
      mallory.serf(to, Uint8Array.of(77, 0x80)),
    );
    await step('bodies that are none', 'packets_rejected', () => {
      for (let type = 0; type <= 13; type++)
        for (let i = 0; i < 20; i++)
          mallory.says(
            to,
            Uint8Array.from({ length: 1 + rng.int(200) }, (_, at) => (at === 0 ? type : rng.int(256))),
          );
      for (let type = 0; type <= 9; type++)
        for (let i = 0; i < 20; i++)
          mallory.serf(
            to,
            Uint8Array.from({ length: 1 + rng.int(200) }, (_, at) => (at === 0 ? type : rng.int(256))),
          );
    });
    await step('a push/pull of a host without versions', 'streams_rejected', () =>
      mallory.dials(
        to,
        encodePushPull({
          ...{ kind: 'pushPull', join: false, userState: NO_BYTES },
          nodes: [
            PushNodeState.create({
              ...{ name: 'ghost', addr: octets(ip(77)), port: PORT, meta: NO_BYTES },
              ...{ incarnation: 1, state: 0, vsn: NO_BYTES },
            }),
          ],
        }),
      ),
    );
    await step('a push/pull of a thousand million rows', 'streams_rejected', () =>
      mallory.dials(to, concatBytes([Uint8Array.of(MESSAGE_TYPE.pushPull), BILLION_ROWS])),
    );
    // It is probed about once in three seconds, and lies about where it is.
    mallory.ackPayload = CoordinateBody.encode({
      ...{
        vec: new Array(8).fill(Number.NaN),
        error: Number.NaN,
        adjustment: Number.POSITIVE_INFINITY,
        height: Number.NaN,
      },
    });
    await step('coordinates that are not numbers', 'packets_rejected', () =>
      waitUntil('it was asked and has answered', 60_000, () => mallory.acked > 0),
    );
    mallory.ackPayload = NO_BYTES;
    await step('a storm of events', 'events_rate_limited', () => {
      for (let i = 0; i < 4000; i++)
        mallory.serf(
          to,
          UserEvent.encode({ ltime: 10 + i, name: `storm${i}`, payload: encodeUtf8('x'), cc: false }),
        );
    });

    await allWell();
    // S5: no nonce comes twice, nor half of one.
    const halves = mallory.nonces.flatMap((one) => [one.slice(0, NONCE_BYTES), one.slice(NONCE_BYTES)]);
    expect(halves.length).toBeGreaterThan(20);
    expect(new Set(halves).size).toBe(halves.length);
    // Each kind of complaint names its address at least once; the rest is counted.
    const from = toAddress(octets(mallory.ip), PORT).key;
    const lines = h1
      .log()
      .split('\n')
      .filter((line) => line.includes(`"${from}"`) || line.includes(`"${mallory.ip}:`));
    for (const sentence of [
      'packet rejected',
      'stream rejected',
      'gossip message refused',
      'implausible Lamport time refused',
      'events dropped: rate limit of a peer reached',
    ])
      expect(
        lines.some((line) => line.includes(sentence)),
        `${sentence} names ${from}`,
      ).toBe(true);
    expect(h1.log()).toMatch(/"by":"mallory"[^\n]*key change refused/);
    const after = await counters(h1);
    expect(after.get('crashes')).toBe(0);
    expect((after.get('packets_rejected') ?? 0) - (before.get('packets_rejected') ?? 0)).toBeGreaterThan(100);

    // The real agent has no word of it but the key of no octets, which it refuses as ours does; and it does its work.
    expect(s1.child.exitCode).toBeNull();
    const harmed = /panic|ghost|\blate\b|conflict|unknown|decode|\[ERR\](?! agent\.ipc:)/i;
    expect(
      s1
        .log()
        .split('\n')
        .filter((line) => harmed.test(line) && !line.includes('Failed to install key: key size must be')),
    ).toEqual([]);
    // Whose Lamport time is 512 behind that of the others is not heard: it fires when h1, which hears of the storm first, hears no
    // more of it, and the real agent has heard of it, too.
    let last = -1;
    await waitUntil('the real agent has the Lamport time of the storm', 60_000, async () => {
      const { Stats } = await getJson<{ Stats: Record<string, Record<string, string>> }>(
        `${h1.http}/v1/agent/self`,
      );
      const time = Number(Stats['serf_lan']?.['event_time']);
      const isOver = time === last;
      last = time;
      const own = /event_time = (\d+)/.exec((await runSerf(s1, ['info'])).stdout)?.[1];
      return isOver && Number(own) > time - 256;
    });
    expect((await runSerf(s1, ['event', 'after', 'it'])).code).toBe(0);
    await waitUntil('h2 hears the event of the real agent', 20_000, async () =>
      (await getJson<{ Name: string }[]>(`${h2.http}/v1/event/list`)).some(({ Name }) => Name === 'after'),
    );
    // Mallory alone does not answer.
    expect((await runSerf(s1, ['keys', '-list'])).stdout).toContain('3/4 nodes reported success');
  });
});

/** `{Nodes: 1e9, UserStateLen: 0, Join: false}`, and no row. */
const BILLION_ROWS = concatBytes([
  Uint8Array.of(0x83, 0xa5, ...encodeUtf8('Nodes'), 0xce, 0x3b, 0x9a, 0xca, 0x00),
  Uint8Array.of(0xac, ...encodeUtf8('UserStateLen'), 0x00, 0xa4, ...encodeUtf8('Join'), 0xc2),
]);

async function counters({ http }: HearsayProcess): Promise<ReadonlyMap<string, number>> {
  const { Counters } = await getJson<{ Counters: { Name: string; Count: number }[] }>(
    `${http}/v1/agent/metrics`,
  );
  return new Map(Counters.map(({ Name, Count }) => [Name.replace(/^hearsay_(.*)_total$/, '$1'), Count]));
}
