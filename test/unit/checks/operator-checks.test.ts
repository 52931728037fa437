/** W8: what shows an operator's order is lifted by the order's own route alone. */
import { describe, expect, test } from 'vitest';
import { stand } from './support.ts';

const ORDERS: [id: string, route: string][] = [
  ['_node_maintenance', 'PUT /v1/agent/maintenance?enable=false (`hearsay maint off`)'],
  ['_service_maintenance:w1', 'PUT /v1/agent/service/maintenance/w1?enable=false (`hearsay maint off w1`)'],
  ['_service_draining:w1', 'PUT /v1/hearsay/drain/w1?enable=false (`hearsay drain off w1`)'],
];

describe.each(ORDERS)('the check %s', (id, route) => {
  const ordered = () => {
    const one = stand();
    one.service({ Name: 'web', ID: 'w1' });
    one.maintain(undefined, true);
    one.maintain('w1', true);
    one.drain('w1', true);
    return one;
  };

  test('is neither removed nor updated nor replaced by its id, and the refusal says what to do', () => {
    const one = ordered();
    const before = one.checks();
    const refusal = expect.objectContaining({ code: 'badRequest', message: expect.stringContaining(route) });
    expect(() => one.deregisterCheck(id)).toThrow(refusal);
    expect(() => one.update(id, 'passing')).toThrow(refusal);
    expect(() => one.check({ Name: 'mine', CheckID: id, TTL: '1m' })).toThrow('is reserved for the agent');
    expect(one.checks()).toEqual(before);
    expect(one.registry.view.services().get('w1')?.draining).toBe(true);
  });
});
