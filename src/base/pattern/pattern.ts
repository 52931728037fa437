/**
 * Regular expressions of strangers, in RE2's language without the Unicode classes, matched in time that grows with
 * expression times text and never more. Built from an expression by pattern-parser.ts; here they run.
 *
 * Source: Thompson 1968; Cox, Regular Expression Matching: the Virtual Machine Approach; RE2 syntax page.
 */
import { type Anchor, type PatternNode, parsePattern } from './parser.ts';

/** Steps of a compiled expression. */
const MAX_STEPS = 2000;
const MAX_NODES = 4 * MAX_STEPS;

type Step =
  | { readonly op: 'char'; readonly matches: (point: number) => boolean; readonly next: number }
  | { readonly op: 'fork'; readonly next: number; readonly other: number }
  | { readonly op: 'at'; readonly place: Anchor; readonly next: number }
  | { readonly op: 'match' };

/** How much work is still allowed; falls as patterns run, and may be shared by several. */
export interface StepBudget {
  left: number;
}

export interface Pattern {
  /** Does it match somewhere in `text`? `undefined`: the budget was used up before that was known. */
  test(text: string, budget: StepBudget): boolean | undefined;
}

/** `undefined`: not RE2, a part of it that is not understood here, or too large. */
export function compilePattern(expression: string): Pattern | undefined {
  const tree = parsePattern(expression);
  if (tree === undefined) return undefined;
  const program: Program = { steps: [{ op: 'match' }], nodes: 0 };
  const start = compile(tree, 0, program);
  if (start === undefined) return undefined;
  return { test: (text, budget) => search(program.steps, start, text, budget) };
}

interface Program {
  readonly steps: Step[];
  /** Unfolded so far: repetitions of nothing cost no steps, but time. */
  nodes: number;
}

/** Appends the steps of `node`, which then go on at `next`. Gives where they begin; `undefined`: too many. */
function compile(node: PatternNode, next: number, program: Program): number | undefined {
  program.nodes++;
  if (program.steps.length > MAX_STEPS || program.nodes > MAX_NODES) return undefined;
  const put = (step: Step): number => program.steps.push(step) - 1;
  switch (node.kind) {
    case 'char':
      return put({ op: 'char', matches: node.matches, next });
    case 'at':
      return put({ op: 'at', place: node.place, next });
    case 'sequence': {
      let at: number | undefined = next;
      for (const part of [...node.parts].reverse()) {
        if (at === undefined) return undefined;
        at = compile(part, at, program);
      }
      return at;
    }
    case 'either': {
      let at: number | undefined;
      for (const part of node.parts) {
        const start = compile(part, next, program);
        if (start === undefined) return undefined;
        at = at === undefined ? start : put({ op: 'fork', next: at, other: start });
      }
      return at ?? next;
    }
    case 'repeat':
      return compileRepeat(node, next, program);
  }
}

function compileRepeat(
  { part, min, max }: Extract<PatternNode, { kind: 'repeat' }>,
  next: number,
  program: Program,
): number | undefined {
  const { steps } = program;
  let at: number | undefined = next;
  if (max === Number.POSITIVE_INFINITY) {
    const fork = steps.push({ op: 'fork', next, other: next }) - 1;
    const start = compile(part, fork, program);
    if (start === undefined) return undefined;
    steps[fork] = { op: 'fork', next: start, other: next };
    at = fork;
  } else
    for (let i = min; i < max && at !== undefined; i++) {
      const start = compile(part, at, program);
      at = start === undefined ? undefined : steps.push({ op: 'fork', next: start, other: next }) - 1;
    }
  for (let i = 0; i < min && at !== undefined; i++) at = compile(part, at, program);
  return at;
}

/** All threads go through the text together, each step at most once per character. */
function search(
  steps: readonly Step[],
  start: number,
  text: string,
  budget: StepBudget,
): boolean | undefined {
  const points = Array.from(text, (one) => one.codePointAt(0) as number);
  let threads: number[] = [];
  for (let at = 0; at <= points.length; at++) {
    threads.push(start); // a match may begin anywhere
    const seen = new Set<number>();
    const next: number[] = [];
    while (threads.length > 0) {
      const pc = threads.pop() as number;
      if (seen.has(pc)) continue;
      seen.add(pc);
      if (--budget.left < 0) return undefined;
      const step = steps[pc] as Step;
      if (step.op === 'match') return true;
      if (step.op === 'fork') threads.push(step.other, step.next);
      else if (step.op === 'at') {
        if (isAnchoredAt(step.place, points, at)) threads.push(step.next);
      } else if (at < points.length && step.matches(points[at] as number)) next.push(step.next);
    }
    threads = next;
  }
  return false;
}

const NEWLINE = 10;

function isAnchoredAt(place: Anchor, points: readonly number[], at: number): boolean {
  switch (place) {
    case 'textStart':
      return at === 0;
    case 'textEnd':
      return at === points.length;
    case 'lineStart':
      return at === 0 || points[at - 1] === NEWLINE;
    case 'lineEnd':
      return at === points.length || points[at] === NEWLINE;
    case 'wordBorder':
      return isWord(points[at - 1]) !== isWord(points[at]);
    case 'noWordBorder':
      return isWord(points[at - 1]) === isWord(points[at]);
  }
}

const isWord = (point: number | undefined): boolean =>
  point !== undefined && /^[0-9A-Za-z_]$/.test(String.fromCodePoint(point));
