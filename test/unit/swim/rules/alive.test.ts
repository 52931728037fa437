import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../../src/base/address.ts';
import { Actor, ack, addressOf, alive, dead, identityOf, left, PORT, suspect } from '../helpers.ts';

const elsewhere = Uint8Array.of(127, 9, 9, 9);

/** The last ping that was sent. */
function asked(ann: Actor) {
  const pings = ann.sends().flatMap(({ message }) => (message.kind === 'ping' ? [message] : []));
  const last = pings.at(-1);
  if (last === undefined) throw new Error('nobody was asked');
  return last;
}

test('an unknown member that is alive joins, and is broadcast', () => {
  const ann = new Actor('ann').receive(alive('bob', 3));
  expect(ann.swim.members.get('bob')).toMatchObject({ state: 'alive', incarnation: 3 });
  expect(ann.eventLog()).toEqual(['memberJoined bob']);
  expect(ann.drainBroadcasts()).toEqual([alive('bob', 3)]);
});

test('the table holds copies of messages, since datagrams are reused', () => {
  const meta = Uint8Array.of(1, 2, 3);
  const message = alive('bob', 1, { meta, addr: Uint8Array.from(addressOf('bob').ip) });
  const ann = new Actor('ann').receive(message);
  meta.fill(9);
  message.addr.fill(9);
  expect(ann.swim.members.get('bob')?.identity).toEqual(identityOf('bob', { meta: Uint8Array.of(1, 2, 3) }));
});

test('an equal or lower incarnation is stale, whatever else the message says', () => {
  const ann = new Actor('ann').receive(alive('bob', 3));
  ann.take();
  ann.drainBroadcasts();
  ann.receive(alive('bob', 3, { meta: Uint8Array.of(1) })).receive(alive('bob', 2));
  expect(ann.take()).toEqual([]);
  expect(ann.swim.broadcasts.size).toBe(0);
  expect(ann.swim.members.get('bob')?.identity.meta.length).toBe(0);
});

test('new meta is an update; new versions alone, or nothing new, are no event', () => {
  const ann = new Actor('ann').knowing('bob');
  expect(ann.receive(alive('bob', 2)).eventLog()).toEqual([]);
  expect(ann.receive(alive('bob', 3, { vsn: Uint8Array.of(1, 5, 2, 2, 5, 4) })).eventLog()).toEqual([]);
  expect(ann.receive(alive('bob', 4, { meta: Uint8Array.of(1) })).eventLog()).toEqual(['memberUpdated bob']);
  expect(ann.incarnationOf('bob')).toBe(4);
});

test("port 0 means this agent's own port, in the table and in broadcasts", () => {
  const ann = new Actor('ann').receive(alive('bob', 1, { port: 0 }));
  expect(ann.swim.members.get('bob')?.identity.address.port).toBe(PORT);
  expect(ann.drainBroadcasts()).toEqual([alive('bob', 1, { port: PORT })]);
});

test('from suspect to alive there is no event, but the suspicion is cleared', () => {
  const ann = new Actor('ann').knowing('bob').receive(suspect('bob', 'cat'));
  ann.take();
  ann.receive(alive('bob', 2), addressOf('cat'));
  const source = addressOf('cat').key;
  expect(ann.take()).toEqual([
    { kind: 'fact', fact: { kind: 'suspicionCleared', node: 'bob', incarnation: 2, source } },
  ]);
  ann.pass(600_000);
  expect(ann.state('bob')).toBe('alive');
});

test.each(['dead', 'left'] as const)('a member that is %s returns only above its incarnation', (state) => {
  const ann = new Actor('ann').knowing('bob');
  ann.receive(state === 'dead' ? dead('bob', 'cat', 5) : left('bob', 5)).take();
  ann.receive(alive('bob', 5));
  expect(ann.state('bob')).toBe(state);
  ann.take();
  ann.receive(alive('bob', 6));
  expect(ann.state('bob')).toBe('alive');
  expect(ann.eventLog()).toEqual(['memberJoined bob']);
});

describe('another address', () => {
  test('G10 is a conflict while the holder answers: the row stays, and the layer above is notified at once', () => {
    const ann = new Actor('ann').knowing('bob').receive(alive('bob', 9, { addr: elsewhere }));
    expect(ann.receive(ack(asked(ann).seqNo), addressOf('bob')).events()).toEqual([
      { kind: 'nameConflict', member: ann.swim.members.get('bob'), other: toAddress(elsewhere, PORT) },
    ]);
    expect(ann.swim.members.get('bob')).toMatchObject({ incarnation: 1, identity: identityOf('bob') });
    expect(ann.swim.broadcasts.size).toBe(0);
    ann.pass(4000);
    expect(ann.take()).toEqual([]);
    expect(ann.state('bob')).toBe('alive');
  });

  test('another port too, and the 16-octet form of the same IPv4 too', () => {
    const ann = new Actor('ann').knowing('bob');
    const mapped = Uint8Array.of(...new Uint8Array(10), 255, 255, ...addressOf('bob').ip);
    ann.receive(alive('bob', 9, { port: 1 }));
    expect(ann.receive(ack(asked(ann).seqNo)).eventLog()).toEqual(['nameConflict bob']);
    ann.receive(alive('bob', 9, { addr: mapped }));
    expect(ann.receive(ack(asked(ann).seqNo)).eventLog()).toEqual(['nameConflict bob']);
  });

  test('is verified once in a while, not for each claim; a conflict about our own name is reported as rarely', () => {
    const ann = new Actor('ann').knowing('bob').receive(alive('bob', 9, { addr: elsewhere }));
    const { seqNo } = asked(ann);
    ann
      .receive(alive('bob', 9, { addr: elsewhere }))
      .receive(ack(seqNo))
      .take();
    for (let i = 0; i < 5; i++) ann.receive(alive('bob', 10 + i, { addr: elsewhere }));
    expect(ann.take()).toEqual([]);
    for (let i = 0; i < 5; i++) ann.receive(alive('ann', 10 + i, { addr: elsewhere }));
    expect(ann.eventLog()).toEqual(['nameConflict ann']);
    ann.now += 5000;
    expect(ann.receive(alive('ann', 10, { addr: elsewhere })).eventLog()).toEqual(['nameConflict ann']);
    ann.receive(alive('bob', 10, { addr: elsewhere }));
    expect(asked(ann).node).toBe('bob');
  });

  test.each(['alive', 'suspect', 'dead'])(
    'G10 is taken over from one that is %s and silent, within two seconds',
    (state) => {
      const ann = new Actor('ann').knowing('bob', 'cat');
      if (state !== 'alive') ann.receive(state === 'suspect' ? suspect('bob', 'cat') : dead('bob', 'cat'));
      ann.take();
      ann.drainBroadcasts();
      const claim = alive('bob', 9, { addr: elsewhere, meta: Uint8Array.of(1) });
      ann.receive(claim);
      const effects = ann.pass(1499).take();
      expect(effects.filter(({ kind }) => kind === 'streamPing')).toMatchObject([
        { peer: { identity: { address: addressOf('bob') } }, deadline: 1500 },
      ]);
      const pings = effects.filter(({ kind }) => kind === 'send');
      expect(pings.length).toBe(3);
      expect(pings[0]).toMatchObject({ to: addressOf('bob'), message: { kind: 'ping', node: 'bob' } });
      ann.pass(1);
      expect(ann.swim.members.get('bob')).toMatchObject({ state: 'alive', incarnation: 9 });
      expect(ann.swim.members.get('bob')?.identity.address.ip).toEqual(elsewhere);
      expect(ann.drainBroadcasts()).toEqual([claim]);
      expect(ann.take()).toContainEqual({
        kind: 'fact',
        fact: { kind: 'nameReclaimed', node: 'bob', previous: '127.0.0.2:7946', claimed: '127.9.9.9:7946' },
      });
    },
  );

  test('is an update for the layers above if the member was up: it moved, and never went down', () => {
    const ann = new Actor('ann').knowing('bob').receive(alive('bob', 9, { addr: elsewhere }));
    ann.pass(1500);
    expect(ann.eventLog()).toEqual(['memberUpdated bob']);
  });

  test('G10 a claimant with a lower incarnation is notified what to outbid once the holder does not answer, and then has the name', () => {
    const ann = new Actor('ann')
      .receive(alive('bob', 7), addressOf('bob'))
      .receive(alive('bob', 1, { addr: elsewhere }));
    ann.pass(1499).take();
    const effects = ann.pass(1).take();
    expect(effects.filter(({ kind }) => kind === 'send')).toMatchObject([
      { to: { host: '127.9.9.9' }, message: suspect('bob', 'ann', 7) },
    ]);
    expect(effects).toContainEqual({
      kind: 'fact',
      fact: { kind: 'claimNotSuperseding', node: 'bob', incarnation: 7, claimed: '127.9.9.9:7946' },
    });
    expect([ann.state('bob'), ann.incarnationOf('bob')]).toEqual(['alive', 7]);
    ann.receive(alive('bob', 8, { addr: elsewhere }));
    expect(ann.swim.members.get('bob')).toMatchObject({ state: 'alive', incarnation: 8 });
    expect(ann.swim.members.get('bob')?.identity.address.ip).toEqual(elsewhere);
  });

  test('G10 an answer over a stream keeps the name too, and the claimant does not flap', () => {
    const ann = new Actor('ann').knowing('bob').receive(alive('bob', 9, { addr: elsewhere }));
    const { seqNo } = asked(ann);
    ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'acked', now, out));
    for (let i = 0; i < 20; i++) {
      ann.pass(500).receive(alive('bob', 10 + i, { addr: elsewhere }));
      for (const { message } of ann.sends()) if (message.kind === 'ping') ann.receive(ack(message.seqNo));
    }
    expect(ann.swim.members.get('bob')).toMatchObject({ incarnation: 1, identity: identityOf('bob') });
  });

  test('G13 a stall of this agent does not count as silence of the holder', () => {
    const ann = new Actor('ann').knowing('bob').receive(alive('bob', 9, { addr: elsewhere }));
    ann.pass(1100);
    const { seqNo } = asked(ann);
    ann.now += 10_000;
    ann.do((swim, now, out) => swim.onStall(9600, now, out));
    ann.do((swim, now, out) => swim.tick(now, out)).receive(ack(seqNo));
    expect(ann.swim.members.get('bob')?.identity).toEqual(identityOf('bob'));
  });

  test('a 16-octet form is stored and broadcast exactly as received', () => {
    const mapped = Uint8Array.of(...new Uint8Array(10), 255, 255, 127, 0, 0, 77);
    const ann = new Actor('ann').receive(alive('bob', 1, { addr: mapped }));
    expect(ann.drainBroadcasts()).toEqual([alive('bob', 1, { addr: mapped })]);
    expect(ann.swim.localStates().find(({ name }) => name === 'bob')?.addr).toEqual(mapped);
  });

  test('takes the name of a member that left, once its old address does not answer', () => {
    const ann = new Actor('ann').knowing('bob').receive(left('bob'));
    ann.take();
    ann.receive(alive('bob', 2, { addr: elsewhere }));
    expect(ann.state('bob')).toBe('left');
    ann.pass(1500);
    expect(ann.swim.members.get('bob')?.identity.address.ip).toEqual(elsewhere);
    expect(ann.eventLog()).toEqual(['memberJoined bob']);
  });

  test('is refused for a member that left if its old address answers: the leave was forged, and the member is notified', () => {
    const ann = new Actor('ann').knowing('bob').receive(left('bob'));
    ann.take();
    ann.receive(alive('bob', 2, { addr: elsewhere }));
    const { seqNo } = asked(ann);
    ann.take();
    const out = ann.receive(ack(seqNo)).take();
    expect(out).toContainEqual(
      expect.objectContaining({ kind: 'send', to: addressOf('bob'), message: left('bob') }),
    );
    expect(ann.state('bob')).toBe('left');
    ann.receive(alive('bob', 2), addressOf('bob')); // it refutes
    expect([ann.state('bob'), ann.swim.members.get('bob')?.identity.address]).toEqual([
      'alive',
      addressOf('bob'),
    ]);
  });

  test('a member that left must still outbid its leave, and is notified of that at its new address', () => {
    const ann = new Actor('ann').knowing('bob').receive(left('bob', 5));
    ann.take();
    ann.receive(alive('bob', 1, { addr: elsewhere }));
    expect(ann.state('bob')).toBe('left');
    expect(ann.sends()).toMatchObject([{ to: { host: '127.9.9.9' }, message: left('bob', 5) }]);
    ann.receive(alive('bob', 6, { addr: elsewhere })).pass(1500);
    expect(ann.state('bob')).toBe('alive');
  });

  test('is refused for a dead member if its old address answers: it is not dead', () => {
    const ann = new Actor('ann').knowing('bob').receive(dead('bob', 'cat'));
    ann.take();
    ann.receive(alive('bob', 2, { addr: elsewhere }));
    expect(ann.receive(ack(asked(ann).seqNo)).eventLog()).toEqual(['nameConflict bob']);
    expect(ann.state('bob')).toBe('dead');
  });

  test('is accepted for a dead member after the reclaim time, if one is set', () => {
    const ann = new Actor('ann', { deadNodeReclaimTime: 10_000 }).knowing('bob').receive(dead('bob', 'cat'));
    ann.now = 10_000;
    ann.receive(alive('bob', 2, { addr: elsewhere }));
    expect(ann.state('bob')).toBe('dead');
    ann.now = 10_001;
    ann.receive(alive('bob', 2, { addr: elsewhere }));
    expect(ann.state('bob')).toBe('alive');
  });
});

describe('what must be neither stored nor broadcast', () => {
  test.each<[string, number[]]>([
    ['minimum 0', [0, 5, 2, 2, 5, 5]],
    ['maximum 0', [1, 0, 2, 2, 5, 5]],
    ['minimum above maximum', [3, 2, 2, 2, 5, 5]],
    ['speaking what it does not understand', [1, 5, 6, 2, 5, 5]],
    ['three octets', [1, 5, 2]],
    ['none', []],
    ['not understanding us', [3, 5, 3, 2, 5, 5]],
    ['a Serf we do not understand', [1, 5, 2, 2, 6, 6]],
  ])('versions: %s', (_, vsn) => {
    const ann = new Actor('ann').receive(alive('bob', 1, { vsn: Uint8Array.from(vsn) }));
    expect(ann.state('bob')).toBeUndefined();
    expect(ann.swim.broadcasts.size).toBe(0);
    const reason = `versions ${vsn.join('.')}`;
    expect(ann.facts()).toEqual([
      { kind: 'gossipMessageRefused', node: 'bob', reason, source: addressOf('someone').key },
    ]);
  });

  test('an address that is neither 4 nor 16 octets', () => {
    const ann = new Actor('ann').receive(alive('bob', 1, { addr: Uint8Array.of(1, 2, 3) }));
    expect(ann.state('bob')).toBeUndefined();
    expect(ann.facts()).toMatchObject([{ kind: 'gossipMessageRefused' }]);
  });

  test('a member at incarnation 0: agents start at 1', () => {
    const ann = new Actor('ann').receive(alive('bob', 0));
    expect([ann.state('bob'), ann.swim.members.size]).toEqual([undefined, 1]);
  });
});

test('equal identities are one object with an intern function', () => {
  const held = new Map<string, ReturnType<typeof identityOf>>();
  const intern = (identity: ReturnType<typeof identityOf>) => {
    const known = held.get(identity.name);
    if (known !== undefined) return known;
    held.set(identity.name, identity);
    return identity;
  };
  const [ann, cat] = [new Actor('ann', {}, { intern }), new Actor('cat', {}, { intern })];
  ann.receive(alive('bob'));
  cat.receive(alive('bob'));
  expect(ann.swim.members.get('bob')?.identity).toBe(cat.swim.members.get('bob')?.identity);
});
