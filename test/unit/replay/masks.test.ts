/** What is masked, and that masks keep what decisions depend on: lengths, equality, and where a text is cut. */
import { fc, test as law } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../src/base/bytes.ts';
import { Masks } from '../../../src/replay/masks.ts';
import { play } from '../../../src/replay/player.ts';
import { hideInput } from '../../../src/replay/redact-inputs.ts';
import { hideMessage, hideUser } from '../../../src/replay/redact-messages.ts';
import { story } from '../../../src/sim/scenarios/story.ts';
import { toBase64 } from '../../../src/wire/crypt.ts';
import { TYPE } from '../../../src/wire/memberlist.ts';
import {
  decodeSerf,
  KeyRequest,
  KeyResponse,
  Query,
  QueryResponse,
  RelayHeader,
} from '../../../src/wire/serf.ts';
import { decode } from '../../../src/wire/struct.ts';
import { recording } from './support.ts';

const SALT = new Uint8Array(16).fill(9);
const KEY = utf8('0123456789abcdef');
const plain = new Masks(SALT, false);
const redacting = new Masks(SALT, true);

describe('texts', () => {
  law.prop([
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'grapheme' }),
  ])(
    'that begin alike are masked alike so far, and no further; each character stays as long',
    (start, one, other) => {
      const [a, b] = [redacting.text(start + one), redacting.text(start + other)];
      const head = redacting.text(start);
      expect(a.startsWith(head)).toBe(true);
      expect(b.startsWith(head)).toBe(true);
      expect(utf8(a).length).toBe(utf8(start + one).length);
      expect(redacting.text(start + one)).toBe(a);
    },
  );

  test('of another recording are masked otherwise, and without redaction not at all', () => {
    const text = 'connection refused by db-1';
    expect(redacting.text(text)).not.toContain('refused');
    expect(new Masks(new Uint8Array(16), true).text(text)).not.toBe(redacting.text(text));
    expect(plain.text(text)).toBe(text);
  });
});

describe('keys', () => {
  test('stand for themselves wherever they turn up, by another of the same length', () => {
    for (const length of [16, 24, 32]) {
      const key = new Uint8Array(length).fill(length);
      const mask = plain.key(key);
      expect(mask).toHaveLength(length);
      expect(mask).not.toEqual(key);
      expect(plain.base64Key(toBase64(key))).toBe(toBase64(mask));
    }
    expect(plain.base64Key('no key at all')).not.toContain('key');
  });

  const query = (name: string, payload: Uint8Array): Uint8Array =>
    Query.encode({ ...Query.make({ name, payload, addr: Uint8Array.of(10, 0, 0, 1), port: 1 }) });

  test('are masked in queries that change them, relayed or not', () => {
    const body = query('_serf_install-key', KeyRequest.encode({ key: KEY }));
    const header = RelayHeader.make({ destName: 'bob' });
    const dest = { ...header.dest, ip: Uint8Array.of(10, 0, 0, 2), port: 7946 };
    const front = RelayHeader.encode({ ...header, dest });
    const relayed = new Uint8Array([...front, ...body]);
    for (const message of [body, relayed]) {
      const hidden = decodeSerf(hideUser(message, plain));
      const inner = hidden.kind === 'relay' ? decodeSerf(hidden.message) : hidden;
      if (inner.kind !== 'query') throw new Error(inner.kind);
      expect(decode(KeyRequest, inner.payload).key).toEqual(plain.key(KEY));
      expect(hideUser(message, plain)).toHaveLength(message.length);
    }
  });

  test('are masked in answers that list them', () => {
    const payload = KeyResponse.encode({
      ...{ result: true, message: '', keys: [toBase64(KEY), 'odd'], primaryKey: toBase64(KEY) },
    });
    const body = QueryResponse.encode({ ...QueryResponse.make({ from: 'bob', payload }) });
    const hidden = decodeSerf(hideUser(body, plain));
    if (hidden.kind !== 'queryResponse') throw new Error(hidden.kind);
    const masked = toBase64(plain.key(KEY));
    expect(decode(KeyResponse, hidden.payload)).toMatchObject({ keys: [masked, '???'], primaryKey: masked });
  });

  test('go with the message if that cannot be read', () => {
    plain.key(KEY);
    const broken = query('_serf_install-key', KeyRequest.encode({ key: KEY })).subarray(0, -1);
    expect(hideUser(broken, plain)).toHaveLength(1);
    const odd = query('_serf_use-key', Uint8Array.of(7, 0xff, ...KEY));
    expect(Buffer.from(hideUser(odd, plain)).includes(Buffer.from(KEY))).toBe(false);
    const harmless = query('uptime', utf8('since noon')).subarray(0, -1);
    expect(hideUser(harmless, plain)).toBe(harmless);
  });

  test('are masked in what is asked of the agent', () => {
    const command = {
      kind: 'keys',
      operation: 'install',
      key: KEY,
      force: false,
      timeout: undefined,
    } as const;
    const hidden = hideInput({ kind: 'command', request: 1, command }, plain) as {
      command: { key: unknown };
    };
    expect(hidden.command.key).toEqual(plain.key(KEY));
  });
});

test('without redaction nothing else is touched: the same octets', () => {
  const query = Query.encode({ ...Query.make({ name: 'uptime', payload: utf8('since noon') }) });
  const message = new Uint8Array([TYPE.user, ...query]);
  expect(hideMessage(message, plain)).toBe(message);
  expect(hideMessage(message, redacting)).not.toEqual(message);
});

test('how a check is run is masked so that it may still be run', () => {
  const input = {
    kind: 'command',
    request: 1,
    command: {
      kind: 'registerCheck',
      check: {
        notes: 'ask Eve',
        probe: {
          kind: 'http',
          url: 'https://eve:secret@10.0.0.7:8443/health?token=secret',
          headers: new Map([['Authorization', ['Bearer secret']]]),
          body: 'secret',
        },
      },
    },
  } as unknown as Parameters<typeof hideInput>[0];
  const hidden = JSON.stringify(hideInput(input, redacting), (_, value) =>
    value instanceof Map ? [...value] : value,
  );
  expect(hidden).not.toMatch(/secret|Eve|eve/);
  expect(hidden).toContain('https://10.0.0.7:8443/');
  expect(hidden).toContain('Authorization');
  expect(JSON.stringify(hideInput(input, plain))).toContain('secret@10.0.0.7');
});

test('an agent born of a redacted memory decides as it did: definitions, outputs and the catalogue', () => {
  const { lives, birth } = recording(true);
  const tale = story('ann bob cat', { seed: 4, birth });
  tale.register('ann', 'web-1');
  tale.register('bob', 'web-2');
  tale.setCheck('ann', 'of-web-1', 'warning', `${'password is swordfish '.repeat(30)}`);
  tale.maintain('bob', true);
  tale.pass('40s');
  tale.stop('ann');
  tale.restart('ann', { remember: true });
  tale.pass('20s');
  const again = lives.at(-1) as (typeof lives)[number];
  expect(again.host).toBe('ann');
  expect(again.paper.text.includes('"registered"')).toBe(true);
  expect(again.paper.text.includes('swordfish')).toBe(false);
  expect(play(again.paper.bytes).difference).toBeUndefined();
});

test('a recording that is full says so, and its agent goes on as it would have', () => {
  const full = recording(false, 40_000);
  const free = recording(false);
  const [bounded, unbounded] = [full, free].map(({ birth }) => {
    const tale = story('ann bob cat', { seed: 5, birth });
    tale.pass('60s');
    tale.register('ann', 'web-1');
    tale.pass('5s');
    return tale.world.trace.hash;
  });
  expect(bounded).toBe(unbounded);
  for (const { paper } of full.lives) {
    expect(paper.ended).toBe('full');
    expect(paper.size).toBeLessThan(40_200);
    expect(play(paper.bytes)).toMatchObject({ end: 'full', tape: { kind: 'whole' } });
  }
});

test('a core that fails is recorded to its last input', () => {
  const { lives, birth } = recording(false);
  const tale = story('ann bob', { seed: 6, birth });
  const { agent, paper } = lives[0] as (typeof lives)[number];
  const impossible = { kind: 'command', request: 1, command: { kind: 'setTags', set: 'no map', remove: [] } };
  expect(() => agent.handle(impossible as never, tale.world.now, [])).toThrow();
  expect(paper.lines.at(-1)).toContain('"crash ');
  expect(play(paper.bytes).difference).toBeUndefined();
});
