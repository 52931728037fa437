import { describe, expect, test } from 'vitest';
import { NO_BYTES } from '../../../../src/base/bytes.ts';
import type { SerfEffect } from '../../../../src/serf/types.ts';
import { decodeSerf, KeyRequest, KeyResponse } from '../../../../src/wire/serf.ts';
import { decodeStruct } from '../../../../src/wire/struct.ts';
import { member, type One, one } from '../one.ts';

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

describe('P59 keys', () => {
  const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
  const base64 = (octet: number): string => Buffer.from(key(octet)).toString('base64');
  let id = 0;
  const said = (ann: One, name: string, octet?: number) => {
    const payload = KeyRequest.encode({ key: octet === undefined ? NO_BYTES : key(octet) });
    ann.query(++id, ann.serf.clocks.query, { ...ofBob, name, payload });
    return said.last(ann);
  };
  said.last = (ann: One) => {
    const [last] = sent(ann);
    return last?.message.kind === 'queryResponse'
      ? decodeStruct(KeyResponse, last.message.payload)
      : undefined;
  };

  test('P59 are installed, used, listed and removed; the primary never is', () => {
    const ann = one({ members: ['bob'], keys: [key(1)] });

    expect(said(ann, '_serf_install-key', 2)).toMatchObject({ result: true });
    expect(said(ann, '_serf_list-keys')).toMatchObject({
      keys: [base64(1), base64(2)],
      primaryKey: base64(1),
    });
    expect(said(ann, '_serf_remove-key', 1)).toMatchObject({ result: false });
    expect(said(ann, '_serf_use-key', 2)).toMatchObject({ result: true });
    expect(said(ann, '_serf_remove-key', 1)).toMatchObject({ result: true });
    expect(said(ann, '_serf_remove-key', 2)).toMatchObject({ result: false });
    expect(said(ann, '_serf_use-key', 3)).toMatchObject({ result: false });
    expect(said(ann, '_serf_list-keys')).toMatchObject({ keys: [base64(2)], primaryKey: base64(2) });
    expect(ann.facts().filter(({ kind }) => kind === 'keysChanged')).toMatchObject([
      { change: 'install', by: 'bob' },
      { change: 'use', by: 'bob' },
      { change: 'remove', by: 'bob' },
    ]);
  });

  test('P59 G16 a change is answered only when it is stored, and a disk failure is reported', () => {
    const ann = one({ members: ['bob'], keys: [key(1)], persistsKeys: true });

    expect(said(ann, '_serf_install-key', 2)).toBeUndefined();
    const first = ann.out.find((effect) => effect.kind === 'storeKeys');
    ann.serf.onKeysStored(first?.ticket ?? 0, undefined, ann.now, ann.out);
    expect(said.last(ann)).toMatchObject({ result: true, message: '' });

    ann.out.length = 0;
    expect(said(ann, '_serf_use-key', 2)).toBeUndefined();
    const second = ann.out.find((effect) => effect.kind === 'storeKeys');
    ann.serf.onKeysStored(second?.ticket ?? 0, 'ENOSPC', ann.now, ann.out);
    expect(said.last(ann)).toMatchObject({ result: false, message: expect.stringContaining('ENOSPC') });
  });

  test("P59 without encryption there is no keyring, and the response says so as Serf's does", () => {
    const ann = one({ members: ['bob'] });
    for (const name of ['_serf_install-key', '_serf_list-keys', '_serf_remove-key'])
      expect(said(ann, name, name === '_serf_list-keys' ? undefined : 2)).toMatchObject({
        result: false,
        message: 'No keyring to modify (encryption not enabled)',
      });
  });

  test('P59 a list too long for one response is truncated, and says so', () => {
    const ann = one({ members: ['bob'], keys: Array.from({ length: 40 }, (_, i) => key(i)) });
    const list = said(ann, '_serf_list-keys');
    expect(list?.keys.length).toBeGreaterThan(10);
    expect(list?.message).toMatch(/^Only the first \d+ of 40 keys/);
  });
});
