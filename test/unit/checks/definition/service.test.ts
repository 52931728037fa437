import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { parseService } from '../../../../src/checks/definition/definition.ts';
import { encodeService } from '../../../../src/checks/definition/encode.ts';

/** The message of the error that `parse` throws. */
function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof AgentError && error.code === 'badRequest') return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

const service = (value: object): string => refusal(() => parseService({ Name: 'web', ...value }));

describe('services', () => {
  test('only the name is required', () => {
    expect(parseService({ Name: 'web' })).toEqual({
      service: {
        id: 'web',
        name: 'web',
        tags: [],
        address: '',
        port: 0,
        ports: [],
        taggedAddresses: new Map(),
        meta: new Map(),
        weights: { passing: 1, warning: 1 },
        enableTagOverride: false,
      },
      checks: [],
    });
  });

  test('named ports are kept; the default one, or else the first, is the port', () => {
    const parse = (Ports: object[], Port = 0) => parseService({ Name: 'web', Port, Ports }).service;
    const http = { Name: 'HTTP', Port: 80 };
    const metrics = { Name: 'metrics', Port: 9100, Default: true };
    expect(parse([http]).port).toBe(80);
    expect(parse([http, metrics], 9100)).toMatchObject({
      port: 9100,
      ports: [
        { name: 'http', port: 80, isDefault: false },
        { name: 'metrics', port: 9100, isDefault: true },
      ],
    });
    const service = parse([http, metrics]);
    expect(parseService(encodeService(service)).service).toEqual(service);
  });

  test.each([
    ['a port without a name', { Ports: [{ Port: 1 }] }, 'Invalid port name'],
    ['a port name with a dot', { Ports: [{ Name: 'a.b', Port: 1 }] }, 'Invalid port name "a.b"'],
    ['port 0', { Ports: [{ Name: 'a' }] }, 'Invalid port 0 of "a"'],
    [
      'two of one name',
      {
        Ports: [
          { Name: 'a', Port: 1 },
          { Name: 'A', Port: 2 },
        ],
      },
      'two have the same name',
    ],
    [
      'two defaults',
      {
        Ports: [
          { Name: 'a', Port: 1, Default: true },
          { Name: 'b', Port: 2, Default: true },
        ],
      },
      'at most one is the Default',
    ],
    ['another Port', { Port: 3, Ports: [{ Name: 'a', Port: 1 }] }, 'Port 3 is not the default of Ports'],
    ['17 ports', { Ports: Array.from({ length: 17 }, (_, i) => ({ Name: `p${i}`, Port: 1 })) }, 'at most 16'],
  ])('%s is refused', (_, value, message) => {
    expect(service(value)).toContain(message);
  });

  test.each([
    ['no name', {}, 'Missing service name'],
    ['an empty name', { Name: '' }, 'Missing service name'],
    ['a blank in the name', { Name: 'a b' }, 'Invalid service name "a b"'],
    ['too long a name', { Name: 'a'.repeat(129) }, 'Invalid service name'],
    ['markup as name', { Name: '<b>' }, 'Invalid service name'],
    ['a control character in the id', { Name: 'a', ID: 'a\u0007' }, 'Invalid service ID'],
    ['an id that turns text around', { Name: 'a', ID: 'a\u202eb' }, 'Invalid service ID'],
    ['too long an id', { Name: 'a', ID: 'ä'.repeat(257) }, 'Invalid service ID: must be at most 512 bytes'],
    ['any address', { Name: 'a', Address: '0.0.0.0' }, 'Invalid service address'],
    ['any address, v6', { Name: 'a', Address: '::' }, 'Invalid service address'],
    ['any address in brackets', { Name: 'a', Address: '[::]' }, 'Invalid service address'],
    [
      'a tagged any address',
      { Name: 'a', TaggedAddresses: { x: { Address: '::' } } },
      'Invalid service address',
    ],
    ['a bad meta key', { Name: 'a', Meta: { 'a b': '' } }, 'Invalid Service Meta: key "a b"'],
    ['a reserved meta key', { Name: 'a', Meta: { 'consul-x': '' } }, 'Invalid Service Meta: key "consul-x"'],
    ['too long a meta value', { Name: 'a', Meta: { k: 'v'.repeat(513) } }, 'Invalid Service Meta'],
    ['no passing weight', { Name: 'a', Weights: { Passing: 0 } }, 'Invalid Weights: Passing'],
    ['too much weight', { Name: 'a', Weights: { Passing: 65_536 } }, 'Invalid Weights: Passing'],
    ['a negative weight', { Name: 'a', Weights: { Passing: 1, Warning: -1 } }, 'Invalid Weights: Warning'],
  ])('%s is refused', (_, value, sentence) => {
    expect(refusal(() => parseService(value))).toContain(sentence);
  });

  test('64 pairs of meta are accepted, 65 are refused', () => {
    const meta = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, 'v']));
    expect(parseService({ Name: 'a', Meta: meta(64) }).service.meta.size).toBe(64);
    expect(service({ Meta: meta(65) })).toBe('Invalid Service Meta: at most 64 pairs');
  });

  test.each(['host:container:8080:udp', 'a/b c', 'service:web-1', 'ünï'])('the id %j is accepted', (ID) => {
    expect(parseService({ Name: 'web', ID }).service.id).toBe(ID);
  });

  test('checks get the ids and names that clients expect', () => {
    const ttl = { TTL: '15s' };
    const ids = (value: object) =>
      parseService({ Name: 'web', ID: 'w1', ...value }).checks.map(({ id }) => id);
    expect(ids({ Check: ttl })).toEqual(['service:w1']);
    expect(ids({ Checks: [ttl] })).toEqual(['service:w1']);
    expect(ids({ Check: ttl, Checks: [ttl, { CheckID: 'own', ...ttl }, ttl] })).toEqual([
      'service:w1:1',
      'service:w1:2',
      'own',
      'service:w1:4',
    ]);
    const [check] = parseService({ Name: 'web', ID: 'w1', Check: ttl }).checks;
    expect(check).toMatchObject({ name: "Service 'web' check", serviceId: 'w1', initial: 'critical' });
  });

  test('an empty Check is no check, an empty element of Checks is refused', () => {
    expect(parseService({ Name: 'web', Check: {} }).checks).toEqual([]);
    expect(parseService({ Name: 'web', Check: { HTTP: '', Interval: '', Args: [] } }).checks).toEqual([]);
    expect(service({ Checks: [{}] })).toMatch(
      /^Invalid check: TTL must be > 0 for TTL checks, or one of http,/,
    );
  });

  test('R6: one invalid check refuses the whole registration', () => {
    expect(service({ Checks: [{ TTL: '5s' }, { HTTP: 'http://a/' }] })).toContain('Invalid check: Interval');
  });

  test('of two checks with one id the last counts', () => {
    const { checks } = parseService({
      Name: 'a',
      Checks: [
        { CheckID: 'x', TTL: '1s' },
        { CheckID: 'x', TTL: '2s' },
      ],
    });
    expect(checks.map(({ probe }) => probe)).toEqual([{ kind: 'ttl', ttl: 2000 }]);
  });
});
