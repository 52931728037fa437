/** Reading the service files again: what is in them is registered, what is gone from them is not, and the rest stays. */
import { describe, expect, test } from 'vitest';
import { MAX_SERVICES } from '../../../src/checks/admission.ts';
import { lines, MINUTE, restart, SECOND, stand } from './support.ts';

const WEB = {
  Name: 'web',
  Port: 80,
  Tags: ['v1'],
  Check: { CheckID: 'h', TCP: '127.0.0.1:80', Interval: '10s' },
};
const TTL = { Name: 'job', Check: { CheckID: 't', TTL: '1m', DeregisterCriticalServiceAfter: '1m' } };

/** A registry with these two services of files, passing, and one that came over HTTP. */
function running() {
  const registry = stand();
  registry.service({ Name: 'api', Check: { CheckID: 'a', TTL: '1h' } });
  registry.files(WEB, TTL);
  registry.pass(10 * SECOND, () => 'passing');
  registry.update('t', 'passing', 'well');
  registry.update('a', 'passing');
  registry.effects();
  return registry;
}

describe('what the files say', () => {
  test('a changed service is published at once, with the status of its checks', () => {
    const registry = running();
    const changes = registry.files({ ...WEB, Port: 81, Tags: ['v2'] }, TTL);
    expect(changes).toEqual([{ id: 'web', change: 'changed', fields: ['tags', 'port'] }]);
    expect(registry.status('h')).toBe('passing');
    expect(lines(registry.published())).toEqual(['put s:web']);
  });

  test('a new one is registered, one that is gone is deregistered, in one publication', () => {
    const registry = running();
    const changes = registry.files(TTL, { Name: 'web', ID: 'web-2' });
    expect(changes).toEqual([
      { id: 'web-2', change: 'registered', fields: [] },
      { id: 'web', change: 'deregistered', fields: [] },
    ]);
    const publications = registry.effects().filter(({ kind }) => kind === 'publish');
    expect(publications).toHaveLength(1);
    expect(registry.services()).toEqual(['api', 'job', 'web-2']);
    expect(registry.checks()).toEqual(['a', 't']);
  });

  test('a changed check keeps its status, a removed one goes, a new one begins', () => {
    const registry = running();
    const check = { CheckID: 'h', TCP: '127.0.0.1:81', Interval: '20s' };
    expect(registry.files({ ...WEB, Check: check }, TTL)).toEqual([
      { id: 'web', change: 'changed', fields: ['check h'] },
    ]);
    expect(registry.status('h')).toBe('passing');
    const other = { CheckID: 'h2', TCP: '127.0.0.1:81', Interval: '20s' };
    expect(registry.files({ ...WEB, Check: other }, TTL)).toEqual([
      { id: 'web', change: 'changed', fields: ['check h2', 'check h'] },
    ]);
    expect(registry.checks()).toEqual(['a', 'h2', 't']);
    expect(registry.status('h2')).toBe('critical');
  });
});

describe('the same files again', () => {
  test('change nothing, publish nothing and save nothing', () => {
    const registry = running();
    const { snapshotRevision } = registry.registry;
    expect(registry.files(WEB, TTL)).toEqual([]);
    expect(registry.effects()).toEqual([]);
    expect(registry.registry.snapshotRevision).toBe(snapshotRevision);
  });

  test('are no update of a TTL check, however often they are read', () => {
    const registry = running();
    for (let i = 0; i < 6; i++) {
      registry.pass(10 * SECOND);
      registry.files(WEB, TTL);
    }
    expect(registry.status('t')).toBe('critical');
    for (let i = 0; i < 4 && registry.services().includes('job'); i++) {
      registry.pass(30 * SECOND);
      if (registry.services().includes('job')) registry.files(WEB, TTL);
    }
    expect(registry.services()).toEqual(['api', 'web']);
  });

  test('a changed TTL counts from the last update', () => {
    const registry = running();
    registry.pass(30 * SECOND);
    registry.files(WEB, { Name: 'job', Check: { CheckID: 't', TTL: '40s' } });
    registry.pass(10 * SECOND - 1);
    expect(registry.status('t')).toBe('passing');
    registry.pass(1);
    expect(registry.status('t')).toBe('critical');
  });

  test('maintenance and draining stay', () => {
    const registry = running();
    registry.maintain('web', true, 'new disk');
    registry.drain('web', true);
    registry.files({ ...WEB, Port: 81 }, TTL);
    expect(registry.checks()).toContain('_service_maintenance:web');
    expect(registry.registry.view.services().get('web')?.draining).toBe(true);
  });
});

describe('what came over HTTP', () => {
  test('is untouched: services, and checks of services of the files', () => {
    const registry = running();
    registry.check({ Name: 'added', TTL: '1h', ServiceID: 'web' });
    registry.update('added', 'passing');
    registry.files({ ...WEB, Port: 81 });
    expect(registry.services()).toEqual(['api', 'web']);
    expect(registry.checks()).toEqual(['a', 'added', 'h']);
    expect(registry.status('added')).toBe('passing');
  });

  test('a check of a service of a file is still there after a restart', () => {
    const before = running();
    before.check({ Name: 'added', TTL: '1h', ServiceID: 'web' });
    const after = restart(before);
    after.files(WEB, TTL);
    after.files(WEB, TTL);
    expect(after.checks()).toContain('added');
  });

  test('a service that a file defines, too, follows the file, as at a start', () => {
    const registry = running();
    registry.service({ Name: 'web', Port: 99 });
    expect(registry.files(WEB, TTL)).toEqual([{ id: 'web', change: 'replaced', fields: ['tags', 'port'] }]);
    expect(registry.registry.view.services().get('web')).toMatchObject({
      fromFile: true,
      definition: { port: 80 },
    });
    expect(restart(registry).services()).toEqual(['api']);
  });
});

describe('all or nothing', () => {
  const unchanged = (
    registry: ReturnType<typeof running>,
    files: readonly unknown[],
    reason: RegExp,
  ): void => {
    const before = JSON.stringify(registry.registry.snapshot(registry.now()));
    expect(() => registry.files(...files)).toThrow(reason);
    expect(JSON.stringify(registry.registry.snapshot(registry.now()))).toBe(before);
    expect(registry.effects()).toMatchObject([{ kind: 'fact', fact: { kind: 'registrationRefused' } }]);
  };

  test('one check that may not run refuses all files', () => {
    const exec = { Name: 'x', Check: { Args: ['/bin/true'], Interval: '5s' } };
    unchanged(running(), [{ ...WEB, Port: 81 }, exec], /only if the agent allows exec checks/);
  });

  test('more services than an agent may have', () => {
    const many = Array.from({ length: MAX_SERVICES }, (_, i) => ({ Name: `s${i}` }));
    unchanged(running(), many, /would have 8193, and its limit is 8192/);
    const registry = running();
    registry.files(...many.slice(1));
    expect(registry.services()).toHaveLength(MAX_SERVICES);
  });

  test('more checks of one service than it may have, those over HTTP counted', () => {
    const registry = running();
    registry.check({ Name: 'added', TTL: '1h', ServiceID: 'web' });
    registry.effects();
    const checks = Array.from({ length: 64 }, (_, i) => ({ CheckID: `c${i}`, TTL: '1m' }));
    unchanged(registry, [{ Name: 'web', Checks: checks }], /at most 64 checks of one service/);
    expect(registry.files({ Name: 'web', Checks: checks.slice(1) })).toHaveLength(2);
  });
});

test('a service that was reaped for being critical comes back when the files are read', () => {
  const registry = running();
  registry.pass(3 * MINUTE);
  expect(registry.services()).toEqual(['api', 'web']);
  expect(registry.files(WEB, TTL)).toEqual([{ id: 'job', change: 'registered', fields: [] }]);
});
