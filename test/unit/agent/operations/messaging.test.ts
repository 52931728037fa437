import { expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import { Messaging, type MessagingContext } from '../../../../src/agent/operations/messaging.ts';
import { fingerprint } from '../../../../src/wire/crypt.ts';

test('S5 once a key has encrypted 2^31 messages in the cluster, by our share of it, its rotation is due: reported once', () => {
  const keyring = { primary: new Uint8Array(32), seals: 0 };
  const talk = new Messaging({ keyring } as unknown as MessagingContext);
  const out: Effect[] = [];

  keyring.seals = 2 ** 31 / 8 - 1;
  talk.checkKeyUsage(8, out);
  expect(out).toEqual([]);
  keyring.seals += 1;
  talk.checkKeyUsage(8, out);
  talk.checkKeyUsage(8, out);
  expect(out).toEqual([
    {
      kind: 'fact',
      fact: { kind: 'keyRotationDue', key: fingerprint(keyring.primary), encryptions: 2 ** 28, members: 8 },
    },
  ]);

  keyring.primary = new Uint8Array(32).fill(1);
  talk.checkKeyUsage(8, out);
  expect(out).toHaveLength(2);
});
