/**
 * Who installs a package has no checkout: what the program says may send people to its own help, and to files that are installed with
 * it, and to no page or folder of the repository.
 */
import { expect, test } from 'vitest';
import { bin, findLines, literalsOf, readText, type Source, src } from './sources.ts';

/** A page, or a path in a folder of the repository. */
const REPOSITORY_FILE = /(?<![\w./-])(?:(?:docs|contrib|test|src)\/[\w./-]+|[\w-]+\.md\b)/;
/** What the npm package has at its root: test/e2e/package.test.ts lists it. */
const SHIPPED = ['README.md', 'LICENSE'];
/** They write a page of the repository: `npm run docs`. */
const NOT_FOR_USERS = ['src/cli/docs.ts', 'src/config/docs.ts'];

const mentionsOf = (sources: readonly Source[]): string[] =>
  sources
    .filter(({ path }) => !NOT_FOR_USERS.includes(path))
    .flatMap(({ path, text }) => findLines(REPOSITORY_FILE, { path, text: literalsOf(text) }))
    .filter((line) => !SHIPPED.includes(line.split(' ')[1] ?? ''));

/** Imports are literals, too, and are bundled. */
const withoutImports = ({ path, text }: Source): Source => ({
  path,
  text: text.replace(/\bfrom '[^']*'|import\('[^']*'\)/g, ''),
});

test('no help text and no error names a page that is not installed with the program', () => {
  const sources = [...src, ...bin].map(withoutImports);
  expect(sources.length).toBeGreaterThan(400);
  expect(mentionsOf(sources)).toEqual([]);
});

test('files of the Debian package name none either', () => {
  const installed = ['agent.yaml', 'hearsay.service'].map((name) => ({
    path: `contrib/debian/${name}`,
    text: readText(`contrib/debian/${name}`),
  }));
  expect(installed.flatMap((source) => findLines(REPOSITORY_FILE, source))).toEqual([]);
});

test('such a mention is found in a literal, and not in a comment', () => {
  const text = "// see docs/http.md\nfail('see docs/config.md');\nlink('see the README.md');";
  expect(mentionsOf([{ path: 'a.ts', text }])).toEqual(['a.ts:2 docs/config.md']);
});
