/**
 * RE2's language to a tree. What is not understood gives no tree: Unicode classes (`\p`), `\C`, and whatever RE2
 * itself refuses, such as back references.
 *
 * Source: RE2 syntax page; Go regexp/syntax.
 */

export type Place = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'wordBorder' | 'noWordBorder';
export type Matcher = (point: number) => boolean;

export type Node =
  | { readonly kind: 'char'; readonly matches: Matcher }
  | { readonly kind: 'at'; readonly place: Place }
  | { readonly kind: 'sequence' | 'either'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number };

const MAX_LENGTH = 1024;
const MAX_DEPTH = 40;
/** Source: Go regexp/syntax, the largest count of a repetition. */
const MAX_COUNT = 1000;

interface Flags {
  readonly fold: boolean;
  readonly lines: boolean;
  readonly dotAll: boolean;
}

/** Not understood, or wrong. Never leaves this file. */
class Unknown extends Error {}

export function parsePattern(expression: string): Node | undefined {
  const points = Array.from(expression);
  if (points.length > MAX_LENGTH) return undefined;
  try {
    const parser = new Parser(points);
    const tree = parser.either({ fold: false, lines: false, dotAll: false }, 0);
    return parser.done ? tree : undefined;
  } catch (error) {
    if (error instanceof Unknown) return undefined;
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

  /** Up to the end or the bracket that closes it. */
  either(given: Flags, depth: number): Node {
    if (depth > MAX_DEPTH) throw new Unknown();
    let flags = given;
    const branches: Node[] = [];
    let parts: Node[] = [];
    while (!this.done && this.#peek() !== ')') {
      if (this.#take('|')) {
        branches.push({ kind: 'sequence', parts });
        parts = [];
        continue;
      }
      if (this.#looksAt('(?')) {
        const group = this.#flagGroup(flags, depth);
        if ('fold' in group) flags = group;
        else parts.push(this.#repeated(group));
        continue;
      }
      if (this.#looksAt('\\Q')) {
        parts.push(...this.#quoted(flags));
        continue;
      }
      parts.push(this.#repeated(this.#one(flags, depth)));
    }
    branches.push({ kind: 'sequence', parts });
    return { kind: 'either', parts: branches };
  }

  #one(flags: Flags, depth: number): Node {
    const point = this.#next();
    switch (point) {
      case '(': {
        const inner = this.either(flags, depth + 1);
        if (!this.#take(')')) throw new Unknown();
        return inner;
      }
      case '[':
        return { kind: 'char', matches: this.#set(flags) };
      case '.':
        return { kind: 'char', matches: flags.dotAll ? () => true : (one) => one !== 10 };
      case '^':
        return { kind: 'at', place: flags.lines ? 'lineStart' : 'textStart' };
      case '$':
        return { kind: 'at', place: flags.lines ? 'lineEnd' : 'textEnd' };
      case '*':
      case '+':
      case '?':
        throw new Unknown();
      case '\\':
        return this.#escape(flags);
      default:
        return literal(point, flags);
    }
  }

  /** `(?:…)`, `(?i:…)`, a named group; or `(?i)`, which changes the flags from here on. */
  #flagGroup(flags: Flags, depth: number): Node | Flags {
    this.#at += 2;
    const named = /^(?:P?<[A-Za-z0-9_]+>)/.exec(this.#points.slice(this.#at, this.#at + 100).join(''));
    if (named !== null) this.#at += named[0].length;
    let next = flags;
    let on = true;
    while (named === null && !this.#take(':')) {
      const flag = this.#next();
      if (flag === ')') return next;
      if (flag === '-') on = false;
      else if (flag === 'i') next = { ...next, fold: on };
      else if (flag === 'm') next = { ...next, lines: on };
      else if (flag === 's') next = { ...next, dotAll: on };
      else if (flag !== 'U') throw new Unknown(); // greedy or not: what matches, matches
    }
    const inner = this.either(next, depth + 1);
    if (!this.#take(')')) throw new Unknown();
    return inner;
  }

  #quoted(flags: Flags): Node[] {
    this.#at += 2;
    const nodes: Node[] = [];
    while (!this.done && !this.#looksAt('\\E')) nodes.push(literal(this.#next(), flags));
    if (!this.done) this.#at += 2;
    return nodes;
  }

  #repeated(part: Node): Node {
    const bounds = this.#bounds();
    if (bounds === undefined) return part;
    this.#take('?'); // not greedy: what matches, matches
    if (this.#bounds() !== undefined) throw new Unknown();
    return { kind: 'repeat', part, ...bounds };
  }

  #bounds(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { min: 0, max: 1 };
    if (this.#peek() !== '{') return undefined;
    const counted = /^\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/.exec(
      this.#points.slice(this.#at, this.#at + 12).join(''),
    );
    if (counted === null) return undefined; // a brace as it stands
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const max =
      counted[2] === undefined
        ? min
        : counted[3] === undefined
          ? Number.POSITIVE_INFINITY
          : Number(counted[3]);
    if (max < min || min > MAX_COUNT || (max > MAX_COUNT && max !== Number.POSITIVE_INFINITY))
      throw new Unknown();
    return { min, max };
  }

  #escape(flags: Flags): Node {
    const place = PLACES.get(this.#peek());
    if (place !== undefined) {
      this.#at++;
      return { kind: 'at', place };
    }
    const known = this.#classEscape();
    if (known !== undefined) return { kind: 'char', matches: known };
    return literal(String.fromCodePoint(this.#pointEscape()), flags);
  }

  /** `\d` and its like, behind the backslash. */
  #classEscape(): Matcher | undefined {
    const letter = this.#peek();
    const known = CLASSES.get(letter.toLowerCase());
    if (known === undefined) return undefined;
    this.#at++;
    return letter === letter.toLowerCase() ? known : not(known);
  }

  /** One character behind a backslash. */
  #pointEscape(): number {
    const letter = this.#next();
    const control = CONTROLS.get(letter);
    if (control !== undefined) return control;
    if (letter === 'x') {
      const hex = /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/.exec(
        this.#points.slice(this.#at, this.#at + 8).join(''),
      );
      if (hex === null) throw new Unknown();
      this.#at += hex[0].length;
      const point = Number.parseInt(hex[1] ?? (hex[2] as string), 16);
      if (point > 0x10ffff) throw new Unknown();
      return point;
    }
    if (/^[0-9A-Za-z]$/.test(letter) || letter > '\x7f') throw new Unknown();
    return letter.codePointAt(0) as number;
  }

  /** Behind the opening bracket. */
  #set(flags: Flags): Matcher {
    const negated = this.#take('^');
    const members: Matcher[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      const named = /^\[:(\^?)([a-z]+):\]/.exec(this.#points.slice(this.#at, this.#at + 12).join(''));
      if (named !== null) {
        const known = POSIX.get(named[2] as string);
        if (known === undefined) throw new Unknown();
        this.#at += named[0].length;
        members.push(named[1] === '' ? known : not(known));
        continue;
      }
      if (this.#take('\\')) {
        const known = this.#classEscape();
        if (known !== undefined) members.push(known);
        else members.push(this.#range(this.#pointEscape(), flags));
      } else members.push(this.#range(this.#next().codePointAt(0) as number, flags));
    }
    this.#at++;
    const matches: Matcher = (point) => members.some((member) => member(point));
    return negated ? not(matches) : matches;
  }

  /** `a-z`, or `a` alone. */
  #range(low: number, flags: Flags): Matcher {
    let high = low;
    if (this.#peek() === '-' && this.#points[this.#at + 1] !== ']') {
      this.#at++;
      high = this.#take('\\') ? this.#pointEscape() : (this.#next().codePointAt(0) as number);
      if (high < low) throw new Unknown();
    }
    const within: Matcher = (point) => point >= low && point <= high;
    return flags.fold ? folded(within) : within;
  }

  #peek(): string {
    return this.#points[this.#at] ?? '';
  }

  #looksAt(two: string): boolean {
    return this.#points[this.#at] === two[0] && this.#points[this.#at + 1] === two[1];
  }

  #take(point: string): boolean {
    if (this.#peek() !== point) return false;
    this.#at++;
    return true;
  }

  #next(): string {
    const point = this.#points[this.#at];
    if (point === undefined) throw new Unknown();
    this.#at++;
    return point;
  }
}

const literal = (point: string, { fold }: Flags): Node => {
  const code = point.codePointAt(0) as number;
  const same: Matcher = (one) => one === code;
  return { kind: 'char', matches: fold ? folded(same) : same };
};

const not =
  (matches: Matcher): Matcher =>
  (point) =>
    !matches(point);

/** Also for the other case of a letter. */
const folded =
  (matches: Matcher): Matcher =>
  (point) => {
    if (matches(point)) return true;
    const letter = String.fromCodePoint(point);
    return [letter.toLowerCase(), letter.toUpperCase()].some(
      (other) =>
        other !== letter && Array.from(other).length === 1 && matches(other.codePointAt(0) as number),
    );
  };

const of =
  (set: RegExp): Matcher =>
  (point) =>
    point < 128 && set.test(String.fromCodePoint(point));

const CLASSES: ReadonlyMap<string, Matcher> = new Map([
  ['d', of(/[0-9]/)],
  ['w', of(/[0-9A-Za-z_]/)],
  ['s', of(/[\t\n\f\r ]/)],
]);

const POSIX: ReadonlyMap<string, Matcher> = new Map([
  ['alnum', of(/[0-9A-Za-z]/)],
  ['alpha', of(/[A-Za-z]/)],
  ['ascii', (point: number) => point < 128],
  ['blank', of(/[\t ]/)],
  ['cntrl', (point: number) => point < 32 || point === 127],
  ['digit', of(/[0-9]/)],
  ['graph', of(/[!-~]/)],
  ['lower', of(/[a-z]/)],
  ['print', of(/[ -~]/)],
  ['punct', of(/[!-/:-@[-`{-~]/)],
  ['space', of(/[\t\n\v\f\r ]/)],
  ['upper', of(/[A-Z]/)],
  ['word', of(/[0-9A-Za-z_]/)],
  ['xdigit', of(/[0-9A-Fa-f]/)],
]);

const PLACES: ReadonlyMap<string, Place> = new Map([
  ['A', 'textStart'],
  ['z', 'textEnd'],
  ['b', 'wordBorder'],
  ['B', 'noWordBorder'],
]);

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);
