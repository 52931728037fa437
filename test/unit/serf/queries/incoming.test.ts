import { describe, expect, test } from 'vitest';
import { encodeUtf8, NO_BYTES } from '../../../../src/base/bytes.ts';
import type { SerfEffect } from '../../../../src/serf/types.ts';
import { encodeFilter } from '../../../../src/wire/filter.ts';
import { decodeSerf, Query, QueryResponse, RelayHeader } from '../../../../src/wire/serf.ts';
import { member, type One, one, SELF } from '../one.ts';

const atBob = member('bob').identity.address;
const ofBob = { addr: atBob.ip, port: atBob.port, sourceNode: 'bob', timeout: 5e9 };

/** Takes what is to be sent to one address at once. */
function sent(ann: One): { to: string; message: ReturnType<typeof decodeSerf> }[] {
  const isSend = (effect: SerfEffect): boolean => effect.kind === 'send';
  const some = ann.out.flatMap((effect) =>
    effect.kind === 'send' ? [{ to: effect.to.host, message: decodeSerf(effect.body) }] : [],
  );
  ann.out.splice(0, ann.out.length, ...ann.out.filter((effect) => !isSend(effect)));
  return some;
}

describe('P55 a query of another member', () => {
  test('P55 is acked on request, and waits for a response, which is sent to its sender', () => {
    const ann = one({ members: ['bob'] });

    ann.query(7, 3, { ...ofBob, flags: 1, payload: encodeUtf8('?') });

    expect(sent(ann)).toEqual([
      {
        to: atBob.host,
        message: { kind: 'queryResponse', ltime: 3, id: 7, from: SELF, flags: 1, payload: NO_BYTES },
      },
    ]);
    expect(ann.serf.pendingQueries).toMatchObject([{ id: 7, name: 'q', from: 'bob', deadline: 5000 }]);

    ann.serf.respond(7, encodeUtf8('fine'), ann.now, ann.out);
    expect(sent(ann)).toMatchObject([{ message: { flags: 0, payload: encodeUtf8('fine') } }]);
    expect(() => ann.serf.respond(7, encodeUtf8('again'), ann.now, ann.out)).toThrowError(
      expect.objectContaining({ code: 'notFound' }),
    );
  });

  test('P55 a response above 1024 bytes, header included, is refused, and a shorter one accepted', () => {
    const ann = one({ members: ['bob'] });
    ann.query(7, 3, ofBob);

    expect(() => ann.serf.respond(7, new Uint8Array(1000), ann.now, ann.out)).toThrowError(
      expect.objectContaining({ code: 'tooLarge' }),
    );
    ann.serf.respond(7, new Uint8Array(900), ann.now, ann.out);
    expect(sent(ann)).toHaveLength(1);
  });

  test('P55 where the pool has larger responses, one of that size is sent and relayed', () => {
    const ann = one({ members: ['bob'], config: { queryResponseBytes: 4096 } });
    ann.query(7, 3, ofBob);
    expect(() => ann.serf.respond(7, new Uint8Array(4090), ann.now, ann.out)).toThrowError(
      expect.objectContaining({ code: 'tooLarge', message: expect.stringContaining('queryResponseBytes') }),
    );
    ann.serf.respond(7, new Uint8Array(4000), ann.now, ann.out);
    expect(sent(ann)).toHaveLength(1);
  });

  test('P55 is not pending any more after its timeout', () => {
    const ann = one({ members: ['bob'] });
    ann.query(7, 3, ofBob);
    ann.pass(5000);
    expect(ann.serf.pendingQueries).toEqual([]);
  });

  test('P54 filters of node and tag must all match; otherwise not even an ack is sent', () => {
    const ann = one({ members: ['bob'] });
    ann.up(SELF, { role: 'web-1' });
    const nodes = (...names: string[]) => encodeFilter({ kind: 'nodes', nodes: names });
    const tag = (expr: string) => encodeFilter({ kind: 'tag', tag: 'role', expr });
    const isAcked = (id: number, ...filters: Uint8Array[]): boolean => {
      ann.query(id, 3, { ...ofBob, flags: 1, filters });
      return sent(ann).length === 1;
    };

    expect(isAcked(1, nodes(SELF, 'bob'), tag('^web'))).toBe(true);
    expect(isAcked(2, nodes('bob'))).toBe(false);
    expect(isAcked(3, tag('^db'))).toBe(false);
    expect(isAcked(4, encodeFilter({ kind: 'tag', tag: 'none', expr: '^$' }))).toBe(true);
    expect(ann.facts().filter(({ kind }) => kind === 'queryRefused')).toEqual([]);
    expect(isAcked(5, tag('('))).toBe(false);
    expect(isAcked(6, Uint8Array.of(9, 0xc0))).toBe(false);
    expect(isAcked(7, ...Array.from({ length: 33 }, () => nodes(SELF)))).toBe(false);
    expect(ann.facts().filter(({ kind }) => kind === 'queryRefused')).toHaveLength(3);
    expect(ann.takeBroadcasts('queries')).toHaveLength(7);
  });

  test("P55 S7 no response is sent to an address that is not a member's: no reflection attacks", () => {
    const ann = one({ members: ['bob'] });

    ann.query(7, 3, { ...ofBob, addr: Uint8Array.of(8, 8, 8, 8), flags: 1 });

    expect(sent(ann)).toEqual([]);
    expect(ann.facts()).toMatchObject([{ kind: 'queryRefused', reason: 'its sender is not a member' }]);
  });

  test('P56 with a relay factor the response goes through other members too, and they relay it', () => {
    const ann = one({ members: ['bob'] });
    const cat = one({ members: ['bob'] });
    for (const name of ['cat', 'dan']) ann.up(name, {}, true);

    ann.query(7, 3, { ...ofBob, flags: 1, relayFactor: 2 });

    const [direct, ...relayed] = sent(ann);
    expect(direct?.to).toBe(atBob.host);
    expect(relayed).toHaveLength(2);
    for (const { message } of relayed) {
      if (message.kind !== 'relay') throw new Error('no relay');
      const head = RelayHeader.encode(message.header);
      const body = new Uint8Array([...head, ...message.message]);
      cat.receive(body);
      expect(sent(cat)).toEqual([direct]);
    }
  });

  test('S31 members that never answered, and may be invented, are no relays', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });

    ann.query(7, 3, { ...ofBob, flags: 1, relayFactor: 2 });

    expect(sent(ann).map(({ to }) => to)).toEqual([atBob.host]);
  });

  test('P56 only responses to members are relayed', () => {
    const cat = one({ members: ['bob'] });
    const relay = (ip: Uint8Array, body: Uint8Array): void => {
      const dest = { kind: 'relayAddress', ip, port: 7946, zone: '' } as const;
      cat.receive(new Uint8Array([...RelayHeader.encode({ dest, destName: 'bob' }), ...body]));
    };
    relay(Uint8Array.of(8, 8, 8, 8), QueryResponse.encode(QueryResponse.create({ from: 'ann' })));
    relay(atBob.ip, Query.encode(Query.create({ name: 'q', addr: atBob.ip })));

    expect(sent(cat)).toEqual([]);
    expect(cat.facts().map(({ kind }) => kind)).toEqual(['relayRefused', 'relayRefused']);
  });
});
