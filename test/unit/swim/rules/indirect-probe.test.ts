import { expect, test } from 'vitest';
import { Actor, ack, addressOf, PORT } from '../helpers.ts';

const request = (over: object = {}) =>
  ({
    kind: 'indirectPing',
    seqNo: 77,
    target: addressOf('bob').ip,
    port: PORT,
    node: 'bob',
    nack: true,
    sourceAddr: addressOf('cat').ip,
    sourcePort: PORT,
    sourceNode: 'cat',
    ...over,
  }) as const;

test('a request is forwarded as a ping of this agent', () => {
  const ann = new Actor('ann').knowing('bob', 'cat').receive(request());
  expect(ann.sends()).toMatchObject([
    {
      to: addressOf('bob'),
      piggyback: true,
      message: { kind: 'ping', node: 'bob', sourceNode: 'ann' },
    },
  ]);
});

test('its ack is relayed with the sequence number of the request and an empty payload', () => {
  const ann = new Actor('ann').knowing('bob', 'cat').receive(request());
  const seqNo = ann.pingNumber();
  ann.pass(399);
  ann.receive(ack(seqNo, Uint8Array.of(4, 2)));
  expect(ann.sends()).toEqual([
    {
      kind: 'send',
      to: addressOf('cat'),
      peer: ann.swim.members.get('cat'),
      message: ack(77),
      piggyback: true,
    },
  ]);
  ann.pass(1000);
  expect(ann.sends()).toEqual([]);
});

test('a nack arrives before the round of the requester is over, and a later ack still counts', () => {
  const ann = new Actor('ann').knowing('cat').receive(request());
  const seqNo = ann.pingNumber();
  ann.pass(400);
  expect(ann.sends()).toMatchObject([{ message: { kind: 'nack', seqNo: 77 }, piggyback: true }]);
  ann.pass(50);
  ann.receive(ack(seqNo));
  expect(ann.sends()).toMatchObject([{ message: { kind: 'ack', seqNo: 77 } }]);
});

test('after the probe timeout an ack is dropped', () => {
  const ann = new Actor('ann').knowing('cat').receive(request());
  const seqNo = ann.pingNumber();
  ann.pass(500);
  ann.take();
  expect(ann.receive(ack(seqNo)).take()).toEqual([]);
});

test('no nack is sent unless it was requested', () => {
  const ann = new Actor('ann').knowing('cat').receive(request({ nack: false }));
  ann.take();
  ann.pass(2000);
  expect(ann.sends()).toEqual([]);
});

test("without source fields the answer goes to the sender of the request; port 0 is this agent's port", () => {
  const ann = new Actor('ann')
    .knowing('zoe')
    .receive(request({ sourceAddr: new Uint8Array(0), sourcePort: 0, port: 0 }), addressOf('zoe'));
  const { to, message } = ann.untilPing();
  expect(to.port).toBe(PORT);
  ann.receive(ack(message.seqNo));
  expect(ann.sends()).toMatchObject([{ to: addressOf('zoe') }]);
});

test('S31 nobody is pinged for a requester that is no member', () => {
  expect(new Actor('ann').knowing('bob').receive(request()).take()).toEqual([]);
});

test('relays are many but not endless', () => {
  const ann = new Actor('ann').knowing('cat');
  for (let seqNo = 0; seqNo < 5000; seqNo++) ann.receive(request({ seqNo }));
  expect(ann.sends().length).toBe(1024);
  ann.pass(500);
  expect(ann.sends().length).toBe(1024);
  expect(ann.swim.deadline).toBe(Number.POSITIVE_INFINITY);
  ann.receive(request());
  expect(ann.sends()).toMatchObject([{ message: { kind: 'ping' } }]);
});

test('a ping for us is answered at once, with our payload; one for another name is not', () => {
  const ping = {
    kind: 'ping',
    seqNo: 9,
    sourceAddr: addressOf('bob').ip,
    sourcePort: PORT,
    sourceNode: 'bob',
    held: 0,
  } as const;
  const ann = new Actor('ann').knowing('bob');
  ann.receive({ ...ping, node: 'ann' }, addressOf('nat'));
  expect(ann.take()).toEqual([
    {
      kind: 'send',
      to: addressOf('bob'),
      peer: ann.swim.members.get('bob'),
      message: ack(9, Uint8Array.of(42)),
      piggyback: true,
    },
  ]);
  ann.receive({ ...ping, node: '' });
  expect(ann.sends().length).toBe(1);
  ann.receive({ ...ping, node: 'Ann' });
  expect(ann.take()).toEqual([]);
});

test('a ping without source fields is answered where it came from, to nobody in particular', () => {
  const ann = new Actor('ann').knowing('bob');
  const nowhere = { sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: '', held: 0 };
  ann.receive({ kind: 'ping', seqNo: 9, node: 'ann', ...nowhere }, addressOf('zoe'));
  expect(ann.sends()).toMatchObject([{ to: addressOf('zoe'), peer: undefined }]);
});

test('who claims a name from another address does not get what only that member may', () => {
  const ann = new Actor('ann').knowing('bob');
  const liar = { sourceAddr: addressOf('zoe').ip, sourcePort: PORT, sourceNode: 'bob', held: 0 };
  ann.receive({ kind: 'ping', seqNo: 9, node: 'ann', ...liar });
  expect(ann.sends()).toMatchObject([{ to: addressOf('zoe'), peer: undefined }]);
});
