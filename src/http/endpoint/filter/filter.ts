/**
 * Makes a filter out of what parse.ts read: every field and every value is checked once, before anything is looked at.
 *
 * Source: Consul HTTP API, "Filtering".
 */
import { AgentError } from '../../../base/errors.ts';
import { compilePattern, type StepBudget } from '../../../base/pattern.ts';
import type { Schema } from '../schema.ts';
import { type FilterExpr, filterError, parseFilter } from './parser.ts';

/** Is this element wanted? Throws `AgentError('badRequest')` when it has worked too much. */
export type FilterPredicate = (element: unknown) => boolean;

/** What one request may cost: milliseconds, whatever the expression. Source: S19 (docs/security.md). */
const MAX_STEPS = 2_000_000;
/** Characters that are looked through in one step, where no regular expression is at work. */
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

/** Follows a selector through the fields. Of a list it is true if any element is as asked, also for `!=`. */
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
  return (value) => test(isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined);
}

function compileMatch(match: Match, { kind }: Schema, budget: StepBudget): Predicate {
  const test = TESTS[kind][match.operator]?.(match, budget);
  if (test === undefined)
    throw filterError(`${formatMatch(match)} cannot be asked of ${OPERATOR_HINTS[kind]}`);
  return (value) => {
    spendSteps(budget, 1);
    return test(value) !== match.negated;
  };
}

/** Throws when nothing is left. */
function spendSteps(budget: StepBudget, steps: number): void {
  budget.left -= steps;
  if (budget.left < 0) throwTooCostly();
}

function throwTooCostly(): never {
  throw new AgentError(
    'badRequest',
    'The filter takes too long on this much data: make it simpler, or ask for less',
  );
}

type PredicateFactory = (match: Match, budget: StepBudget) => Predicate;
type Tests = Readonly<Partial<Record<Match['operator'], PredicateFactory>>>;

/** A value that is missing equals nothing, contains nothing, and is empty. */
const size: PredicateFactory = () => (value) => sizeOf(value) === 0;

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
      const pattern = compilePattern(source);
      if (pattern === undefined)
        throw filterError(
          `the regular expression ${JSON.stringify(source)} is not RE2's, too large, or of a part not known here (\\p, \\C)`,
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
      const wanted = FLAGS.get(match.value);
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
    empty: size,
  },
  map: {
    contains:
      ({ value: wanted }) =>
      (value) =>
        isObject(value) && Object.hasOwn(value, wanted),
    empty: size,
  },
  object: {},
  any: {},
  list: { empty: size },
};

const OPERATOR_HINTS: Readonly<Record<Schema['kind'], string>> = {
  string: 'a text: use ==, !=, contains, in or matches',
  number: 'a number: use == or !=',
  boolean: 'true and false: use == or !=',
  strings: 'a list: use contains, in or is empty',
  map: 'a map: use contains, in, is empty, or name a key',
  object: 'an object: name a field of it',
  any: 'this field',
  list: 'a list of objects: use is empty, or name a field of them',
};

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((word) => [word, false] as const),
]);

const formatMatch = ({ selector, operator, negated: not }: Match): string =>
  `"${selector.join('.')}${not ? ' not' : ''} ${operator}"`;

function unknownField(selector: readonly string[], name: string, field: Schema): Error {
  const selectable =
    field.kind === 'object' ? [...field.fields].flatMap(([one, { hidden }]) => (hidden ? [] : [one])) : [];
  const known = selectable.length === 0 ? '' : `; known here: ${selectable.join(', ')}`;
  return filterError(
    `Selector ${JSON.stringify(selector.join('.'))} is not valid at ${JSON.stringify(name)}${known}`,
  );
}

const sizeOf = (value: unknown): number =>
  Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
