import { describe, expect, test } from 'vitest';
import { FilterWork, MAX_QUERY_STEPS } from '../../../../src/serf/queries/filter-work.ts';
import { evaluateFilters } from '../../../../src/serf/queries/filters.ts';
import { encodeFilter } from '../../../../src/wire/filter.ts';

const ann = { name: 'ann', tags: new Map([['role', 'web']]) };
const tag = (expr: string): Uint8Array => encodeFilter({ kind: 'tag', tag: 'role', expr }).slice();
/** Compiles to 1,800 nodes, and matches everywhere. */
const DEAR = tag('(?:(?:){0,7}){0,250}');
const CHEAP = tag('^web$');

describe('S19 the work of filters', () => {
  test('all filters of a query share one budget, compiling included', () => {
    const work = new FilterWork();
    expect(work.evaluate([DEAR], ann, 'eve', 0)).toEqual({ matches: true });
    const many = Array.from({ length: 32 }, () => DEAR);
    expect(work.evaluate(many, ann, 'mallory', 0)).toEqual({
      matches: false,
      error: 'filters that take too long',
    });
  });

  test('filters that are cheap one by one are counted together, and what is left is told', () => {
    const budget = { left: 1_000_000 };
    expect(evaluateFilters([CHEAP], 'ann', ann.tags, budget)).toEqual({ matches: true });
    const cost = 1_000_000 - budget.left;
    expect(cost).toBeGreaterThan(0);
    const three = { left: 3 * cost };
    expect(evaluateFilters([CHEAP, CHEAP, CHEAP], 'ann', ann.tags, three)).toEqual({ matches: true });
    expect(three.left).toBe(0);
    expect(evaluateFilters([CHEAP, CHEAP, CHEAP], 'ann', ann.tags, { left: 3 * cost - 1 })).toEqual({
      matches: false,
      error: 'filters that take too long',
    });
  });

  test('names in a list of nodes are work, too', () => {
    const nodes = encodeFilter({ kind: 'nodes', nodes: Array.from({ length: 1000 }, (_, i) => `node-${i}`) });
    const lists = Array.from({ length: 32 }, () => encodeFilter({ kind: 'nodes', nodes: ['ann'] }).slice());
    expect(new FilterWork().evaluate(lists, ann, 'eve', 0).matches).toBe(true);
    expect(new FilterWork().evaluate([nodes], { ...ann, name: 'node-7' }, 'eve', 0).matches).toBe(true);
    const work = new FilterWork();
    let judged = 0;
    while (judged < 1000 && work.evaluate([nodes], ann, 'eve', 0).error === undefined) judged += 1;
    expect(judged).toBeLessThan(100);
  });

  test('a source that has used up its share has simple filters judged, and dear ones again later', () => {
    const work = new FilterWork();
    let judged = 0;
    while (judged < 1000 && work.evaluate([DEAR], ann, 'eve', 0).matches) judged += 1;
    expect(judged * 1800).toBeLessThan(3 * MAX_QUERY_STEPS);
    expect(work.evaluate([CHEAP], ann, 'eve', 0).matches).toBe(true);
    expect(work.evaluate([tag('^db$')], ann, 'eve', 0)).toEqual({ matches: false });
    expect(work.evaluate([DEAR], ann, 'bob', 0).matches).toBe(true);
    expect(work.evaluate([DEAR], ann, 'eve', 1000).matches).toBe(true);
  });

  test('a query without filters costs nothing', () => {
    const work = new FilterWork();
    for (let i = 0; i < 10_000; i++) work.evaluate([], ann, 'eve', 0);
    expect(work.evaluate([DEAR], ann, 'eve', 0).matches).toBe(true);
  });
});
