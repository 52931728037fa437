/** A citation leads somewhere: each rule code and page that a comment of `src/` names stands in `docs/`. */
import { expect, test } from 'vitest';
import { pages, type Source, src } from './sources.ts';

/** Pages whose rules have codes. A code has one meaning: its letter belongs to one of them. */
const RULE_PAGES = ['protocol', 'replication', 'security', 'consul', 'consul-dns', 'reliability'].map(
  (name) => `docs/${name}.md`,
);
const CODE = /\b[A-Z]\d{1,2}\b/g;
/** `P49, P50 to P66 (docs/protocol.md)`, and the same with `in docs/protocol.md`. */
const WITH_PAGE = /((?:\b[A-Z]\d{1,2}\b(?:, | and | to )?)+)\s*(?:\(|in )(docs\/[\w-]+\.md)/g;
const PAGE = /\bdocs\/[\w/-]+\.md\b/g;
/** Papers that a contributor cannot open. */
const LOST = /protocol reference|http\.md section|\btrap \d|design \d\(|ledger rules? \d/i;

const textOf = new Map(pages.map(({ path, text }) => [path, text]));
const codesIn = new Map(
  RULE_PAGES.map((page) => [page, new Set((textOf.get(page) ?? '').match(CODE) ?? [])] as const),
);
const known = new Set([...codesIn.values()].flatMap((codes) => [...codes]));

/** Every citation of these sources that leads nowhere, as `path what`. */
function findDeadCitations(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    commentsOf(text).flatMap((comment) =>
      [
        ...(comment.match(PAGE) ?? []).filter((page) => !textOf.has(page)),
        ...(comment.match(CODE) ?? []).filter((code) => !known.has(code)),
        ...[...comment.matchAll(WITH_PAGE)].flatMap(([, codes = '', page = '']) =>
          (codes.match(CODE) ?? [])
            .filter((code) => codesIn.get(page)?.has(code) !== true)
            .map((code) => `${code} in ${page}`),
        ),
        ...(LOST.exec(comment) ?? []),
      ].map((dead) => `${path} ${dead}`),
    ),
  );
}

/** Comments without their decoration, so that a citation may be wrapped. */
const commentsOf = (text: string): string[] =>
  (text.match(/\/\*[\s\S]*?\*\/|(?<![:\\])\/\/[^\n]*/g) ?? []).map((comment) =>
    comment.replace(/\s*\n\s*\*?\s*/g, ' '),
  );

test('every rule and page that a comment cites stands in docs/', () => {
  expect(findDeadCitations(src)).toEqual([]);
});

test('a letter belongs to one page', () => {
  const letters = new Map<string, Set<string>>();
  for (const page of RULE_PAGES)
    for (const [, code = ''] of (textOf.get(page) ?? '').matchAll(/^\| ([A-Z])\d{1,2} /gm))
      letters.set(code, (letters.get(code) ?? new Set()).add(page));
  const shared = [...letters].filter(([letter, owners]) => letter !== 'S' && owners.size > 1);
  expect(shared.map(([letter, owners]) => `${letter}: ${[...owners].join(' ')}`)).toEqual([]);
});

/** `S` has a row on each page about its rule: see above. */
test('a code is given once', () => {
  const given = RULE_PAGES.flatMap(
    (page) => (textOf.get(page) ?? '').match(/^\| [A-RT-Z]\d{1,2} \|/gm) ?? [],
  );
  expect(given.filter((code, at) => given.indexOf(code) !== at)).toEqual([]);
});

test.each([
  ['a code that no page has', '/** As Z99 says. */'],
  ['a code that its page does not have', '/** Source: S14 (docs/protocol.md). */'],
  ['a page that is not there', '/** Source: docs/nowhere.md. */'],
  ['a paper nobody has', '// Source: protocol reference 5.4'],
])('%s is noticed', (_, text) => {
  expect(findDeadCitations([{ path: 'src/x.ts', text }])).toHaveLength(1);
});

test('a wrapped citation is read whole', () => {
  expect(
    findDeadCitations([{ path: 'src/x.ts', text: '/**\n * Source: P1, P2\n * (docs/protocol.md).\n */' }]),
  ).toEqual([]);
});
