/** Checks an invariant: a violation ends the process. Never for untrusted input. `impossible` names the state. */
export function assert(condition: unknown, impossible: string): asserts condition {
  if (!condition) throw new Error(`impossible: ${impossible}`);
}
