import { describe, expect, test } from 'vitest';
import { MAX_CHECKS_PER_SERVICE, MAX_SERVICES } from '../../../src/checks/admission.ts';
import { lines, MINUTE, SECOND, stand } from './support.ts';

const WEB = { Name: 'web', Port: 80, Check: { TTL: '15s' } };

describe('registering', () => {
  test('R4: a registration is visible and published at once', () => {
    const { service, services, checks, published } = stand();
    service(WEB);
    expect(services()).toEqual(['web']);
    expect(checks()).toEqual(['service:web']);
    expect(lines(published())).toEqual(['put s:web', 'put c:service:web critical']);
  });

  test('R1, B6: registering the same again changes and publishes nothing', () => {
    const { service, update, status, output, effects } = stand();
    service(WEB);
    update('service:web', 'passing', 'well');
    effects();
    service(structuredClone(WEB));
    expect(status('service:web')).toBe('passing');
    expect(output('service:web')).toBe('well');
    expect(effects()).toEqual([]);
  });

  test('long notes and names are kept here, and cut for gossip', () => {
    const { service, effects, registry } = stand();
    const Notes = 'ä'.repeat(2000);
    service({ Name: 'web', Check: { TTL: '10s', Name: 'n'.repeat(1000), Notes } });
    expect(registry.view.checks().get('service:web')?.definition.notes).toBe(Notes);
    const published = effects().flatMap((effect) => (effect.kind === 'publish' ? effect.changes : []));
    expect(published).toContainEqual({
      put: expect.objectContaining({
        kind: 'check',
        notes: 'ä'.repeat(512),
        name: 'n'.repeat(512),
      }) as unknown,
    });
  });

  test('R1: the same id replaces; checks keep their status and output, new ones have their initial status', () => {
    const { service, update, status, published, registry } = stand();
    service(WEB);
    update('service:web', 'passing', 'well');
    published();
    service({
      ...WEB,
      Port: 81,
      Check: { CheckID: 'service:web', TTL: '30s', Notes: 'slower' },
      Checks: [
        { CheckID: 'new', TTL: '15s' },
        { CheckID: 'hopeful', TTL: '15s', Status: 'passing' },
      ],
    });
    expect(registry.view.services().get('web')?.definition.port).toBe(81);
    expect(registry.view.checks().get('service:web')).toMatchObject({ status: 'passing', output: 'well' });
    expect(status('new')).toBe('critical');
    expect(lines(published())).toEqual([
      'put s:web',
      'put c:service:web passing',
      'put c:new critical',
      'put c:hopeful passing',
    ]);
  });

  test('R1: registering again and again neither delays a check nor expires its TTL', () => {
    const { service, pass, runs, update, status } = stand();
    const web = {
      Name: 'web',
      Checks: [
        { CheckID: 'h', HTTP: 'http://127.0.0.1:1/', Interval: '10s' },
        { CheckID: 't', TTL: '15s' },
      ],
    };
    service(web);
    update('t', 'passing');
    for (let i = 0; i < 12; i++) {
      pass(5 * SECOND, () => 'passing');
      service(web);
    }
    expect(runs).toHaveLength(6);
    expect(status('t')).toBe('passing'); // a registration extends the TTL
  });

  test('R2: checks that are not registered again stay, unless checks are to be replaced', () => {
    const { service, checks, published, maintain } = stand();
    const named = (...ids: string[]) => ({
      Name: 'web',
      Checks: ids.map((id) => ({ CheckID: id, TTL: '9s' })),
    });
    service(named('a', 'b'));
    service(named('b', 'c'));
    expect(checks()).toEqual(['a', 'b', 'c']);
    maintain('web', true);
    published();
    service(named('c', 'd'), { replaceChecks: true });
    expect(checks()).toEqual(['_service_maintenance:web', 'c', 'd']);
    expect(lines(published())).toEqual(['remove c:a', 'remove c:b', 'put c:d critical']);
  });

  test('R6: with one check that is refused nothing is registered', () => {
    const { service, services, checks, effects } = stand();
    const value = { Name: 'web', Checks: [{ TTL: '5s' }, { Args: ['/bin/true'], Interval: '5s' }] };
    expect(() => service(value)).toThrow(/^Invalid check: Args/);
    expect([services(), checks()]).toEqual([[], []]);
    expect(effects()).toMatchObject([
      { kind: 'fact', fact: { kind: 'registrationRefused', service: 'web' } },
    ]);
  });

  test('S14: exec checks are accepted only from files, and only if allowed', () => {
    const exec = { Name: 'run', Args: ['/bin/true'], Interval: '5s' };
    const strict = stand();
    const open = stand({ allowExec: true });
    const service = { Name: 'web', Check: exec };
    expect(() => strict.check(exec)).toThrow(/only from files/);
    expect(() => strict.files(service)).toThrow(/only from files/);
    for (const register of [() => open.check(exec), () => open.service(service)])
      expect(register).toThrow(/only from files/);
    open.files(service);
    expect(open.checks()).toEqual(['service:web']);
  });

  test('a check of an unknown service is refused', () => {
    const { check } = stand();
    expect(() => check({ Name: 'c', TTL: '5s', ServiceID: 'web' })).toThrow('ServiceID "web" does not exist');
  });

  test(`at most ${MAX_SERVICES} services, and ${MAX_CHECKS_PER_SERVICE} checks of each`, () => {
    const { service, check, checks } = stand();
    for (let i = 0; i < MAX_SERVICES; i++) service({ Name: 'web', ID: `w${i}` });
    expect(() => service({ Name: 'web', ID: 'more' })).toThrow(/8192 services/);
    service({ Name: 'web', ID: 'w7', Port: 1 });
    for (let i = 0; i < MAX_CHECKS_PER_SERVICE; i++) check({ Name: `c${i}`, TTL: '5s', ServiceID: 'w0' });
    expect(() => check({ Name: 'more', TTL: '5s', ServiceID: 'w0' })).toThrow(/at most 64 checks/);
    check({ Name: 'c1', TTL: '9s', ServiceID: 'w0' });
    service({ Name: 'web', ID: 'w0', Check: { CheckID: 'only', TTL: '5s' } }, { replaceChecks: true });
    expect(checks()).toEqual(['only']);
  });
});

describe('deregistering', () => {
  test('the first output of a check that is critical from the start is published at once', () => {
    const { service, pass, published, output } = stand();
    service({ Name: 'a', Check: { CheckID: 'c', HTTP: 'http://127.0.0.1/', Interval: '10s' } });
    published();
    pass(11 * SECOND, () => 'critical');
    expect(output('c')).toBe('it is critical');
    expect(lines(published())).toEqual(['put c:c critical']);
  });

  test('a check ID that another service has is taken from it, begins anew, and the log says so', () => {
    const { service, update, status, facts, registry } = stand();
    service({ Name: 'a', Check: { CheckID: 'c', TTL: '1h' } });
    update('c', 'passing');
    facts();
    service({ Name: 'b', Check: { CheckID: 'c', TTL: '1h' } });
    expect(status('c')).toBe('critical');
    expect([...registry.view.checks().values()].map(({ definition }) => definition.serviceId)).toEqual(['b']);
    expect(facts()).toContainEqual({ kind: 'checkTaken', check: 'c', service: 'b', from: 'a' });
  });

  test('a service is removed with its checks and its maintenance', () => {
    const { service, check, maintain, deregister, checks, services, published } = stand();
    service(WEB);
    check({ Name: 'own', TTL: '5s' });
    maintain('web', true);
    published();
    deregister('web');
    expect(services()).toEqual([]);
    expect(checks()).toEqual(['own']);
    expect(lines(published())).toEqual([
      'remove c:service:web',
      'remove c:_service_maintenance:web',
      'remove s:web',
    ]);
  });

  test('an unknown id is not found, in Consul’s words', () => {
    const { deregister, deregisterCheck, update, maintain, drain, effects } = stand();
    expect(() => deregister('x')).toThrow(/^Unknown service ID "x"/);
    expect(() => maintain('x', true)).toThrow(/^Unknown service ID "x"/);
    expect(() => drain('x', true)).toThrow(/^Unknown service ID "x"/);
    expect(() => deregisterCheck('x')).toThrow(/^Unknown check ID "x"/);
    const sentence = 'Unknown check ID "x": CheckID "x" does not have associated TTL';
    expect(() => update('x', 'passing')).toThrow(sentence);
    expect(effects()).toEqual([]);
  });

  test('a TTL update of another kind of check is refused with both phrases', () => {
    const { check, update } = stand();
    check({ Name: 'c', TCP: 'a:1', Interval: '5s' });
    expect(() => update('c', 'passing')).toThrow(
      /Unknown check ID "c".*CheckID "c" does not have associated TTL/,
    );
  });
});

describe('TTL checks', () => {
  test('C8: the same update again only restarts the TTL', () => {
    const { check, update, pass, status, published } = stand();
    check({ Name: 't', TTL: '15s' });
    update('t', 'passing', 'well');
    published();
    for (let i = 0; i < 30; i++) {
      pass(10 * SECOND);
      update('t', 'passing', 'well');
    }
    expect(status('t')).toBe('passing');
    expect(published()).toEqual([]);
  });

  test('without an update within its TTL it is critical, once, and shows its last output', () => {
    const { check, update, pass, status, output, facts } = stand();
    check({ Name: 't', TTL: '15s' });
    update('t', 'passing', 'well');
    pass(14 * SECOND);
    expect(status('t')).toBe('passing');
    pass(SECOND);
    expect(status('t')).toBe('critical');
    expect(output('t')).toBe('TTL expired (last output before timeout follows): well');
    pass(MINUTE);
    expect(facts().filter(({ kind }) => kind === 'checkExpired')).toHaveLength(1);
    update('t', 'passing', 'back');
    expect(status('t')).toBe('passing');
  });

  test('one without any update expires, too', () => {
    const { check, pass, output } = stand();
    check({ Name: 't', TTL: '15s', Status: 'passing' });
    pass(15 * SECOND);
    expect(output('t')).toBe('TTL expired');
  });
});

describe('C5, B6: output alone', () => {
  const told = (changes: ReturnType<ReturnType<typeof stand>['published']>): (string | undefined)[] =>
    changes.map((change) => ('put' in change && change.put.kind === 'check' ? change.put.output : undefined));

  test('is visible here at once and published at most every five minutes', () => {
    const { check, update, pass, output, published } = stand();
    check({ Name: 't', TTL: '1h' });
    update('t', 'passing', '0');
    published();
    for (let i = 1; i <= 60; i++) {
      pass(10 * SECOND);
      update('t', 'passing', String(i));
      expect(output('t')).toBe(String(i));
    }
    expect(told(published())).toEqual(['29', '59']);
  });

  test('is published with the next change of status', () => {
    const { check, update, pass, published } = stand();
    check({ Name: 't', TTL: '1h' });
    update('t', 'passing', 'a');
    update('t', 'passing', 'b');
    published();
    update('t', 'warning', 'c');
    expect(told(published())).toEqual(['c']);
    pass(10 * MINUTE);
    expect(published()).toEqual([]);
  });

  test('is published at once after a long time without', () => {
    const { check, update, pass, published } = stand();
    check({ Name: 't', TTL: '1h' });
    update('t', 'passing', 'a');
    published();
    pass(10 * MINUTE);
    update('t', 'passing', 'b');
    expect(told(published())).toEqual(['b']);
  });
});

describe('C3: DeregisterCriticalServiceAfter', () => {
  const MORTAL = { Name: 'web', Check: { CheckID: 'c', TTL: '10s', DeregisterCriticalServiceAfter: '90s' } };

  test('removes the service and all its checks at the next scan', () => {
    const { service, check, pass, services, checks, facts, registry } = stand();
    service(MORTAL);
    check({ Name: 'other', TTL: '1h', ServiceID: 'web' });
    pass(10 * SECOND + 89 * SECOND);
    expect(services()).toEqual(['web']);
    pass(30 * SECOND);
    expect([services(), checks()]).toEqual([[], []]);
    expect(facts()).toContainEqual({ kind: 'serviceReaped', service: 'web', name: 'web', check: 'c' });
    expect(registry.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  test('further critical results do not delay it', () => {
    const { service, pass, services } = stand();
    service({
      Name: 'web',
      Check: { CheckID: 'c', HTTP: 'http://a/', Interval: '10s', DeregisterCriticalServiceAfter: '90s' },
    });
    pass(2 * MINUTE + 40 * SECOND, () => 'critical');
    expect(services()).toEqual([]);
  });

  test('another status in between restarts the time', () => {
    const { service, pass, update, services } = stand();
    service(MORTAL);
    for (let i = 0; i < 4; i++) {
      pass(80 * SECOND);
      update('c', 'passing');
    }
    expect(services()).toEqual(['web']);
    pass(3 * MINUTE);
    expect(services()).toEqual([]);
  });

  test('a check that has not run yet removes nothing', () => {
    const { service, pass, services } = stand();
    service({
      Name: 'web',
      Check: { HTTP: 'http://a/', Interval: '1h', DeregisterCriticalServiceAfter: '1m' },
    });
    pass(3 * MINUTE);
    expect(services()).toEqual(['web']);
  });

  test('neither a warning nor a check of the node removes a service', () => {
    const { service, check, pass, update, services } = stand();
    service({ Name: 'web', Check: { CheckID: 'c', TTL: '1h', DeregisterCriticalServiceAfter: '1m' } });
    check({ Name: 'own', TTL: '10s', DeregisterCriticalServiceAfter: '1m' });
    update('c', 'warning');
    pass(10 * MINUTE);
    expect(services()).toEqual(['web']);
  });
});
