/**
 * Parses the text of `filter=` into an expression; `filter.ts` checks its fields and compiles it.
 *
 * Source: Consul HTTP API, "Filtering"; limits: S19 (docs/security.md).
 */
import { AgentError } from '../../../base/errors.ts';

export type FilterOperator = 'equal' | 'contains' | 'matches' | 'empty';

/** A filter as it was written. `negated` is the opposite of the operator. */
export type FilterExpr =
  | { readonly kind: 'and' | 'or'; readonly left: FilterExpr; readonly right: FilterExpr }
  | { readonly kind: 'not'; readonly operand: FilterExpr }
  | {
      readonly kind: 'match';
      readonly selector: readonly string[];
      readonly operator: FilterOperator;
      readonly negated: boolean;
      /** `''` for `empty`. */
      readonly value: string;
    };

export const MAX_FILTER_CHARS = 12_288;
const MAX_DEPTH = 32;
const MAX_TERMS = 500;

/** Throws `AgentError('badRequest')`: its message says what was expected where. */
export const parseFilter = (source: string): FilterExpr => new FilterParser(source).parse();

export const filterError = (why: string): AgentError =>
  new AgentError('badRequest', `Failed to create boolean expression evaluator: ${why}`);

const BLANK = /[ \t\r\n]*/y;
const WORD = /[A-Za-z][A-Za-z0-9_]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?![A-Za-z0-9_.])/y;
const RAW = /`[^`]*`/y;
const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"/y;

/** A field, or a value to compare with. A word can be either. */
interface Operand {
  /** Absent for a number or a quoted string. */
  readonly selector?: readonly string[];
  readonly value: string;
}

class FilterParser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #terms = 0;

  constructor(source: string) {
    if (source.length > MAX_FILTER_CHARS)
      throw filterError(`it is longer than ${MAX_FILTER_CHARS} characters`);
    this.#source = source;
  }

  parse(): FilterExpr {
    this.#skipBlanks();
    const expr = this.#parseOr();
    this.#skipBlanks();
    if (this.#at < this.#source.length)
      throw this.#expected('"and", "or" or the end (a value with other characters needs quotes)');
    return expr;
  }

  #parseOr(): FilterExpr {
    return this.#withDepth(() => this.#parseChain('or', () => this.#parseAnd()));
  }

  #parseAnd(): FilterExpr {
    return this.#parseChain('and', () => this.#parseNot());
  }

  #parseChain(word: 'and' | 'or', part: () => FilterExpr): FilterExpr {
    const parts = [part()];
    while (this.#acceptSpacedWord(word)) parts.push(part());
    return parts.reduceRight((right, left) => ({ kind: word, left, right }));
  }

  #parseNot(): FilterExpr {
    if (this.#acceptKeyword('not'))
      return this.#withDepth(() => ({ kind: 'not', operand: this.#parseNot() }));
    if (!this.#acceptToken('(')) return this.#parseMatch();
    this.#skipBlanks();
    const inner = this.#parseOr();
    this.#skipBlanks();
    if (!this.#acceptToken(')')) throw this.#expected('")"');
    return inner;
  }

  #parseMatch(): FilterExpr {
    if (++this.#terms > MAX_TERMS) throw filterError(`it has more than ${MAX_TERMS} comparisons`);
    const left = this.#parseOperand();
    const symbol = this.#scanOperator();
    if (symbol !== undefined) {
      this.#skipBlanks();
      return match(this.#requireField(left), 'equal', symbol === '!=', this.#parseOperand().value);
    }
    if (!this.#skipBlanks()) throw this.#expected('an operator');
    if (this.#acceptKeyword('is')) return this.#parseEmpty(this.#requireField(left));
    const not = this.#acceptKeyword('not');
    if (this.#acceptKeyword('contains'))
      return match(this.#requireField(left), 'contains', not, this.#parseOperand().value);
    if (this.#acceptKeyword('matches'))
      return match(this.#requireField(left), 'matches', not, this.#parseOperand().value);
    if (this.#acceptKeyword('in'))
      return match(this.#requireField(this.#parseOperand()), 'contains', not, left.value);
    throw this.#expected(not ? '"in", "contains" or "matches"' : 'an operator');
  }

  #scanOperator(): string | undefined {
    const before = this.#at;
    this.#skipBlanks();
    for (const symbol of ['==', '!=']) if (this.#acceptToken(symbol)) return symbol;
    this.#at = before;
    return undefined;
  }

  #parseEmpty(selector: readonly string[]): FilterExpr {
    const not = this.#acceptKeyword('not');
    if (this.#scan(WORD) !== 'empty') throw this.#expected('"empty"');
    return match(selector, 'empty', not, '');
  }

  #requireField({ selector }: Operand): readonly string[] {
    if (selector === undefined) throw this.#expected('a field, not a value,');
    return selector;
  }

  #parseOperand(): Operand {
    const text = this.#scanString();
    if (text !== undefined) return { value: text };
    const number = this.#scan(NUMBER);
    if (number !== undefined) return { value: number };
    const selector = this.#parseSelector();
    return { selector, value: selector.join('.') };
  }

  #parseSelector(): string[] {
    const first = this.#scan(WORD);
    if (first === undefined) throw this.#expected('a field or a value');
    const selector = [first];
    for (;;) {
      if (this.#acceptToken('.')) selector.push(this.#scan(WORD) ?? this.#fail('a name after the dot'));
      else if (this.#acceptToken('[')) {
        selector.push(this.#scanString() ?? this.#fail('a string in quotes'));
        if (!this.#acceptToken(']')) throw this.#expected('"]"');
      } else return selector;
    }
  }

  #scanString(): string | undefined {
    const raw = this.#scan(RAW);
    if (raw !== undefined) return raw.slice(1, -1);
    const quoted = this.#scan(QUOTED);
    return quoted === undefined ? undefined : resolveEscapes(quoted.slice(1, -1));
  }

  #withDepth(inside: () => FilterExpr): FilterExpr {
    if (++this.#depth > MAX_DEPTH) throw filterError(`it is nested deeper than ${MAX_DEPTH}`);
    const expr = inside();
    this.#depth -= 1;
    return expr;
  }

  /** Accepts a word with blanks around it, or reads nothing. */
  #acceptSpacedWord(word: string): boolean {
    const before = this.#at;
    if (this.#skipBlanks() && this.#acceptKeyword(word)) return true;
    this.#at = before;
    return false;
  }

  /** Accepts a word and the blanks that must follow it, or reads nothing. */
  #acceptKeyword(word: string): boolean {
    const before = this.#at;
    if (this.#scan(WORD) === word && this.#skipBlanks()) return true;
    this.#at = before;
    return false;
  }

  /** False if there are none. */
  #skipBlanks(): boolean {
    return this.#scan(BLANK) !== '';
  }

  #acceptToken(token: string): boolean {
    if (!this.#source.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #scan(token: RegExp): string | undefined {
    token.lastIndex = this.#at;
    const text = token.exec(this.#source)?.[0];
    this.#at += text?.length ?? 0;
    return text;
  }

  #fail(what: string): never {
    throw this.#expected(what);
  }

  #expected(what: string): AgentError {
    const rest = this.#source.slice(this.#at, this.#at + 20);
    const where = rest === '' ? 'at the end' : `before ${JSON.stringify(rest)}`;
    return filterError(`${what} is expected ${where}`);
  }
}

const match = (
  selector: readonly string[],
  operator: FilterOperator,
  negated: boolean,
  value: string,
): FilterExpr => ({ kind: 'match', selector, operator, negated, value });

/** Resolves the escapes of a string in double quotes. Source: the Go specification, interpreted string literals. */
function resolveEscapes(body: string): string {
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
  throw filterError(
    `${all} is not an escape: write \\\\ for a backslash, or put the string between backquotes`,
  );
}
