/**
 * Regular expressions of strangers, safely: a subset of RE2's syntax, matched by walking all its ways at once, so that
 * no expression takes longer than its length times that of the text. Node's own engine may take for ever.
 *
 * Source: security S19; Thompson, Regular Expression Search Algorithm (1968).
 */
import { AgentError } from './errors.ts';
import { type Class, type Node, parsePattern } from './pattern-syntax.ts';

/** Work that is still allowed; shared by all that one request makes us do. */
export interface Budget {
  left: number;
}

export interface Pattern {
  /** Is there a match anywhere in the text? Throws `AgentError('badRequest')` when the budget is spent. */
  test(text: string, budget: Budget): boolean;
}

/** Steps of one compiled pattern: what repetitions of repetitions come to. */
const MAX_STEPS = 1000;

type Step =
  | { readonly kind: 'one'; readonly of: Class; next: number }
  | { readonly kind: 'fork'; next: number; other: number }
  | { readonly kind: 'here'; readonly at: Extract<Node, { kind: 'anchor' }>['at']; next: number }
  | { readonly kind: 'found' };

/** Throws `AgentError('badRequest')`: the sentence names what is wrong or not supported. */
export function compilePattern(source: string): Pattern {
  const { node, foldCase } = parsePattern(source);
  const steps: Step[] = [];
  const start = build(steps, node, add(steps, { kind: 'found' }));
  return new Walker(steps, start, foldCase);
}

function add(steps: Step[], step: Step): number {
  if (steps.length >= MAX_STEPS)
    throw new AgentError('badRequest', `The regular expression is too large: repeat less in it`);
  return steps.push(step) - 1;
}

/** Appends the steps of `node`, which go on at `next`; the number of the first. */
function build(steps: Step[], node: Node, next: number): number {
  switch (node.kind) {
    case 'one':
      return add(steps, { kind: 'one', of: node.of, next });
    case 'anchor':
      return add(steps, { kind: 'here', at: node.at, next });
    case 'all':
      return node.of.reduceRight((after, part) => build(steps, part, after), next);
    case 'any':
      return node.of
        .map((way) => build(steps, way, next))
        .reduceRight((other, way) => add(steps, { kind: 'fork', next: way, other }));
    case 'repeat':
      return repeat(steps, node, next);
  }
}

function repeat(steps: Step[], { of, min, max }: Extract<Node, { kind: 'repeat' }>, next: number): number {
  let first = next;
  if (max === Infinity) {
    const fork: Step = { kind: 'fork', next, other: next };
    first = add(steps, fork);
    fork.next = build(steps, of, first);
  } else {
    for (let i = min; i < max; i++)
      first = add(steps, { kind: 'fork', next: build(steps, of, first), other: next });
  }
  for (let i = 0; i < min; i++) first = build(steps, of, first);
  return first;
}

class Walker implements Pattern {
  readonly #steps: readonly Step[];
  readonly #start: number;
  readonly #foldCase: boolean;
  /** At which position a step was last entered: each at most once. */
  readonly #entered: Int32Array;

  constructor(steps: readonly Step[], start: number, foldCase: boolean) {
    this.#steps = steps;
    this.#start = start;
    this.#foldCase = foldCase;
    this.#entered = new Int32Array(steps.length);
  }

  test(text: string, budget: Budget): boolean {
    const points = Array.from(
      this.#foldCase ? text.toLowerCase() : text,
      (one) => one.codePointAt(0) as number,
    );
    this.#entered.fill(-1);
    let here: number[] = [];
    for (let at = 0; ; at++) {
      // A match may begin anywhere.
      if (this.#enter(this.#start, at, points, here, budget)) return true;
      spend(budget, 1 + here.length);
      if (at === points.length) return false;
      const point = points[at] as number;
      const next: number[] = [];
      for (const number of here) {
        const step = this.#steps[number] as Step;
        if (
          step.kind === 'one' &&
          holds(step.of, point) &&
          this.#enter(step.next, at + 1, points, next, budget)
        )
          return true;
      }
      here = next;
    }
  }

  /** Adds to `into` what can be read next from `from` on; true if that is nothing, as all has been found. */
  #enter(from: number, at: number, points: readonly number[], into: number[], budget: Budget): boolean {
    const open = [from];
    for (let number = open.pop(); number !== undefined; number = open.pop()) {
      if (this.#entered[number] === at) continue;
      this.#entered[number] = at;
      spend(budget, 1);
      const step = this.#steps[number] as Step;
      if (step.kind === 'found') return true;
      if (step.kind === 'one') into.push(number);
      else if (step.kind === 'fork') open.push(step.other, step.next);
      else if (isHere(step.at, at, points)) open.push(step.next);
    }
    return false;
  }
}

/** Throws when nothing is left. */
export function spend(budget: Budget, steps: number): void {
  budget.left -= steps;
  if (budget.left < 0)
    throw new AgentError(
      'badRequest',
      'The filter takes too long on this much data: make it simpler, or ask for less',
    );
}

function isHere(what: 'start' | 'end' | 'edge' | 'noEdge', at: number, points: readonly number[]): boolean {
  if (what === 'start') return at === 0;
  if (what === 'end') return at === points.length;
  return (isWord(points[at - 1]) !== isWord(points[at])) === (what === 'edge');
}

const isWord = (point: number | undefined): boolean =>
  point !== undefined && point < 128 && /\w/.test(String.fromCharCode(point));

function holds({ ranges, negated }: Class, point: number): boolean {
  return ranges.some(([from, to]) => from <= point && point <= to) !== negated;
}
