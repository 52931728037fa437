import { fc, test as prop } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../../src/base/errors.ts';
import {
  CATALOG_SERVICE_SCHEMA,
  HEALTH_CHECK_SCHEMA,
  SERVICE_ENTRY_SCHEMA,
} from '../../../../../src/http/consul/schemas.ts';
import { compileFilter } from '../../../../../src/http/endpoint/filter/filter.ts';
import { parseFilter } from '../../../../../src/http/endpoint/filter/parser.ts';
import { check, instance, service } from '../../data.ts';
import { FakeAgent, member, put, send, serve } from '../../fixture.ts';

const entry = {
  Node: { Node: 'ann', Address: '10.0.0.1', Meta: { rack: 'r1', 'dc-zone': 'z1' }, TaggedAddresses: {} },
  Service: {
    ID: 'web-18',
    Service: 'web',
    Tags: ['v1', 'Blue'],
    Port: 80,
    Meta: { team: 'core', empty: '' },
    EnableTagOverride: true,
    TaggedAddresses: { lan: { Address: '10.0.0.9', Port: 81 } },
    Weights: { Passing: 1, Warning: 1 },
  },
  Checks: [
    { CheckID: 'serfHealth', Status: 'passing', ServiceTags: [] },
    { CheckID: 'service:web', Status: 'warning', ServiceTags: ['v1'] },
  ],
};
const wants = (filter: string): boolean => compileFilter(filter, SERVICE_ENTRY_SCHEMA)(entry);

describe('filters select elements', () => {
  test.each([
    'Service.Service == web',
    'Service.Service=="web"',
    'Service.Service==`web`',
    'Service.Port == 80',
    'Service.Port != 81',
    'Service.EnableTagOverride == t',
    'Node.Node == ann and Service.Port == 80',
    'Node.Node == bob or Service.Port == 80',
    'Node.Node == ann or Node.Node == bob and Service.Port == 81',
    '(Node.Node == bob or Service.Port == 80) and Node.Node == ann',
    'not Node.Node == bob',
    'not not Node.Node == ann',
    'not ( Node.Node == bob )',
    ' \t\r\nNode.Node\n==\tann ',
    '"8" in Service.ID',
    'web in Service.ID',
    '"9" not in Service.ID',
    'Service.ID contains "-1"',
    'Service.ID not contains x',
    'Service.ID matches "^web-[0-9]+$"',
    'Service.ID not matches `^api`',
    'v1 in Service.Tags',
    'Service.Tags contains Blue',
    'blue not in Service.Tags',
    'Service.Tags is not empty',
    'Node.TaggedAddresses is empty',
    'rack in Node.Meta',
    'Node.Meta contains "dc-zone"',
    'Node.Meta.rack == r1',
    'Node.Meta["dc-zone"] == z1',
    'Service.Meta.team != x',
    'Service.TaggedAddresses.lan.Port == 81',
    'Service.Weights.Passing == 1',
    'Checks.Status == warning',
    'Checks.Status != passing',
    'not Checks.Status == critical',
    'v1 in Checks.ServiceTags',
    'Checks is not empty',
    'Node.Address == "10.0.0.1"',
    'Service.Service == "w\\u0065b"',
  ])('%s: yes', (filter) => {
    expect(wants(filter)).toBe(true);
  });

  test.each([
    'Service.Service == WEB',
    'Service.Port == 8',
    'Node.Node == ann and not Service.Port == 80',
    'Service.Tags is empty',
    'blue in Service.Tags',
    'Checks.Status == critical',
    'not Checks.Status != passing',
    'z in Node.Meta',
    'web.b in Service.ID',
  ])('%s: no', (filter) => {
    expect(wants(filter)).toBe(false);
  });

  test('a missing key of a map equals nothing, not even the empty value, and matches as if it were empty', () => {
    expect(wants('Service.Meta.none == ""')).toBe(false);
    expect(wants('Service.Meta.empty == ""')).toBe(true);
    expect(wants('Service.Meta.none != x')).toBe(true);
    expect(wants('Service.Meta.none matches "^$"')).toBe(true);
    expect(wants('x in Service.Meta.none')).toBe(false);
    expect(wants('Service.TaggedAddresses.none.Port != 1')).toBe(true);
    expect(compileFilter('ServiceTaggedAddresses is empty', CATALOG_SERVICE_SCHEMA)({})).toBe(true);
  });

  test('S18 keys such as __proto__ are own keys', () => {
    expect(wants('Node.Meta["__proto__"] != x')).toBe(true);
    expect(wants('"__proto__" in Node.Meta')).toBe(false);
    expect(wants('Node.Meta["constructor"] matches "."')).toBe(false);
  });
});

describe('invalid filters are refused with a message', () => {
  test.each([
    ' ',
    'Service.Service',
    'Service.Service = web',
    'Service.Service == ',
    "Service.Service == 'web'",
    'Service.Service == web-1',
    'Node.Address == 127.0.0.1',
    'Service.Port == 080',
    'Service.Port == eighty',
    'Service.Port contains 8',
    'Service.EnableTagOverride == yes',
    'Service.Service is empty',
    'Service.Tags == v1',
    'Service.Tags matches v1',
    'Service.Meta == x',
    'Service == web',
    'Service.Nope == 1',
    'service.Service == web',
    'Service.CreateIndex == 1',
    'Checks.Definition is empty',
    'Service.Meta.team.more == 1',
    'Service.ID matches "("',
    'Service.ID matches "(a)\\\\1"',
    'Node.Node == ann AND Node.Node == ann',
    'Node.Node == ann and(Node.Node == ann)',
    '(Node.Node == ann)and (Node.Node == ann)',
    'Node.Node == ann and',
    '(Node.Node == ann',
    'Node.Node == ann)',
    'not(Node.Node == ann)',
    '"a" == Node.Node',
    '"a" in "b"',
    'Node.Meta[rack] == r1',
    'Node. == x',
    'Node.Node == "ann',
    'Node.Node == "a\\q"',
    'Service.Tags is full',
    'Service.Tags is notempty',
    'Node.Node == ann; drop',
  ])('%s', (filter) => {
    expect(() => wants(filter)).toThrow(AgentError);
  });

  test('the message lists the valid fields', () => {
    expect(() => compileFilter('Nope == 1', HEALTH_CHECK_SCHEMA)).toThrow(/"Nope".*CheckID, Name, Status/);
    expect(() => parseFilter('Node.Node ~ x')).toThrow(/an operator is expected before "~ x"/);
  });
});

describe('fields of the mesh, which nothing here has', () => {
  test.each([
    ['Service.Kind != "connect-proxy"', true],
    ['Service.Kind == ""', true],
    ['Service.Kind == "connect-proxy"', false],
    ['Service.Connect.Native == false', true],
    ['Service.Proxy.DestinationServiceName == "web"', false],
  ])('%s selects as in Consul', (filter, selected) => {
    expect(wants(filter)).toBe(selected);
  });

  test('150 services by name are one filter', () => {
    const names = Array.from({ length: 150 }, (_, i) => `Service.Service == "service-number-${i}"`);
    expect(wants(`${names.join(' or ')} or Service.Port == 80`)).toBe(true);
  });
});

describe('S19: a filter bomb costs little', () => {
  const term = 'Service.Port == 80';
  test('length, depth and number of comparisons are limited', () => {
    expect(wants(Array(50).fill(term).join(' and '))).toBe(true);
    expect(() => wants(Array(501).fill('Service.Port==1').join(' and '))).toThrow(/more than 500/);
    expect(() => wants(`${'('.repeat(33)}${term}${')'.repeat(33)}`)).toThrow(/nested deeper than 32/);
    expect(() => wants(`${'not '.repeat(33)}${term}`)).toThrow(/nested deeper than 32/);
    expect(() => wants(`${term} or ${'x'.repeat(12_288)}`)).toThrow(/longer than 12288/);
  });

  test('the steps over all elements are limited', () => {
    const filter = compileFilter('Output matches "(a|aa|aaa)*b$"', HEALTH_CHECK_SCHEMA);
    const output = 'a'.repeat(4000);
    expect(() => {
      for (let i = 0; i < 10_000; i++) filter({ Output: output });
    }).toThrow(/takes too long/);
  });

  prop.prop([
    fc.string({ unit: fc.constantFrom('(', ')', '"', '`', ' ', 'a', '.', '==', ' and ', ' not ', '[') }),
  ])('any text is a filter or a 400', (text) => {
    try {
      parseFilter(text);
    } catch (error) {
      expect(error).toBeInstanceOf(AgentError);
    }
  });
});

describe('a filter on every endpoint that has one', () => {
  async function cluster() {
    const agent = new FakeAgent(member('ann', { tags: new Map([['rack', 'r1']]) }), member('bob'));
    const web = service('web', { id: 'web-1', port: 80, meta: new Map([['team', 'core']]) });
    agent.catalog.held = [
      instance('ann', web, { checks: [check('c1', { serviceId: 'web-1', status: 'warning' })] }),
      instance('bob', service('api', { id: 'api-1', tags: ['v1'] })),
    ];
    agent.local.put(web);
    agent.local.put(service('other'));
    const server = await serve(agent, { selfService: 'off' });
    const ask = async (path: string, filter: string): Promise<unknown> =>
      (await send(server, `${path}?filter=${encodeURIComponent(filter)}`)).json();
    return { server, ask };
  }

  test.each([
    ['/v1/catalog/nodes', 'Meta.rack == r1', ['Node', 'ann']],
    ['/v1/catalog/service/web', 'ServicePort == 80', ['ServiceID', 'web-1']],
    ['/v1/catalog/service/web', 'ServicePort != 80', undefined],
    ['/v1/health/service/web', 'Checks.Status == warning', ['Service', expect.anything()]],
    ['/v1/health/service/web', 'Service.Meta.team != core', undefined],
    ['/v1/health/checks/web', 'Status == warning', ['CheckID', 'c1']],
    ['/v1/health/node/ann', 'CheckID != serfHealth', ['CheckID', 'c1']],
    ['/v1/health/state/any', 'ServiceName == web', ['CheckID', 'c1']],
    ['/v1/agent/members', 'Name == bob', ['Name', 'bob']],
  ] as const)('%s with %s', async (path, filter, found) => {
    const { ask } = await cluster();
    const list = (await ask(path, filter)) as Record<string, unknown>[];
    expect(list).toEqual(found === undefined ? [] : [expect.objectContaining({ [found[0]]: found[1] })]);
  });

  test('maps are filtered by their values', async () => {
    const { ask } = await cluster();
    expect(Object.keys((await ask('/v1/agent/services', 'Service == web')) as object)).toEqual(['web-1']);
    expect(await ask('/v1/agent/checks', 'CheckID == x')).toEqual({});
    const node = (await ask('/v1/catalog/node/ann', 'Port == 81')) as { Node: object; Services: object };
    expect([node.Node, node.Services]).toEqual([expect.objectContaining({ Node: 'ann' }), {}]);
    expect(await ask('/v1/catalog/node-services/ann', 'Service == web')).toMatchObject({
      Services: [{ ID: 'web-1' }],
    });
  });

  test('/v1/catalog/services: it selects instances, and their names are listed', async () => {
    const { ask } = await cluster();
    expect(await ask('/v1/catalog/services', 'ServiceName matches "^a"')).toEqual({ api: ['v1'] });
    expect(await ask('/v1/catalog/services', 'NodeMeta.rack == r1')).toEqual({ web: [] });
    expect(await ask('/v1/catalog/services', 'ServiceMeta.team == core and ServicePort == 81')).toEqual({});
  });

  test('an invalid filter is 400; an empty one is no filter; two are refused', async () => {
    const { server } = await cluster();
    const status = async (query: string) => (await send(server, `/v1/catalog/nodes?${query}`)).status;
    expect(await Promise.all(['filter=', 'filter=%20', 'filter=Nope==1'].map(status))).toEqual([
      200, 400, 400,
    ]);
    expect(await status('filter=Node==ann&filter=Node==bob')).toBe(400);
    expect((await send(server, '/v1/status/leader?filter=a==b')).status).toBe(400);
    expect((await put(server, '/v1/agent/leave?filter=')).status).toBe(200);
  });
});
