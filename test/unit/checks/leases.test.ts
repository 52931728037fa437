import { describe, expect, test } from 'vitest';
import { leaseCheckId } from '../../../src/checks/definition/lease-check.ts';
import { lines, restart, SECOND, stand } from './support.ts';

const WEB = { Name: 'web', ID: 'w1', Port: 80 };
const API = { Name: 'api', ID: 'a1', Port: 81, Check: { CheckID: 't', TTL: '15s', Status: 'passing' } };
const LEASE_OF_WEB = leaseCheckId('w1');

function held(grace = 10 * SECOND) {
  const one = stand();
  one.hold('L', 'first', [WEB], grace);
  one.effects();
  return one;
}

describe('a lease that is held', () => {
  test('its services are registered with a check that passes, all of one process together', () => {
    const one = stand();
    one.hold('L', 'first', [WEB, API]);
    expect(lines(one.published())).toEqual([
      'put s:w1',
      'put s:a1',
      `put c:${LEASE_OF_WEB} passing`,
      'put c:t passing',
      `put c:${leaseCheckId('a1')} passing`,
    ]);
    expect(one.registry.view.leases().get('L')).toMatchObject({ holder: 'first', services: ['w1', 'a1'] });
    one.pass(1_000_000);
    expect(one.services()).toEqual(['a1', 'w1']);
  });

  test('all or nothing: one service that is refused refuses the lease', () => {
    const one = stand();
    const other = { ...API, Check: { CheckID: 't', ServiceID: 'x', Args: ['/bin/true'], Interval: '10s' } };
    expect(() => one.hold('L', 'first', [WEB, other])).toThrow('Args (a program to run)');
    expect(() => one.hold('L', 'first', [WEB, WEB])).toThrow('two of its services have one ID');
    expect(() => one.hold('L', 'first', [])).toThrow('1 to 64 services');
    expect(() => one.hold('a b', 'first', [WEB])).toThrow('its ID must be');
    expect(() => one.hold('L', 'first', [WEB], -1)).toThrow('0s to 24h');
    expect([one.services(), one.registry.view.leases().size]).toEqual([[], 0]);
  });

  test('its check is no check of its own: no client removes or updates it', () => {
    const one = held();
    expect(() => one.deregisterCheck(LEASE_OF_WEB)).toThrow('shows that a service is leased');
    expect(() => one.update(LEASE_OF_WEB, 'passing')).toThrow('shows that a service is leased');
    expect(() => one.check({ ID: LEASE_OF_WEB, Name: 'x', TTL: '10s' })).toThrow('reserved');
  });
});

describe('a lease whose connection closes', () => {
  test('is critical at once with the reason, and its services go when the grace is over, not before', () => {
    const one = held();
    one.close('L', 'first');
    expect(lines(one.published())).toEqual([`put c:${LEASE_OF_WEB} critical`]);
    expect(one.output(LEASE_OF_WEB)).toBe('its process on here closed the connection');
    one.pass(10 * SECOND - 1);
    expect(one.services()).toEqual(['w1']);
    one.pass(1);
    expect(one.services()).toEqual([]);
    expect(lines(one.published())).toEqual([`remove c:${LEASE_OF_WEB}`, 'remove s:w1']);
    expect(one.registry.view.leases().size).toBe(0);
  });

  test('a grace of 0 removes them at once', () => {
    const one = held(0);
    one.close('L', 'first');
    expect(one.services()).toEqual([]);
    expect(one.registry.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  test('the same lease may come back within the grace, and then nothing ends', () => {
    const one = held();
    one.close('L', 'first');
    one.pass(9 * SECOND);
    one.hold('L', 'second', [WEB]);
    expect(one.status(LEASE_OF_WEB)).toBe('passing');
    one.pass(100 * SECOND);
    expect(one.services()).toEqual(['w1']);
  });

  test('a connection that another has replaced says nothing when it closes', () => {
    const one = held();
    one.hold('L', 'second', [WEB]);
    expect(one.changedLeases()).toEqual(['L']);
    one.close('L', 'first');
    expect(one.status(LEASE_OF_WEB)).toBe('passing');
    one.close('L', 'second');
    expect(one.status(LEASE_OF_WEB)).toBe('critical');
  });

  test('a holder that comes back says all there is: services and checks that it does not name go', () => {
    const one = stand();
    one.hold('L', 'first', [WEB, API]);
    one.hold('L', 'second', [{ ...API, Check: undefined }]);
    expect([one.services(), one.checks()]).toEqual([['a1'], [leaseCheckId('a1')]]);
  });
});

describe('a lease that is released', () => {
  test('goes at once, in order', () => {
    const one = held();
    one.release('L');
    expect([one.services(), one.changedLeases()]).toEqual([[], ['L']]);
    expect(() => one.release('L')).toThrow('it has ended already');
  });

  test('with a reason its services say it for the grace', () => {
    const one = held();
    one.release('L', '137: killed');
    expect([one.status(LEASE_OF_WEB), one.output(LEASE_OF_WEB)]).toEqual(['critical', '137: killed']);
    one.pass(10 * SECOND);
    expect(one.services()).toEqual([]);
  });
});

describe('a service that changes hands', () => {
  test('another lease takes it: the first ends, and a drain of the old process with it', () => {
    const one = held();
    one.drain('w1', true);
    one.hold('M', 'other', [WEB]);
    expect(one.changedLeases()).toEqual(['L']);
    expect(one.registry.view.services().get('w1')?.draining).toBe(false);
    one.close('L', 'first');
    one.pass(100 * SECOND);
    expect([one.services(), one.status(LEASE_OF_WEB)]).toEqual([['w1'], 'passing']);
  });

  test('the same lease comes back while it drains: it still drains', () => {
    const one = held();
    one.drain('w1', true);
    one.close('L', 'first');
    one.hold('L', 'second', [WEB]);
    expect(one.registry.view.services().get('w1')?.draining).toBe(true);
  });

  test('a plain registration, or a file, makes it stay', () => {
    for (const register of ['service', 'files'] as const) {
      const one = held();
      one[register](WEB);
      expect(one.changedLeases()).toEqual(['L']);
      one.close('L', 'first');
      one.pass(100 * SECOND);
      expect([one.services(), one.checks()]).toEqual([['w1'], []]);
    }
  });

  test('deregistered, it ends the lease: its holder has to look', () => {
    const one = held();
    one.deregister('w1');
    expect([one.changedLeases(), one.registry.view.leases().size]).toEqual([['L'], 0]);
  });
});

describe('R3: after a restart', () => {
  test('a lease has its whole grace, without a gap, and nothing of it is lost when it comes back', () => {
    const before = stand();
    before.hold('L', 'first', [WEB, API]);
    before.pass(1000 * SECOND);
    const after = restart(before, 3600 * SECOND);
    expect([after.services(), after.status(LEASE_OF_WEB)]).toEqual([['a1', 'w1'], 'passing']);
    after.pass(9 * SECOND);
    expect([after.services(), after.status(LEASE_OF_WEB)]).toEqual([['a1', 'w1'], 'passing']);
    after.hold('L', 'second', [WEB, API]);
    after.pass(100 * SECOND);
    expect(after.services()).toEqual(['a1', 'w1']);
  });

  test('one that nobody comes back for goes', () => {
    const after = restart(held());
    after.pass(10 * SECOND);
    expect(after.services()).toEqual([]);
  });

  test('one that was closed is still critical, with its reason', () => {
    const before = held();
    before.close('L', 'first');
    const after = restart(before);
    expect([after.status(LEASE_OF_WEB), after.output(LEASE_OF_WEB)]).toEqual([
      'critical',
      'its process on here closed the connection',
    ]);
    after.pass(10 * SECOND);
    expect(after.services()).toEqual([]);
  });
});
