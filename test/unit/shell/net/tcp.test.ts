import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Address } from '../../../../src/base/address.ts';
import { openTcp, type StreamInput, type Tcp, type TcpLimits } from '../../../../src/shell/net/tcp.ts';
import { at, LOCAL, limits, until } from '../support.ts';

interface Side {
  readonly tcp: Tcp;
  readonly inputs: StreamInput[];
  readonly refused: string[];
  /** What was said on the stream `id`, in one word each. */
  told(id: number): string[];
  bytes(id: number): number;
}

const open: Tcp[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const tcp of open.splice(0)) await tcp.close();
});

async function side(
  change: Partial<TcpLimits> = {},
  react?: (input: StreamInput, tcp: Tcp) => void,
): Promise<Side> {
  const inputs: StreamInput[] = [];
  const refused: string[] = [];
  const tcp = await openTcp(
    LOCAL,
    {
      onInput: (input) => {
        inputs.push(input);
        react?.(input, tcp);
      },
      onRefused: (_from, why) => refused.push(why),
      onError: (code) => refused.push(code),
    },
    limits(change),
  );
  open.push(tcp);
  const of = (id: number): StreamInput[] => inputs.filter((input) => input.stream === id);
  return {
    tcp,
    inputs,
    refused,
    told: (id) =>
      of(id).map((input) =>
        input.kind === 'streamClosed' && input.why ? `closed: ${input.why}` : input.kind,
      ),
    bytes: (id) =>
      of(id).reduce((sum, input) => sum + (input.kind === 'streamData' ? input.bytes.length : 0), 0),
  };
}

/** A bare socket of someone who may not play by the rules. */
function stranger(to: Address, from = '127.0.0.1'): Socket {
  const socket = connect({ host: to.host, port: to.port, localAddress: from, allowHalfOpen: true });
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

/** Waits until the other side has hung up, by whatever means. */
const closedBy = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.once('close', () => resolve()).resume();
    socket.once('end', () => socket.destroy());
  });

describe('tcp', () => {
  test('a dial, a request, a response, a close: both sides receive all of it, and no stream is left', async () => {
    const bob = await side({}, (input, tcp) => {
      if (input.kind === 'streamData') tcp.write(input.stream, Uint8Array.of(7, 7), true);
    });
    const ann = await side({}, (input, tcp) => {
      if (input.kind === 'streamOpened') tcp.write(input.stream, Uint8Array.of(1), false);
    });

    ann.tcp.open(2, bob.tcp.address);
    await until(() => ann.told(2).includes('streamClosed'), 'ann hears the end');

    expect(ann.told(2)).toEqual(['streamOpened', 'streamData', 'streamClosed']);
    expect(ann.bytes(2)).toBe(2);
    expect(bob.told(1)).toEqual(['streamAccepted', 'streamData']); // it said the end itself
    const accepted = bob.inputs[0];
    expect(accepted?.kind === 'streamAccepted' && accepted.from.host).toBe('127.0.0.1');
    await until(() => ann.tcp.size + bob.tcp.size === 0, 'no stream is left');
  });

  test('accepted streams have odd ids in order', async () => {
    const bob = await side();
    for (let i = 0; i < 3; i++) stranger(bob.tcp.address);
    await until(() => bob.inputs.length === 3, 'three are accepted');
    expect(bob.inputs.map((input) => input.stream)).toEqual([1, 3, 5]);
  });

  test('a dial that is refused ends with a reason', async () => {
    const gone = await side();
    const ann = await side();
    await gone.tcp.close();

    ann.tcp.open(2, gone.tcp.address);
    await until(() => ann.inputs.length === 1, 'ann hears of it');

    expect(ann.told(2)).toEqual(['closed: connection refused']);
    expect(ann.inputs).toMatchObject([{ failure: 'refused' }]); // the host lives, and nobody listens there
  });

  test('a response is not cut off while the peer still sends', async () => {
    const answer = new Uint8Array(3_000_000).fill(9);
    const bob = await side({}, (input, tcp) => {
      if (input.kind === 'streamData') tcp.write(input.stream, answer, true);
    });
    const dialer = stranger(bob.tcp.address);
    dialer.write(new Uint8Array(2_000_000));
    let heard = 0;
    dialer.on('data', (bytes) => {
      heard += bytes.length;
    });
    await new Promise((resolve) => dialer.once('end', resolve));
    expect(heard).toBe(answer.length);
  });

  test('a peer that ends its half still gets the response, and no half-open connection remains', async () => {
    const bob = await side({}, (input, tcp) => {
      if (input.kind === 'streamData') tcp.write(input.stream, Uint8Array.of(5), true);
    });
    const dialer = stranger(bob.tcp.address);
    dialer.end(Uint8Array.of(1));
    const heard: number[] = [];
    dialer.on('data', (bytes) => heard.push(...bytes));
    await new Promise((resolve) => dialer.once('end', resolve));

    expect(heard).toEqual([5]);
    await until(() => bob.tcp.size === 0, 'bob holds nothing');
  });

  test('a peer that closes at once is reported as closed, without a reason', async () => {
    const bob = await side();
    stranger(bob.tcp.address).end();
    await until(() => bob.tcp.size === 0 && bob.inputs.length === 2, 'bob lets go');
    expect(bob.told(1)).toEqual(['streamAccepted', 'streamClosed']);
  });

  test('a stream that is held outlives every time limit, is not counted, and its end is told', async () => {
    const { tcp, told, inputs, refused } = await side(
      { idleTimeout: 100, totalTimeout: 200, inbound: 1 },
      (input, by) => {
        if (input.kind === 'streamAccepted' && input.stream === 1) by.hold(1);
      },
    );
    const held = stranger(tcp.address);
    await until(() => inputs.length === 1, 'step 1 of a held stream');
    const other = stranger(tcp.address);
    await until(() => told(3).length > 1, 'step 2 of a held stream');
    expect(told(3)).toEqual(['streamAccepted', 'closed: no data for 0.1 s']);
    expect(refused).toEqual([]);
    await until(() => other.destroyed || other.readableEnded, 'step 3 of a held stream');
    stranger(tcp.address);
    await until(() => told(5).length > 1, 'step 4 of a held stream');
    expect(told(1)).toEqual(['streamAccepted']);
    held.destroy();
    await until(() => told(1).length > 1, 'step 5 of a held stream');
    expect(told(1).at(-1)).toMatch(/^streamClosed|^closed/);
    await until(() => tcp.size === 0, 'step 6 of a held stream');
  });

  test('a destroyed stream is gone at once, and no input follows', async () => {
    const bob = await side({}, (input, tcp) => {
      if (input.kind === 'streamData') tcp.destroy(input.stream);
    });
    const dialer = stranger(bob.tcp.address);
    dialer.write('hello');
    await closedBy(dialer);
    expect(bob.told(1)).toEqual(['streamAccepted', 'streamData']);
    expect(bob.tcp.size).toBe(0);
  });
});

describe('limits of tcp', () => {
  test('S1 only so many streams at once; a closed one makes room', async () => {
    const bob = await side({ inbound: 3 });
    const first = stranger(bob.tcp.address);
    for (let i = 0; i < 2; i++) stranger(bob.tcp.address);
    await until(() => bob.tcp.size === 3, 'three are in');
    await closedBy(stranger(bob.tcp.address, '127.0.0.2'));
    expect(bob.refused).toEqual(['3 streams are open']);

    first.destroy();
    await until(() => bob.tcp.size === 2, 'one has left');
    stranger(bob.tcp.address, '127.0.0.2');
    await until(() => bob.tcp.size === 3, 'another is in');
    expect(bob.refused).toHaveLength(1);
  });

  test('S1 a stream that has its response, and that its peer keeps open, makes room for another', async () => {
    const bob = await side({ inbound: 2 }, (input, tcp) => {
      if (input.kind === 'streamData') tcp.write(input.stream, Uint8Array.of(1), true);
    });
    const lingering = stranger(bob.tcp.address);
    lingering.write('?');
    await new Promise((resolve) => lingering.once('data', resolve));
    stranger(bob.tcp.address);
    await until(() => bob.tcp.size === 2, 'two are in');
    stranger(bob.tcp.address, '127.0.0.2');
    await until(
      () => bob.inputs.filter(({ kind }) => kind === 'streamAccepted').length === 3,
      'a third is in',
    );
    expect([bob.tcp.size, bob.refused]).toEqual([2, []]);
  });

  test('an idle peer is closed at the idle timeout', async () => {
    const bob = await side({ idleTimeout: 60 });
    await closedBy(stranger(bob.tcp.address));
    expect(bob.told(1)).toEqual(['streamAccepted', 'closed: no data for 0.06 s']);
  });

  test('a slow peer is closed at the total timeout', async () => {
    const bob = await side({ totalTimeout: 150 });
    const dripping = stranger(bob.tcp.address);
    const drip = setInterval(() => dripping.write('.'), 5);
    await closedBy(dripping);
    clearInterval(drip);
    expect(bob.told(1).at(-1)).toBe('closed: not finished after 0.15 s');
  });

  test('a peer that has its response and does not close is closed at the linger timeout', async () => {
    const bob = await side({ lingerTimeout: 30 }, (input, tcp) => {
      if (input.kind === 'streamData') tcp.write(input.stream, Uint8Array.of(1), true);
    });
    stranger(bob.tcp.address).write('?');
    await until(() => bob.inputs.length === 2 && bob.tcp.size === 0, 'bob lets go', 8_000);
    expect(bob.told(1)).toEqual(['streamAccepted', 'streamData']);
  });

  test('a peer that sends without end is cut off', async () => {
    const bob = await side({ maxBytes: 100_000 });
    const flood = stranger(bob.tcp.address);
    const pump = (): void => {
      while (!flood.destroyed && flood.write(new Uint8Array(16_384)));
    };
    flood.on('drain', pump);
    pump();
    await closedBy(flood);
    expect(bob.told(1).at(-1)).toBe('closed: more than 100000 bytes');
    expect(bob.bytes(1)).toBeLessThanOrEqual(100_000);
  });

  test('for a peer that does not read, only so much is buffered', async () => {
    const bob = await side({ maxBytes: 1_000_000 }, (input, tcp) => {
      if (input.kind !== 'streamAccepted') return;
      for (let i = 0; i < 100; i++) tcp.write(input.stream, new Uint8Array(500_000), false);
    });
    const deaf = stranger(bob.tcp.address);
    deaf.pause();
    await until(() => bob.told(1).length === 2, 'bob gives up');
    expect(bob.told(1)).toEqual(['streamAccepted', 'closed: the peer reads too slowly']);
  });
});

test('closing the listener drops its streams', async () => {
  const bob = await side();
  const dialer = stranger(bob.tcp.address);
  await until(() => bob.tcp.size === 1, 'a stream is open');
  await Promise.all([bob.tcp.close(), closedBy(dialer)]);
  expect(bob.tcp.size).toBe(0);
  expect(at(bob.tcp.address.key).port).toBeGreaterThan(0);
});
