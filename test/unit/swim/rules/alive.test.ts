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

test('a stranger that is alive joins, and is told on', () => {
  const ann = new Actor('ann').hear(alive('bob', 3));
  expect(ann.swim.members.get('bob')).toMatchObject({ state: 'alive', incarnation: 3 });
  expect(ann.plot()).toEqual(['memberJoined bob']);
  expect(ann.said()).toEqual([alive('bob', 3)]);
});

test('what we keep of a message is a copy: datagrams are reused', () => {
  const meta = Uint8Array.of(1, 2, 3);
  const message = alive('bob', 1, { meta, addr: Uint8Array.from(addressOf('bob').ip) });
  const ann = new Actor('ann').hear(message);
  meta.fill(9);
  message.addr.fill(9);
  expect(ann.swim.members.get('bob')?.identity).toEqual(identityOf('bob', { meta: Uint8Array.of(1, 2, 3) }));
});

test('an equal or lower incarnation is no news, whatever else it says', () => {
  const ann = new Actor('ann').hear(alive('bob', 3));
  ann.take();
  ann.said();
  ann.hear(alive('bob', 3, { meta: Uint8Array.of(1) })).hear(alive('bob', 2));
  expect(ann.take()).toEqual([]);
  expect(ann.swim.broadcasts.size).toBe(0);
  expect(ann.swim.members.get('bob')?.identity.meta.length).toBe(0);
});

test('new meta is an update; new versions alone, or nothing new, are no event', () => {
  const ann = new Actor('ann').knowing('bob');
  expect(ann.hear(alive('bob', 2)).plot()).toEqual([]);
  expect(ann.hear(alive('bob', 3, { vsn: Uint8Array.of(1, 5, 2, 2, 5, 4) })).plot()).toEqual([]);
  expect(ann.hear(alive('bob', 4, { meta: Uint8Array.of(1) })).plot()).toEqual(['memberUpdated bob']);
  expect(ann.incarnationOf('bob')).toBe(4);
});

test('port 0 means the port we use ourselves, in the table and in what we tell on', () => {
  const ann = new Actor('ann').hear(alive('bob', 1, { port: 0 }));
  expect(ann.swim.members.get('bob')?.identity.address.port).toBe(PORT);
  expect(ann.said()).toEqual([alive('bob', 1, { port: PORT })]);
});

test('from suspect to alive there is no event, but the suspicion is lifted for good', () => {
  const ann = new Actor('ann').knowing('bob').hear(suspect('bob', 'cat'));
  ann.take();
  ann.hear(alive('bob', 2), addressOf('cat'));
  const source = addressOf('cat').key;
  expect(ann.take()).toEqual([
    { kind: 'fact', fact: { kind: 'suspicionCleared', node: 'bob', incarnation: 2, source } },
  ]);
  ann.pass(600_000);
  expect(ann.state('bob')).toBe('alive');
});

test.each(['dead', 'left'] as const)('a member that is %s returns only above its incarnation', (state) => {
  const ann = new Actor('ann').knowing('bob');
  ann.hear(state === 'dead' ? dead('bob', 'cat', 5) : left('bob', 5)).take();
  ann.hear(alive('bob', 5));
  expect(ann.state('bob')).toBe(state);
  ann.take();
  ann.hear(alive('bob', 6));
  expect(ann.state('bob')).toBe('alive');
  expect(ann.plot()).toEqual(['memberJoined bob']);
});

describe('another address', () => {
  test('G10 is a conflict while whoever has it answers: the row stays, the layer above hears of it at once', () => {
    const ann = new Actor('ann').knowing('bob').hear(alive('bob', 9, { addr: elsewhere }));
    expect(ann.hear(ack(asked(ann).seqNo), addressOf('bob')).events()).toEqual([
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
    ann.hear(alive('bob', 9, { port: 1 }));
    expect(ann.hear(ack(asked(ann).seqNo)).plot()).toEqual(['nameConflict bob']);
    ann.hear(alive('bob', 9, { addr: mapped }));
    expect(ann.hear(ack(asked(ann).seqNo)).plot()).toEqual(['nameConflict bob']);
  });

  test('is asked about once in a while, not at each claim; and of our own name reported likewise', () => {
    const ann = new Actor('ann').knowing('bob').hear(alive('bob', 9, { addr: elsewhere }));
    const { seqNo } = asked(ann);
    ann
      .hear(alive('bob', 9, { addr: elsewhere }))
      .hear(ack(seqNo))
      .take();
    for (let i = 0; i < 5; i++) ann.hear(alive('bob', 10 + i, { addr: elsewhere }));
    expect(ann.take()).toEqual([]);
    for (let i = 0; i < 5; i++) ann.hear(alive('ann', 10 + i, { addr: elsewhere }));
    expect(ann.plot()).toEqual(['nameConflict ann']);
    ann.now += 5000;
    expect(ann.hear(alive('ann', 10, { addr: elsewhere })).plot()).toEqual(['nameConflict ann']);
    ann.hear(alive('bob', 10, { addr: elsewhere }));
    expect(asked(ann).node).toBe('bob');
  });

  test.each(['alive', 'suspect', 'dead'])(
    'G10 is taken over from one that is %s and silent, within two seconds',
    (state) => {
      const ann = new Actor('ann').knowing('bob', 'cat');
      if (state !== 'alive') ann.hear(state === 'suspect' ? suspect('bob', 'cat') : dead('bob', 'cat'));
      ann.take();
      ann.said();
      const claim = alive('bob', 9, { addr: elsewhere, meta: Uint8Array.of(1) });
      ann.hear(claim);
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
      expect(ann.said()).toEqual([claim]);
      expect(ann.take()).toContainEqual({
        kind: 'fact',
        fact: { kind: 'nameReclaimed', node: 'bob', previous: '127.0.0.2:7946', claimed: '127.9.9.9:7946' },
      });
    },
  );

  test('an update of the layers above, if it was up: it moved, and never went down', () => {
    const ann = new Actor('ann').knowing('bob').hear(alive('bob', 9, { addr: elsewhere }));
    ann.pass(1500);
    expect(ann.plot()).toEqual(['memberUpdated bob']);
  });

  test('G10 a newcomer below what we hold is told what to outbid once the old address is silent, and then has the name', () => {
    const ann = new Actor('ann')
      .hear(alive('bob', 7), addressOf('bob'))
      .hear(alive('bob', 1, { addr: elsewhere }));
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
    ann.hear(alive('bob', 8, { addr: elsewhere }));
    expect(ann.swim.members.get('bob')).toMatchObject({ state: 'alive', incarnation: 8 });
    expect(ann.swim.members.get('bob')?.identity.address.ip).toEqual(elsewhere);
  });

  test('G10 the answer over a stream keeps the name too, and the loser does not flap', () => {
    const ann = new Actor('ann').knowing('bob').hear(alive('bob', 9, { addr: elsewhere }));
    const { seqNo } = asked(ann);
    ann.do((swim, now, out) => swim.onStreamPingEnd(seqNo, true, now, out));
    for (let i = 0; i < 20; i++) {
      ann.pass(500).hear(alive('bob', 10 + i, { addr: elsewhere }));
      for (const { message } of ann.sends()) if (message.kind === 'ping') ann.hear(ack(message.seqNo));
    }
    expect(ann.swim.members.get('bob')).toMatchObject({ incarnation: 1, identity: identityOf('bob') });
  });

  test('G13 a stall of our own is no silence of the holder', () => {
    const ann = new Actor('ann').knowing('bob').hear(alive('bob', 9, { addr: elsewhere }));
    ann.pass(1100);
    const { seqNo } = asked(ann);
    ann.now += 10_000;
    ann.do((swim, now, out) => swim.onStall(9600, now, out));
    ann.do((swim, now, out) => swim.tick(now, out)).hear(ack(seqNo));
    expect(ann.swim.members.get('bob')?.identity).toEqual(identityOf('bob'));
  });

  test('a 16-octet form is kept and repeated exactly as it came', () => {
    const mapped = Uint8Array.of(...new Uint8Array(10), 255, 255, 127, 0, 0, 77);
    const ann = new Actor('ann').hear(alive('bob', 1, { addr: mapped }));
    expect(ann.said()).toEqual([alive('bob', 1, { addr: mapped })]);
    expect(ann.swim.localStates().find(({ name }) => name === 'bob')?.addr).toEqual(mapped);
  });

  test('is taken over from a member that left, once nobody answers where it lived', () => {
    const ann = new Actor('ann').knowing('bob').hear(left('bob'));
    ann.take();
    ann.hear(alive('bob', 2, { addr: elsewhere }));
    expect(ann.state('bob')).toBe('left');
    ann.pass(1500);
    expect(ann.swim.members.get('bob')?.identity.address.ip).toEqual(elsewhere);
    expect(ann.plot()).toEqual(['memberJoined bob']);
  });

  test('is refused to a name that left whose old address answers: another has said so, and it is told', () => {
    const ann = new Actor('ann').knowing('bob').hear(left('bob'));
    ann.take();
    ann.hear(alive('bob', 2, { addr: elsewhere }));
    const { seqNo } = asked(ann);
    ann.take();
    const out = ann.hear(ack(seqNo)).take();
    expect(out).toContainEqual(
      expect.objectContaining({ kind: 'send', to: addressOf('bob'), message: left('bob') }),
    );
    expect(ann.state('bob')).toBe('left');
    ann.hear(alive('bob', 2), addressOf('bob')); // it refutes
    expect([ann.state('bob'), ann.swim.members.get('bob')?.identity.address]).toEqual([
      'alive',
      addressOf('bob'),
    ]);
  });

  test('a name that left must still outbid its leave, and is told so where it lives now', () => {
    const ann = new Actor('ann').knowing('bob').hear(left('bob', 5));
    ann.take();
    ann.hear(alive('bob', 1, { addr: elsewhere }));
    expect(ann.state('bob')).toBe('left');
    expect(ann.sends()).toMatchObject([{ to: { host: '127.9.9.9' }, message: left('bob', 5) }]);
    ann.hear(alive('bob', 6, { addr: elsewhere })).pass(1500);
    expect(ann.state('bob')).toBe('alive');
  });

  test('is refused to a dead name whose old address answers: somebody thinks it dead who is not', () => {
    const ann = new Actor('ann').knowing('bob').hear(dead('bob', 'cat'));
    ann.take();
    ann.hear(alive('bob', 2, { addr: elsewhere }));
    expect(ann.hear(ack(asked(ann).seqNo)).plot()).toEqual(['nameConflict bob']);
    expect(ann.state('bob')).toBe('dead');
  });

  test('is granted to a dead name after the reclaim time, if one is set', () => {
    const ann = new Actor('ann', { deadNodeReclaimTime: 10_000 }).knowing('bob').hear(dead('bob', 'cat'));
    ann.now = 10_000;
    ann.hear(alive('bob', 2, { addr: elsewhere }));
    expect(ann.state('bob')).toBe('dead');
    ann.now = 10_001;
    ann.hear(alive('bob', 2, { addr: elsewhere }));
    expect(ann.state('bob')).toBe('alive');
  });
});

describe('what must be neither stored nor told on', () => {
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
    const ann = new Actor('ann').hear(alive('bob', 1, { vsn: Uint8Array.from(vsn) }));
    expect(ann.state('bob')).toBeUndefined();
    expect(ann.swim.broadcasts.size).toBe(0);
    const reason = `versions ${vsn.join('.')}`;
    expect(ann.facts()).toEqual([
      { kind: 'gossipMessageRefused', node: 'bob', reason, source: '127.0.0.3:7946' },
    ]);
  });

  test('an address that is neither 4 nor 16 octets', () => {
    const ann = new Actor('ann').hear(alive('bob', 1, { addr: Uint8Array.of(1, 2, 3) }));
    expect(ann.state('bob')).toBeUndefined();
    expect(ann.facts()).toMatchObject([{ kind: 'gossipMessageRefused' }]);
  });

  test('a name that announces incarnation 0: agents begin at 1', () => {
    const ann = new Actor('ann').hear(alive('bob', 0));
    expect([ann.state('bob'), ann.swim.members.size]).toEqual([undefined, 1]);
  });
});

test('names compare exactly: another case is another member', () => {
  const ann = new Actor('ann').knowing('bob').hear(alive('Bob', 1, { addr: elsewhere }));
  expect(ann.plot()).toEqual(['memberJoined Bob']);
  expect(ann.swim.members.size).toBe(3);
});

test('equal identities are one object, if the world says how', () => {
  const held = new Map<string, ReturnType<typeof identityOf>>();
  const intern = (identity: ReturnType<typeof identityOf>) => {
    const known = held.get(identity.name);
    if (known !== undefined) return known;
    held.set(identity.name, identity);
    return identity;
  };
  const [ann, cat] = [new Actor('ann', {}, { intern }), new Actor('cat', {}, { intern })];
  ann.hear(alive('bob'));
  cat.hear(alive('bob'));
  expect(ann.swim.members.get('bob')?.identity).toBe(cat.swim.members.get('bob')?.identity);
});
