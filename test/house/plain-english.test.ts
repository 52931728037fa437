/**
 * What users read is plain English (N27): help, errors, log messages, and the pages of docs/. The expressions below are correct,
 * but nobody says them, and readers stop at each.
 */
import { expect, test } from 'vitest';
import { findLines, literalsOf, pages, src } from './sources.ts';

const EXPRESSIONS = [
  // Met by the reader who filed N27.
  /\bis as asked\b/,
  /\bmay stand\b/,
  /\bbytes? in all\b/,
  /\bwho is \w+ anew\b/,
  // Of the same kind.
  /\b(?:discovered|accused|registered|started|joined) anew\b/,
  /\b(?:others|member|members|peers|readers|it) (?:has|have|had|is|are) told (?:its|us now|what is)\b/,
  /\bwhoever has\b/,
  /\b(?:hitherto|whereof|thereof|thereby|wherein|lest)\b/,
];

/** The simulator speaks to engineers. */
const isForUsers = (path: string): boolean => !path.startsWith('src/sim/');
const READ_BY_USERS = ['README.md', 'docs/config.md', 'docs/http.md', 'docs/operations.md', 'docs/consul.md'];

test('N27 no message, help text or page for users has an expression that nobody says', () => {
  const literals = src
    .filter(({ path }) => isForUsers(path))
    .map(({ path, text }) => ({ path, text: literalsOf(text) }));
  const read = pages.filter(({ path }) => READ_BY_USERS.includes(path));
  expect(literals.length).toBeGreaterThan(400);
  expect(read.map(({ path }) => path).sort()).toEqual([...READ_BY_USERS].sort());
  expect(
    [...literals, ...read].flatMap((source) => EXPRESSIONS.flatMap((wrong) => findLines(wrong, source))),
  ).toEqual([]);
});

test('literals are found, comments are not', () => {
  const text = "/* may stand */\nconst a = 'is as asked'; // bytes in all\nconst b = `in\nall`;";
  const lines = literalsOf(text).split('\n');
  expect(lines.map((line) => line.trim())).toEqual(['', "'is as asked'", '`in', 'all`']);
});
