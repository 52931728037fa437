import { expect, test } from 'vitest';
import type { KeyOperation, KeyOperationReport } from '../../src/agent/contract/commands.ts';
import { createStory, type Story } from '../../src/sim/scenarios/story.ts';
import { fingerprint } from '../../src/wire/crypt.ts';

const NAMES = 'ann bob cat dan eve';
const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
const [OLD, NEW, OTHER] = [key(1), key(2), key(3)];
const encrypted = { all: { keys: [OLD] } };

function start(
  tale: Story,
  by: string,
  operation: KeyOperation,
  which?: Uint8Array,
  force = false,
): () => KeyOperationReport {
  const result = tale.runCommand(by, { kind: 'keys', operation, key: which, force, timeout: undefined });
  if (!result.ok || result.value === undefined || !('operation' in result.value)) throw new Error('refusal');
  const { id } = result.value;
  return () => tale.world.host(by).runningAgent.view.keyOperationReport(id) as KeyOperationReport;
}

function done(
  tale: Story,
  by: string,
  operation: KeyOperation,
  which?: Uint8Array,
  force = false,
): KeyOperationReport {
  const report = start(tale, by, operation, which, force);
  expect(tale.runUntil(() => report().finished, '1m')).toBe(true);
  return report();
}

const rings = (tale: Story): Record<string, string[]> =>
  Object.fromEntries([...tale.world.hosts].map(({ label, keys }) => [label, keys.map(fingerprint)]));
const everywhere = (...keys: Uint8Array[]): Record<string, string[]> =>
  Object.fromEntries(NAMES.split(' ').map((name) => [name, keys.map(fingerprint)]));

const untouched = (tale: Story): void => {
  expect(tale.facts('memberFailed')).toEqual([]);
  expect(tale.facts('packetRejected')).toEqual([]);
};

test('G16 install, use, remove: all follow, each keeps it, nobody is suspected', () => {
  const tale = createStory(NAMES, { seed: 31, ...encrypted, hosts: { eve: { serfPeer: true } } });

  expect(done(tale, 'ann', 'install', NEW)).toMatchObject({
    answered: 5,
    unresponsive: [],
    refusal: undefined,
  });
  expect(rings(tale)).toEqual(everywhere(OLD, NEW));
  expect(done(tale, 'bob', 'use', NEW)).toMatchObject({ answered: 5, unresponsive: [], refusal: undefined });
  expect(rings(tale)).toEqual(everywhere(NEW, OLD));
  expect(done(tale, 'cat', 'remove', OLD)).toMatchObject({
    answered: 5,
    unresponsive: [],
    refusal: undefined,
  });
  tale.run('60s');

  expect(rings(tale)).toEqual(everywhere(NEW));
  expect(done(tale, 'dan', 'list').primaries).toEqual(new Map([[fingerprint(NEW), 5]]));
  untouched(tale);
});

test('G16 a key that one member lacks is not used, and nothing changes', () => {
  const tale = createStory(NAMES, { seed: 32, ...encrypted });
  tale.cut('eve', '*', { kinds: ['serf:query', 'serf:queryResponse'] });
  const lift = done(tale, 'ann', 'install', NEW);
  expect(lift.unresponsive).toEqual(['eve']);
  tale.heal();
  tale.run('5s');

  expect(done(tale, 'ann', 'use', NEW).refusal).toMatch(/^eve would no longer understand any message/);
  expect(rings(tale)['ann']).toEqual([OLD, NEW].map(fingerprint));
  expect(done(tale, 'ann', 'install', NEW).errors.size).toBe(0);
  expect(done(tale, 'ann', 'use', NEW).refusal).toBeUndefined();
  tale.run('30s');
  untouched(tale);
});

test('G16 the old key stays while a member is down, who is back with it and is told the new one', () => {
  const tale = createStory(NAMES, { seed: 33, ...encrypted });
  tale.stop('dan');
  tale.runUntil(
    () => Object.values(tale.statusByObserver('dan')).every((status) => status === 'failed'),
    '1m',
  );

  done(tale, 'ann', 'install', NEW);
  expect(done(tale, 'ann', 'remove', OLD).refusal).toMatch(/still use this key/);
  expect(rings(tale)['dan']).toEqual([fingerprint(OLD)]);
  tale.restart('dan');
  tale.runUntil(() => tale.statusByObserver('dan')['ann'] === 'alive', '1m');
  done(tale, 'ann', 'install', NEW);
  expect(done(tale, 'ann', 'use', NEW)).toMatchObject({ answered: 5, refusal: undefined });
  expect(done(tale, 'ann', 'remove', OLD)).toMatchObject({ answered: 5, refusal: undefined });
  tale.run('30s');

  expect(rings(tale)).toEqual(everywhere(NEW));
  expect(Object.values(tale.statusByObserver('dan'))).toEqual(['alive', 'alive', 'alive', 'alive']);
});

test('G16 who returns with a key that was removed meanwhile is told why nobody answers, and comes back with the new one', () => {
  const tale = createStory(NAMES, { seed: 37, ...encrypted });
  tale.stop('dan');
  tale.runUntil(
    () => Object.values(tale.statusByObserver('dan')).every((status) => status === 'failed'),
    '1m',
  );
  done(tale, 'ann', 'install', NEW);
  done(tale, 'ann', 'use', NEW);
  expect(done(tale, 'ann', 'remove', OLD).refusal).toMatch(/^dan failed/);
  expect(done(tale, 'ann', 'remove', OLD, true).refusal).toBeUndefined();

  tale.restart('dan', { noJoin: true });
  const lost = tale.join('dan', 'ann');
  tale.runUntil(() => lost.result !== undefined);
  expect(JSON.stringify(lost.result)).toContain('an unknown key');
  expect(tale.facts('streamRejected', 'ann').map(({ code }) => code)).toContain('undecryptable');

  tale.stop('dan');
  tale.world.host('dan').keys = [NEW];
  tale.restart('dan');
  expect(tale.runUntil(() => tale.statusByObserver('dan')['ann'] === 'alive', '2m')).toBe(true);
});

test('G16 two rotations at once, with loss and a restart: no ring is empty, no member is lost', () => {
  for (const seed of [34, 35, 36]) {
    const tale = createStory(NAMES, { seed, ...encrypted, linkQuality: { loss: 0.1 } });
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
      const pair = steps.slice(i, i + 2).map(([by, operation, which]) => start(tale, by, operation, which));
      if (i === 2) {
        tale.stop('cat');
        tale.run('2s');
        tale.restart('cat');
      }
      tale.runUntil(() => pair.every((report) => report().finished), '1m');
      for (const ring of Object.values(rings(tale))) expect(ring.length, `seed ${seed}`).toBeGreaterThan(0);
    }
    tale.run('2m');
    for (const name of NAMES.split(' '))
      expect(new Set(Object.values(tale.statusByObserver(name))), `${name}, seed ${seed}`).toEqual(
        new Set(['alive']),
      );
  }
});
