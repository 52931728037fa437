import { expect, test } from 'vitest';
import type { KeyOperation, KeyOperationReport } from '../../src/agent/contract/commands.ts';
import { createStory, type Story } from '../../src/sim/scenarios/story.ts';
import { fingerprint } from '../../src/wire/crypt.ts';

const NAMES = 'ann bob cat dan eve';
const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
const [OLD, NEW, OTHER] = [key(1), key(2), key(3)];
const encrypted = { all: { keys: [OLD] } };

function start(
  story: Story,
  by: string,
  operation: KeyOperation,
  which?: Uint8Array,
  force = false,
): () => KeyOperationReport {
  const result = story.runCommand(by, { kind: 'keys', operation, key: which, force, timeout: undefined });
  if (!result.ok || result.value === undefined || !('operation' in result.value)) throw new Error('refusal');
  const { id } = result.value;
  return () => story.world.host(by).runningAgent.view.keyOperationReport(id) as KeyOperationReport;
}

function done(
  story: Story,
  by: string,
  operation: KeyOperation,
  which?: Uint8Array,
  force = false,
): KeyOperationReport {
  const report = start(story, by, operation, which, force);
  expect(story.runUntil(() => report().finished, '1m')).toBe(true);
  return report();
}

const rings = (story: Story): Record<string, string[]> =>
  Object.fromEntries([...story.world.hosts].map(({ label, keys }) => [label, keys.map(fingerprint)]));
const everywhere = (...keys: Uint8Array[]): Record<string, string[]> =>
  Object.fromEntries(NAMES.split(' ').map((name) => [name, keys.map(fingerprint)]));

const untouched = (story: Story): void => {
  expect(story.facts('memberFailed')).toEqual([]);
  expect(story.facts('packetRejected')).toEqual([]);
};

test('G16 install, use, remove: all follow and persist the keys, nobody is suspected', () => {
  const story = createStory(NAMES, { seed: 31, ...encrypted, hosts: { eve: { serfPeer: true } } });

  expect(done(story, 'ann', 'install', NEW)).toMatchObject({
    answered: 5,
    unresponsive: [],
    refusal: undefined,
  });
  expect(rings(story)).toEqual(everywhere(OLD, NEW));
  expect(done(story, 'bob', 'use', NEW)).toMatchObject({ answered: 5, unresponsive: [], refusal: undefined });
  expect(rings(story)).toEqual(everywhere(NEW, OLD));
  expect(done(story, 'cat', 'remove', OLD)).toMatchObject({
    answered: 5,
    unresponsive: [],
    refusal: undefined,
  });
  story.run('60s');

  expect(rings(story)).toEqual(everywhere(NEW));
  expect(done(story, 'dan', 'list').primaries).toEqual(new Map([[fingerprint(NEW), 5]]));
  untouched(story);
});

test('G16 a key that one member lacks is not used, and nothing changes', () => {
  const story = createStory(NAMES, { seed: 32, ...encrypted });
  story.cut('eve', '*', { kinds: ['serf:query', 'serf:queryResponse'] });
  const lift = done(story, 'ann', 'install', NEW);
  expect(lift.unresponsive).toEqual(['eve']);
  story.heal();
  story.run('5s');

  expect(done(story, 'ann', 'use', NEW).refusal).toMatch(/^eve would no longer understand any message/);
  expect(rings(story)['ann']).toEqual([OLD, NEW].map(fingerprint));
  expect(done(story, 'ann', 'install', NEW).errors.size).toBe(0);
  expect(done(story, 'ann', 'use', NEW).refusal).toBeUndefined();
  story.run('30s');
  untouched(story);
});

test('G16 a member that fails while it is asked counts as one that has not answered; one that leaves does not', () => {
  const story = createStory(NAMES, { seed: 38, ...encrypted });
  story.stop('dan');
  const result = story.runCommand('ann', {
    ...{ kind: 'keys', operation: 'install', key: NEW, force: false, timeout: 60_000 },
  });
  if (!result.ok || result.value === undefined || !('operation' in result.value)) throw new Error('refusal');
  const { id } = result.value;
  const report = () => story.world.host('ann').runningAgent.view.keyOperationReport(id);
  story.cut('eve', '*', { kinds: ['serf:query', 'serf:queryResponse'] });
  story.leave('eve');
  expect(story.runUntil(() => report()?.finished === true, '2m')).toBe(true);

  expect(story.statusByObserver('dan')['ann']).toBe('failed');
  expect(report()?.unresponsive).toEqual(['dan']);
});

test('a key that only others have is found by the fingerprint under which they listed it', () => {
  const story = createStory('ann bob', {
    seed: 39,
    all: { keys: [OLD] },
    hosts: { bob: { keys: [OLD, NEW] } },
  });
  const view = story.world.host('ann').runningAgent.view;
  expect(view.gossipKey(fingerprint(OLD))).toEqual(OLD);
  expect(view.gossipKey(fingerprint(NEW))).toBeUndefined();

  const { keys } = done(story, 'ann', 'list');
  expect(keys.get(fingerprint(NEW))).toBe(1);
  expect(view.gossipKey(fingerprint(NEW))).toEqual(NEW);
});

test('G16 the old key stays while a member is down, which returns with it and gets the new one', () => {
  const story = createStory(NAMES, { seed: 33, ...encrypted });
  story.stop('dan');
  story.runUntil(
    () => Object.values(story.statusByObserver('dan')).every((status) => status === 'failed'),
    '1m',
  );

  done(story, 'ann', 'install', NEW);
  expect(done(story, 'ann', 'remove', OLD).refusal).toMatch(/still use this key/);
  expect(rings(story)['dan']).toEqual([fingerprint(OLD)]);
  story.restart('dan');
  story.runUntil(() => story.statusByObserver('dan')['ann'] === 'alive', '1m');
  done(story, 'ann', 'install', NEW);
  expect(done(story, 'ann', 'use', NEW)).toMatchObject({ answered: 5, refusal: undefined });
  expect(done(story, 'ann', 'remove', OLD)).toMatchObject({ answered: 5, refusal: undefined });
  story.run('30s');

  expect(rings(story)).toEqual(everywhere(NEW));
  expect(Object.values(story.statusByObserver('dan'))).toEqual(['alive', 'alive', 'alive', 'alive']);
});

test('G16 a member that returns with a removed key is told why nobody answers, and rejoins with the new key', () => {
  const story = createStory(NAMES, { seed: 37, ...encrypted });
  story.stop('dan');
  story.runUntil(
    () => Object.values(story.statusByObserver('dan')).every((status) => status === 'failed'),
    '1m',
  );
  done(story, 'ann', 'install', NEW);
  expect(done(story, 'ann', 'use', NEW).refusal).toMatch(/^dan failed, and may lack this key/);
  expect(rings(story)['ann']).toEqual([OLD, NEW].map(fingerprint));
  expect(done(story, 'ann', 'use', NEW, true).refusal).toBeUndefined();
  expect(done(story, 'ann', 'remove', OLD).refusal).toMatch(/^dan failed/);
  expect(done(story, 'ann', 'remove', OLD, true).refusal).toBeUndefined();

  story.restart('dan', { noJoin: true });
  const lost = story.join('dan', 'ann');
  story.runUntil(() => lost.result !== undefined);
  expect(JSON.stringify(lost.result)).toContain('an unknown key');
  expect(story.facts('streamRejected', 'ann').map(({ code }) => code)).toContain('undecryptable');

  story.stop('dan');
  story.world.host('dan').keys = [NEW];
  story.restart('dan');
  expect(story.runUntil(() => story.statusByObserver('dan')['ann'] === 'alive', '2m')).toBe(true);
});

test('G16 two rotations at once, with loss and a restart: no keyring is empty, no member is lost', () => {
  for (const seed of [34, 35, 36]) {
    const story = createStory(NAMES, { seed, ...encrypted, linkQuality: { loss: 0.1 } });
    const steps: [string, KeyOperation, Uint8Array][] = [
      ['ann', 'install', NEW],
      ['bob', 'install', OTHER],
      ['ann', 'use', NEW],
      ['bob', 'use', OTHER],
      ['ann', 'remove', OLD],
      ['bob', 'remove', OLD],
      ['ann', 'remove', OTHER],
      ['bob', 'remove', NEW],
    ];
    for (let i = 0; i < steps.length; i += 2) {
      const pair = steps.slice(i, i + 2).map(([by, operation, which]) => start(story, by, operation, which));
      if (i === 2) {
        story.stop('cat');
        story.run('2s');
        story.restart('cat');
      }
      story.runUntil(() => pair.every((report) => report().finished), '1m');
      for (const ring of Object.values(rings(story))) expect(ring.length, `seed ${seed}`).toBeGreaterThan(0);
    }
    story.run('2m');
    for (const name of NAMES.split(' '))
      expect(new Set(Object.values(story.statusByObserver(name))), `${name}, seed ${seed}`).toEqual(
        new Set(['alive']),
      );
  }
});
