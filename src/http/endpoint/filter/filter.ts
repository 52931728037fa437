/**
 * Compiles a parsed filter to a predicate: fields and values are checked once, before any element is tested.
 *
 * Source: Consul HTTP API, "Filtering".
 */
import { AgentError } from '../../../base/errors.ts';
import { MAX_PATTERN_BYTES } from '../../../base/pattern/parser.ts';
import { compilePattern, type StepBudget } from '../../../base/pattern/pattern.ts';
import type { Schema } from '../schema.ts';
import { type FilterExpr, filterError, parseFilter } from './parser.ts';

/** Whether an element matches. Throws `AgentError('badRequest')` when the filter has used up its steps. */
export type FilterPredicate = (element: unknown) => boolean;

/** Steps that one request may use: some milliseconds, whatever the expression. Source: S19 (docs/security.md). */
const MAX_STEPS = 2_000_000;
/** Characters that `contains` searches in one step. */
const CHARS_PER_STEP = 32;

type Predicate = (value: unknown) => boolean;
type Match = Extract<FilterExpr, { kind: 'match' }>;

/** Throws `AgentError('badRequest')`. */
export function compileFilter(source: string, root: Schema): FilterPredicate {
  return compile(parseFilter(source), root, { left: MAX_STEPS });
}

function compile(expr: FilterExpr, root: Schema, budget: StepBudget): Predicate {
  switch (expr.kind) {
    case 'and': {
      const [left, right] = [compile(expr.left, root, budget), compile(expr.right, root, budget)];
      return (value) => left(value) && right(value);
    }
    case 'or': {
      const [left, right] = [compile(expr.left, root, budget), compile(expr.right, root, budget)];
      return (value) => left(value) || right(value);
    }
    case 'not': {
      const inner = compile(expr.operand, root, budget);
      return (value) => !inner(value);
    }
    case 'match':
      return compileSelector(expr, expr.selector, root, budget);
  }
}

/** Follows a selector through the fields. A list matches if any of its elements does, also with `!=`. */
function compileSelector(
  match: Match,
  path: readonly string[],
  field: Schema,
  budget: StepBudget,
): Predicate {
  const [name, ...rest] = path;
  if (name === undefined) return compileMatch(match, field, budget);
  if (field.kind === 'list') {
    const test = compileSelector(match, path, field.of, budget);
    return (value) => (value as readonly unknown[] | undefined)?.some(test) ?? false;
  }
  const inner =
    field.kind === 'object' ? field.fields.get(name) : field.kind === 'map' ? field.of : undefined;
  if (inner === undefined || inner.hidden === true) throw unknownField(match.selector, name, field);
  const test = compileSelector(match, rest, inner, budget);
  const absent = field.kind === 'object' ? ZERO_VALUES[inner.kind] : undefined;
  return (value) => test(isObject(value) && Object.hasOwn(value, name) ? value[name] : absent);
}

/** What a field is that JSON leaves out: the zero value of its type in Go. A missing key of a map has none. */
const ZERO_VALUES: Readonly<Partial<Record<Schema['kind'], unknown>>> = {
  string: '',
  number: 0,
  boolean: false,
};

function compileMatch(match: Match, { kind }: Schema, budget: StepBudget): Predicate {
  const test = TESTS[kind][match.operator]?.(match, budget);
  if (test === undefined)
    throw filterError(`${formatMatch(match)} cannot be used on ${OPERATOR_HINTS[kind]}`);
  return (value) => {
    spendSteps(budget, 1);
    return test(value) !== match.negated;
  };
}

/** Throws when no steps are left. */
function spendSteps(budget: StepBudget, steps: number): void {
  budget.left -= steps;
  if (budget.left < 0) throwTooCostly();
}

function throwTooCostly(): never {
  throw new AgentError(
    'badRequest',
    'The filter takes too long on this much data: make it simpler, or request less',
  );
}

type PredicateFactory = (match: Match, budget: StepBudget) => Predicate;
type Tests = Readonly<Partial<Record<Match['operator'], PredicateFactory>>>;

const isEmpty: PredicateFactory = () => (value) => sizeOf(value) === 0;

/** Operators by kind of field. A missing value equals nothing, contains nothing, and is empty. */
const TESTS: Readonly<Record<Schema['kind'], Tests>> = {
  string: {
    equal:
      ({ value: wanted }) =>
      (value) =>
        value === wanted,
    contains:
      ({ value: wanted }, budget) =>
      (value) => {
        if (typeof value !== 'string') return false;
        spendSteps(budget, Math.ceil(value.length / CHARS_PER_STEP));
        return value.includes(wanted);
      },
    matches: ({ value: source }, budget) => {
      const pattern = compilePattern(source, budget);
      if (budget.left < 0) throwTooCostly();
      if (pattern === undefined)
        throw filterError(
          `the regular expression ${JSON.stringify(source)} is invalid in RE2, longer than ${MAX_PATTERN_BYTES} bytes, too large, or uses \\p or \\C, which are not supported`,
        );
      return (value) => pattern.test(typeof value === 'string' ? value : '', budget) ?? throwTooCostly();
    },
  },
  number: {
    equal: (match) => {
      if (!/^[+-]?\d{1,15}$/.test(match.value))
        throw filterError(`${formatMatch(match)}: ${match.value} is not a number`);
      const wanted = Number(match.value);
      return (value) => value === wanted;
    },
  },
  boolean: {
    equal: (match) => {
      const wanted = BOOLEANS.get(match.value);
      if (wanted === undefined)
        throw filterError(`${formatMatch(match)}: ${match.value} is neither true nor false`);
      return (value) => value === wanted;
    },
  },
  strings: {
    contains:
      ({ value: wanted }, budget) =>
      (value) => {
        spendSteps(budget, sizeOf(value));
        return Array.isArray(value) && value.includes(wanted);
      },
    empty: isEmpty,
  },
  map: {
    contains:
      ({ value: wanted }) =>
      (value) =>
        isObject(value) && Object.hasOwn(value, wanted),
    empty: isEmpty,
  },
  object: {},
  any: {},
  list: { empty: isEmpty },
};

const OPERATOR_HINTS: Readonly<Record<Schema['kind'], string>> = {
  string: 'a string: use ==, !=, contains, in or matches',
  number: 'a number: use == or !=',
  boolean: 'a boolean: use == or !=',
  strings: 'a list: use contains, in or is empty',
  map: 'a map: use contains, in, is empty, or name a key',
  object: 'an object: name a field of it',
  any: 'this field',
  list: 'a list of objects: use is empty, or name a field of them',
};

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((word) => [word, false] as const),
]);

const formatMatch = ({ selector, operator, negated }: Match): string =>
  `"${selector.join('.')}${negated ? ' not' : ''} ${operator}"`;

function unknownField(selector: readonly string[], name: string, field: Schema): Error {
  const selectable =
    field.kind === 'object' ? [...field.fields].flatMap(([one, { hidden }]) => (hidden ? [] : [one])) : [];
  const hint = selectable.length === 0 ? '' : `; use one of ${selectable.join(', ')}`;
  return filterError(
    `Selector ${JSON.stringify(selector.join('.'))} is not valid at ${JSON.stringify(name)}${hint}`,
  );
}

const sizeOf = (value: unknown): number =>
  Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
