import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configDocs, formatSettingValue, settingToJson } from '../../../src/config/docs.ts';
import { SETTINGS } from '../../../src/config/schema.ts';

test('docs/config.md is up to date; `npm run docs` writes it', () => {
  expect(readFileSync(new URL('../../../docs/config.md', import.meta.url), 'utf8')).toBe(configDocs());
});

test('every setting has a description and unique names', () => {
  const entries = [...SETTINGS.values()];
  for (const { key, setting } of entries)
    for (const doc of [setting.doc, setting.offDoc ?? setting.doc]) expect(doc, key).toMatch(/^[A-Z].*\.$/);
  for (const names of [entries.map(({ flag, key }) => flag ?? key), entries.map(({ env }) => env)])
    expect(new Set(names).size).toBe(entries.length);
});

test('names follow from the key', () => {
  expect(SETTINGS.get('swim.probeInterval')).toMatchObject({
    flag: '--swim-probe-interval',
    env: 'HEARSAY_SWIM_PROBE_INTERVAL',
  });
  expect(SETTINGS.get('retryJoin')).toMatchObject({ flag: '--retry-join', env: 'HEARSAY_RETRY_JOIN' });
});

test('every default is accepted by its setting', () => {
  for (const { key, setting } of SETTINGS.values()) {
    const written = setting.format(setting.default);
    if (written !== '') expect(setting.format(setting.parse(written)), key).toBe(written);
  }
});

test('a secret has no flag, and is never printed', () => {
  for (const key of ['gossipKey', 'httpToken']) {
    const entry = SETTINGS.get(key);
    expect(entry?.flag).toBeUndefined();
    if (entry === undefined) continue;
    expect(formatSettingValue(entry.setting, 's3cret')).toBe('(set)');
    expect(settingToJson(entry.setting, 's3cret')).toBe('(set)');
    expect(settingToJson(entry.setting, undefined)).toBeNull();
  }
});

test('docs/operations.md says what a reload changes: every setting that the schema says, and no other', () => {
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const section = /\n## Reload: [^\n]*\n([\s\S]*?)\n## /.exec(page)?.[1] ?? '';
  const named = [...section.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, key]) => key),
  );
  const reloadable = [...SETTINGS.values()].filter(({ setting }) => setting.reloads === true);
  expect(named.sort()).toEqual(reloadable.map(({ key }) => key).sort());
});
