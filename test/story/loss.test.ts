import { expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import { tell } from './tell.ts';

const names = Array.from({ length: 20 }, (_, i) => `n${i}`).join(' ');

test.each([1, 2, 3, 4, 5, 6])(
  'twenty members, a tenth of all lost, five minutes: no false death (seed %i)',
  (seed) => {
    const { world, pass, facts } = tell(names, {
      seed,
      weather: { loss: 0.1, duplicate: 0.02, reorder: 0.05 },
      detail: 'facts',
    });

    pass('5m');

    expect(facts('memberDeclaredDead')).toEqual([]);
    world.network.weather = { ...world.network.weather, loss: 0 };
    pass('30s');
    expect(disagreements(world)).toEqual([]);
  },
);

test('half of everything lost for two minutes: when it is over all agree again', () => {
  const { world, pass, until } = tell(names, { seed: 7, detail: 'facts' });
  const calm = world.network.weather;

  world.network.weather = { ...calm, loss: 0.5 };
  pass('2m');
  world.network.weather = calm;

  expect(until(() => disagreements(world).length === 0, '30s')).toBe(true);
});
