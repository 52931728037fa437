import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { parseCheck, parseService, parseServiceFile } from '../../../../src/checks/definition/definition.ts';

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
      'Namespace Partition PeerName Locality Ports SocketPath Token Kind Proxy Connect WriteRequest SkipNodeUpdate Definition ExposedPort Type CreateIndex ModifyIndex ContentHash Datacenter';
    const extra = Object.fromEntries(added.split(' ').map((key) => [key, { any: ['thing'] }]));
    expect(parseService({ Name: 'web', ...extra })).toEqual(parseService({ Name: 'web' }));
    expect(parseCheck({ Name: 'c', TTL: '5s', ...extra })).toEqual(parseCheck({ Name: 'c', TTL: '5s' }));
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
      expect(refusal(() => parseServiceFile(value))).toContain('must be an object');
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

  test.each([-2, 65_536, 70_000])('J7: port %d is refused', (Port) => {
    expect(service({ Port })).toBe(`Invalid service port ${Port}: must be -1 to 65535`);
  });

  test.each([-1, 0, 80, 65_535])('J7: port %d is accepted', (Port) => {
    expect(parseService({ Name: 'web', Port }).service.port).toBe(Port);
  });
});

describe('services', () => {
  test('only the name is required', () => {
    expect(parseService({ Name: 'web' })).toEqual({
      service: {
        id: 'web',
        name: 'web',
        tags: [],
        address: '',
        port: 0,
        taggedAddresses: new Map(),
        meta: new Map(),
        weights: { passing: 1, warning: 1 },
        enableTagOverride: false,
      },
      checks: [],
    });
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
    expect(service({ Checks: [{}] })).toBe('Invalid check: TTL must be > 0 for TTL checks');
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

  test('a file holds one service, bare or wrapped, or several', () => {
    const ids = (value: unknown) => parseServiceFile(value).map(({ service }) => service.id);
    expect(ids({ name: 'a' })).toEqual(['a']);
    expect(ids({ service: { name: 'a' } })).toEqual(['a']);
    expect(ids({ services: [{ name: 'a' }, { name: 'b' }] })).toEqual(['a', 'b']);
    expect(ids({ Service: { name: 'a' }, Services: [{ name: 'b' }] })).toEqual(['a', 'b']);
    expect(refusal(() => parseServiceFile({ service: { name: 'a' }, name: 'b' }))).toContain('"name"');
    expect(refusal(() => parseServiceFile({ services: { name: 'a' } }))).toContain('services must be a list');
  });
});

describe('checks', () => {
  test('of several kinds the first in the order counts', () => {
    const all = {
      GRPC: 'a:1',
      HTTP: 'http://a/',
      TCP: 'a:2',
      UDP: 'a:3',
      AliasService: 'x',
      DockerContainerID: 'd',
      Args: ['/bin/true'],
      H2PING: 'a:4',
      OSService: 'o',
    };
    const kinds: string[] = [];
    const left: Record<string, unknown> = { ...all };
    for (const key of Object.keys(all)) {
      if (key !== 'DockerContainerID' && key !== 'OSService') kinds.push(probe(left).kind);
      delete left[key];
    }
    expect(kinds).toEqual(['grpc', 'http', 'tcp', 'udp', 'alias', 'exec', 'h2ping']);
    expect(parseCheck({ Name: 'c', TTL: '5s', TCP: 'a:1' }).probe.kind).toBe('ttl');
  });

  test('defaults', () => {
    expect(parseCheck({ Name: 'c', HTTP: 'http://127.0.0.1:80/x', Interval: '10s' })).toEqual({
      id: 'c',
      name: 'c',
      notes: '',
      serviceId: '',
      probe: {
        kind: 'http',
        url: 'http://127.0.0.1:80/x',
        method: 'GET',
        headers: new Map(),
        body: '',
        tlsServerName: '',
        tlsSkipVerify: false,
        followRedirects: true,
      },
      interval: 10_000,
      timeout: 10_000,
      initial: 'critical',
      successBeforePassing: 1,
      failuresBeforeWarning: 1,
      failuresBeforeCritical: 1,
      deregisterCriticalAfter: 0,
      outputMaxBytes: 4096,
    });
    expect(parseCheck({ Name: 'c', Args: ['/bin/true'], Interval: '10s' }).timeout).toBe(30_000);
    expect(probe({ H2PING: 'a:1' })).toMatchObject({ tls: true });
    expect(probe({ TCP: ':80' })).toMatchObject({ target: 'localhost:80' });
    expect(probe({ GRPC: 'a:1/pkg.Service' })).toMatchObject({ target: 'a:1', service: 'pkg.Service' });
  });

  test('values out of bounds are clamped: interval, time to deregister, size of output', () => {
    const raised = parseCheck({
      Name: 'c',
      TCP: 'a:1',
      Interval: '10ms',
      DeregisterCriticalServiceAfter: '5s',
      OutputMaxSize: 100_000,
    });
    expect(raised).toMatchObject({ interval: 1000, deregisterCriticalAfter: 60_000, outputMaxBytes: 4096 });
    expect(parseCheck({ Name: 'c', TTL: '1s', OutputMaxSize: 10 }).outputMaxBytes).toBe(10);
  });

  test('thresholds: warning follows critical unless it is given', () => {
    const thresholds = (value: object) => parseCheck({ Name: 'c', TTL: '1s', ...value });
    expect(thresholds({ FailuresBeforeCritical: 3 })).toMatchObject({ failuresBeforeWarning: 3 });
    expect(thresholds({ FailuresBeforeCritical: 3, FailuresBeforeWarning: 2 })).toMatchObject({
      failuresBeforeWarning: 2,
    });
    expect(check({ TTL: '1s', FailuresBeforeCritical: 3, FailuresBeforeWarning: 4 })).toBe(
      "Invalid check: FailuresBeforeWarning can't be higher than FailuresBeforeCritical",
    );
  });

  test.each([
    ['interval with TTL', { TTL: '1s', Interval: '1s' }, 'Interval and TTL cannot both be specified'],
    ['HTTP with both', { HTTP: 'http://a/', TTL: '1s', Interval: '1s' }, 'Interval and TTL cannot both'],
    ['no interval', { HTTP: 'http://a/' }, 'Interval must be > 0'],
    ['a negative interval', { HTTP: 'http://a/', Interval: '-1s' }, 'Interval must be > 0'],
    ['nothing to do', {}, 'TTL must be > 0 for TTL checks'],
    ['a negative TTL', { TTL: '-1s' }, 'TTL must be > 0 for TTL checks'],
    ['another scheme', { HTTP: 'file:///etc/passwd', Interval: '1s' }, 'must be a URL with http: or https:'],
    ['a unix socket', { HTTP: 'unix:///run/x.sock', Interval: '1s' }, 'must be a URL with http: or https:'],
    ['a line break in the URL', { HTTP: 'http://a/\r\nX: y', Interval: '1s' }, 'must be a URL'],
    ['CONNECT', { HTTP: 'http://a/', Method: 'CONNECT', Interval: '1s' }, 'cannot be used'],
    [
      'a broken header',
      { HTTP: 'http://a/', Header: { X: ['a\r\nY: b'] }, Interval: '1s' },
      'cannot be sent',
    ],
    [
      'a broken header name',
      { HTTP: 'http://a/', Header: { 'X:': ['a'] }, Interval: '1s' },
      'not a valid header name',
    ],
    ['no port', { TCP: 'a', Interval: '1s' }, 'TCP "a" must be host:port'],
    ['port 0', { UDP: 'a:0', Interval: '1s' }, 'must be host:port'],
    ['no port for gRPC', { GRPC: 'a/x', Interval: '1s' }, 'GRPC "a" must be host:port'],
    ['another node', { AliasNode: 'other' }, 'AliasNode "other"'],
    ['docker', { DockerContainerID: 'd', Args: ['/x'], Interval: '1s' }, 'docker checks are not supported'],
    ['os_service', { OSService: 'nginx', Interval: '1s' }, 'OSService checks are not supported'],
    ['no program', { Args: ['', 'x'], Interval: '1s' }, 'Args must begin with a program'],
    [
      'a zero in an argument',
      { Args: ['a', 'b\0c'], Interval: '1s' },
      'Args must not contain null characters',
    ],
    ['negative output', { TTL: '1s', OutputMaxSize: -1 }, 'OutputMaxSize must not be negative'],
    ['the node itself', { CheckID: 'serfHealth', TTL: '1s' }, 'reserved for the agent'],
    ['maintenance', { CheckID: '_service_maintenance:web', TTL: '1s' }, 'reserved for the agent'],
  ])('C6: %s: 400 with the reason', (_, value, sentence) => {
    const message = check(value);
    expect(message).toMatch(/^Invalid check: /);
    expect(message).toContain(sentence);
  });

  test('C6: a check without a name, or with an unknown status', () => {
    expect(refusal(() => parseCheck({ TTL: '1s' }))).toBe('Missing check name');
    expect(check({ TTL: '1s', Status: 'fine' })).toContain('Bad check status');
    expect(parseCheck({ Name: 'c', TTL: '1s', Status: 'passing' }).initial).toBe('passing');
  });

  test('an alias of the own node is understood', () => {
    expect(parseCheck({ Name: 'c', AliasNode: 'ANN' }, { node: 'ann' }).probe).toEqual({
      kind: 'alias',
      serviceId: '',
    });
  });
});

describe('S18: received keys are data', () => {
  const hostile = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__'];

  test.each(hostile)('the key %s is an unknown field, wherever it stands', (key) => {
    const value: unknown = JSON.parse(`{"${key}": {"polluted": true}}`);
    for (const parse of [parseService, parseCheck, parseServiceFile])
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
