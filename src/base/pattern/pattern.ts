/**
 * Regular expressions from untrusted clients, in RE2's syntax without Unicode classes. Matching takes time linear in
 * expression times text (a Thompson NFA), so no expression can cause catastrophic backtracking (ReDoS).
 *
 * Source: Thompson 1968; Cox, Regular Expression Matching: the Virtual Machine Approach; RE2 syntax page.
 */
import { type Anchor, MAX_PATTERN_BYTES, type PatternNode, parsePattern } from './parser.ts';

/** Most steps of a compiled expression. */
const MAX_STEPS = 2000;
const MAX_NODES = 4 * MAX_STEPS;

type Step =
  | {
      readonly op: 'char';
      readonly matches: (point: number) => boolean;
      readonly weight: number;
      readonly next: number;
    }
  | { readonly op: 'fork'; readonly next: number; readonly other: number }
  | { readonly op: 'anchor'; readonly anchor: Anchor; readonly next: number }
  | { readonly op: 'match' };

/** How many steps are still allowed. It falls as patterns are compiled and run, and several patterns may share it. */
export interface StepBudget {
  left: number;
}

/** Enough to compile any expression that is not too large. */
const MAX_COMPILE_STEPS = MAX_NODES + MAX_PATTERN_BYTES;

export interface Pattern {
  /** Whether it matches somewhere in `text`; `undefined` if the budget was exhausted first. */
  test(text: string, budget: StepBudget): boolean | undefined;
}

/**
 * `undefined` if the expression is invalid, not supported, or too large; also if the budget was exhausted first, which is then below
 * zero. `whole`: it must match a whole text, not only a part of one.
 */
export function compilePattern(
  expression: string,
  budget: StepBudget = { left: MAX_COMPILE_STEPS },
  whole = false,
): Pattern | undefined {
  budget.left -= expression.length;
  if (budget.left < 0) return undefined;
  const tree = parsePattern(expression);
  if (tree === undefined) return undefined;
  const program: Program = { steps: [{ op: 'match' }], nodes: 0, budget };
  const start = compile(whole ? anchored(tree) : tree, 0, program);
  if (start === undefined) return undefined;
  return { test: (text, ofMatch) => search(program.steps, start, text, ofMatch) };
}

const anchored = (tree: PatternNode): PatternNode => ({
  kind: 'concatenation',
  parts: [{ kind: 'anchor', anchor: 'textStart' }, tree, { kind: 'anchor', anchor: 'textEnd' }],
});

interface Program {
  readonly steps: Step[];
  /** Nodes that were compiled: a repetition of an empty expression costs time without adding steps. */
  nodes: number;
  /** Pays for each node. */
  readonly budget: StepBudget;
}

/** Appends the steps of `node`, which continue at `next`. Returns their first step; `undefined` if they are too many. */
function compile(node: PatternNode, next: number, program: Program): number | undefined {
  program.nodes++;
  program.budget.left--;
  if (program.steps.length > MAX_STEPS || program.nodes > MAX_NODES || program.budget.left < 0)
    return undefined;
  const add = (step: Step): number => program.steps.push(step) - 1;
  switch (node.kind) {
    case 'char':
      return add({ op: 'char', matches: node.matches, weight: node.weight, next });
    case 'anchor':
      return add({ op: 'anchor', anchor: node.anchor, next });
    case 'concatenation': {
      let at: number | undefined = next;
      for (let i = node.parts.length - 1; i >= 0 && at !== undefined; i--)
        at = compile(node.parts[i] as PatternNode, at, program);
      return at;
    }
    case 'alternation': {
      let at: number | undefined;
      for (const part of node.parts) {
        const start = compile(part, next, program);
        if (start === undefined) return undefined;
        at = at === undefined ? start : add({ op: 'fork', next: at, other: start });
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

/** Runs all threads in parallel, each step at most once per character. */
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
      else if (step.op === 'anchor') {
        if (isAnchoredAt(step.anchor, points, at)) threads.push(step.next);
      } else if (at < points.length) {
        budget.left -= step.weight - 1;
        if (step.matches(points[at] as number)) next.push(step.next);
      }
    }
    threads = next;
  }
  return false;
}

const NEWLINE = 10;

function isAnchoredAt(anchor: Anchor, points: readonly number[], at: number): boolean {
  switch (anchor) {
    case 'textStart':
      return at === 0;
    case 'textEnd':
      return at === points.length;
    case 'lineStart':
      return at === 0 || points[at - 1] === NEWLINE;
    case 'lineEnd':
      return at === points.length || points[at] === NEWLINE;
    case 'wordBoundary':
      return isWord(points[at - 1]) !== isWord(points[at]);
    case 'notWordBoundary':
      return isWord(points[at - 1]) === isWord(points[at]);
  }
}

const isWord = (point: number | undefined): boolean =>
  point !== undefined && /^[0-9A-Za-z_]$/.test(String.fromCodePoint(point));
