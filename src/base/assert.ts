/** For states that cannot be: ends the process with what was impossible. Never for foreign input. */
export function assert(condition: unknown, impossible: string): asserts condition {
  if (!condition) throw new Error(`impossible: ${impossible}`);
}
