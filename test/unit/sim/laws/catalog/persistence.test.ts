/** I17 and I19 after a restart: agents that recall something else than their disk has. */
import { expect, test } from 'vitest';
import { type AgentOptions, createAgent } from '../../../../../src/agent/agent.ts';
import { createStory, type Story } from '../../../../../src/sim/scenarios/story.ts';
import { decodeCatalogSnapshot, encodeCatalogSnapshot } from '../../../../../src/wire/catalog.ts';

/** bob has learned ann's service, and starts again with options that were tampered with. */
function restart(tamper: (options: AgentOptions) => AgentOptions, before?: (story: Story) => void): Story {
  const story = createStory('ann bob', {
    seed: 3,
    makeAgent: (options, { label, bootCount }) =>
      createAgent(label === 'bob' && bootCount > 1 ? tamper(options) : options),
  });
  story.register('ann', 'web-1');
  story.run('40s');
  story.stop('bob');
  before?.(story);
  story.world.start('bob', { restore: true });
  story.world.run(100);
  return story;
}

const codesOf = ({ lawChecker }: Story): string[] => [
  ...new Set(lawChecker.violations.map((line) => line.split(' ')[1] ?? '')),
];

test('I17: a ledger that is recalled otherwise than it was saved', () => {
  const honest = restart((options) => options);
  expect(codesOf(honest)).toEqual([]);
  expect(honest.lawChecker.judgments['I17 of a restored catalog']).toBeGreaterThan(0);
  expect(honest.lawChecker.judgments['I17 of a torn catalog']).toBeGreaterThan(0);
  const forgetful = restart((options) => {
    const saved = decodeCatalogSnapshot(options.catalog ?? new Uint8Array());
    const ledgers = saved.ledgers.map((ledger) => ({ ...ledger, entries: [] }));
    return { ...options, catalog: encodeCatalogSnapshot({ ...saved, ledgers }) };
  });
  expect(codesOf(forgetful)).toEqual(['I17']);
});

test('I19: after a torn write something that never was', () => {
  const tear = (story: Story): void => story.world.host('bob').disk.tearLastWrites(1);
  const honest = restart((options) => options, tear);
  expect(codesOf(honest)).toEqual([]);
  expect(honest.lawChecker.judgments['I19 after a torn write']).toBeGreaterThan(0);
  const inventive = restart((options) => ({ ...options, tags: new Map([['role', 'invented']]) }), tear);
  expect(codesOf(inventive)).toEqual(['I19']);
});
