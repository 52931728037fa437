/**
 * Reads the text of `filter=`. Which fields there are, and what they hold, is compile.ts' business.
 *
 * Source: http.md section 15; limits: security S19.
 */
import { AgentError } from '../../../base/errors.ts';

export type Operator = 'equal' | 'contains' | 'matches' | 'empty';

/** A filter as it was written. `not`: the opposite. */
export type Expr =
  | { readonly kind: 'and' | 'or'; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'not'; readonly of: Expr }
  | {
      readonly kind: 'match';
      readonly selector: readonly string[];
      readonly operator: Operator;
      readonly not: boolean;
      /** `''` for `empty`. */
      readonly value: string;
    };

export const MAX_FILTER_CHARS = 2048;
const MAX_DEPTH = 32;
const MAX_TERMS = 100;

/** Throws `AgentError('badRequest')`: the sentence says where, and what was expected. */
export const parseFilter = (source: string): Expr => new Parser(source).whole();

export const badFilter = (why: string): AgentError =>
  new AgentError('badRequest', `Failed to create boolean expression evaluator: ${why}`);

const BLANK = /[ \t\r\n]*/y;
const WORD = /[A-Za-z][A-Za-z0-9_]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?![A-Za-z0-9_.])/y;
const RAW = /`[^`]*`/y;
const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"/y;

/** What an operand may be: a field, or a word, number or text to compare with. */
interface Operand {
  /** Absent for a number or a text. */
  readonly selector?: readonly string[];
  readonly value: string;
}

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #terms = 0;

  constructor(source: string) {
    if (source.length > MAX_FILTER_CHARS) throw badFilter(`it is longer than ${MAX_FILTER_CHARS} characters`);
    this.#source = source;
  }

  whole(): Expr {
    this.#blank();
    const expr = this.#or();
    this.#blank();
    if (this.#at < this.#source.length)
      throw this.#expected('"and", "or" or the end (a value with other characters needs quotes)');
    return expr;
  }

  #or(): Expr {
    return this.#nested(() => this.#chain('or', () => this.#and()));
  }

  #and(): Expr {
    return this.#chain('and', () => this.#not());
  }

  /** Right-associative, though nobody can tell. */
  #chain(word: 'and' | 'or', part: () => Expr): Expr {
    const parts = [part()];
    while (this.#spaced(word)) parts.push(part());
    return parts.reduceRight((right, left) => ({ kind: word, left, right }));
  }

  #not(): Expr {
    if (this.#keyword('not')) return this.#nested(() => ({ kind: 'not', of: this.#not() }));
    if (!this.#take('(')) return this.#match();
    this.#blank();
    const inner = this.#or();
    this.#blank();
    if (!this.#take(')')) throw this.#expected('")"');
    return inner;
  }

  #match(): Expr {
    if (++this.#terms > MAX_TERMS) throw badFilter(`it has more than ${MAX_TERMS} comparisons`);
    const left = this.#operand();
    const symbol = this.#symbol();
    if (symbol !== undefined) {
      this.#blank();
      return match(this.#field(left), 'equal', symbol === '!=', this.#operand().value);
    }
    if (!this.#blank()) throw this.#expected('an operator');
    if (this.#keyword('is')) return this.#empty(this.#field(left));
    const not = this.#keyword('not');
    if (this.#keyword('contains')) return match(this.#field(left), 'contains', not, this.#operand().value);
    if (this.#keyword('matches')) return match(this.#field(left), 'matches', not, this.#operand().value);
    if (this.#keyword('in')) return match(this.#field(this.#operand()), 'contains', not, left.value);
    throw this.#expected(not ? '"in", "contains" or "matches"' : 'an operator');
  }

  #symbol(): string | undefined {
    const before = this.#at;
    this.#blank();
    for (const symbol of ['==', '!=']) if (this.#take(symbol)) return symbol;
    this.#at = before;
    return undefined;
  }

  #empty(selector: readonly string[]): Expr {
    const not = this.#keyword('not');
    if (this.#read(WORD) !== 'empty') throw this.#expected('"empty"');
    return match(selector, 'empty', not, '');
  }

  #field({ selector }: Operand): readonly string[] {
    if (selector === undefined) throw this.#expected('a field, not a value,');
    return selector;
  }

  #operand(): Operand {
    const text = this.#text();
    if (text !== undefined) return { value: text };
    const number = this.#read(NUMBER);
    if (number !== undefined) return { value: number };
    const selector = this.#selector();
    return { selector, value: selector.join('.') };
  }

  #selector(): string[] {
    const first = this.#read(WORD);
    if (first === undefined) throw this.#expected('a field or a value');
    const selector = [first];
    for (;;) {
      if (this.#take('.')) selector.push(this.#read(WORD) ?? this.#fail('a name after the dot'));
      else if (this.#take('[')) {
        selector.push(this.#text() ?? this.#fail('a text in quotes'));
        if (!this.#take(']')) throw this.#expected('"]"');
      } else return selector;
    }
  }

  #text(): string | undefined {
    const raw = this.#read(RAW);
    if (raw !== undefined) return raw.slice(1, -1);
    const quoted = this.#read(QUOTED);
    return quoted === undefined ? undefined : unquoted(quoted.slice(1, -1));
  }

  #nested(inside: () => Expr): Expr {
    if (++this.#depth > MAX_DEPTH) throw badFilter(`it is nested deeper than ${MAX_DEPTH}`);
    const expr = inside();
    this.#depth -= 1;
    return expr;
  }

  /** A word with blanks around it, unless it is not there: then nothing is read. */
  #spaced(word: string): boolean {
    const before = this.#at;
    if (this.#blank() && this.#keyword(word)) return true;
    this.#at = before;
    return false;
  }

  /** A word and the blanks that must follow it. */
  #keyword(word: string): boolean {
    const before = this.#at;
    if (this.#read(WORD) === word && this.#blank()) return true;
    this.#at = before;
    return false;
  }

  /** Skips blanks; false if there are none. */
  #blank(): boolean {
    return this.#read(BLANK) !== '';
  }

  #take(token: string): boolean {
    if (!this.#source.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #read(token: RegExp): string | undefined {
    token.lastIndex = this.#at;
    const found = token.exec(this.#source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #fail(what: string): never {
    throw this.#expected(what);
  }

  #expected(what: string): AgentError {
    const rest = this.#source.slice(this.#at, this.#at + 20);
    const where = rest === '' ? 'at the end' : `before ${JSON.stringify(rest)}`;
    return badFilter(`${what} is expected ${where}`);
  }
}

const match = (selector: readonly string[], operator: Operator, not: boolean, value: string): Expr => ({
  kind: 'match',
  selector,
  operator,
  not,
  value,
});

/** The text that stands in double quotes. Source: the Go specification, interpreted string literals. */
function unquoted(body: string): string {
  return body.replace(ESCAPE, (all: string, hex?: string, octal?: string) => {
    if (hex !== undefined) {
      const point = Number.parseInt(hex.slice(1), 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : refuseEscape(all);
    }
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    return SIMPLE.get(all) ?? refuseEscape(all);
  });
}

const ESCAPE = /\\(?:(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})|([0-3][0-7]{2})|.)/gs;
const SIMPLE: ReadonlyMap<string, string> = new Map([
  ['\\a', '\u0007'],
  ['\\b', '\b'],
  ['\\f', '\f'],
  ['\\n', '\n'],
  ['\\r', '\r'],
  ['\\t', '\t'],
  ['\\v', '\v'],
  ['\\\\', '\\'],
  ['\\"', '"'],
]);

function refuseEscape(all: string): never {
  throw badFilter(`${all} is not an escape: write \\\\ for a backslash, or put the text between backquotes`);
}
