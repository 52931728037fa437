/** Ports behind links that are cut and healed: what arrives, what does not, and how streams end. */
import { afterEach, expect, test, vi } from 'vitest';
import { toAddress } from '../../../../src/base/address.ts';
import { DemoLinks } from '../../../../src/cli/commands/demo-links.ts';
import { openLinkedPorts } from '../../../../src/shell/net/links.ts';
import type { Ports } from '../../../../src/shell/net/ports.ts';
import { type StreamInput, TCP_LIMITS } from '../../../../src/shell/net/tcp.ts';

const opened: Ports[] = [];
afterEach(async () => {
  for (const { udp, tcp } of opened.splice(0)) await Promise.all([udp.close(), tcp.close()]);
});

async function open(links: DemoLinks) {
  const packets: string[] = [];
  const inputs: StreamInput[] = [];
  const ports = await openLinkedPorts(
    toAddress(Uint8Array.of(127, 43, 2, 1), 0),
    {
      onPacket: (bytes) => void packets.push(text(bytes)),
      onInput: (input) => void inputs.push(input),
      onSendError: () => {},
      onRefused: () => {},
      onError: () => {},
    },
    links,
    { ...TCP_LIMITS, idleTimeout: 300 },
  );
  opened.push(ports);
  const kinds = () => inputs.map(({ kind }) => kind);
  return { ...ports, at: ports.udp.address, name: ports.udp.address.key, packets, inputs, kinds };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (word: string): Uint8Array => new TextEncoder().encode(word);

test.each([
  ['both', [], []],
  ['inbound', [], ['to b']],
  ['outbound', ['to a'], []],
] as const)('a cut of %s, for datagrams, and again after it is healed', async (what, toA, toB) => {
  const links = new DemoLinks();
  const [a, b] = [await open(links), await open(links)];
  const sendBoth = (suffix = '') => {
    a.udp.send(bytes(`to b${suffix}`), b.at);
    b.udp.send(bytes(`to a${suffix}`), a.at);
  };
  links.cut(a.name, what);
  sendBoth();
  links.heal(a.name);
  sendBoth(' healed'); // after what was sent before, on loopback
  await vi.waitFor(() =>
    expect([a.packets, b.packets].map((all) => all.at(-1))).toEqual(['to a healed', 'to b healed']),
  );
  expect([a.packets.slice(0, -1), b.packets.slice(0, -1)]).toEqual([toA, toB]);
});

test.each(['both', 'inbound', 'outbound'] as const)(
  'no connection comes about through a cut of %s',
  async (what) => {
    const links = new DemoLinks();
    const [a, b] = [await open(links), await open(links)];
    links.cut(a.name, what);
    a.tcp.open(2, b.at);
    b.tcp.open(2, a.at);
    for (const { inputs } of [a, b])
      await vi.waitFor(() =>
        expect(inputs).toMatchObject([{ kind: 'streamClosed', stream: 2, failure: 'timeout' }]),
      );
  },
);

test('a dial that is closed before it is given up says nothing any more', async () => {
  const links = new DemoLinks();
  const [a, b] = [await open(links), await open(links)];
  links.cut(a.name, 'both');
  for (const stream of [2, 4]) a.tcp.open(stream, b.at);
  a.tcp.destroy(2);
  await vi.waitFor(() => expect(a.inputs).toMatchObject([{ stream: 4 }]));
});

test('bytes on an open stream are lost in a cut, and the stream ends for both when it heals', async () => {
  const links = new DemoLinks();
  const [a, b] = [await open(links), await open(links)];
  a.tcp.open(2, b.at);
  await vi.waitFor(() => expect([a.kinds(), b.kinds()]).toEqual([['streamOpened'], ['streamAccepted']]));
  for (const [ports, stream] of [
    [a, 2],
    [b, 1],
  ] as const)
    ports.tcp.hold(stream);
  links.cut(b.name, 'inbound');
  a.tcp.write(2, bytes('lost'), false);
  links.heal(b.name);
  await vi.waitFor(() => expect(a.kinds()).toEqual(['streamOpened', 'streamClosed']));
  await vi.waitFor(() => expect(b.kinds()).toEqual(['streamAccepted', 'streamClosed']));
});

test('a stream that has lost nothing outlives a cut', async () => {
  const links = new DemoLinks();
  const [a, b] = [await open(links), await open(links)];
  a.tcp.open(2, b.at);
  await vi.waitFor(() => expect(b.kinds()).toEqual(['streamAccepted']));
  links.cut(a.name, 'both');
  links.heal(a.name);
  a.tcp.write(2, bytes('heard'), false);
  await vi.waitFor(() => expect(b.inputs.at(-1)).toMatchObject({ kind: 'streamData' }));
});
