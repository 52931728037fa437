import { expect, test } from 'vitest';
import { createAgent } from '../../../src/agent/agent.ts';
import type { Effect } from '../../../src/agent/contract/machine.ts';
import { toAddress } from '../../../src/base/address.ts';
import { createRng } from '../../../src/base/rng.ts';
import { serfSection, swimSection } from '../../../src/config/protocol.ts';
import { withDefaults } from '../../../src/config/setting.ts';

const at = (i: number) => toAddress(Uint8Array.of(10, 0, 0, i), 7946);

test('a join whose answer is late because this agent stalled goes on', () => {
  const agent = createAgent({
    ...{ name: 'ann', address: at(1), tags: new Map(), keys: [], label: '', rng: createRng(1) },
    ...{ swim: withDefaults(swimSection), serf: withDefaults(serfSection) },
    ...{ nonce: () => new Uint8Array(12), startedAt: 0, now: 0 },
  });
  const out: Effect[] = [];
  agent.handle({ kind: 'tick' }, 0, out);
  const seeds = [{ text: 'bob', addresses: [at(2)] }];
  agent.handle({ kind: 'command', request: 1, command: { kind: 'join', seeds } }, 10, out);
  const dialed = out.find((effect) => effect.kind === 'openStream');
  expect(dialed).toMatchObject({ to: at(2) });

  agent.handle({ kind: 'streamOpened', stream: dialed?.stream ?? 0 }, 15_000, out);
  agent.handle({ kind: 'tick' }, 15_001, out);

  const kinds = out.map(({ kind }) => kind);
  expect(kinds).toContain('writeStream');
  expect(kinds).not.toContain('reply');
});
