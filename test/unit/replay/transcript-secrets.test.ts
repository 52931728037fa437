/** A transcript of a recording does not quote what may be secret, also where the recording is not redacted. */
import { expect, test } from 'vitest';
import type { Effect } from '../../../src/agent/contract/machine.ts';
import { encodeUtf8 } from '../../../src/base/bytes.ts';
import { formatEffect } from '../../../src/replay/transcript.ts';

const SECRET = 'swordfish';
const BYTES = encodeUtf8(SECRET);

test.each<[string, Effect, boolean]>([
  [
    "an operator's reason",
    { kind: 'fact', fact: { kind: 'maintenanceChanged', service: 'web', on: true, reason: SECRET } },
    false,
  ],
  ['a key', { kind: 'fact', fact: { kind: 'keysChanged', change: 'use', key: SECRET, by: 'ann' } }, false],
  [
    'a definition that is refused',
    { kind: 'fact', fact: { kind: 'registrationRefused', check: 'c', service: 's', reason: SECRET } },
    true,
  ],
  [
    'a definition that is not restored',
    { kind: 'fact', fact: { kind: 'restoreRejected', part: 'checks', reason: SECRET } },
    true,
  ],
  [
    'a message that is not understood',
    {
      kind: 'fact',
      fact: { kind: 'packetRejected', from: '10.0.0.1:7946', code: 'malformed', detail: SECRET },
    },
    true,
  ],
  [
    'what is saved of registrations',
    {
      kind: 'saveSnapshot',
      snapshot: {
        ...{ incarnation: 1, clocks: { member: 1, event: 1, query: 1 }, peers: [] },
        registered: { services: [SECRET], checks: [SECRET] },
        external: [{ node: { name: 'ext', meta: new Map([['note', SECRET]]) } }],
      },
    } as unknown as Effect,
    false,
  ],
  [
    'a payload',
    {
      kind: 'reply',
      request: 1,
      result: { ok: true, value: { ltime: 1, name: 'deploy', payload: BYTES, coalesce: false } },
    },
    false,
  ],
])('a transcript does not quote %s', (_, effect, redacted) => {
  expect(formatEffect(effect, () => '', redacted)).not.toContain(SECRET);
});
