import { afterEach, describe, expect, test } from 'vitest';
import { type Address, toAddress } from '../../../../src/base/address.ts';
import { openUdp, peerAddress, type Udp } from '../../../../src/shell/net/udp.ts';
import { at, LOCAL, turn, until } from '../support.ts';

interface Heard {
  readonly udp: Udp;
  readonly packets: { bytes: Uint8Array; from: Address }[];
  readonly errors: string[];
}

const open: Udp[] = [];
afterEach(async () => {
  for (const udp of open.splice(0)) await udp.close();
});

async function listener(bind: Address = LOCAL): Promise<Heard> {
  const packets: Heard['packets'] = [];
  const errors: string[] = [];
  const udp = await openUdp(
    bind,
    (bytes, from) => packets.push({ bytes, from }),
    (code) => errors.push(code),
  );
  open.push(udp);
  return { udp, packets, errors };
}

describe('udp', () => {
  test('a packet arrives with its bytes and its sender, and the answer reaches the sender', async () => {
    const ann = await listener();
    const bob = await listener();

    ann.udp.send(Uint8Array.of(1, 2, 3), bob.udp.address);
    await until(() => bob.packets.length === 1, 'bob hears ann');
    bob.udp.send(Uint8Array.of(4), bob.packets[0]?.from as Address);
    await until(() => ann.packets.length === 1, 'ann hears bob');

    expect([...(bob.packets[0]?.bytes ?? [])]).toEqual([1, 2, 3]);
    expect(bob.packets[0]?.from).toEqual(ann.udp.address);
    expect(ann.packets[0]?.from.key).toBe(bob.udp.address.key);
  });

  test('ten thousand packets in bursts of twenty: none is lost', async () => {
    const ann = await listener();
    const bob = await listener();
    const sent = 10_000;

    for (let i = 0; i < sent; i++) {
      ann.udp.send(Uint8Array.of(i >> 8, i & 0xff), bob.udp.address);
      if (i % 20 === 19) await turn();
    }
    await until(() => bob.packets.length >= sent, 'all packets arrive');

    const numbers = bob.packets.map(({ bytes }) => ((bytes[0] as number) << 8) | (bytes[1] as number));
    expect(numbers).toEqual(Array.from({ length: sent }, (_, i) => i));
    expect(ann.errors).toEqual([]);
  });

  test('a send that the kernel refuses is reported with its destination, and ends nothing', async () => {
    const ann = await listener();
    const bob = await listener();
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    // Without SO_BROADCAST the kernel says EACCES, as it says EPERM if a firewall drops what is sent.
    ann.udp.send(Uint8Array.of(1), toAddress(Uint8Array.of(255, 255, 255, 255), 7946));
    ann.udp.send(Uint8Array.of(2), bob.udp.address);
    await until(() => bob.packets.length === 1 && ann.errors.length === 1, 'the second arrives');
    await turn();
    process.off('unhandledRejection', note);

    expect(ann.errors).toEqual(['EACCES']);
    expect(unhandled).toEqual([]);
  });

  test('a datagram of any size arrives unchanged, an empty one too', async () => {
    const ann = await listener();
    const bob = await listener();

    ann.udp.send(new Uint8Array(0), bob.udp.address);
    ann.udp.send(new Uint8Array(65_507).fill(0xff), bob.udp.address);
    await until(() => bob.packets.length === 2, 'both arrive');

    expect(bob.packets.map(({ bytes }) => bytes.length)).toEqual([0, 65_507]);
    expect(bob.packets[1]?.bytes.constructor).toBe(Uint8Array); // not a Buffer, whose slice shares memory
  });

  test('each failed send is reported, and later sends work', async () => {
    const ann = await listener();
    const bob = await listener();

    ann.udp.send(Uint8Array.of(1), at('127.0.0.1:0'));
    ann.udp.send(new Uint8Array(70_000), bob.udp.address);
    ann.udp.send(Uint8Array.of(1), at('[::1]:7946'));
    await until(() => ann.errors.length === 3, 'three errors');
    ann.udp.send(Uint8Array.of(2), bob.udp.address);
    await until(() => bob.packets.length === 1, 'the good one arrives');

    expect([...ann.errors].sort()).toEqual(['EINVAL', 'EMSGSIZE', 'ERR_SOCKET_BAD_PORT']);
  });

  test('a send to a closed port does no harm', async () => {
    const gone = await listener();
    const nobody = gone.udp.address;
    await gone.udp.close();
    const ann = await listener();
    const bob = await listener();

    for (let i = 0; i < 50; i++) ann.udp.send(Uint8Array.of(1), nobody);
    await turn();
    ann.udp.send(Uint8Array.of(2), bob.udp.address);

    await until(() => bob.packets.length === 1, 'bob hears ann');
  });

  test('a dual-stack socket on :: receives IPv4 as four octets, and answers it', async () => {
    const both = await listener(at('[::]:0'));
    const four = await listener();
    const six = await listener(at('[::1]:0'));

    four.udp.send(Uint8Array.of(4), at(`127.0.0.1:${both.udp.address.port}`));
    six.udp.send(Uint8Array.of(6), at(`[::1]:${both.udp.address.port}`));
    await until(() => both.packets.length === 2, 'both are heard');
    for (const { bytes, from } of both.packets) both.udp.send(bytes, from);
    await until(() => four.packets.length + six.packets.length === 2, 'both are answered');

    const senders = both.packets.map(({ from }) => from.key).sort();
    expect(senders).toEqual([four.udp.address.key, six.udp.address.key].sort());
  });

  test('it requests a large receive buffer and reports what was granted', async () => {
    const { udp } = await listener();
    expect(udp.receiveBuffer).toBeGreaterThan(0);
  });

  test('closing twice closes once, and a send after it is ignored', async () => {
    const { udp, errors } = await listener();

    await Promise.all([udp.close(), udp.close()]);
    udp.send(Uint8Array.of(1), LOCAL);
    await turn();

    expect(errors).toEqual([]);
  });
});

describe('a peer’s address', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1:5'],
    ['::ffff:10.0.0.7', '10.0.0.7:5'],
    ['fd00::5', '[fd00::5]:5'],
    ['fe80::1%eth0', '[fe80::1]:5'],
  ])('%s is %s', (host, key) => {
    expect(peerAddress(host, 5).key).toBe(key);
  });
});
