/** Times that go on while the agent is down. */
import { describe, expect, test } from 'vitest';
import { MINUTE, restart, SECOND, stand } from './support.ts';

const WEB = { Name: 'web', ID: 'w1', Checks: [{ CheckID: 't', TTL: '15s' }] };

function updated() {
  const before = stand();
  before.service(WEB);
  before.update('t', 'passing');
  return before;
}

describe('R3: a TTL over a restart', () => {
  test('restarts do not keep a TTL alive: it expires when it would have without them', () => {
    let registry = stand();
    registry.check({ Name: 't', TTL: '6s' });
    registry.update('t', 'passing');
    for (let i = 0; i < 2; i++) {
      registry.pass(2 * SECOND);
      registry = restart(registry, 500);
      expect(registry.status('t')).toBe('passing');
    }
    registry.pass(SECOND - 1);
    expect(registry.status('t')).toBe('passing');
    registry.pass(1);
    expect(registry.status('t')).toBe('critical');
  });

  test('an update after the restart begins the whole TTL; so does a registration over HTTP', () => {
    for (const revive of ['update', 'service'] as const) {
      const after = restart(updated(), 14 * SECOND);
      if (revive === 'update') after.update('t', 'passing');
      else after.service(WEB);
      after.pass(15 * SECOND - 1);
      expect(after.status('t')).toBe('passing');
      after.pass(1);
      expect(after.status('t')).toBe('critical');
    }
  });

  test('the TTL of a service from a file goes on, too', () => {
    const before = stand();
    before.files(WEB);
    before.update('t', 'passing');
    const after = restart(before, 10 * SECOND);
    after.pass(SECOND);
    after.files(WEB);
    after.pass(4 * SECOND - 1);
    expect(after.status('t')).toBe('passing');
    after.pass(1);
    expect(after.status('t')).toBe('critical');
  });
});

describe('DeregisterCriticalServiceAfter over a restart', () => {
  const DYING = {
    Name: 'web',
    Check: { CheckID: 't', TTL: '10s', DeregisterCriticalServiceAfter: '5m' },
  };
  const PROBED = {
    Name: 'web',
    Check: {
      CheckID: 'h',
      HTTP: 'http://127.0.0.1:1/',
      Interval: '1h',
      DeregisterCriticalServiceAfter: '2h',
    },
  };

  test('the time for which a check has been critical goes on, absence included', () => {
    const before = stand();
    before.service(DYING);
    before.update('t', 'critical');
    before.pass(2 * MINUTE);
    const after = restart(before, MINUTE);
    after.pass(2 * MINUTE - SECOND);
    expect(after.services()).toEqual(['web']);
    after.pass(31 * SECOND); // it is looked for every 30 s
    expect(after.services()).toEqual([]);
  });

  test('a TTL that expired during the absence has been critical since then', () => {
    const before = stand();
    before.service(DYING);
    before.update('t', 'passing');
    const after = restart(before, 3 * MINUTE + 10 * SECOND);
    after.pass(2 * MINUTE - SECOND);
    expect(after.services()).toEqual(['web']);
    after.pass(31 * SECOND);
    expect(after.services()).toEqual([]);
  });

  test('it goes on over several restarts, also when the registration comes from a file', () => {
    let registry = stand();
    registry.files(DYING);
    registry.update('t', 'critical');
    for (let i = 0; i < 4; i++) {
      registry.pass(MINUTE);
      registry = restart(registry, SECOND);
      registry.files(DYING);
      expect(registry.services()).toEqual(['web']);
    }
    registry.pass(MINUTE + 30 * SECOND);
    expect(registry.services()).toEqual([]);
  });

  test('a check that runs is asked first: passing, and the service stays; critical, and its time is over', () => {
    for (const verdict of ['passing', 'critical'] as const) {
      const before = stand();
      before.service(PROBED);
      before.pass(60 * MINUTE, () => 'critical');
      const after = restart(before, 180 * MINUTE);
      after.pass(2 * MINUTE);
      expect([after.runs, after.services()]).toEqual([[], ['web']]);
      after.pass(60 * MINUTE + 31 * SECOND, () => verdict);
      expect(after.services()).toEqual(verdict === 'passing' ? ['web'] : []);
    }
  });

  test('two restarts before a check has run do not begin it anew', () => {
    const before = stand();
    before.service(PROBED);
    before.pass(60 * MINUTE, () => 'critical');
    const again = restart(restart(before, 60 * MINUTE), 60 * MINUTE);
    again.pass(60 * MINUTE + 30 * SECOND, () => 'critical');
    expect(again.services()).toEqual([]);
  });

  test('a registration over HTTP begins it anew, as without a restart', () => {
    const before = stand();
    before.service(DYING);
    before.update('t', 'critical');
    before.pass(4 * MINUTE);
    const after = restart(before, SECOND);
    after.service(DYING);
    after.update('t', 'critical');
    after.pass(4 * MINUTE);
    expect(after.services()).toEqual(['web']);
    after.pass(MINUTE + 30 * SECOND);
    expect(after.services()).toEqual([]);
  });

  test('the beginning is saved, even if the status stays critical', () => {
    const before = stand();
    before.service(PROBED);
    before.pass(0);
    const revision = before.registry.snapshotRevision;
    before.pass(60 * MINUTE, () => 'critical');
    expect(before.registry.snapshotRevision).toBeGreaterThan(revision);
  });

  test('a snapshot of an earlier version has no such time: it begins with the first result', () => {
    const before = stand();
    before.service(DYING);
    before.update('t', 'critical');
    before.pass(4 * MINUTE);
    const { states, ...rest } = before.registry.snapshot(before.now());
    const old = states.map(({ check, status, output, ttlLeft }) => ({ check, status, output, ttlLeft }));
    const after = stand({ snapshot: { ...rest, states: old }, downtime: SECOND });
    after.pass(4 * MINUTE);
    expect(after.services()).toEqual(['web']);
  });
});
