/**
 * Gossip keys in files: an operator edits the keyring file of each agent in turn and reloads it. Each step either cuts nobody
 * off, or is refused with the members that it would cut off.
 */
import { expect, test } from 'vitest';
import type { KeyOperationReport, ReloadOutcome } from '../../src/agent/contract/commands.ts';
import { createStory, type Story } from '../../src/sim/scenarios/story.ts';
import { fingerprint } from '../../src/wire/crypt.ts';

const NAMES = ['ann', 'bob', 'cat'];
const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
const [OLD, NEW, OTHER] = [key(1), key(2), key(3)];

const build = (seed: number, hosts = {}): Story =>
  createStory(NAMES.join(' '), { seed, all: { keys: [OLD] }, hosts });

/** Why these keys are refused; `undefined`: they are not. */
function check(story: Story, name: string, ...keys: Uint8Array[]): string | undefined {
  const result = story.runCommand(name, { kind: 'checkKeyring', keys });
  if (!result.ok) throw result.error;
  const { id } = result.value as KeyOperationReport;
  const { view } = story.world.host(name).runningAgent;
  const before = story.world.host(name).keys;
  expect(story.runUntil(() => view.keyOperationReport(id)?.finished === true, '2m')).toBe(true);
  expect(story.world.host(name).keys).toBe(before);
  return view.keyOperationReport(id)?.refusal;
}

function reload(story: Story, name: string, ...keys: Uint8Array[]): ReloadOutcome {
  const result = story.runCommand(name, { kind: 'reload', services: [], tags: new Map(), keys });
  if (!result.ok) throw result.error;
  return result.value as ReloadOutcome;
}

const ring = (story: Story, name: string): string[] => story.world.host(name).keys.map(fingerprint);
const isWhole = (story: Story): boolean =>
  NAMES.every((name) => Object.values(story.statusByObserver(name)).every((status) => status === 'alive'));

test('G16 a rotation by files, one agent after the other: each step is allowed, and nobody is suspected', () => {
  const story = build(71, { cat: { serfPeer: true } });
  const steps = [[OLD, NEW], [NEW, OLD], [NEW]];
  for (const [step, keys] of steps.entries()) {
    for (const name of ['ann', 'bob']) {
      expect([step, name, check(story, name, ...keys)]).toEqual([step, name, undefined]);
      reload(story, name, ...keys);
      story.run('5s');
    }
    // Serf's agent has no reload of keys: its operator uses Serf's own command, which asks one agent to do it everywhere.
    const operation = (['install', 'use', 'remove'] as const)[step] ?? 'list';
    const which = operation === 'remove' ? OLD : NEW;
    story.runCommand('cat', { kind: 'keys', operation, key: which, force: true, timeout: undefined });
    story.run('10s');
  }
  story.run('1m');
  for (const name of NAMES) expect(ring(story, name)).toEqual([fingerprint(NEW)]);
  expect(isWhole(story)).toBe(true);
  expect([...story.facts('memberSuspected'), ...story.facts('packetRejected')]).toEqual([]);
});

test('what has changed is told by fingerprint, and stored', () => {
  const story = build(72);
  const name = (which: Uint8Array): string => fingerprint(which);
  expect(reload(story, 'ann', OLD, NEW).keys).toEqual([{ key: name(NEW), change: 'install' }]);
  expect(reload(story, 'ann', NEW, OLD, OTHER).keys).toEqual([
    { key: name(OTHER), change: 'install' },
    { key: name(NEW), change: 'use' },
  ]);
  expect(reload(story, 'ann', NEW).keys).toEqual([
    { key: name(OLD), change: 'remove' },
    { key: name(OTHER), change: 'remove' },
  ]);
  expect(reload(story, 'ann', NEW).keys).toEqual([]);
  expect(ring(story, 'ann')).toEqual([name(NEW)]);
});

test('G16 a primary that a member lacks is refused, and so is a file without the primary of a member', () => {
  const story = build(73);
  expect(check(story, 'ann', NEW, OLD)).toBe(
    `bob, cat would no longer understand this agent without the key ${fingerprint(NEW)}: put it second in the keyrings of all agents first and reload them, or use \`hearsay keys\``,
  );
  expect(check(story, 'ann', OLD, NEW)).toBeUndefined();
  reload(story, 'ann', OLD, NEW);
  reload(story, 'bob', OLD, NEW);
  expect(check(story, 'ann', NEW, OLD)).toMatch(/^cat would no longer understand this agent/);
  reload(story, 'cat', OLD, NEW);
  expect(check(story, 'ann', NEW)).toBe(
    'this agent would no longer understand bob, cat, whose primary key is not in the file: leave it there until they use another one',
  );
  expect(check(story, 'ann', NEW, OLD)).toBeUndefined();
  story.run('30s');
  expect(isWhole(story)).toBe(true);
});

test('who does not answer is named; who has failed is not waited for', () => {
  const story = build(74);
  story.cut('cat', '*', { kinds: ['serf:query', 'serf:queryResponse'] });
  expect(check(story, 'ann', OLD, NEW)).toBe(
    'cat did not say which keys they have: reload again when they answer',
  );
  story.heal();
  story.stop('cat');
  story.runUntil(() => story.statusByObserver('cat')['ann'] === 'failed', '2m');
  expect(check(story, 'ann', OLD, NEW)).toBeUndefined();
});

test('G16 an agent that was down during a rotation is let in by its file, without a restart', () => {
  const story = build(75);
  story.stop('cat');
  story.runUntil(() => story.statusByObserver('cat')['ann'] === 'failed', '2m');
  for (const keys of [[OLD, NEW], [NEW, OLD], [NEW]])
    for (const name of ['ann', 'bob']) reload(story, name, ...keys);
  story.restart('cat', { noJoin: true });
  story.run('1s');
  expect(check(story, 'cat', NEW)).toBeUndefined();
  reload(story, 'cat', NEW);
  story.join('cat', 'ann');
  expect(story.runUntil(() => isWhole(story), '1m')).toBe(true);
});

test('an agent whose gossip is not encrypted takes over no keys, and nothing else of that reload', () => {
  const story = createStory('ann bob', { seed: 76 });
  const result = story.runCommand('ann', {
    kind: 'reload',
    services: [],
    tags: new Map([['role', 'b']]),
    keys: [NEW],
  });
  expect(result).toMatchObject({ ok: false, error: { message: expect.stringContaining('not enabled') } });
  expect(story.member('ann', 'ann')?.tags.get('role')).toBeUndefined();
});
