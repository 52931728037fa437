import { describe, expect, test } from 'vitest';
import { preferenceSettings } from '../../../src/config/servers/preferences.ts';

const { zoneSpill } = preferenceSettings;

describe('zoneSpill', () => {
  test.each([
    ['0.5', 0.5],
    ['.25', 0.25],
    ['1', 1],
    [0, 0],
    [0.75, 0.75],
    ['off', null],
    [false, null], // as YAML reads off
  ])('%s', (raw, value) => {
    expect(zoneSpill.parse(raw)).toBe(value);
    expect(zoneSpill.parse(zoneSpill.format(value))).toBe(value);
  });

  test.each(['', 'on', '1.5', '-0.5', '1e-1', 2, -1, true, null, Number.NaN])('%s is none', (raw) => {
    expect(() => zoneSpill.parse(raw)).toThrow('must be a number from 0 to 1, such as 0.5, or off');
  });
});
