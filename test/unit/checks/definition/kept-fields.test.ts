import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { parseCheck, parseService } from '../../../../src/checks/definition/definition.ts';
import { encodeCheck, encodeService } from '../../../../src/checks/definition/encode.ts';

/** What became of a registration: what the agent stores of it, what it says is not kept, or why it was refused. */
type Fate =
  | { readonly kept: Record<string, unknown>; readonly told: readonly string[] }
  | { readonly refused: string };

function fateOf(parse: (onNote: (note: { message: string }) => void) => Record<string, unknown>): Fate {
  const told: string[] = [];
  try {
    return { kept: parse(({ message }) => told.push(message)), told };
  } catch (error) {
    if (error instanceof AgentError) return { refused: error.message };
    throw error;
  }
}

const serviceFate = (body: object): Fate =>
  fateOf((onNote) => {
    const { service, checks } = parseService({ Name: 'web', ...body }, { onNote, node: '.' });
    return { ...encodeService(service), Checks: checks.map(encodeCheck) };
  });

const checkFate = (body: object): Fate =>
  fateOf((onNote) => encodeCheck(parseCheck({ Name: 'c', ...body }, { onNote, node: '.' })));

type Row = readonly [field: string, value: unknown, fate: 'kept' | 'told' | 'refused', beside?: object];

const http = { HTTP: 'http://127.0.0.1/', Interval: '10s' };
const tcp = { TCP: '127.0.0.1:1', Interval: '10s' };
const grpc = { GRPC: '127.0.0.1:1', Interval: '10s' };
const h2ping = { H2PING: '127.0.0.1:1', Interval: '10s' };

/** Fields of a service in Consul 1.22, api.AgentServiceRegistration and structs.ServiceDefinition. */
const SERVICE: readonly Row[] = [
  ['Kind', 'connect-proxy', 'told'],
  ['ID', 'web-1', 'kept'],
  ['Name', 'api', 'kept'],
  ['Tags', ['a', 'B'], 'kept'],
  ['Port', 8080, 'kept'],
  ['Ports', [{ Name: 'http', Port: 80, Default: true }], 'kept'],
  ['Address', '10.0.0.1', 'kept'],
  ['SocketPath', '/run/web.sock', 'told'],
  ['TaggedAddresses', { wan: { Address: '192.0.2.1', Port: 81 } }, 'kept'],
  ['EnableTagOverride', true, 'kept'],
  ['Meta', { version: '2' }, 'kept'],
  ['Weights', { Passing: 7, Warning: 2 }, 'kept'],
  ['Proxy', { DestinationServiceName: 'db' }, 'told'],
  ['Connect', { Native: true }, 'told'],
  ['Connect', { SidecarService: {}, Native: true }, 'told'],
  ['Token', 'secret', 'told'],
  ['Namespace', 'team', 'refused'],
  ['Namespace', 'Default', 'kept'],
  ['Partition', 'part', 'refused'],
  ['Locality', { Region: 'r', Zone: 'z' }, 'told'],
  ['PeerName', 'other', 'told'],
  ['CreateIndex', 7, 'told'],
  ['Nonsense', 1, 'refused'],
];

/** Fields of a check in Consul 1.22, api.AgentCheckRegistration, AgentServiceCheck and structs.CheckDefinition. */
const CHECK: readonly Row[] = [
  ['CheckID', 'x', 'kept', http],
  ['Name', 'a name', 'kept', http],
  ['Notes', 'why', 'kept', http],
  ['ServiceID', 'web', 'kept', http],
  ['Status', 'passing', 'kept', http],
  ['Interval', '7s', 'kept', http],
  ['Interval', '7s', 'told', { AliasService: 'web' }],
  ['Interval', '7s', 'refused', { TTL: '10s' }],
  ['Timeout', '3s', 'kept', http],
  ['Timeout', '3s', 'told', { TTL: '10s' }],
  ['TTL', '10s', 'kept'],
  ['HTTP', 'http://127.0.0.1/x', 'kept', { Interval: '10s' }],
  ['Header', { A: ['b'] }, 'kept', http],
  ['Header', { A: ['b'] }, 'told', tcp],
  ['Method', 'PUT', 'kept', http],
  ['Method', 'PUT', 'told', tcp],
  ['Body', 'text', 'kept', http],
  ['DisableRedirects', true, 'kept', http],
  ['TCP', '127.0.0.1:2', 'kept', { Interval: '10s' }],
  ['TCP', '127.0.0.1:2', 'told', http],
  ['TCPUseTLS', true, 'kept', tcp],
  ['UDP', '127.0.0.1:2', 'kept', { Interval: '10s' }],
  ['TLSServerName', 'a.example', 'kept', http],
  ['TLSServerName', 'a.example', 'told', h2ping],
  ['TLSSkipVerify', true, 'kept', http],
  ['GRPC', '127.0.0.1:2/svc', 'kept', { Interval: '10s' }],
  ['GRPCUseTLS', true, 'kept', grpc],
  ['H2PING', '127.0.0.1:2', 'kept', { Interval: '10s' }],
  ['H2PingUseTLS', false, 'kept', h2ping],
  ['AliasService', 'web', 'kept'],
  ['AliasNode', '.', 'kept'],
  ['AliasNode', 'other', 'refused', { AliasService: 'web' }],
  ['Args', ['/bin/true'], 'kept', { Interval: '10s' }],
  ['Shell', '/bin/sh', 'told', http],
  ['DockerContainerID', 'f00', 'refused', { Interval: '10s' }],
  ['OSService', 'cron', 'refused', { Interval: '10s' }],
  ['SuccessBeforePassing', 3, 'kept', http],
  ['SuccessBeforePassing', 3, 'told', { TTL: '10s' }],
  ['FailuresBeforeWarning', 2, 'kept', { ...http, FailuresBeforeCritical: 3 }],
  ['FailuresBeforeCritical', 3, 'kept', http],
  ['DeregisterCriticalServiceAfter', '5m', 'kept', http],
  ['OutputMaxSize', 100, 'kept', http],
  ['Definition', { HTTP: 'http://127.0.0.1/' }, 'told', http],
  ['Type', 'http', 'told', http],
  ['ExposedPort', 5, 'told', http],
  ['ProxyHTTP', 'http://127.0.0.1/', 'told', http],
  ['Token', 'secret', 'told', http],
  ['Namespace', 'team', 'refused', http],
  ['Partition', 'part', 'refused', http],
  ['Script', '/bin/true', 'refused', http],
];

function judge([field, value, expected, beside = {}]: Row, fateOf: (body: object) => Fate): void {
  const fate = fateOf({ ...beside, [field]: value });
  if ('refused' in fate) return expect(['refused', fate.refused]).toEqual([expected, expect.any(String)]);
  const phrase = `${field.toLowerCase()} of `;
  const told = fate.told.filter((one) => one.toLowerCase().replaceAll('_', '').startsWith(phrase));
  if (expected === 'told') return expect([field, told.length, fate.told.length]).toEqual([field, 1, 1]);
  expect([expected, fate.told]).toEqual(['kept', []]);
  if (/^(?:default)$/i.test(String(value))) return;
  expect(fate.kept[field]).toEqual(value);
}

describe('no registration loses a field in silence', () => {
  test.each(SERVICE)('J8 a service: %s %j is %s', (...row) => judge(row as unknown as Row, serviceFate));
  test.each(CHECK)('J8 a check: %s %j is %s beside %j', (...row) => judge(row as unknown as Row, checkFate));
  test.each(CHECK.filter(([field]) => field !== 'ServiceID'))(
    'J8 a check of a service: %s %j is %s beside %j',
    (...row) =>
      judge(row as unknown as Row, (body) => {
        const fate = serviceFate({ Check: body });
        if ('refused' in fate) return fate;
        return { ...fate, kept: (fate.kept['Checks'] as Record<string, unknown>[])[0] ?? {} };
      }),
  );

  test('J8 a check of a service that names another one stays with its own, and says so', () => {
    expect(serviceFate({ Check: { TTL: '5s', ServiceID: 'db' } })).toMatchObject({
      kept: { Checks: [{ ServiceID: 'web' }] },
      told: [expect.stringMatching(/^service_id of a check is not kept/)],
    });
    expect(serviceFate({ Check: { TTL: '5s', ServiceID: 'web' } })).toMatchObject({ told: [] });
  });

  test('J8 zero values of Go clients are no loss', () => {
    const zero = { Kind: '', Proxy: { Expose: {}, MeshGateway: { Mode: '' } }, Connect: null, Locality: {} };
    expect(serviceFate({ ...zero, Check: { TTL: '5s', Timeout: '', Header: {} } })).toMatchObject({
      told: [],
    });
  });

  test('J8 an object that is nested without end is no zero value, and no error of the agent', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    expect(serviceFate({ Proxy: deep })).toMatchObject({ told: [expect.stringContaining('Proxy')] });
    expect('refused' in serviceFate({ Check: { Header: deep } })).toBe(true);
  });
});
