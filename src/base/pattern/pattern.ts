/**
 * Regular expressions from untrusted clients, in RE2's syntax without Unicode classes. Matching takes time linear in
 * expression times text (a Thompson NFA), so no expression can cause catastrophic backtracking (ReDoS).
 *
 * Source: Thompson 1968; Cox, Regular Expression Matching: the Virtual Machine Approach; RE2 syntax page.
 */
import { type Anchor, type PatternNode, parsePattern } from './parser.ts';

/** Most steps of a compiled expression. */
const MAX_STEPS = 2000;
const MAX_NODES = 4 * MAX_STEPS;

type Step =
  | { readonly op: 'char'; readonly matches: (point: number) => boolean; readonly next: number }
  | { readonly op: 'fork'; readonly next: number; readonly other: number }
  | { readonly op: 'anchor'; readonly anchor: Anchor; readonly next: number }
  | { readonly op: 'match' };

/** How many steps are still allowed. It falls as patterns run, and several patterns may share it. */
export interface StepBudget {
  left: number;
}

export interface Pattern {
  /** Whether it matches somewhere in `text`; `undefined` if the budget was exhausted first. */
  test(text: string, budget: StepBudget): boolean | undefined;
}

/** `undefined` if the expression is invalid, not supported, or too large. */
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
  /** Nodes that were compiled: a repetition of an empty expression costs time without adding steps. */
  nodes: number;
}

/** Appends the steps of `node`, which continue at `next`. Returns their first step; `undefined` if they are too many. */
function compile(node: PatternNode, next: number, program: Program): number | undefined {
  program.nodes++;
  if (program.steps.length > MAX_STEPS || program.nodes > MAX_NODES) return undefined;
  const add = (step: Step): number => program.steps.push(step) - 1;
  switch (node.kind) {
    case 'char':
      return add({ op: 'char', matches: node.matches, next });
    case 'anchor':
      return add({ op: 'anchor', anchor: node.anchor, next });
    case 'concatenation': {
      let at: number | undefined = next;
      for (const part of [...node.parts].reverse()) {
        if (at === undefined) return undefined;
        at = compile(part, at, program);
      }
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
      } else if (at < points.length && step.matches(points[at] as number)) next.push(step.next);
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
