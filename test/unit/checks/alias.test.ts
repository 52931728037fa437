import { describe, expect, test } from 'vitest';
import { lines, SECOND, stand } from './support.ts';

/** `front` has an alias of `back`, which has two passing TTL checks. */
function pair() {
  const driven = stand();
  driven.service({ Name: 'back', Checks: ['a', 'b'].map((id) => ({ CheckID: id, TTL: '1h' })) });
  driven.service({ Name: 'front', Check: { CheckID: 'f', AliasService: 'back' } });
  driven.update('a', 'passing');
  driven.update('b', 'passing');
  return driven;
}

describe('alias checks', () => {
  test('have the worst status of their targets, at once', () => {
    const { update, status, output } = pair();
    expect([status('f'), output('f')]).toEqual(['passing', 'All checks passing.']);
    update('a', 'warning', 'hot');
    expect([status('f'), output('f')]).toEqual([
      'warning',
      'Aliased check "Service \'back\' check" failing: hot',
    ]);
    update('b', 'critical', 'gone');
    expect(status('f')).toBe('critical');
    update('b', 'passing');
    expect(status('f')).toBe('warning');
    update('a', 'passing');
    expect(status('f')).toBe('passing');
  });

  test('are published together with their targets', () => {
    const { update, published } = pair();
    published();
    update('a', 'critical');
    expect(lines(published())).toEqual(['put c:a critical', 'put c:f critical']);
  });

  test('include checks of the node, maintenance, and expiry', () => {
    const { maintain, status, pass, update } = pair();
    maintain(undefined, true);
    expect(status('f')).toBe('critical');
    maintain(undefined, false);
    expect(status('f')).toBe('passing');
    maintain('back', true);
    expect(status('f')).toBe('critical');
    maintain('back', false);
    pass(3599 * SECOND);
    update('b', 'passing');
    pass(SECOND);
    expect([status('a'), status('b'), status('f')]).toEqual(['critical', 'passing', 'critical']);
  });

  test('are critical while their target does not exist', () => {
    const { deregister, service, status, output } = pair();
    deregister('back');
    expect([status('f'), output('f')]).toEqual(['critical', 'Service back could not be found on this node']);
    service({ Name: 'back' });
    expect([status('f'), output('f')]).toEqual(['passing', 'No checks found.']);
  });

  test('of the node follow checks of the node alone', () => {
    const { check, update, status } = stand();
    check({ Name: 'disk', TTL: '1h' });
    check({ Name: 'mirror', AliasNode: 'here' });
    expect(status('mirror')).toBe('critical');
    update('disk', 'passing');
    expect(status('mirror')).toBe('passing');
  });

  test('that follow each other, or themselves, and nothing else are critical: nothing was tested', () => {
    const { service, update, status, output } = stand();
    service({ Name: 'a', Check: { CheckID: 'to-b', AliasService: 'b' } });
    service({ Name: 'b', Check: { CheckID: 'to-a', AliasService: 'a' } });
    service({ Name: 'self', Check: { CheckID: 'to-self', AliasService: 'self' } });
    service({ Name: 'far', Check: { CheckID: 'to-loop', AliasService: 'a' } });
    for (const id of ['to-a', 'to-b', 'to-self', 'to-loop']) expect(status(id), id).toBe('critical');
    expect(output('to-a')).toMatch(/leads back to itself.*add one/);
    service({
      Name: 'b',
      Checks: [
        { CheckID: 'to-a', AliasService: 'a' },
        { CheckID: 'real', TTL: '1h' },
      ],
    });
    update('real', 'passing');
    for (const id of ['to-a', 'to-b', 'to-loop']) expect(status(id), id).toBe('passing');
  });

  test('that meet in one service from two sides are no loop', () => {
    const { service, status } = stand();
    service({ Name: 'end' });
    for (const name of ['left', 'right'])
      service({ Name: name, Check: { CheckID: name, AliasService: 'end' } });
    const both = ['left', 'right'].map((name) => ({ CheckID: `to-${name}`, AliasService: name }));
    service({ Name: 'start', Checks: both });
    for (const id of ['to-left', 'to-right', 'left']) expect(status(id), id).toBe('passing');
  });

  test('that follow each other, or themselves, do not stay critical', () => {
    const { service, update, status } = pair();
    service({ Name: 'back', Check: { CheckID: 'r', AliasService: 'front' } });
    service({ Name: 'front', Check: { CheckID: 'self', AliasService: 'front' } });
    const all = () => ['f', 'r', 'self'].map(status);
    expect(all()).toEqual(['passing', 'passing', 'passing']);
    update('a', 'critical');
    expect(all()).toEqual(['critical', 'critical', 'critical']);
    update('a', 'passing');
    expect(all()).toEqual(['passing', 'passing', 'passing']);
  });
});
