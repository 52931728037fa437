/** `/v1/hearsay/prometheus`: targets for `http_sd_configs`. Source: docs/guides/prometheus.md. */
import { describe, expect, test } from 'vitest';
import { instance, service } from '../../data.ts';
import { FakeAgent, member, send, serve } from '../../fixture.ts';

function agent(): FakeAgent {
  const tags = new Map([['rack', 'r1']]);
  const found = new FakeAgent(member('ann', { tags }), member('bob', { status: 'left', state: 'left' }));
  const meta = new Map([
    ['metrics path', '/m'],
    ['__proto__', 'x'],
  ]);
  found.catalog.held = [
    instance('ann', service('web', { id: 'web-1', port: 8080, tags: ['http', 'v1'], meta })),
    instance('ann', service('db', { port: 5432, address: 'fd00::5', draining: true }), {
      status: 'draining',
    }),
    instance('ann', service('cron', { port: 0 })),
    instance('bob', service('web', { id: 'web-2' })),
  ];
  return found;
}

describe('GET /v1/hearsay/prometheus', () => {
  test('each instance that can be dialed, with the labels of the Consul discovery', async () => {
    const groups = (await send(await serve(agent()), '/v1/hearsay/prometheus')).json() as {
      targets: string[];
      labels: Record<string, string>;
    }[];
    expect(groups.map(({ targets }) => targets)).toEqual([['10.0.0.1:8080'], ['[fd00::5]:5432']]);
    expect(groups[0]?.labels).toEqual({
      __meta_consul_dc: 'dc1',
      __meta_consul_node: 'ann',
      __meta_consul_address: '10.0.0.1',
      __meta_consul_service: 'web',
      __meta_consul_service_id: 'web-1',
      __meta_consul_service_address: '',
      __meta_consul_service_port: '8080',
      __meta_consul_tags: ',http,v1,',
      __meta_consul_health: 'passing',
      __meta_consul_service_metadata_metrics_path: '/m',
      __meta_consul_service_metadata___proto__: 'x',
      __meta_consul_metadata_rack: 'r1',
    });
    expect(groups[1]?.labels).toMatchObject({ __meta_consul_tags: ',', __meta_consul_health: 'critical' });
  });

  test.each([
    ['?service=db', ['[fd00::5]:5432']],
    ['?service=WEB&service=db', ['10.0.0.1:8080', '[fd00::5]:5432']],
    ['?tag=HTTP&tag=v1', ['10.0.0.1:8080']],
    ['?tag=http&tag=v2', []],
    ['?service=nothing', []],
  ])('%s asks for fewer', async (query, targets) => {
    const groups = (await send(await serve(agent()), `/v1/hearsay/prometheus${query}`)).json();
    expect((groups as { targets: string[] }[]).flatMap((group) => group.targets)).toEqual(targets);
  });
});
