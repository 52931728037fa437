import { describe, expect, test } from 'vitest';
import { lines, stand } from './support.ts';

const WEB = { Name: 'web', Port: 80, Check: { TTL: '15s' } };

describe('commands of operators', () => {
  test('maintenance of a service: the check that clients know by id, name and type', () => {
    const { service, maintain, published, registry, checks } = stand();
    service({ Name: 'web', ID: 'w1' });
    published();
    maintain('w1', true, 'moving');
    const changes = published();
    expect(lines(changes)).toEqual(['put c:_service_maintenance:w1 critical']);
    expect(registry.view.checks().get('_service_maintenance:w1')?.definition).toMatchObject({
      name: 'Service Maintenance Mode',
      notes: 'moving',
      serviceId: 'w1',
      probe: { kind: 'maintenance' },
    });
    maintain('w1', true, 'another reason');
    expect(published()).toEqual([]);
    maintain('w1', false);
    expect(lines(published())).toEqual(['remove c:_service_maintenance:w1']);
    maintain('w1', false);
    expect(published()).toEqual([]);
    expect(checks()).toEqual([]);
  });

  test('maintenance of the node', () => {
    const { maintain, registry } = stand();
    maintain(undefined, true);
    expect(registry.view.checks().get('_node_maintenance')).toMatchObject({
      status: 'critical',
      definition: {
        name: 'Node Maintenance Mode',
        serviceId: '',
        notes:
          'Maintenance mode is enabled for this node, but no reason was provided. This is a default message.',
      },
    });
  });

  test('draining lasts through another registration and ends with the service', () => {
    const { service, drain, deregister, published, registry, effects } = stand();
    service(WEB);
    published();
    drain('web', true);
    expect(lines(published())).toEqual(['put s:web draining']);
    drain('web', true);
    expect(effects()).toEqual([]);
    service({ ...WEB, Port: 81 });
    expect(lines(published())).toEqual(['put s:web draining']);
    drain('web', false);
    expect(lines(published())).toEqual(['put s:web']);
    drain('web', true);
    deregister('web');
    service(WEB);
    expect(registry.view.services().get('web')?.draining).toBe(false);
  });
});
