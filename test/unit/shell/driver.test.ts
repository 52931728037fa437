import { afterEach, expect, test } from 'vitest';
import type { Effect, Input } from '../../../src/agent/contract/machine.ts';
import { NEVER } from '../../../src/base/time.ts';
import { Driver, type DriverIo, monotonicNow } from '../../../src/shell/driver.ts';
import { openUdp, type Udp } from '../../../src/shell/net/udp.ts';
import { LOCAL, stall, type Tiny, tiny, turn, until } from './support.ts';

const drivers: Driver[] = [];
const sockets: Udp[] = [];
afterEach(async () => {
  for (const driver of drivers.splice(0)) driver.stop();
  for (const udp of sockets.splice(0)) await udp.close();
});

/** Writes down what is carried out, one word each. */
function ledger(overlay: Partial<DriverIo> = {}): { io: DriverIo; done: string[] } {
  const done: string[] = [];
  const io: DriverIo = {
    udp: { send: (packet) => done.push(`send ${packet[0]}`) },
    tcp: {
      open: (stream) => done.push(`open ${stream}`),
      write: (stream, _bytes, end) => done.push(`write ${stream}${end ? ' end' : ''}`),
      hold: (stream) => done.push(`hold ${stream}`),
      destroy: (stream) => done.push(`drop ${stream}`),
    },
    requests: { reply: (request) => done.push(`reply ${request}`) },
    subscriptions: { notify: (topics) => done.push(`wake ${topics.join()}`) },
    readers: { count: (index = 1) => ({ index, waiting: 0 }) },
    keys: { save: (keys) => done.push(`keep ${keys.length} keys`) },
    runners: {
      run: ({ check }) => done.push(`run ${check}`),
      stop: (check) => done.push(`stop ${check}`),
    },
    jobs: { start: ({ job }) => done.push(`start ${job}`) },
    storage: {
      save: ({ incarnation }) => done.push(`save ${incarnation}`),
      saveCatalog: (bytes) => done.push(`save catalog ${bytes.length}`),
    },
    journal: { record: ({ kind }) => done.push(`note ${kind}`) },
    handlers: { notify: ({ kind }) => done.push(`tell ${kind}`) },
    onStopped: () => done.push('stopped'),
    ...overlay,
  };
  return { io, done };
}

function drive(
  agent: Tiny,
  io: DriverIo,
  onFatal: (error: unknown) => void = (error) => expect.fail(String(error)),
): Driver {
  const driver = new Driver(agent, io, onFatal);
  drivers.push(driver);
  return driver;
}

const packet = (first = 0): Input => ({ kind: 'packet', from: LOCAL, bytes: Uint8Array.of(first) });

test('effects of every kind are executed in the order in which the agent emitted them', () => {
  const effects: Effect[] = [
    { kind: 'fact', fact: { kind: 'leaveStarted' } },
    { kind: 'sendPacket', to: LOCAL, packet: Uint8Array.of(1) },
    { kind: 'openStream', stream: 2, to: LOCAL },
    { kind: 'writeStream', stream: 2, bytes: Uint8Array.of(1), end: false },
    { kind: 'writeStream', stream: 2, bytes: Uint8Array.of(1), end: true },
    { kind: 'closeStream', stream: 4 },
    { kind: 'topicsChanged', topics: ['nodes', 'node:ann'] },
    {
      kind: 'saveSnapshot',
      revision: 1,
      snapshot: { incarnation: 3, clocks: { member: 1, event: 1, query: 1 }, peers: [] },
    },
    { kind: 'saveCatalog', bytes: new Uint8Array(5) },
    { kind: 'reply', request: 9, result: { ok: true } },
    { kind: 'sendPacket', to: LOCAL, packet: Uint8Array.of(2) },
    { kind: 'stopped' },
  ];
  const { io, done } = ledger();
  drive(
    tiny((_input, out) => out.push(...effects)),
    io,
  ).dispatch(packet());

  expect(done).toEqual([
    'note leaveStarted',
    'send 1',
    'open 2',
    'write 2',
    'write 2 end',
    'drop 4',
    'wake nodes,node:ann',
    'save 3',
    'save catalog 5',
    'reply 9',
    'send 2',
    'stopped',
  ]);
});

test('an input caused by an effect waits until the effects before it are done, and the agent is never re-entered', () => {
  let inside = 0;
  const order: string[] = [];
  const agent = tiny((input, out) => {
    expect(++inside).toBe(1);
    order.push(`handle ${input.kind}`);
    if (input.kind === 'packet')
      out.push(
        { kind: 'openStream', stream: 2, to: LOCAL },
        { kind: 'sendPacket', to: LOCAL, packet: Uint8Array.of(1) },
      );
    inside -= 1;
  });
  const { io } = ledger({
    udp: { send: () => order.push('send') },
    tcp: {
      open: (stream) => {
        order.push('open');
        driver.dispatch({ kind: 'streamClosed', stream, why: 'refused at once' });
      },
      write: () => {},
      hold: () => {},
      destroy: () => {},
    },
  });
  const driver = drive(agent, io);
  driver.dispatch(packet());

  expect(order).toEqual(['handle packet', 'open', 'send', 'handle streamClosed']);
});

test('a tick comes at the deadline and not before; one that moved earlier is kept, one that moved later too', async () => {
  const ticks: { now: number; deadline: number }[] = [];
  const wanted = [60, 15, 40];
  const agent = tiny((input, _out, self, now) => {
    if (input.kind === 'tick') {
      if (now >= self.deadline) ticks.push({ now, deadline: self.deadline });
      const next = wanted.shift();
      self.deadline = next === undefined ? NEVER : now + next;
    } else self.deadline = now + (input.kind === 'packet' ? 5 : 80);
  });
  const driver = drive(agent, ledger().io);
  driver.start(); // wants 60 ms
  driver.dispatch(packet()); // rather 5
  driver.dispatch({ kind: 'streamOpened', stream: 2 }); // rather 80
  await until(() => ticks.length === 3 && agent.deadline === NEVER, 'three ticks and rest');

  for (const { now, deadline } of ticks) expect(now).toBeGreaterThanOrEqual(deadline);
  expect(driver.lateness.ticks).toBe(3);
});

test('after a stall the packets that wait in the socket are read before the tick, all of them', async () => {
  const waiting = 150; // several of libuv's batches
  const order: string[] = [];
  const agent = tiny((input, _out, self) => {
    order.push(input.kind);
    if (input.kind === 'tick') self.deadline = NEVER;
  });
  const driver = drive(agent, ledger().io);
  const listener = await openUdp(
    LOCAL,
    (bytes, from) => driver.dispatch({ kind: 'packet', from, bytes }),
    expect.fail,
  );
  const peer = await openUdp(LOCAL, () => {}, expect.fail);
  sockets.push(listener, peer);

  agent.deadline = monotonicNow() + 10;
  driver.dispatch({ kind: 'streamOpened', stream: 2 });
  for (let i = 0; i < waiting; i++) peer.send(Uint8Array.of(i), listener.address);
  stall(40); // the deadline passes while all of them wait
  await until(() => order.includes('tick') && order.length === waiting + 2, 'all is fed');

  expect(order.slice(1, -1)).toEqual(Array.from({ length: waiting }, () => 'packet'));
  expect(order.at(-1)).toBe('tick');
  expect(driver.lateness.max).toBeGreaterThan(25);
  expect(driver.lateness.p999).toBeGreaterThan(25);
});

test('endless packets cannot delay a tick forever', async () => {
  const agent = tiny((input, _out, self) => {
    if (input.kind === 'tick') self.deadline = NEVER;
  });
  const driver = drive(agent, ledger().io);
  const flood = (): void => {
    for (let i = 0; i < 40; i++) driver.dispatch(packet());
    if (agent.deadline !== NEVER) setImmediate(flood);
  };
  agent.deadline = monotonicNow() + 5;
  flood();
  await until(() => agent.deadline === NEVER, 'the tick comes');
  expect(driver.lateness.ticks).toBe(1);
});

test('an exception of the agent is reported once, and nothing runs any more', async () => {
  const told: unknown[] = [];
  let handled = 0;
  const agent = tiny((_input, out, self, now) => {
    handled += 1;
    self.deadline = now + 1;
    out.push({ kind: 'sendPacket', to: LOCAL, packet: Uint8Array.of(1) });
    if (handled === 2) throw new Error('impossible: two');
  });
  const { io, done } = ledger();
  const driver = drive(agent, io, (error) => told.push(error));
  driver.dispatch(packet());
  driver.dispatch(packet());
  driver.dispatch(packet());
  await turn();

  expect(told).toEqual([new Error('impossible: two')]);
  expect(handled).toBe(2);
  expect(done).toEqual(['send 1']); // half a decision is not carried out
});

test('after stop nothing is dispatched and no tick comes', async () => {
  let handled = 0;
  const agent = tiny((_input, _out, self, now) => {
    handled += 1;
    self.deadline = now + 1;
  });
  const driver = drive(agent, ledger().io);
  driver.start();
  driver.stop();
  stall(5);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await turn();
  driver.dispatch(packet());
  expect(handled).toBe(1);
});
