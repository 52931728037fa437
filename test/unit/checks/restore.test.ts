import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { parseCheck, parseService } from '../../../src/checks/definition/definition.ts';
import { encodeCheck, encodeService, THIS_NODE } from '../../../src/checks/definition/encode.ts';
import { MAX_STATUS_AGE } from '../../../src/checks/saved/restore.ts';
import { lines, MINUTE, restart, SECOND, stand } from './support.ts';

const WEB = {
  Name: 'web',
  ID: 'w1',
  Port: 80,
  Tags: ['a'],
  Meta: { k: 'v' },
  Checks: [
    { CheckID: 't', TTL: '15s' },
    { CheckID: 'h', HTTP: 'http://127.0.0.1:1/', Interval: '10s' },
  ],
};

function alive() {
  const before = stand();
  before.service(WEB);
  before.update('t', 'passing', 'well');
  before.pass(10 * SECOND, () => 'passing');
  before.update('t', 'passing', 'well');
  return before;
}

describe('R3: after a restart', () => {
  test('services and checks registered over HTTP are restored with their state', () => {
    const before = alive();
    const after = restart(before);
    expect(after.registry.view.services()).toEqual(before.registry.view.services());
    expect(after.registry.view.checks()).toEqual(before.registry.view.checks());
    expect(after.status('t')).toBe('passing');
    expect(after.status('h')).toBe('passing');
  });

  test('they are published with the first input, and the deadline is immediate', () => {
    const after = restart(alive());
    expect(after.registry.deadline).toBe(77 * SECOND);
    after.pass(0);
    expect(lines(after.published())).toEqual(['put s:w1', 'put c:t passing', 'put c:h passing']);
  });

  test('what was left of a TTL, less the absence, is what is left; one that has expired is critical', () => {
    const soon = restart(alive(), 14 * SECOND);
    expect(soon.status('t')).toBe('passing');
    soon.pass(SECOND - 1);
    expect(soon.status('t')).toBe('passing');
    soon.pass(1);
    expect(soon.status('t')).toBe('critical');
    const late = restart(alive(), 15 * SECOND);
    expect([late.status('t'), late.output('t')]).toEqual(['critical', 'TTL expired']);
  });

  test('after a long downtime the state of other checks is unknown', () => {
    expect(restart(alive(), MAX_STATUS_AGE).status('h')).toBe('passing');
    expect(restart(alive(), MAX_STATUS_AGE + 1).status('h')).toBe('critical');
  });

  test('checks run again, first after a random part of their interval', () => {
    const after = restart(alive());
    after.pass(10 * SECOND, () => 'passing');
    expect(after.runs.map(({ run }) => run.check)).toEqual(['h']);
  });

  test('deregistered services are not restored', () => {
    const before = alive();
    before.deregister('w1');
    const after = restart(before);
    expect([after.services(), after.checks()]).toEqual([[], []]);
  });

  test('maintenance and draining are still on, also for services from files', () => {
    const before = alive();
    before.files({ Name: 'db' });
    before.maintain(undefined, true, 'node');
    before.maintain('w1', true, 'web');
    before.maintain('db', true, 'database');
    before.drain('db', true);
    const after = restart(before);
    after.files({ Name: 'db' });
    expect(after.registry.view.checks()).toEqual(before.registry.view.checks());
    expect(after.registry.view.services().get('db')?.draining).toBe(true);
  });

  test('registrations from files are not persisted, but their state is', () => {
    const before = stand();
    before.files(WEB);
    before.update('t', 'passing', 'well');
    before.check({ Name: 'added', TTL: '1h', ServiceID: 'w1' });
    before.update('added', 'warning');
    const after = restart(before);
    expect([after.services(), after.checks()]).toEqual([[], []]);
    after.files(WEB);
    expect(after.checks()).toEqual(['added', 'h', 't']);
    expect([after.status('t'), after.status('added')]).toEqual(['passing', 'warning']);
  });

  test('a file that is read an hour later does not restore old state', () => {
    const before = stand();
    before.files(WEB);
    before.update('t', 'passing');
    before.drain('w1', true);
    const after = restart(before);
    after.pass(60 * MINUTE);
    after.files(WEB);
    expect(after.status('t')).toBe('critical');
    expect(after.registry.view.services().get('w1')?.draining).toBe(false);
  });

  test('parts that are invalid are left out with a fact; the rest is restored', () => {
    const snapshot = stand().registry.snapshot(0);
    const after = stand({
      snapshot: {
        ...snapshot,
        services: ['{"Name":"ok"}', '{broken', '{"Name":"a b"}', 'null', '{"__proto__":{}}'],
        checks: [
          '{"Name":"run","Args":["/bin/sh"],"Interval":"5s"}',
          '{"Name":"run","Args":["/bin/sh"],"Interval":"5s","ServiceID":"later"}',
          '{"Name":"fine","TTL":"5s"}',
        ],
      },
    });
    after.pass(0);
    expect(after.facts().filter(({ kind }) => kind === 'restoreRejected')).toHaveLength(6);
    expect([after.services(), after.checks()]).toEqual([['ok'], ['fine']]);
  });
});

describe('the revision', () => {
  test('the revision rises with each change, and with a TTL update before the saved one is old', () => {
    const { registry, service, update, pass, maintain, drain } = stand();
    let last = registry.snapshotRevision;
    const grew = (): boolean => {
      const before = last;
      last = registry.snapshotRevision;
      return last > before;
    };
    service(WEB);
    expect(grew()).toBe(true);
    service(WEB);
    expect(grew()).toBe(false);
    pass(4 * SECOND);
    service(WEB);
    expect(grew()).toBe(true); // its TTL began anew
    update('t', 'passing');
    expect(grew()).toBe(true);
    pass(SECOND);
    update('t', 'passing');
    expect(grew()).toBe(false);
    pass(4 * SECOND);
    update('t', 'passing');
    expect(grew()).toBe(true);
    maintain('w1', true);
    expect(grew()).toBe(true);
    maintain('w1', true);
    expect(grew()).toBe(false);
    drain('w1', true);
    expect(grew()).toBe(true);
  });
});

const word = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
const span = fc.integer({ min: 1000, max: 100_000_000 }).map((millis) => `${millis / 1000}s`);
const hostPort = fc.tuple(word, fc.integer({ min: 1, max: 65_535 })).map(([host, port]) => `${host}:${port}`);
const scheduled = fc.oneof(
  fc.record({
    HTTP: fc.webUrl(),
    Method: fc.constantFrom('GET', 'post'),
    Header: fc.dictionary(word, fc.array(word)),
    Body: fc.string(),
    DisableRedirects: fc.boolean(),
  }),
  fc.record({ TCP: hostPort, TCPUseTLS: fc.boolean(), TLSServerName: word }),
  fc.record({ UDP: hostPort }),
  fc.record({ GRPC: fc.tuple(hostPort, word).map((parts) => parts.join('/')), TLSSkipVerify: fc.boolean() }),
  fc.record({ H2PING: hostPort, H2PingUseTLS: fc.boolean() }),
  fc.record({ Hold: hostPort }),
  fc.record({ Args: fc.array(word, { minLength: 1 }) }),
);
const anyProbe = fc.oneof(
  fc.tuple(scheduled, fc.record({ Interval: span, Timeout: span })).map(([a, b]) => ({ ...a, ...b })),
  fc.oneof(fc.record({ TTL: span }), fc.record({ TTL: fc.integer({ min: 1, max: 1e15 }) })),
  fc.record({ AliasService: word }),
  fc.constant({ AliasNode: THIS_NODE }),
);
const anyCheck = fc
  .tuple(
    anyProbe,
    fc.record({
      Name: fc.string({ minLength: 1, maxLength: 60 }),
      CheckID: word,
      ServiceID: word,
      Notes: fc.string(),
      Status: fc.constantFrom('passing', 'warning', 'critical'),
      FailuresBeforeCritical: fc.integer({ min: 3, max: 9 }),
      FailuresBeforeWarning: fc.integer({ min: 0, max: 3 }),
      DeregisterCriticalServiceAfter: span,
      OutputMaxSize: fc.integer({ min: 0, max: 9000 }),
    }),
  )
  .map(([a, b]) => ({ ...a, ...b }));

property.prop([anyCheck], { numRuns: 500 })('a check comes back from its description as it was', (value) => {
  const check = parseCheck(value, { node: THIS_NODE });
  const again: unknown = JSON.parse(JSON.stringify(encodeCheck(check)));
  expect(parseCheck(again, { node: THIS_NODE })).toEqual(check);
});

const anyService = fc.record({
  Name: word,
  ID: word,
  Tags: fc.array(fc.string()),
  Port: fc.integer({ min: -1, max: 65_535 }),
  Address: fc.oneof(
    fc.constant(''),
    fc.ipV4().filter((ip) => ip !== '0.0.0.0'),
    fc.domain(),
  ),
  TaggedAddresses: fc.dictionary(word, fc.record({ Address: fc.domain(), Port: fc.nat(65_535) }), {
    maxKeys: 16,
  }),
  Meta: fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), fc.string({ maxLength: 100 })),
  Weights: fc.record({ Passing: fc.integer({ min: 1, max: 65_535 }), Warning: fc.nat(65_535) }),
  EnableTagOverride: fc.boolean(),
});

property.prop([anyService], { numRuns: 500 })(
  'a service comes back from its description as it was',
  (value) => {
    const { service } = parseService(value);
    const again: unknown = JSON.parse(JSON.stringify(encodeService(service)));
    expect(parseService(again).service).toEqual(service);
  },
);

describe('R3: killed before the service files were read', () => {
  test('nothing is forgotten that an operator or a client ordered for their services', () => {
    const before = stand();
    before.files({ Name: 'web', ID: 'w1', Check: { CheckID: 't', TTL: '15s' } });
    before.check({ Name: 'extra', ServiceID: 'w1', TTL: '1m' });
    before.update('t', 'warning', 'slow');
    before.maintain('w1', true, 'new disk');
    before.drain('w1', true);

    const killed = restart(before);
    const after = restart(killed);
    after.files({ Name: 'web', ID: 'w1', Check: { CheckID: 't', TTL: '15s' } });
    expect(after.checks()).toEqual(['_service_maintenance:w1', 'extra', 't']);
    expect([after.status('t'), after.output('t')]).toEqual(['warning', 'slow']);
    expect(after.registry.view.services().get('w1')?.draining).toBe(true);
  });
});
