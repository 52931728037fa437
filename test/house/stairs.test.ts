/** Imports only go down the stairs; files planted in the wrong place show that the table would notice. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { src, tests } from './sources.ts';
import { findBoxCircles, findUpwardImports, LAYERS, ROOMS } from './stairs.ts';

/** What one sees at a glance. The layers, the commands, the catalog and the messages of the wire are lists by nature. */
const MAX_BOXES = 15;
const LONG_LISTS = ['src', 'src/cli/commands', 'src/catalog', 'src/wire'];

test('no file of src/ imports one that stands higher', () => {
  expect(findUpwardImports(src)).toEqual([]);
});

test('no folder imports in circles, neither files nor rooms', () => {
  expect(findBoxCircles(src)).toEqual([]);
  expect(findBoxCircles(tests)).toEqual([]);
});

test('every layer and room of the table exists', () => {
  const folders = new Set(
    src.flatMap(({ path }) => path.split('/').map((_, i, all) => all.slice(0, i + 1).join('/'))),
  );
  const named = [
    ...Object.keys(LAYERS),
    ...Object.entries(ROOMS).flatMap(([folder, rooms]) =>
      rooms.split(' ').map((room) => `${folder}/${room}`),
    ),
  ].map((name) => `src/${name}`.replace(/\/$/, ''));
  expect(named.filter((name) => !folders.has(name))).toEqual([]);
});

test(`no folder of src/ shows more than ${MAX_BOXES} files and folders`, () => {
  const folders = new Set(src.map(({ path }) => path.split('/').slice(0, -1).join('/')));
  const crowded = [...folders].filter(
    (folder) => readdirSync(fileURLToPath(new URL(`../../${folder}`, import.meta.url))).length > MAX_BOXES,
  );
  expect(crowded.filter((folder) => !LONG_LISTS.includes(folder))).toEqual([]);
});

test.each([
  ['a layer imports a higher one', 'src/swim/x.ts', "import { a } from '../agent/agent.ts';"],
  ['a layer imports one beside it', 'src/catalog/x.ts', "import { a } from '../swim/swim.ts';"],
  ['a re-export counts', 'src/base/x.ts', "export { a } from '../wire/crc.ts';"],
  ['a dynamic import counts', 'src/dns/x.ts', "await import('../http/server/server.ts');"],
  ['Serf knows SWIM by its types alone', 'src/serf/x.ts', "import { Swim } from '../swim/swim.ts';"],
  ['state does not know the rules', 'src/swim/state/x.ts', "import type { a } from '../rules/probe.ts';"],
  ['endpoints do not know the pool', 'src/http/endpoint/x.ts', "import type { a } from '../pool/pool.ts';"],
  ['the core does not touch Node', 'src/agent/x.ts', "import { readFileSync } from 'node:fs';"],
  ['sources do not import tests', 'src/sim/x.ts', "import { a } from '../../test/support/wait.ts';"],
  ['a new layer has no place yet', 'src/new/x.ts', ''],
  ['a new room has no place yet', 'src/http/extra/x.ts', ''],
])('%s: noticed', (_, path, text) => {
  expect(findUpwardImports([{ path, text }])).toHaveLength(1);
});

test.each([
  ['src/serf/x.ts', "import type { Member } from '../swim/types.ts';"],
  ['src/swim/rules/x.ts', "import { a } from '../state/suspicion.ts';"],
  ['src/shell/x.ts', "import { readFileSync } from 'node:fs';"],
  ['src/wire/crypt.ts', "import { createCipheriv } from 'node:crypto';"],
])('%s: %s goes down', (path, text) => {
  expect(findUpwardImports([{ path, text }])).toEqual([]);
});

test('two folders that import each other are noticed, though no two of their files do', () => {
  const planted = [
    { path: 'src/a/one.ts', text: "import '../b/one.ts';" },
    { path: 'src/b/two.ts', text: "import '../a/two.ts';" },
    { path: 'src/a/two.ts', text: '' },
    { path: 'src/b/one.ts', text: '' },
  ];
  expect(findBoxCircles(planted)).toEqual(['src: a > b > a']);
});
