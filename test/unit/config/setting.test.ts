import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { settingToJson } from '../../../src/config/docs.ts';
import {
  booleanSetting,
  durationSetting,
  formatDuration,
  integerSetting,
  parseDuration,
} from '../../../src/config/setting.ts';
import {
  addressSetting,
  choiceSetting,
  durationMapSetting,
  listenSetting,
  listSetting,
  tagsSetting,
  textSetting,
} from '../../../src/config/text.ts';

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['1.001s', 1001],
    ['250us', 0.25],
    ['0', 0],
    ['-2s', -2000],
  ])('%s is %d ms', (literal, millis) => {
    expect(parseDuration(literal)).toBe(millis);
  });

  test.each(['', '5', 's', '1 s', '1d', '1s,', '0x1s'])('%j is none', (literal) => {
    expect(() => parseDuration(literal)).toThrow('is not a duration such as 500ms');
  });

  test.prop([fc.integer({ min: 0, max: 10_000_000_000 })])('are written as they are read', (millis) => {
    expect(parseDuration(formatDuration(millis))).toBe(millis);
  });
});

describe('each kind refuses with a clause', () => {
  const bare = { default: undefined, doc: '' };
  const address = addressSetting({ doc: '', port: 7946, unspecified: false });
  const http = listenSetting({ doc: '', default: '127.0.0.1:8500', port: 8500 });
  const map = tagsSetting({ doc: '', maxBytes: 32 });
  const ttls = durationMapSetting({ doc: '', max: '24h' });
  test.each([
    [durationSetting({ doc: '', default: '1s', min: '10ms' }), '5ms', 'must be at least 10ms'],
    [durationSetting({ doc: '', default: '1s', max: '1h' }), '2h', 'must be at most 1h'],
    [durationSetting({ doc: '', default: '1s' }), 5, 'must be a duration such as 500ms or 1m30s'],
    [durationSetting({ doc: '', default: '1s' }), '-1s', 'must be at least 0s'],
    [integerSetting({ doc: '', default: 1, max: 3 }), '4', 'must be at most 3'],
    [integerSetting({ doc: '', default: 1 }), 1.5, 'must be a whole number'],
    [integerSetting({ doc: '', default: 1 }), '1e3', 'must be a whole number'],
    [booleanSetting({ doc: '', default: false }), 'yes', 'must be true or false'],
    [textSetting(bare), 12, 'must be text: put it in quotes'],
    [textSetting(bare), ['a'], 'must be text'],
    [choiceSetting({ ...bare, values: ['a', 'b'] }), 'c', 'must be one of a, b'],
    [listSetting({ doc: '' }), 5, 'must be a list'],
    [listSetting({ doc: '' }), [true], 'must be text: put it in quotes'],
    [map, 'role', '"role" must be KEY=VALUE'],
    [map, '=web', 'a key must not be empty'],
    [map, ['a=1', 'a=2'], 'a key is given twice'],
    [map, new Map([['version', 1.1]]), 'the value of version must be text: put it in quotes'],
    [map, `a=${'x'.repeat(40)}`, 'has 47 bytes in total, and the limit is 32'],
    [ttls, 'web', '"web" must be KEY=VALUE'],
    [ttls, 'web=5', '"5" is not a duration'],
    [ttls, 'web=25h', 'must be at most 24h'],
    [ttls, '*web=5s', '"*web" must be the name of a service'],
    [ttls, ['web=5s', 'WEB=6s'], 'WEB is given twice'],
    [ttls, new Map([['web', 5]]), 'the value of web must be text'],
    [address, '10.0.0.999', 'is not an IP address'],
    [address, '010.0.0.1', 'is not an IP address'],
    [address, 'host.example', 'is not an IP address'],
    [address, '10.0.0.1:99999', 'is not an IP address'],
    [address, '0.0.0.0', 'must be an address that others can dial'],
    [http, 'unix:', 'must name the socket'],
    [http, '', 'is not an IP address'],
  ])('%# refuses %j', (setting, raw, clause) => {
    expect(() => setting.parse(raw)).toThrow(clause);
  });

  test.each([
    [address, '10.0.0.7', '10.0.0.7:7946'],
    [address, 'fd00::5', '[fd00::5]:7946'],
    [address, '[fd00::5]:1', '[fd00::5]:1'],
    [address, 'localhost:0', '127.0.0.1:0'],
    [http, 'off', 'off'],
    [http, 'unix:run/a.sock', 'unix:run/a.sock'],
    [http, 'unix:///run/a.sock', 'unix:/run/a.sock'],
    [map, 'role=web, zone=a=b', 'role=web,zone=a=b'],
    [listSetting({ doc: '' }), 'a, b,,c', 'a,b,c'],
    [integerSetting({ doc: '', default: 1 }), '12', '12'],
  ])('%# accepts %j', (setting, raw, written) => {
    expect(setting.format(setting.parse(raw) as never)).toBe(written);
  });
});

test('durations by name come from flags, variables and files alike', () => {
  const ttls = durationMapSetting({ doc: '', max: '24h' });
  const expected = new Map([
    ['web-*', 10_000],
    ['*', 1500],
  ]);
  expect(ttls.parse(['Web-*=10s', '*=1.5s'])).toEqual(expected);
  expect(ttls.parse('web-*=10s,*=1.5s')).toEqual(expected);
  expect(
    ttls.parse(
      new Map([
        ['web-*', '10s'],
        ['*', '1.5s'],
      ]),
    ),
  ).toEqual(expected);
  expect(ttls.format(expected)).toBe('web-*=10s,*=1.5s');
  expect(settingToJson(ttls, expected)).toEqual({ 'web-*': '10s', '*': '1.5s' });
});
