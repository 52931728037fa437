/**
 * Parses a regular expression in RE2's syntax to a tree. Unicode classes (`\p`), `\C`, and what RE2 itself refuses, such
 * as back references, are not supported.
 *
 * Source: RE2 syntax page; Go regexp/syntax.
 */
import { encodeUtf8 } from '../bytes.ts';

export type Anchor = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'wordBoundary' | 'notWordBoundary';
export type CharMatcher = (point: number) => boolean;

export type PatternNode =
  /** `weight`: the comparisons that one character takes. */
  | { readonly kind: 'char'; readonly matches: CharMatcher; readonly weight: number }
  | { readonly kind: 'anchor'; readonly anchor: Anchor }
  | { readonly kind: 'concatenation' | 'alternation'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number };

/** Octets of one expression. An expression can cost far more than its length, and no tag or name needs a longer one. */
export const MAX_PATTERN_BYTES = 128;
const MAX_DEPTH = 40;
/** Source: Go regexp/syntax, the largest count of a repetition. */
const MAX_COUNT = 1000;

interface Flags {
  readonly fold: boolean;
  readonly lines: boolean;
  readonly dotAll: boolean;
}

/** The expression is invalid or not supported. Caught in this file. */
class Unsupported extends Error {}

/** `undefined` if the expression is invalid, not supported, or too long. */
export function parsePattern(expression: string): PatternNode | undefined {
  if (encodeUtf8(expression).length > MAX_PATTERN_BYTES) return undefined;
  try {
    const points = Array.from(expression);
    const parser = new Parser(points);
    const tree = parser.alternation({ fold: false, lines: false, dotAll: false }, 0);
    return parser.done ? tree : undefined;
  } catch (error) {
    if (error instanceof Unsupported) return undefined;
    throw error;
  }
}

class Parser {
  readonly #points: readonly string[];
  #at = 0;

  constructor(points: readonly string[]) {
    this.#points = points;
  }

  get done(): boolean {
    return this.#at === this.#points.length;
  }

  /** Parses up to the end or the closing parenthesis. */
  alternation(given: Flags, depth: number): PatternNode {
    if (depth > MAX_DEPTH) throw new Unsupported();
    let flags = given;
    const branches: PatternNode[] = [];
    let parts: PatternNode[] = [];
    while (!this.done && this.#peek() !== ')') {
      if (this.#consume('|')) {
        branches.push({ kind: 'concatenation', parts });
        parts = [];
        continue;
      }
      if (this.#isLookingAt('(?')) {
        const group = this.#flagGroup(flags, depth);
        if ('fold' in group) flags = group;
        else parts.push(this.#quantified(group));
        continue;
      }
      if (this.#isLookingAt('\\Q')) {
        parts.push(...this.#quoted(flags));
        continue;
      }
      parts.push(this.#quantified(this.#atom(flags, depth)));
    }
    branches.push({ kind: 'concatenation', parts });
    return { kind: 'alternation', parts: branches };
  }

  #atom(flags: Flags, depth: number): PatternNode {
    const point = this.#next();
    switch (point) {
      case '(': {
        const inner = this.alternation(flags, depth + 1);
        if (!this.#consume(')')) throw new Unsupported();
        return inner;
      }
      case '[':
        return this.#set(flags);
      case '.':
        return { kind: 'char', matches: flags.dotAll ? () => true : (one) => one !== 10, weight: 1 };
      case '^':
        return { kind: 'anchor', anchor: flags.lines ? 'lineStart' : 'textStart' };
      case '$':
        return { kind: 'anchor', anchor: flags.lines ? 'lineEnd' : 'textEnd' };
      case '*':
      case '+':
      case '?':
        throw new Unsupported();
      case '\\':
        return this.#escape(flags);
      default:
        return literal(point, flags);
    }
  }

  /** `(?:…)`, `(?i:…)` or a named group; or `(?i)`, which returns the flags for what follows. */
  #flagGroup(flags: Flags, depth: number): PatternNode | Flags {
    this.#at += 2;
    const named = /^(?:P?<[A-Za-z0-9_]+>)/.exec(this.#points.slice(this.#at, this.#at + 100).join(''));
    if (named !== null) this.#at += named[0].length;
    let next = flags;
    let on = true;
    while (named === null && !this.#consume(':')) {
      const flag = this.#next();
      if (flag === ')') return next;
      if (flag === '-') on = false;
      else if (flag === 'i') next = { ...next, fold: on };
      else if (flag === 'm') next = { ...next, lines: on };
      else if (flag === 's') next = { ...next, dotAll: on };
      else if (flag !== 'U') throw new Unsupported(); // greediness does not change whether it matches
    }
    const inner = this.alternation(next, depth + 1);
    if (!this.#consume(')')) throw new Unsupported();
    return inner;
  }

  #quoted(flags: Flags): PatternNode[] {
    this.#at += 2;
    const nodes: PatternNode[] = [];
    while (!this.done && !this.#isLookingAt('\\E')) nodes.push(literal(this.#next(), flags));
    if (!this.done) this.#at += 2;
    return nodes;
  }

  #quantified(part: PatternNode): PatternNode {
    const bounds = this.#bounds();
    if (bounds === undefined) return part;
    this.#consume('?'); // greediness does not change whether it matches
    if (this.#bounds() !== undefined) throw new Unsupported();
    return { kind: 'repeat', part, ...bounds };
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#consume('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#consume('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#consume('?')) return { min: 0, max: 1 };
    if (this.#peek() !== '{') return undefined;
    const counted = /^\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/.exec(
      this.#points.slice(this.#at, this.#at + 12).join(''),
    );
    if (counted === null) return undefined; // a literal brace
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const max =
      counted[2] === undefined
        ? min
        : counted[3] === undefined
          ? Number.POSITIVE_INFINITY
          : Number(counted[3]);
    if (max < min || min > MAX_COUNT || (max > MAX_COUNT && max !== Number.POSITIVE_INFINITY))
      throw new Unsupported();
    return { min, max };
  }

  #escape(flags: Flags): PatternNode {
    const anchor = ANCHORS.get(this.#peek());
    if (anchor !== undefined) {
      this.#at++;
      return { kind: 'anchor', anchor };
    }
    const known = this.#classEscape();
    if (known !== undefined) return { kind: 'char', matches: known, weight: 1 };
    return literal(String.fromCodePoint(this.#pointEscape()), flags);
  }

  /** A class such as `\d`, after the backslash. */
  #classEscape(): CharMatcher | undefined {
    const letter = this.#peek();
    const known = CLASSES.get(letter.toLowerCase());
    if (known === undefined) return undefined;
    this.#at++;
    return letter === letter.toLowerCase() ? known : complement(known);
  }

  /** One character after a backslash. */
  #pointEscape(): number {
    const letter = this.#next();
    const control = CONTROLS.get(letter);
    if (control !== undefined) return control;
    if (letter === 'x') {
      const hex = /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/.exec(
        this.#points.slice(this.#at, this.#at + 8).join(''),
      );
      if (hex === null) throw new Unsupported();
      this.#at += hex[0].length;
      const point = Number.parseInt(hex[1] ?? (hex[2] as string), 16);
      if (point > 0x10ffff) throw new Unsupported();
      return point;
    }
    if (/^[0-9A-Za-z]$/.test(letter) || letter > '\x7f') throw new Unsupported();
    return letter.codePointAt(0) as number;
  }

  /** A bracket expression, after its opening bracket. */
  #set(flags: Flags): PatternNode {
    const negated = this.#consume('^');
    const members: CharMatcher[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      const named = /^\[:(\^?)([a-z]+):\]/.exec(this.#points.slice(this.#at, this.#at + 12).join(''));
      if (named !== null) {
        const known = POSIX.get(named[2] as string);
        if (known === undefined) throw new Unsupported();
        this.#at += named[0].length;
        members.push(named[1] === '' ? known : complement(known));
        continue;
      }
      if (this.#consume('\\')) {
        const known = this.#classEscape();
        if (known !== undefined) members.push(known);
        else members.push(this.#range(this.#pointEscape(), flags));
      } else members.push(this.#range(this.#next().codePointAt(0) as number, flags));
    }
    this.#at++;
    const matches: CharMatcher = (point) => members.some((member) => member(point));
    const weight = (flags.fold ? FOLDED_WEIGHT : 1) * members.length;
    return { kind: 'char', matches: negated ? complement(matches) : matches, weight };
  }

  /** A range `a-z`, or one character. */
  #range(low: number, flags: Flags): CharMatcher {
    let high = low;
    if (this.#peek() === '-' && this.#points[this.#at + 1] !== ']') {
      this.#at++;
      high = this.#consume('\\') ? this.#pointEscape() : (this.#next().codePointAt(0) as number);
      if (high < low) throw new Unsupported();
    }
    const within: CharMatcher = (point) => point >= low && point <= high;
    return flags.fold ? ignoringCase(within) : within;
  }

  #peek(): string {
    return this.#points[this.#at] ?? '';
  }

  #isLookingAt(two: string): boolean {
    return this.#points[this.#at] === two[0] && this.#points[this.#at + 1] === two[1];
  }

  #consume(point: string): boolean {
    if (this.#peek() !== point) return false;
    this.#at++;
    return true;
  }

  #next(): string {
    const point = this.#points[this.#at];
    if (point === undefined) throw new Unsupported();
    this.#at++;
    return point;
  }
}

const literal = (point: string, { fold }: Flags): PatternNode => {
  const code = point.codePointAt(0) as number;
  const same: CharMatcher = (one) => one === code;
  return { kind: 'char', matches: fold ? ignoringCase(same) : same, weight: fold ? FOLDED_WEIGHT : 1 };
};

/** Both letter cases are computed and compared. */
const FOLDED_WEIGHT = 4;

const complement =
  (matches: CharMatcher): CharMatcher =>
  (point) =>
    !matches(point);

/** Matches the other case of a letter, too. */
const ignoringCase =
  (matches: CharMatcher): CharMatcher =>
  (point) => {
    if (matches(point)) return true;
    const letter = String.fromCodePoint(point);
    return [letter.toLowerCase(), letter.toUpperCase()].some(
      (other) =>
        other !== letter && Array.from(other).length === 1 && matches(other.codePointAt(0) as number),
    );
  };

const asciiClass =
  (set: RegExp): CharMatcher =>
  (point) =>
    point < 128 && set.test(String.fromCodePoint(point));

const CLASSES: ReadonlyMap<string, CharMatcher> = new Map([
  ['d', asciiClass(/[0-9]/)],
  ['w', asciiClass(/[0-9A-Za-z_]/)],
  ['s', asciiClass(/[\t\n\f\r ]/)],
]);

const POSIX: ReadonlyMap<string, CharMatcher> = new Map([
  ['alnum', asciiClass(/[0-9A-Za-z]/)],
  ['alpha', asciiClass(/[A-Za-z]/)],
  ['ascii', (point: number) => point < 128],
  ['blank', asciiClass(/[\t ]/)],
  ['cntrl', (point: number) => point < 32 || point === 127],
  ['digit', asciiClass(/[0-9]/)],
  ['graph', asciiClass(/[!-~]/)],
  ['lower', asciiClass(/[a-z]/)],
  ['print', asciiClass(/[ -~]/)],
  ['punct', asciiClass(/[!-/:-@[-`{-~]/)],
  ['space', asciiClass(/[\t\n\v\f\r ]/)],
  ['upper', asciiClass(/[A-Z]/)],
  ['word', asciiClass(/[0-9A-Za-z_]/)],
  ['xdigit', asciiClass(/[0-9A-Fa-f]/)],
]);

const ANCHORS: ReadonlyMap<string, Anchor> = new Map([
  ['A', 'textStart'],
  ['z', 'textEnd'],
  ['b', 'wordBoundary'],
  ['B', 'notWordBoundary'],
]);

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);
