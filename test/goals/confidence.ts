/**
 * How sure samples make a claim: the chance that they would have shown more violations of it if it were false. A claim is
 * met from `REQUIRED` on; for a p99 without a value above its limit that takes 299 samples, for a p50 five.
 */

/** The confidence from which on a claim is met. */
export const REQUIRED = 0.95;

/**
 * That at most the share `allowed` of all values is above a limit, if `above` of `samples` are. It is the confidence of
 * the one-sided Clopper-Pearson interval.
 */
export function shareConfidence(samples: number, above: number, allowed: number): number {
  let term = (1 - allowed) ** samples;
  let atMost = term;
  for (let i = 1; i <= above; i++) {
    term *= ((samples - i + 1) / i) * (allowed / (1 - allowed));
    atMost += term;
  }
  return Math.max(0, 1 - atMost);
}

/** That there are at most `allowed` violations an hour, if there were `violations` in `hours` (Poisson). */
export function rateConfidence(hours: number, violations: number, allowed: number): number {
  const expected = hours * allowed;
  let term = Math.exp(-expected);
  let atMost = term;
  for (let i = 1; i <= violations; i++) {
    term *= expected / i;
    atMost += term;
  }
  return Math.max(0, 1 - atMost);
}

export const formatConfidence = (confidence: number): string => `${Math.floor(100 * confidence)} % sure`;
