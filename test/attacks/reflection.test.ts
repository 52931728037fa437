/** S31: real agents as reflectors, and the gossip that strangers could use up (findings 2 and 4 of issue 14). */
import { afterEach, expect, test } from 'vitest';
import { Ping } from '../../src/wire/memberlist.ts';
import { sealPacket } from '../../src/wire/packet.ts';
import { getJson, httpRequest } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { Attacker, envelopeOf, KEY, nonce, octets, PORT } from './attacker.ts';

afterEach(killProcesses);

/** A compound of as many copies of `one`, as agents never send it. */
function compoundOf(one: Uint8Array, count: number): Uint8Array {
  const out = new Uint8Array(2 + count * (2 + one.length));
  out.set([7, count]);
  for (let i = 0; i < count; i++) {
    out[3 + 2 * i] = one.length;
    out.set(one, 2 + 2 * count + i * one.length);
  }
  return out;
}

test.each([
  ['without a key', '1', {}],
  ['with a key', '2', { key: KEY }],
])('%s a datagram full of pings draws at most three times its bytes', async (_, net, keyed) => {
  const key = 'key' in keyed ? KEY : undefined;
  const ann = await startHearsay({ name: 'ann', ip: `127.74.${net}.1`, ...keyed });
  await startHearsay({ name: 'bob', ip: `127.74.${net}.2`, join: ann.ip, ...keyed });
  const victim = await Attacker.at(`127.74.${net}.77`, key);
  const eve = await Attacker.at(`127.74.${net}.66`, key);
  const source = { sourceAddr: octets(victim.ip), sourcePort: PORT };
  const named = Ping.encode(Ping.create({ seqNo: 1, ...source })).slice();
  const shots: Uint8Array[] = [
    sealPacket(
      Array.from({ length: 16 }, () => compoundOf(Uint8Array.of(0, 0x80), 255)),
      { ...envelopeOf(key), compress: true },
      { crc: false, nonce },
    ),
    sealPacket(
      Array.from({ length: 200 }, () => named),
      { ...envelopeOf(key), compress: true },
      { crc: false, nonce },
    ),
  ];
  let sent = 0;
  for (const shot of shots) {
    eve.sendRaw(ann.ip, shot);
    sent += shot.length;
  }
  await sleep(1500);
  const drawn = victim.receivedBytes + eve.receivedBytes;
  expect(victim.received + eve.received).toBeLessThanOrEqual(shots.length);
  expect(drawn).toBeLessThanOrEqual(3 * sent);
  victim.close();
  eve.close();
});

test('500 pings a second whose acks go nowhere do not keep an event from members', async () => {
  const agents = [await startHearsay({ name: 'n1', ip: '127.74.3.1' })];
  const first = agents[0] as (typeof agents)[0];
  for (const n of [2, 3, 4])
    agents.push(await startHearsay({ name: `n${n}`, ip: `127.74.3.${n}`, join: first.ip }));
  const eve = await Attacker.at('127.74.3.66');
  const source = { sourceAddr: octets('127.74.3.77'), sourcePort: 9999, sourceNode: 'gone' };
  const ping = Ping.encode(Ping.create({ seqNo: 7, node: 'n1', ...source })).slice();
  const flood = setInterval(() => {
    for (let i = 0; i < 10; i++) eve.send(first.ip, [ping]);
  }, 20);
  try {
    for (let i = 0; i < 5; i++)
      await httpRequest('PUT', `${first.http}/v1/event/fire/event-${i}`, { body: 'x'.repeat(100) });
    for (const { http, name } of agents)
      await waitUntil(`${name} has all events`, 15_000, async () => {
        const events = await getJson<readonly unknown[]>(`${http}/v1/event/list`);
        return events.length === 5;
      });
  } finally {
    clearInterval(flood);
    eve.close();
  }
});
