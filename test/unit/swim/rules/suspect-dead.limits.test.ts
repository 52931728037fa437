import { describe, expect, test } from 'vitest';
import { ACCUSATION_BURST, ACCUSATION_REFILL_INTERVAL } from '../../../../src/swim/state/accusation-limit.ts';
import { Actor, addressOf, alive, dead, row, suspect } from '../helpers.ts';

describe('S7: accusations of one source', () => {
  const many = Array.from({ length: 2 * ACCUSATION_BURST }, (_, i) => `m${i}`);
  const crowd = (): Actor => new Actor('ann').knowing(...many);
  const accused = (ann: Actor) => many.filter((name) => ann.state(name) !== 'alive').length;

  test('above the limit are dropped and recorded; other sources may still accuse', () => {
    const ann = crowd();
    for (const name of many) ann.receive(suspect(name, name === 'm0' ? 'm1' : 'm0'), addressOf('mal'));
    expect(accused(ann)).toBe(ACCUSATION_BURST);
    const dropped = ann.facts().filter(({ kind }) => kind === 'accusationRateLimited');
    expect(dropped.length).toBe(ACCUSATION_BURST);
    expect(dropped[0]).toMatchObject({ source: addressOf('mal').key, by: 'm0' });
    ann.receive(dead('m59', 'm0'), addressOf('honest'));
    expect(ann.state('m59')).toBe('dead');
  });

  test('that change nothing cost nothing, and tokens return with time', () => {
    const ann = crowd();
    for (let i = 0; i < 5 * ACCUSATION_BURST; i++) ann.receive(suspect('m0', 'm1'), addressOf('mal'));
    for (const name of many) ann.receive(suspect(name, 'm1'), addressOf('mal'));
    expect(accused(ann)).toBe(ACCUSATION_BURST);
    ann.now += 3 * ACCUSATION_REFILL_INTERVAL;
    for (const name of many) ann.receive(suspect(name, 'm1'), addressOf('mal'));
    expect(accused(ann)).toBe(ACCUSATION_BURST + 3);
  });

  test('that this agent must refute are limited too', () => {
    const ann = crowd();
    for (let i = 0; i < 5 * ACCUSATION_BURST; i++)
      ann.receive(suspect('ann', 'm1', ann.swim.incarnation), addressOf('mal'));
    expect(ann.swim.incarnation).toBe(1 + ACCUSATION_BURST);
  });

  test('of one push/pull count as one', () => {
    const ann = crowd();
    const from = addressOf('mal');
    ann.mergeFrom({ kind: 'inbound', from }, ...many.map((name) => row(name, 1)));
    expect(accused(ann)).toBe(many.length);
    for (let i = 0; i < ACCUSATION_BURST; i++) {
      ann.receive(alive('m0', 2 + i));
      ann.mergeFrom({ kind: 'inbound', from }, row('m0', 1, 2 + i));
    }
    expect(ann.state('m0')).toBe('alive');
    expect(ann.facts()).toContainEqual({
      kind: 'accusationRateLimited',
      node: 'm0',
      by: from.key,
      source: from.key,
    });
  });
});
