/** What `npm run release:check` asks of the files of a release. */
import { expect, test } from 'vitest';
import {
  type Bill,
  billProblem,
  changelogProblem,
  licenseProblem,
  manifestProblem,
  versionProblem,
} from '../../../contrib/release/checks.ts';
import { VERSION } from '../../../src/base/version.ts';
import { readText } from '../../house/sources.ts';

const section = (...lines: readonly string[]): string => ['# Changelog', '', ...lines, ''].join('\n');

test('the changelog begins with this version, breaking changes first, and says something', () => {
  const good = section('## 0.3.0', '### Breaking changes', '- a', '### New', '- b', '## 0.2.0', '- c');
  expect(changelogProblem(good, '0.3.0')).toBeUndefined();
  expect(changelogProblem(good, '0.4.0')).toContain('begins with "0.3.0"');
  expect(changelogProblem(section('## 0.3.0', '', '## 0.2.0', '- c'), '0.3.0')).toContain('says nothing');
  expect(changelogProblem(section('## 0.3.0', '### New', '- b', '### Breaking', '- a'), '0.3.0')).toContain(
    'must come first',
  );
  expect(changelogProblem('', '0.3.0')).toContain('begins with ""');
});

test('a changelog of many screens is refused', () => {
  const long = section('## 0.3.0', ...Array.from({ length: 300 }, (_, i) => `- ${i}`));
  expect(changelogProblem(long, '0.3.0')).toContain('move details');
});

test('the changelog and the manifest of this checkout pass', () => {
  const text = readText('CHANGELOG.md').replace(/^## Unreleased\n[\s\S]*?(?=^## )/m, '');
  expect(changelogProblem(text, VERSION)).toBeUndefined();
  expect(manifestProblem(JSON.parse(readText('package.json')))).toBeUndefined();
});

test('one version everywhere', () => {
  expect(versionProblem({ 'package.json': '0.3.0' }, '0.3.0')).toBeUndefined();
  expect(versionProblem({ a: '0.3.0', b: '0.2.0' }, '0.3.0')).toBe(
    'b has version 0.2.0, src/base/version.ts 0.3.0',
  );
});

const bill = (component: Partial<Bill['components'][number]> = {}): Bill => ({
  metadata: { component: { version: '0.3.0' } },
  components: [
    {
      name: 'yaml',
      version: '2.9.1',
      licenses: [{ license: { id: 'ISC' } }],
      hashes: [{ content: 'ab' }],
      ...component,
    },
  ],
});

test('a license that is unknown, missing or asks for source is named', () => {
  expect(licenseProblem(bill())).toBeUndefined();
  expect(licenseProblem(bill({ licenses: [] }))).toContain('yaml (none)');
  expect(licenseProblem(bill({ licenses: [{ license: { id: 'GPL-3.0-only' } }] }))).toContain(
    'yaml (GPL-3.0-only)',
  );
  expect(licenseProblem({ ...bill(), components: [] })).toContain('empty');
});

test('the bill is of this version, has hashes, and every package has its notice', () => {
  const notices = 'This program contains:\n\nyaml 2.9.1 (ISC)\n\nPermission';
  expect(billProblem(bill(), notices, '0.3.0')).toBeUndefined();
  expect(billProblem(bill(), notices, '0.4.0')).toContain('of 0.3.0, not of 0.4.0');
  expect(billProblem(bill({ hashes: [] }), notices, '0.3.0')).toContain('without a hash: yaml');
  expect(billProblem(bill({ version: '2.9.2' }), notices, '0.3.0')).toContain(
    'not in THIRD_PARTY_NOTICES: yaml',
  );
});

test('an installation that fetches or runs something is refused', () => {
  expect(manifestProblem({ dependencies: { yaml: '2' } })).toContain('yaml');
  expect(manifestProblem({ scripts: { prepack: 'a', postinstall: 'b' } })).toContain('postinstall');
});
