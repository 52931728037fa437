import { describe, expect, test } from 'vitest';
import { type FakeProcessOptions, hearsay, startFakeAgent } from '../helper.ts';

const check = (id: string, status: string, more: object = {}) => ({
  Node: 'n1',
  CheckID: id,
  Name: id,
  Status: status,
  Notes: '',
  Output: '',
  ServiceID: '',
  ServiceName: '',
  ...more,
});
const entry = (id: string, node: string, address: string, ...checks: object[]) => ({
  Node: { Node: node, Address: '10.0.0.1', Datacenter: 'dc1' },
  Service: { ID: id, Service: 'web', Tags: ['v1', 'eu'], Address: address, Port: 8080 },
  Checks: [check('serfHealth', 'passing'), ...checks],
});
const ESC = '\u001b[';

describe('services', () => {
  const CATALOG = { consul: [], web: ['EU', 'v1'], constructor: ['odd'] };
  const services = async (answers: object, words: string[], options: FakeProcessOptions = {}) => {
    const { url, requests } = await startFakeAgent(answers as Record<string, object>);
    const ran = await hearsay(['services', ...words, '--http-addr', url], options);
    return { ...ran, urls: requests.map((one) => one.url) };
  };

  test('are the names and tags of the catalog', async () => {
    const answers = { 'GET /v1/catalog/services': CATALOG };
    expect(await services(answers, [])).toMatchObject({
      code: 0,
      out: 'SERVICE      TAGS\nconstructor  odd\nconsul\nweb          EU,v1\n',
      err: '',
    });
    expect(JSON.parse((await services(answers, ['--json'])).out)).toEqual(CATALOG);
    expect((await services(answers, ['--tag', 'eu'])).out).toBe('SERVICE  TAGS\nweb      EU,v1\n');
  });

  test('with --passing asks for the instances of each service', async () => {
    const { out, urls } = await services(
      {
        'GET /v1/catalog/services': { 'a b': [], web: ['v1'] },
        'GET /v1/health/service/a%20b': [],
        'GET /v1/health/service/web': [entry('web-1', 'n1', '')],
      },
      ['--passing', '--json'],
    );
    expect(JSON.parse(out)).toEqual({ web: ['v1'] });
    expect(urls).toContain('/v1/health/service/a%20b?passing=1');
  });

  test('two tags must both be on one instance', async () => {
    const { out, urls } = await services(
      { 'GET /v1/catalog/services': { web: ['v1', 'v2'] }, 'GET /v1/health/service/web': [] },
      ['--tag', 'v1', '--tag', 'v2'],
    );
    expect(out).toBe('SERVICE  TAGS\n');
    expect(urls[1]).toBe('/v1/health/service/web?tag=v1&tag=v2');
  });

  const INSTANCES = [
    entry('web-1', 'n1', ''),
    entry('web-2', 'n2', 'fd00::2', check('service:web-2', 'warning')),
    entry('web-3', 'n3', '10.0.0.3', check('a', 'warning'), check('b', 'critical')),
    entry('web-4', 'n4', '10.0.0.4', check('_service_maintenance:web-4', 'critical')),
    entry('web-5', 'n5', '10.0.0.5', check('_node_maintenance', 'critical'), check('b', 'critical')),
    entry('web-6', 'n6', '10.0.0.6', check('_service_draining:web-6', 'critical')),
  ];

  test('with a name are its instances and their status', async () => {
    const { code, out } = await services({ 'GET /v1/health/service/web': INSTANCES }, ['web']);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'ID     NODE  ADDRESS         STATUS       TAGS',
      'web-1  n1    10.0.0.1:8080   passing      v1,eu',
      'web-2  n2    [fd00::2]:8080  warning      v1,eu',
      'web-3  n3    10.0.0.3:8080   critical     v1,eu',
      'web-4  n4    10.0.0.4:8080   maintenance  v1,eu',
      'web-5  n5    10.0.0.5:8080   maintenance  v1,eu',
      'web-6  n6    10.0.0.6:8080   draining     v1,eu',
      '',
    ]);
  });

  test("with a name and --json are Consul's health shape, filtered by the agent", async () => {
    const { out, urls } = await services({ 'GET /v1/health/service/web': INSTANCES }, [
      'web',
      '--json',
      '--passing',
      '--tag',
      'v1',
    ]);
    expect(JSON.parse(out)).toEqual(INSTANCES);
    expect(urls).toEqual(['/v1/health/service/web?tag=v1&passing=1']);
  });

  test('a tag may stand before the name', async () => {
    const answers = { 'GET /v1/health/service/web': INSTANCES };
    const { urls } = await services(answers, ['--tag', 'v1', '--tag', 'eu', 'web']);
    expect(urls).toEqual(['/v1/health/service/web?tag=v1&tag=eu']);
  });

  test('are colored on a terminal only', async () => {
    const answers = { 'GET /v1/health/service/web': INSTANCES };
    const { out } = await services(answers, ['web'], { terminal: true });
    for (const shown of ['32mpassing', '33mwarning', '31mcritical', '33mmaintenance'])
      expect(out).toContain(ESC + shown);
    expect((await services(answers, ['web'])).out).not.toContain(ESC);
  });

  test('an unknown name is exit 4, and so is a condition that no instance meets', async () => {
    const missing = { 'GET /v1/health/service/webb': [] };
    expect(await services(missing, ['webb'])).toMatchObject({
      code: 4,
      out: '',
      err: 'hearsay: no service "webb": run `hearsay services` to list them\n',
    });
    const json = await services(missing, ['webb', '--passing', '--json']);
    expect([json.code, json.out]).toEqual([4, '[]\n']);
    expect(json.err).toContain('no instance of "webb" matches');
  });

  test('text from the network is sanitized (S17)', async () => {
    const hostile = entry(`${ESC}2Jweb`, 'n\u202e1', 'a\nb');
    const { out } = await services({ 'GET /v1/health/service/web': [hostile] }, ['web']);
    expect(out).toBe('ID      NODE  ADDRESS   STATUS   TAGS\n[2Jweb  n1    a b:8080  passing  v1,eu\n');
    const json = await services({ 'GET /v1/health/service/web': [hostile] }, ['web', '--json']);
    expect(json.out).not.toContain(ESC);
    expect(JSON.parse(json.out)).toEqual([hostile]);
  });
});

describe('checks', () => {
  const OWN = check('service:web-1', 'warning', { ServiceID: 'web-1', Output: `slow:\n${'x'.repeat(90)}` });
  const LOCAL = check('_node_maintenance', 'critical', { Notes: 'new disk' });
  const ANSWERS = {
    'GET /v1/agent/checks': { 'service:web-1': OWN, _node_maintenance: LOCAL },
    'GET /v1/health/state/any': [
      check('serfHealth', 'passing', { Node: 'n2' }),
      { ...OWN, Output: 'slow' },
      check('disk', 'critical', { Node: 'n2', Output: 'full' }),
    ],
  };
  const checks = async (...words: string[]) => {
    const { url } = await startFakeAgent(ANSWERS);
    const ran = await hearsay(['checks', ...words, '--http-addr', url]);
    expect([ran.code, ran.err]).toEqual([0, '']);
    return ran.out;
  };

  test('own and known, worst first, own ones with the output the agent has', async () => {
    expect((await checks()).split('\n')).toEqual([
      'STATE     NODE  SERVICE  CHECK              OUTPUT',
      'critical  n2    -        disk               full',
      'critical  n1 *  -        _node_maintenance  new disk',
      `warning   n1 *  web-1    service:web-1      slow: ${'x'.repeat(51)}...`,
      'passing   n2    -        serfHealth',
      '',
    ]);
  });

  test.each([
    [
      ['--state', 'critical'],
      ['disk', '_node_maintenance'],
    ],
    [
      ['--state', 'critical', '--state', 'passing'],
      ['disk', '_node_maintenance', 'serfHealth'],
    ],
    [['--own'], ['_node_maintenance', 'service:web-1']],
    [['--own', '--state', 'passing'], []],
  ])('%j', async (words, ids) => {
    const shown = JSON.parse(await checks('--json', ...words)) as { CheckID: string }[];
    expect(shown.map(({ CheckID }) => CheckID)).toEqual(ids);
  });

  test('--json has the whole output', async () => {
    const shown = JSON.parse(await checks('--json')) as { CheckID: string }[];
    expect(shown.find(({ CheckID }) => CheckID === OWN.CheckID)).toEqual(OWN);
  });
});

const place = (id: string, address: string, port: number) => ({ id, node: `on-${id}`, address, port });

describe('resolve', () => {
  const resolve = async (answer: object, ...words: string[]) => {
    const { url, requests } = await startFakeAgent({ 'GET /v1/hearsay/resolve/web': answer });
    return { ...(await hearsay(['resolve', 'web', ...words, '--http-addr', url])), requests };
  };
  const PLACES = [place('a', '10.0.0.1', 80), place('b', 'fd00::1', 81), place('c', 'host.example', 0)].map(
    (one) => ({ ...one, weight: 1, status: 'passing', rtt: null }),
  );

  test('prints host:port lines, and the host alone if there is no port', async () => {
    expect(await resolve(PLACES)).toMatchObject({
      code: 0,
      out: '10.0.0.1:80\n[fd00::1]:81\nhost.example\n',
      err: '',
    });
    expect(JSON.parse((await resolve(PLACES, '--json')).out)).toEqual(PLACES);
  });

  test('is exit 4 if no instance is usable', async () => {
    expect(await resolve([])).toMatchObject({
      code: 4,
      out: '',
      err: 'hearsay: no usable instance of "web": run `hearsay why web` to see why\n',
    });
    expect(await resolve([], '--json')).toMatchObject({ code: 4, out: '[]\n' });
    expect(await resolve({ status: 404, body: 'no such service' })).toMatchObject({ code: 4 });
  });
});

describe('owner', () => {
  const owner = async (owners: object[], ...words: string[]) => {
    const answer = { key: 'a job', service: 'web', owners, checksum: '5f3a', instances: owners.length };
    const { url, requests } = await startFakeAgent({ 'GET /v1/hearsay/owner/web': answer });
    const ran = await hearsay(['owner', 'a job', '--service', 'web', ...words, '--http-addr', url]);
    return { ...ran, urls: requests.map((one) => one.url) };
  };

  test('is the instance that owns a key, with the ring', async () => {
    const ran = await owner([place('web-1', '10.0.0.1', 80)]);
    expect(ran).toMatchObject({
      code: 0,
      out: 'ID     NODE      ADDRESS\nweb-1  on-web-1  10.0.0.1:80\nring 5f3a of 1 instance\n',
      err: '',
      urls: ['/v1/hearsay/owner/web?key=a+job&n=1'],
    });
  });

  test('several, and as JSON', async () => {
    const owners = [place('b', '10.0.0.2', 80), place('a', '10.0.0.1', 80)];
    for (const flag of ['--n', '-n']) {
      const ran = await owner(owners, flag, '2', '--json');
      expect(JSON.parse(ran.out)).toEqual(owners);
      expect(ran.urls).toEqual(['/v1/hearsay/owner/web?key=a+job&n=2']);
    }
  });

  test('no instance is exit 4', async () => {
    expect(await owner([])).toMatchObject({
      code: 4,
      out: '',
      err: 'hearsay: service "web" has no healthy instance: run `hearsay services web` to see all of them\n',
    });
    expect(await owner([], '--json')).toMatchObject({ code: 4, out: '[]\n' });
  });

  test.each(['0', '-1', 'two', '1.5', ''])('--n %j is exit 2, without a request', async (n) => {
    expect(await owner([], `--n=${n}`)).toMatchObject({ code: 2, out: '', urls: [] });
  });

  test('its help warns that it is not a lock', async () => {
    expect((await hearsay(['owner', '--help'])).out).toContain('Advice, not a lock');
    expect((await hearsay(['owner', 'k'])).err).toContain("required option '--service <name>' not specified");
  });
});
