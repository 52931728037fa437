import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { parseCheck, parseService } from '../../../../src/checks/definition/definition.ts';

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
const check = (value: object): string => refusal(() => parseCheck({ Name: 'c', ...value }));
const probe = (value: object) => parseCheck({ Name: 'c', Interval: '10s', ...value }).probe;

describe('JSON decoding', () => {
  test.each([
    { Name: 'web', EnableTagOverride: true, TaggedAddresses: { lan: { Address: '10.0.0.1', Port: 1 } } },
    { name: 'web', enabletagoverride: true, taggedaddresses: { lan: { address: '10.0.0.1', port: 1 } } },
    { NAME: 'web', enable_tag_override: true, tagged_addresses: { lan: { ADDRESS: '10.0.0.1', port: 1 } } },
  ])('J1, J2: keys match in any case and with underscores %#', (value) => {
    const { service } = parseService(value);
    expect(service.name).toBe('web');
    expect(service.enableTagOverride).toBe(true);
    expect(service.taggedAddresses).toEqual(new Map([['lan', { address: '10.0.0.1', port: 1 }]]));
  });

  test.each([
    ['script_args', { script_args: ['/bin/true'], interval: '5s' }, 'exec'],
    ['tcp_use_tls', { tcp: 'a:1', tcp_use_tls: true, tls_skip_verify: true, interval: '5s' }, 'tcp'],
    ['grpc_use_tls', { grpc: 'a:1/x', grpc_use_tls: true, tls_server_name: 'b', interval: '5s' }, 'grpc'],
    ['h2ping_use_tls', { h2ping: 'a:1', h2ping_use_tls: false, interval: '5s' }, 'h2ping'],
    ['disable_redirects', { http: 'http://a/', disable_redirects: true, interval: '5s' }, 'http'],
  ] as const)('J2: the alias %s is known', (_, value, kind) => {
    expect(parseCheck({ name: 'c', service_id: 'web', ...value })).toMatchObject({
      serviceId: 'web',
      probe: { kind },
    });
  });

  test('J3: null counts as absent, everywhere', () => {
    const nothing = { Tags: null, Port: null, Meta: null, Check: null, Checks: null, Weights: null };
    expect(parseService({ Name: 'web', ...nothing })).toEqual(parseService({ Name: 'web' }));
    const spring = { HTTP: 'http://a/', Interval: '10s', TTL: null, Header: null, Args: null, GRPC: null };
    expect(parseService({ Name: 'web', Check: spring }).checks).toHaveLength(1);
    expect(parseService({ Name: 'web', Tags: ['a', null], Meta: { k: null }, Checks: [null] })).toMatchObject(
      {
        service: { tags: ['a'], meta: new Map() },
        checks: [],
      },
    );
  });

  test('J4: an unknown key is refused, and named', () => {
    expect(service({ Nonsense: 1 })).toBe('Request decode failed: json: unknown field "Nonsense"');
    expect(check({ Script: '/bin/true', Interval: '5s' })).toBe(
      'Request decode failed: json: unknown field "Script"',
    );
    expect(service({ Weights: { Heavy: 1 } })).toContain('unknown field "Heavy"');
    expect(service({ Nonsense: null })).toContain('unknown field "Nonsense"');
  });

  test('J4: fields of newer and enterprise clients are accepted and ignored', () => {
    const added =
      'PeerName Locality SocketPath Token Kind Proxy Connect WriteRequest SkipNodeUpdate Definition ExposedPort Type CreateIndex ModifyIndex ContentHash Datacenter';
    const extra = Object.fromEntries(added.split(' ').map((key) => [key, { any: ['thing'] }]));
    expect(parseService({ Name: 'web', ...extra })).toEqual(parseService({ Name: 'web' }));
    expect(parseCheck({ Name: 'c', TTL: '5s', ...extra })).toEqual(parseCheck({ Name: 'c', TTL: '5s' }));
    expect(service({ Namespace: 'team' })).toBe('Invalid Namespace: there is only the default one');
    expect(check({ TTL: '5s', Partition: 'p' })).toBe('Invalid Partition: there is only the default one');
  });

  test.each([
    ['a port as text', { Port: '80' }, 'Port must be a whole number'],
    ['half a port', { Port: 80.5 }, 'Port must be a whole number'],
    ['a name as number', { Name: 7 }, 'Name must be a string'],
    ['tags as text', { Tags: 'a' }, 'Tags must be a list of strings'],
    ['a number among tags', { Tags: ['a', 1] }, 'Tags must be a string'],
    ['meta as list', { Meta: [] }, 'Meta must be an object'],
    ['a number in meta', { Meta: { k: 1 } }, 'Meta["k"] must be a string'],
    ['checks as object', { Checks: {} }, 'Checks must be a list'],
    ['a flag as text', { EnableTagOverride: 'true' }, 'EnableTagOverride must be true or false'],
  ])('J5: a wrong type is refused: %s', (_, value, sentence) => {
    expect(service(value)).toBe(`Request decode failed: ${sentence}`);
  });

  test.each([[[]], ['text'], [7], [null], [undefined], [true]])(
    'J5: %j is no service and no check',
    (value) => {
      expect(refusal(() => parseService(value))).toBe('Request decode failed: a service must be an object');
      expect(refusal(() => parseCheck(value))).toBe('Request decode failed: a check must be an object');
    },
  );

  test.each([
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['1m0s', 60_000],
    ['1500ms', 1500],
    ['2000000µs', 2000],
    ['2000000μs', 2000],
    ['2000000us', 2000],
    ['+2s', 2000],
    [30_000_000_000, 30_000],
    [2_500_000_000, 2500],
  ])('J6: the duration %j is %d ms', (interval, millis) => {
    expect(parseCheck({ Name: 'c', TCP: 'a:1', Interval: interval }).interval).toBe(millis);
  });

  test.each([['30'], ['10x'], ['s'], ['1 s'], [true], [{}], ['1h'.repeat(40)], [1e300]])(
    'J6: %j is no duration',
    (interval) => {
      expect(check({ TCP: 'a:1', Interval: interval })).toMatch(/^Request decode failed: Interval/);
    },
  );

  test('J6: what is no duration is told in Go’s words, too', () => {
    expect(check({ TCP: 'a:1', Interval: '10x' })).toBe(
      'Request decode failed: Interval: invalid duration: "10x" is not a duration such as 500ms or 1m30s',
    );
  });

  test.each([-2, 65_536, 70_000])('J7: port %d is refused', (Port) => {
    expect(service({ Port })).toBe(`Invalid service port ${Port}: must be -1 to 65535`);
  });

  test.each([-1, 0, 80, 65_535])('J7: port %d is accepted', (Port) => {
    expect(parseService({ Name: 'web', Port }).service.port).toBe(Port);
  });
});

describe('S18: received keys are data', () => {
  const hostile = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__'];

  test.each(hostile)('the key %s is an unknown field, wherever it stands', (key) => {
    const value: unknown = JSON.parse(`{"${key}": {"polluted": true}}`);
    for (const parse of [parseService, parseCheck])
      expect(refusal(() => parse(value))).toContain(`unknown field "${key}"`);
    const nested = JSON.parse(`{"Name": "a", "Weights": {"${key}": 1}}`);
    expect(refusal(() => parseService(nested))).toContain(`unknown field "${key}"`);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test.each(hostile)('%s is a plain key of meta, tagged addresses and headers', (key) => {
    const { service } = parseService(
      JSON.parse(`{"Name": "a", "Meta": {"${key}": "v"}, "TaggedAddresses": {"${key}": {"Address": "b"}}}`),
    );
    expect([...service.meta]).toEqual([[key, 'v']]);
    expect([...service.taggedAddresses.keys()]).toEqual([key]);
    expect(probe(JSON.parse(`{"HTTP": "http://a/", "Header": {"${key}": ["v"]}}`))).toMatchObject({
      headers: new Map([[key, ['v']]]),
    });
  });

  test('inherited values are not read', () => {
    const value = Object.create({ Name: 'inherited' }) as object;
    expect(refusal(() => parseService(value))).toBe('Missing service name');
  });
});
