import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { Thresholds } from '../../../src/checks/thresholds.ts';
import type { CheckStatus } from '../../../src/model/service.ts';

const limits = (success = 1, warning = 1, critical = 1) => ({
  successBeforePassing: success,
  failuresBeforeWarning: warning,
  failuresBeforeCritical: critical,
});

/** The status after each result; the first status is `critical`. */
function statuses(thresholds: Thresholds, results: readonly CheckStatus[]): CheckStatus[] {
  let status: CheckStatus = 'critical';
  return results.map((result) => {
    status = thresholds.applyResult(result) ?? status;
    return status;
  });
}

const said = (text: string): CheckStatus[] =>
  [...text].map((letter) => (letter === 'p' ? 'passing' : letter === 'w' ? 'warning' : 'critical'));

describe('C2: thresholds', () => {
  test('without any, each result counts', () => {
    expect(statuses(new Thresholds(limits()), said('pcwcp'))).toEqual(said('pcwcp'));
  });

  test('the first result counts at once, good or bad', () => {
    expect(statuses(new Thresholds(limits(3, 3, 3)), said('p'))).toEqual(said('p'));
    expect(new Thresholds(limits(3, 3, 3)).applyResult('critical')).toBe('critical');
  });

  test('the third failure in a row turns critical, and nothing changes before', () => {
    expect(statuses(new Thresholds(limits(1, 3, 3)), said('pcccp'))).toEqual(said('pppcp'));
  });

  test('from FailuresBeforeWarning on it is a warning', () => {
    expect(statuses(new Thresholds(limits(1, 2, 4)), said('pcccc'))).toEqual(said('ppwwc'));
  });

  test('a success in between restarts the count, and a warning is a success', () => {
    expect(statuses(new Thresholds(limits(1, 3, 3)), said('pccpcc'))).toEqual(said('pppppp'));
    expect(statuses(new Thresholds(limits(1, 3, 3)), said('pccwcc'))).toEqual(said('pppwww'));
  });

  test('successes are counted too', () => {
    expect(statuses(new Thresholds(limits(3, 1, 1)), said('cppcppp'))).toEqual(said('ccccccp'));
  });
});

const results = fc.array(fc.constantFrom<CheckStatus>('passing', 'warning', 'critical'), { maxLength: 60 });
const anyLimits = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 5 }))
  .map(([success, warning, more]) => limits(success, warning, warning + more));

property.prop([anyLimits, results], { numRuns: 1000 })(
  'C2: the status follows from the run of results alone',
  (given, history) => {
    const thresholds = new Thresholds(given);
    history.forEach((result, i) => {
      const isSuccess = result !== 'critical';
      let inARow = 0;
      while (inARow <= i && (history[i - inARow] !== 'critical') === isSuccess) inARow += 1;
      const isFirstRun = inARow === i + 1;
      const enough = (threshold: number): boolean => isFirstRun || inARow >= threshold;
      const expected = isSuccess
        ? enough(given.successBeforePassing)
          ? result
          : undefined
        : enough(given.failuresBeforeCritical)
          ? 'critical'
          : inARow >= given.failuresBeforeWarning
            ? 'warning'
            : undefined;
      expect(thresholds.applyResult(result)).toBe(expected);
    });
  },
);
