/** What is masked, and that masks keep what decisions depend on: length, equality, and truncation of texts. */

import { createHash } from 'node:crypto';
import { fc, test as law } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../../src/base/bytes.ts';
import { decodeDefinition, encodeDefinition } from '../../../src/jobs/entries.ts';
import type { JobDefinition } from '../../../src/model/job.ts';
import { type Check, toEntryKey } from '../../../src/model/service.ts';
import { Masker } from '../../../src/replay/masks.ts';
import { replayRecording } from '../../../src/replay/player.ts';
import { redactInput } from '../../../src/replay/redact-inputs.ts';
import { redactMessage, redactUserMessage } from '../../../src/replay/redact-messages.ts';
import { createStory } from '../../../src/sim/scenarios/story.ts';
import { decodeCatalog, encodeDelta } from '../../../src/wire/catalog.ts';
import { formatKey } from '../../../src/wire/crypt.ts';
import { unwrapFilteredEvent, wrapFilteredEvent } from '../../../src/wire/event-filter.ts';
import { MESSAGE_TYPE } from '../../../src/wire/memberlist.ts';
import {
  decodeSerf,
  KeyRequest,
  KeyResponse,
  Query,
  QueryResponse,
  RelayHeader,
  UserEvent,
} from '../../../src/wire/serf.ts';
import { decodeStruct } from '../../../src/wire/struct.ts';
import { recording } from './support.ts';

const SALT = new Uint8Array(16).fill(9);
const KEY = encodeUtf8('0123456789abcdef');
const plain = new Masker(SALT, false);
const redacting = new Masker(SALT, true);

describe('texts', () => {
  law.prop([
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'grapheme' }),
  ])(
    'that begin alike are masked alike so far, and no further; each character stays as long',
    (start, one, other) => {
      const [a, b] = [redacting.maskText(start + one), redacting.maskText(start + other)];
      const head = redacting.maskText(start);
      expect(a.startsWith(head)).toBe(true);
      expect(b.startsWith(head)).toBe(true);
      expect(encodeUtf8(a).length).toBe(encodeUtf8(start + one).length);
      expect(redacting.maskText(start + one)).toBe(a);
    },
  );

  test('that differ in one printable character are masked differently, whatever is before it', () => {
    const printable = Array.from({ length: 0x7e - 0x20 }, (_, i) => String.fromCharCode(0x21 + i)).filter(
      (character) => !['"', '\\'].includes(character),
    );
    for (const start of ['', 'serial ', 'connection to 10.0.0.1 refu'])
      expect(new Set(printable.map((character) => redacting.maskText(start + character))).size).toBe(92);
  });

  test('of another recording are masked otherwise, and without redaction not at all', () => {
    const text = 'connection refused by db-1';
    expect(redacting.maskText(text)).not.toContain('refused');
    expect(new Masker(new Uint8Array(16), true).maskText(text)).not.toBe(redacting.maskText(text));
    expect(plain.maskText(text)).toBe(text);
  });

  test('stay among the letters of their kind', () => {
    expect(redacting.maskText('α'.repeat(160))).toMatch(/^[α-π]{160}$/);
    expect(redacting.maskText('語'.repeat(160))).toMatch(/^[\u4e00-\u5dff]{160}$/);
  });

  test('of any length cannot be walked back from their beginning: each block is seeded by a hash of all before it', () => {
    const text = 'α'.repeat(160); // their masks show a few bits of the state
    const masked = [...redacting.maskText(text)].map((character) => character.charCodeAt(0));
    for (let at = 0; at < text.length; at += 16) {
      const hash = createHash('shake256', { outputLength: 8 });
      const seed = hash
        .update(SALT)
        .update(`text:${text.slice(0, at)}`)
        .digest();
      const state = seed.readUInt32BE(0) ^ seed.readUInt32BE(4) ^ 0x3b1;
      expect([at, masked[at]]).toEqual([at, 0x3b1 + (state & 15)]);
    }
  });
});

describe('keys', () => {
  test('that are seen again and again leave room for others, which are found in texts as well', () => {
    for (const masker of [new Masker(SALT, false), new Masker(SALT, true)]) {
      for (let i = 0; i < 2000; i++) masker.maskKey(KEY);
      const next = encodeUtf8('fedcba9876543210');
      masker.maskKey(next);
      expect([KEY, next].map((key) => masker.containsKey(key))).toEqual([true, true]);
    }
  });

  test('have one mask of the same length, wherever they occur', () => {
    for (const length of [16, 24, 32]) {
      const key = new Uint8Array(length).fill(length);
      const mask = plain.maskKey(key);
      expect(mask).toHaveLength(length);
      expect(mask).not.toEqual(key);
      expect(plain.maskBase64Key(formatKey(key))).toBe(formatKey(mask));
    }
    expect(plain.maskBase64Key('no key at all')).not.toContain('key');
  });

  const query = (name: string, payload: Uint8Array): Uint8Array =>
    Query.encode({ ...Query.create({ name, payload, addr: Uint8Array.of(10, 0, 0, 1), port: 1 }) });

  test('are masked in queries that change them, relayed or not', () => {
    const body = query('_serf_install-key', KeyRequest.encode({ key: KEY }));
    const header = RelayHeader.create({ destName: 'bob' });
    const dest = { ...header.dest, ip: Uint8Array.of(10, 0, 0, 2), port: 7946 };
    const front = RelayHeader.encode({ ...header, dest });
    const relayed = new Uint8Array([...front, ...body]);
    for (const message of [body, relayed]) {
      const hidden = decodeSerf(redactUserMessage(message, plain));
      const inner = hidden.kind === 'relay' ? decodeSerf(hidden.message) : hidden;
      if (inner.kind !== 'query') throw new Error(inner.kind);
      expect(decodeStruct(KeyRequest, inner.payload).key).toEqual(plain.maskKey(KEY));
      expect(redactUserMessage(message, plain)).toHaveLength(message.length);
    }
  });

  test('are masked in responses that list them', () => {
    const payload = KeyResponse.encode({
      ...{ result: true, message: '', keys: [formatKey(KEY), 'odd'], primaryKey: formatKey(KEY) },
    });
    const body = QueryResponse.encode({ ...QueryResponse.create({ from: 'bob', payload }) });
    const hidden = decodeSerf(redactUserMessage(body, plain));
    if (hidden.kind !== 'queryResponse') throw new Error(hidden.kind);
    const masked = formatKey(plain.maskKey(KEY));
    expect(decodeStruct(KeyResponse, hidden.payload)).toMatchObject({
      keys: [masked, '???'],
      primaryKey: masked,
    });
  });

  test('are removed with the rest of an unreadable message', () => {
    plain.maskKey(KEY);
    const broken = query('_serf_install-key', KeyRequest.encode({ key: KEY })).subarray(0, -1);
    expect(redactUserMessage(broken, plain)).toHaveLength(1);
    const odd = query('_serf_use-key', Uint8Array.of(7, 0xff, ...KEY));
    expect(Buffer.from(redactUserMessage(odd, plain)).includes(Buffer.from(KEY))).toBe(false);
    // A key in base64 is one, too: as operators write it, and as key responses have it.
    for (const payload of [formatKey(KEY), `install ${formatKey(KEY)} please`]) {
      const quoting = query('note', encodeUtf8(payload)).subarray(0, -1);
      expect(redactUserMessage(quoting, plain)).toHaveLength(1);
    }
    const answer = QueryResponse.encode({
      ...QueryResponse.create({ from: 'bob' }),
      payload: KeyResponse.encode({ result: true, message: '', keys: [formatKey(KEY)], primaryKey: '' }),
    });
    expect(redactUserMessage(answer.subarray(0, -1), plain)).toHaveLength(1);
    const harmless = query('uptime', encodeUtf8('since noon')).subarray(0, -1);
    expect(redactUserMessage(harmless, plain)).toBe(harmless);
  });

  test('are masked in commands', () => {
    const command = {
      kind: 'keys',
      operation: 'install',
      key: KEY,
      force: false,
      timeout: undefined,
    } as const;
    const hidden = redactInput({ kind: 'command', request: 1, command }, plain) as {
      command: { key: unknown };
    };
    expect(hidden.command.key).toEqual(plain.maskKey(KEY));
  });
});

test('without redaction other messages keep their bytes', () => {
  const query = Query.encode({ ...Query.create({ name: 'uptime', payload: encodeUtf8('since noon') }) });
  const message = new Uint8Array([MESSAGE_TYPE.user, ...query]);
  expect(redactMessage(message, plain)).toBe(message);
  expect(redactMessage(message, redacting)).not.toEqual(message);
});

test('the definition of a check is masked so that it still may run', () => {
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
  } as unknown as Parameters<typeof redactInput>[0];
  const hidden = JSON.stringify(redactInput(input, redacting), (_, value) =>
    value instanceof Map ? [...value] : value,
  );
  expect(hidden).not.toMatch(/secret|Eve|eve/);
  expect(hidden).toContain('https://10.0.0.7:8443/');
  expect(hidden).toContain('Authorization');
  expect(JSON.stringify(redactInput(input, plain))).toContain('secret@10.0.0.7');
});

test('an agent restored from a redacted snapshot decides the same: definitions, outputs and the catalog', () => {
  const { runs, makeAgent } = recording(true);
  const story = createStory('ann bob cat', { seed: 4, makeAgent });
  story.register('ann', 'web-1');
  story.register('bob', 'web-2');
  story.setCheck('ann', 'of-web-1', 'warning', `${'password is swordfish '.repeat(30)}`);
  story.setMaintenance('bob', true);
  story.run('40s');
  story.stop('ann');
  story.restart('ann', { restore: true });
  story.run('20s');
  const again = runs.at(-1) as (typeof runs)[number];
  expect(again.host).toBe('ann');
  expect(again.sink.text.includes('"registered"')).toBe(true);
  expect(again.sink.text.includes('swordfish')).toBe(false);
  expect(replayRecording(again.sink.bytes).difference).toBeUndefined();
});

test('a full recording ends with a footer, and its agent keeps running as it would have', () => {
  const full = recording(false, 40_000);
  const free = recording(false);
  const [bounded, unbounded] = [full, free].map(({ makeAgent }) => {
    const story = createStory('ann bob cat', { seed: 5, makeAgent });
    story.run('60s');
    story.register('ann', 'web-1');
    story.run('5s');
    return story.world.trace.hash;
  });
  expect(bounded).toBe(unbounded);
  for (const { sink } of full.runs) {
    expect(sink.ended).toBe('full');
    expect(sink.size).toBeLessThan(40_200);
    expect(replayRecording(sink.bytes)).toMatchObject({ end: 'full', recordingEnd: { kind: 'complete' } });
  }
});

test('an agent that crashes is recorded up to its last input', () => {
  const { runs, makeAgent } = recording(false);
  const story = createStory('ann bob', { seed: 6, makeAgent });
  const { agent, sink } = runs[0] as (typeof runs)[number];
  const impossible = { kind: 'command', request: 1, command: { kind: 'setTags', set: 'no map', remove: [] } };
  expect(() => agent.handle(impossible as never, story.world.now, [])).toThrow();
  expect(sink.lines.at(-1)).toContain('"crash ');
  expect(replayRecording(sink.bytes).difference).toBeUndefined();
});

test('P77 the payload of an event with filters is masked, and its filters are not: they decide who gets it', () => {
  const filter = { node: '^a', service: '', tag: '' };
  const carrier = wrapFilteredEvent({ name: 'deploy', payload: encodeUtf8('secret'), filter });
  const body = UserEvent.encode({ ltime: 3, ...carrier, cc: false });
  const hidden = decodeStruct(UserEvent, redactUserMessage(body, redacting));
  const event = unwrapFilteredEvent(hidden.name, hidden.payload);
  expect(event).toMatchObject({ name: 'deploy', filter });
  expect([event.payload.length, decodeUtf8(event.payload).includes('secret')]).toEqual([6, false]);
  const broken = UserEvent.encode({ ltime: 3, name: carrier.name, payload: encodeUtf8('secret'), cc: false });
  expect(decodeStruct(UserEvent, redactUserMessage(broken, redacting)).payload).toHaveLength(1);
});

test('of a job only the path of its URL is masked, so that a replay computes the same ticks', () => {
  const definition: JobDefinition = {
    ...{ name: 'nightly', schedule: { kind: 'every', every: 60_000 }, place: {}, timeout: 1000, retries: 0 },
    ...{ overlap: 'skip', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 5 },
    action: { kind: 'post', url: 'http://127.0.0.1:80/hook/secret?token=secret' },
  };
  const value = encodeDefinition(definition);
  const body = encodeDelta({
    ...{ owner: 'ann', epoch: 1, from: 0, to: 1, swept: 0 },
    entries: [{ key: toEntryKey(value), version: 1, value }],
  });
  const read = decodeCatalog(redactUserMessage(body, redacting));
  const [entry] = read.kind === 'delta' ? read.entries : [];
  const masked = decodeDefinition('nightly', entry?.value as Check);
  expect(masked).toMatchObject({ ...definition, action: { kind: 'post' } });
  expect(JSON.stringify(masked)).not.toContain('secret');
  expect(masked?.action).toMatchObject({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:80\//) });
});
