/** What the labels, variables and ports of a container become. */
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { servicesOfContainer } from '../../../../src/register/containers/services.ts';
import { type ContainerDraft, container, OPTIONS, PUBLISHED } from './values.ts';

function read(draft: ContainerDraft, options: Partial<typeof OPTIONS> = {}) {
  const { registrations, problems } = servicesOfContainer(container(draft), { ...OPTIONS, ...options });
  return {
    problems,
    checks: registrations.flatMap(({ checks }) => checks.slice(1).map(({ probe }) => probe)),
    services: registrations.map(({ service }) => ({
      name: service.name,
      port: service.port,
      ...(service.address === '' ? {} : { address: service.address }),
      ...(service.tags.length === 0 ? {} : { tags: service.tags }),
      ...(service.ports.length === 0
        ? {}
        : { ports: service.ports.map(({ name, port }) => `${name}:${port}`) }),
    })),
    registrations,
  };
}

describe('own labels', () => {
  test('a name is enough: the published port is that of the service', () => {
    const { services, registrations, problems } = read({
      labels: { 'hearsay.name': 'web' },
      ports: PUBLISHED,
    });
    expect(problems).toEqual([]);
    expect(services).toEqual([{ name: 'web', port: 32_768 }]);
    const [{ service, checks } = { service: undefined, checks: [] }] = registrations;
    expect(service?.id).toBe('container:c0ffee123456:web');
    expect(Object.fromEntries(service?.meta ?? [])).toEqual({
      'container-engine': 'docker',
      'container-id': 'c0ffee123456',
      'container-name': 'web-1',
    });
    expect(checks.map(({ id, probe }) => [id, probe.kind])).toEqual([
      ['container:c0ffee123456:web:state', 'ttl'],
    ]);
  });

  test('enabled without a name it has that of its compose service, or its own', () => {
    const labels = {
      'hearsay.enable': 'true',
      'com.docker.compose.service': 'api',
      'com.docker.compose.project': 'shop',
    };
    const { services, registrations } = read({ labels, ports: PUBLISHED });
    expect(services).toEqual([{ name: 'api', port: 32_768 }]);
    expect(registrations[0]?.service.meta.get('compose-project')).toBe('shop');
    expect(read({ labels: { 'hearsay.enable': 'true' }, ports: PUBLISHED }).services[0]?.name).toBe('web-1');
  });

  test('tags, meta, weight and checks of the published port', () => {
    const labels = {
      ...{ 'hearsay.name': 'web', 'hearsay.tags': 'a, b', 'hearsay.meta.zone': 'z1', 'hearsay.weight': '3' },
      ...{ 'hearsay.check.http': '/health', 'hearsay.check.interval': '2s', 'hearsay.check.timeout': '1s' },
    };
    const { services, registrations, checks } = read({ labels, ports: PUBLISHED });
    expect(services[0]?.tags).toEqual(['a', 'b']);
    expect(registrations[0]?.service.meta.get('zone')).toBe('z1');
    expect(registrations[0]?.service.weights.passing).toBe(3);
    expect(checks).toMatchObject([{ kind: 'http', url: 'http://127.0.0.1:32768/health' }]);
    expect(registrations[0]?.checks[1]).toMatchObject({ interval: 2000, timeout: 1000 });
  });

  test('several services of one container, each with its port', () => {
    const labels = {
      ...{ 'hearsay.web.port': '80', 'hearsay.web.check.tcp': 'true' },
      ...{ 'hearsay.metrics.port': '9090', 'hearsay.metrics.name': 'web-metrics' },
    };
    const ports = { ...PUBLISHED, '9090/tcp': [['0.0.0.0', 32_769]] } as const;
    const { services, checks } = read({ labels, ports });
    expect(services).toEqual([
      { name: 'web-metrics', port: 32_769 },
      { name: 'web', port: 32_768 },
    ]);
    expect(checks).toMatchObject([{ kind: 'tcp', target: '127.0.0.1:32768' }]);
  });

  test('several published ports are named by their numbers, TCP first; labels give them names', () => {
    const ports = { '53/udp': [['', 1053]], '53/tcp': [['', 1054]], '8080/tcp': [['', 1080]] } as const;
    expect(read({ labels: { 'hearsay.name': 'dns' }, ports }).services).toEqual([
      { name: 'dns', port: 1054, ports: ['53:1054', '8080:1080', '53-udp:1053'] },
    ]);
    const labels = { 'hearsay.name': 'dns', 'hearsay.ports': 'dns:53,web:8080' };
    expect(read({ labels, ports }).services).toEqual([
      { name: 'dns', port: 1054, ports: ['dns:1054', 'web:1080'] },
    ]);
  });

  test.each<[string, ContainerDraft, RegExp]>([
    [
      'a misspelled label',
      { labels: { 'hearsay.nmae': 'web' } },
      /^hearsay\.nmae: .*did you mean hearsay\.name\?$/,
    ],
    ['a port that is no number', { labels: { 'hearsay.port': 'http' } }, /^hearsay\.port: must be a number$/],
    ['a port that is not published', { labels: { 'hearsay.port': '81' } }, /port 81 .* not published.*-p 81/],
    ['no port', { labels: { 'hearsay.name': 'web' }, ports: {} }, /publishes no port.*hearsay\.port/],
    ['a name that none may have', { labels: { 'hearsay.name': 'a b' } }, /Invalid service name/],
    [
      'a check without a kind',
      { labels: { 'hearsay.name': 'web', 'hearsay.check.interval': '1s' } },
      /need a check/,
    ],
    [
      'an unknown check',
      { labels: { 'hearsay.name': 'web', 'hearsay.check.args': 'rm' } },
      /must be one of check\.http/,
    ],
    [
      'a check too often',
      { labels: { 'hearsay.name': 'web', 'hearsay.check.http': '/', 'hearsay.check.interval': '1ms' } },
      /must be at least 1s/,
    ],
    [
      'a label of no service',
      { labels: { 'hearsay.web.port': '80', 'hearsay.tags': 'a' } },
      /begin each with hearsay\.SERVICE/,
    ],
    ['a word that is no switch', { labels: { 'hearsay.enable': 'maybe' } }, /must be true or false/],
    ['a meta key of other shape', { labels: { 'hearsay.name': 'web', 'hearsay.meta.a b': '1' } }, /Meta/],
    [
      'loopback',
      { labels: { 'hearsay.name': 'web', 'hearsay.port': '80' }, ports: { '80/tcp': [['127.0.0.1', 80]] } },
      /loopback/,
    ],
  ])('refused with a word, and nothing is registered: %s', (_, draft, word) => {
    const { problems, registrations } = read({ ports: PUBLISHED, ...draft });
    expect(problems.join()).toMatch(word);
    expect(registrations).toEqual([]);
  });

  test('a port of 0 is none', () => {
    expect(read({ labels: { 'hearsay.name': 'worker', 'hearsay.port': '0' } }).services).toEqual([
      { name: 'worker', port: 0 },
    ]);
  });

  test('names outside of the allowed ones are refused', () => {
    const allows = (name: string): boolean => name.startsWith('team-a');
    const labels = { 'hearsay.name': 'billing' };
    expect(read({ labels, ports: PUBLISHED }, { allows }).problems.join()).toMatch(
      /may not take the name "billing"/,
    );
  });
});

describe('where it is reached', () => {
  const labels = { 'hearsay.name': 'web', 'hearsay.port': '80' };
  const at = (hostIp: string) => ({ '80/tcp': [[hostIp, 8080]] }) as const;

  test.each<[string, ContainerDraft, Partial<typeof OPTIONS>, object]>([
    ['on all addresses', { ports: at('0.0.0.0') }, {}, { port: 8080 }],
    ['on all of IPv6', { ports: at('::') }, {}, { port: 8080 }],
    ['on one address', { ports: at('10.1.2.3') }, {}, { port: 8080, address: '10.1.2.3' }],
    [
      'on loopback, of a node on loopback',
      { ports: at('127.0.0.1') },
      { isLocal: true },
      { port: 8080, address: '127.0.0.1' },
    ],
    ['in the network of the host', { networkMode: 'host' }, {}, { port: 80 }],
    [
      'on its own network',
      { networks: { back: '172.20.0.5' } },
      { network: 'back' },
      { port: 80, address: '172.20.0.5' },
    ],
  ])('%s', (_, draft, options, expected) => {
    expect(read({ labels, ...draft }, options).services).toEqual([{ name: 'web', ...expected }]);
  });

  test('a container that is not on the network is refused', () => {
    expect(read({ labels, networks: { other: '172.20.0.5' } }, { network: 'back' }).problems.join()).toMatch(
      /not on the network "back"/,
    );
  });
});

describe("other programs' labels", () => {
  test("Traefik's become tags, and a port in them is the one that other hosts reach", () => {
    const labels = {
      'hearsay.enable': 'true',
      'traefik.enable': 'true',
      'traefik.http.routers.web.rule': 'Host(`a.example`)',
      'traefik.http.services.web.loadbalancer.server.port': '80',
      'traefik.docker.network': 'back',
    };
    const ports = { ...PUBLISHED, '9090/tcp': [['0.0.0.0', 32_769]] } as const;
    expect(read({ labels, ports }).services).toEqual([
      {
        name: 'web-1',
        port: 32_768,
        tags: [
          'traefik.enable=true',
          'traefik.http.routers.web.rule=Host(`a.example`)',
          'traefik.http.services.web.loadbalancer.server.port=32768',
        ],
      },
    ]);
  });

  test("registrator's labels and variables: one service for each published port", () => {
    const ports = { ...PUBLISHED, '443/tcp': [['', 32_769]], '9/tcp': null } as const;
    const env = ['SERVICE_TAGS=prod', 'SERVICE_443_NAME=secure', 'SERVICE_SECRET=geheim', 'PATH=/bin'];
    const labels = { SERVICE_NAME: 'shop', SERVICE_80_CHECK_HTTP: '/up', SERVICE_REGION: 'eu' };
    const { services, checks, registrations, problems } = read({ labels, env, ports });
    expect(problems).toEqual([]);
    expect(services).toEqual([
      { name: 'shop-80', port: 32_768, tags: ['prod'] },
      { name: 'secure', port: 32_769, tags: ['prod'] },
    ]);
    expect(checks).toMatchObject([{ kind: 'http', url: 'http://127.0.0.1:32768/up' }]);
    expect(registrations[0]?.service.meta.get('region')).toBe('eu');
    expect(JSON.stringify(registrations.map(({ service }) => [...service.meta]))).not.toContain('geheim');
  });

  test('a check of registrator that runs a program is refused', () => {
    const labels = { SERVICE_NAME: 'shop', SERVICE_CHECK_SCRIPT: 'rm -rf /' };
    expect(read({ labels, ports: PUBLISHED })).toMatchObject({ registrations: [] });
    expect(read({ labels, ports: PUBLISHED }).problems.join()).toMatch(/SERVICE_CHECK_SCRIPT/);
  });

  test('a container that asks for nothing and publishes nothing is passed over in silence', () => {
    expect(read({})).toMatchObject({ registrations: [], problems: [] });
  });
});

describe('hostile labels', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    [
      '10,000 of them',
      Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`hearsay.s${i}.port`, '80'])),
      /has 10000 labels/,
    ],
    [
      '1 MB',
      { 'hearsay.name': 'web', 'hearsay.tags': 'x'.repeat(1_000_000) },
      /^hearsay\.tags: must be at most 4096/,
    ],
    ['control characters', { 'hearsay.name': 'web\u001b[2J' }, /^hearsay\.name: must not contain control/],
    [
      'control characters in tags of others',
      { 'hearsay.enable': '1', 'traefik.x': 'a\nb' },
      /^traefik\.x: must not/,
    ],
    ['a name of 1 MB', { [`hearsay.${'x'.repeat(1_000_000)}`]: '1' }, /the name of a label has at most 256/],
  ])('%s: refused with a short word', (_, labels, word) => {
    const { problems, registrations } = read({ labels, ports: PUBLISHED });
    expect(problems[0]).toMatch(word);
    expect(problems.join('; ').length).toBeLessThan(600);
    expect(registrations).toEqual([]);
  });

  const labelKey = fc.oneof(
    fc.constantFrom(
      'hearsay.name',
      'hearsay.port',
      'hearsay.ports',
      'hearsay.tags',
      'hearsay.weight',
      'SERVICE_NAME',
    ),
    fc.constantFrom('hearsay.a.port', 'hearsay.a.check.http', 'hearsay.check.tcp', 'traefik.a', '__proto__'),
    fc.string().map((text) => `hearsay.${text}`),
    fc.string(),
  );
  const labelValue = fc.oneof(
    fc.constantFrom('80', 'true', 'web', 'a:80', '/x'),
    fc.string({ unit: 'binary' }),
  );

  property.prop([fc.dictionary(labelKey, labelValue, { maxKeys: 12 })])(
    'any labels are refused with words, or make services that keep all limits',
    (labels) => {
      const { registrations, problems } = read({ labels, ports: PUBLISHED });
      if (problems.length > 0) expect(registrations).toEqual([]);
      for (const { service, checks } of registrations) {
        expect(service.name).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
        expect(service.id.startsWith('container:c0ffee123456:')).toBe(true);
        expect(service.meta.get('container-engine')).toBe('docker');
        expect(checks[0]?.probe.kind).toBe('ttl');
        expect(checks.every(({ probe }) => probe.kind !== 'exec')).toBe(true);
      }
    },
  );
});
