/**
 * Reads the text of a regular expression: RE2's syntax without captures, Unicode classes and flags other than a leading
 * `(?i)`. What is left out is refused by name.
 */
import { AgentError } from './errors.ts';

/** Code points from and to, both included. */
export type Range = readonly [from: number, to: number];
export interface Class {
  readonly ranges: readonly Range[];
  readonly negated: boolean;
}

export type Node =
  | { readonly kind: 'one'; readonly of: Class }
  | { readonly kind: 'all'; readonly of: readonly Node[] }
  | { readonly kind: 'any'; readonly of: readonly Node[] }
  | { readonly kind: 'repeat'; readonly of: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'anchor'; readonly at: 'start' | 'end' | 'edge' | 'noEdge' };

const MAX_CHARS = 512;
const MAX_DEPTH = 16;
const MAX_COUNT = 100;
const MAX_POINT = 0x10ffff;

const DIGIT: Range[] = [[0x30, 0x39]];
const SPACE: Range[] = [
  [9, 10],
  [12, 13],
  [32, 32],
];
const LOWER: Range[] = [[0x61, 0x7a]];
const UPPER: Range[] = [[0x41, 0x5a]];
const WORD: Range[] = [...DIGIT, ...UPPER, [0x5f, 0x5f], ...LOWER];
/** What may stand behind `\`, and between `[:` and `:]`. */
const ESCAPED: ReadonlyMap<string, readonly Range[]> = new Map([
  ['d', DIGIT],
  ['s', SPACE],
  ['w', WORD],
]);
const NAMED: ReadonlyMap<string, readonly Range[]> = new Map([
  ['alnum', [...DIGIT, ...UPPER, ...LOWER]],
  ['alpha', [...UPPER, ...LOWER]],
  ['digit', DIGIT],
  ['lower', LOWER],
  ['upper', UPPER],
  [
    'space',
    [
      [9, 13],
      [32, 32],
    ],
  ],
  ['word', WORD],
  ['xdigit', [...DIGIT, [0x41, 0x46], [0x61, 0x66]]],
]);
const CONTROL: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);
/** Any but a line feed. */
const DOT: Class = { ranges: [[10, 10]], negated: true };

/** Throws `AgentError('badRequest')`. `foldCase`: all letters in the result are lower case; fold the text, too. */
export function parsePattern(source: string): { node: Node; foldCase: boolean } {
  if (source.length > MAX_CHARS) throw bad(`it is longer than ${MAX_CHARS} characters`);
  const foldCase = source.startsWith('(?i)');
  const parser = new Parser(foldCase ? source.slice(4) : source, foldCase);
  return { node: parser.whole(), foldCase };
}

class Parser {
  readonly #chars: readonly string[];
  readonly #foldCase: boolean;
  #at = 0;
  #depth = 0;

  constructor(source: string, foldCase: boolean) {
    this.#chars = Array.from(source);
    this.#foldCase = foldCase;
  }

  whole(): Node {
    const node = this.#ways();
    if (this.#at < this.#chars.length) throw bad('a ) has no (');
    return node;
  }

  #ways(): Node {
    if (++this.#depth > MAX_DEPTH) throw bad(`groups are nested deeper than ${MAX_DEPTH}`);
    const ways = [this.#sequence()];
    while (this.#take('|')) ways.push(this.#sequence());
    this.#depth -= 1;
    return ways.length === 1 ? (ways[0] as Node) : { kind: 'any', of: ways };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#chars.length && this.#peek() !== '|' && this.#peek() !== ')')
      parts.push(this.#repeated(this.#atom()));
    return { kind: 'all', of: parts };
  }

  #repeated(of: Node): Node {
    const counts = this.#counts();
    if (counts === undefined) return of;
    this.#take('?'); // lazy or not: the same texts match
    if (this.#counts() !== undefined) throw bad('something is repeated twice: put it into a group');
    return { kind: 'repeat', of, min: counts[0], max: counts[1] };
  }

  #counts(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    const braces = /^\{(\d{1,5})(?:(,)(\d{0,5}))?\}/.exec(
      this.#chars.slice(this.#at, this.#at + 14).join(''),
    );
    if (braces === null) return undefined;
    this.#at += braces[0].length;
    const min = Number(braces[1]);
    const max = braces[2] === undefined ? min : braces[3] === '' ? Infinity : Number(braces[3]);
    if (min > MAX_COUNT || (max !== Infinity && max > MAX_COUNT))
      throw bad(`it repeats more than ${MAX_COUNT} times`);
    if (max < min) throw bad('the bounds of a repetition are the wrong way round');
    return [min, max];
  }

  #atom(): Node {
    const char = this.#next();
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'one', of: this.#class() };
      case '.':
        return { kind: 'one', of: DOT };
      case '^':
        return { kind: 'anchor', at: 'start' };
      case '$':
        return { kind: 'anchor', at: 'end' };
      case '*':
      case '+':
      case '?':
        throw bad(`there is nothing before ${char} to repeat`);
      case '\\':
        return this.#escape();
      default:
        return this.#literal(char);
    }
  }

  #group(): Node {
    if (this.#take('?')) {
      const rest = this.#chars.slice(this.#at, this.#at + 64).join('');
      const opening = /^(?::|P?<[A-Za-z_]\w*>)/.exec(rest);
      if (opening === null)
        throw bad('of groups that begin with (? only (?: and, at the very start, (?i) are supported');
      this.#at += opening[0].length;
    }
    const node = this.#ways();
    if (!this.#take(')')) throw bad('a ( is not closed');
    return node;
  }

  #escape(): Node {
    const char = this.#next('a \\ stands at the end');
    if (char === 'A') return { kind: 'anchor', at: 'start' };
    if (char === 'z') return { kind: 'anchor', at: 'end' };
    if (char === 'b') return { kind: 'anchor', at: 'edge' };
    if (char === 'B') return { kind: 'anchor', at: 'noEdge' };
    const set = setOf(char);
    return set === undefined ? this.#literal(this.#escaped(char)) : { kind: 'one', of: set };
  }

  /** The character meant by what follows a `\`. */
  #escaped(char: string): string {
    const control = CONTROL.get(char);
    if (control !== undefined) return String.fromCharCode(control);
    if (char === 'x') return this.#hex();
    if (!/[A-Za-z0-9]/.test(char)) return char;
    throw bad(`\\${char} is not supported`);
  }

  #hex(): string {
    const digits = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(
      this.#chars.slice(this.#at, this.#at + 8).join(''),
    );
    const point = Number.parseInt(digits?.[1] ?? digits?.[2] ?? 'x', 16);
    if (digits === null || !(point <= MAX_POINT))
      throw bad('\\x must be followed by two hex digits, or by {digits}');
    this.#at += digits[0].length;
    return String.fromCodePoint(point);
  }

  #literal(char: string): Node {
    const point = (this.#foldCase ? char.toLowerCase() : char).codePointAt(0) as number;
    return { kind: 'one', of: { ranges: [[point, point]], negated: false } };
  }

  #class(): Class {
    const negated = this.#take('^');
    const ranges: Range[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      const set = this.#set();
      if (set !== undefined) ranges.push(...set);
      else ranges.push(this.#range());
    }
    this.#at += 1;
    return { ranges: this.#foldCase ? ranges.flatMap(folded) : ranges, negated };
  }

  /** `[:alpha:]` or `\d`. */
  #set(): readonly Range[] | undefined {
    const ahead = this.#chars.slice(this.#at, this.#at + 12).join('');
    const named = /^\[:(\^?)([a-z]+):\]/.exec(ahead);
    if (named !== null) {
      const ranges = NAMED.get(named[2] as string);
      if (ranges === undefined) throw bad(`${named[0]} is not supported`);
      this.#at += named[0].length;
      return named[1] === '^' ? others(ranges) : ranges;
    }
    const set = ahead.startsWith('\\') ? setOf(ahead[1] ?? '') : undefined;
    if (set === undefined) return undefined;
    this.#at += 2;
    return set.negated ? others(set.ranges) : set.ranges;
  }

  #range(): Range {
    const from = this.#member();
    if (this.#peek() !== '-' || this.#chars[this.#at + 1] === ']') return [from, from];
    this.#at += 1;
    const to = this.#member();
    if (to < from) throw bad('a range of characters is the wrong way round');
    return [from, to];
  }

  #member(): number {
    const char = this.#next('a [ is not closed');
    return (char === '\\' ? this.#escaped(this.#next('a [ is not closed')) : char).codePointAt(0) as number;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(otherwise = 'it ends too soon'): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw bad(otherwise);
    return char;
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }
}

/** `\d` and its like; in upper case all but those. */
function setOf(char: string): Class | undefined {
  const ranges = ESCAPED.get(char.toLowerCase());
  return ranges === undefined ? undefined : { ranges, negated: char !== char.toLowerCase() };
}

/** Sorted ranges in, all the rest out. */
function others(ranges: readonly Range[]): Range[] {
  const rest: Range[] = [];
  let from = 0;
  for (const [start, end] of ranges) {
    if (start > from) rest.push([from, start - 1]);
    from = end + 1;
  }
  return [...rest, [from, MAX_POINT]];
}

/** A range, and its capital letters as small ones. */
function folded(range: Range): Range[] {
  const from = Math.max(range[0], 0x41);
  const to = Math.min(range[1], 0x5a);
  return from <= to ? [range, [from + 32, to + 32]] : [range];
}

const bad = (why: string): AgentError =>
  new AgentError('badRequest', `The regular expression cannot be used: ${why}`);
