/** Which agents may tell a program something else than the others do, as far as findings say so. */
import type { DoctorFinding } from './finding.ts';

/** Why an agent of such a finding may disagree. That members have failed is no disagreement, but in a partition they go on. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['hung', 'does not answer'],
  ['missingKey', 'lacks the primary key'],
  ['nameConflict', 'is claimed by two'],
  ['noCatalog', 'has no catalog of the others'],
  ['oneWay', 'UDP is dropped'],
  ['udpBlocked', 'UDP is dropped'],
  ['partition', 'sees a part of the cluster'],
]);
const BEYOND = 'is out of sight';
/** Agents that the sentence names. */
const MAX_NAMED = 6;

/** One sentence with names, each with the reason of its worst finding: those come first. Empty: none is known to disagree. */
export function describeDissent(findings: readonly DoctorFinding[]): string {
  const isParted = findings.some(({ code }) => code === 'partition');
  const reasons = new Map<string, string>();
  for (const { code, nodes } of findings) {
    const reason = isParted && code === 'failed' ? BEYOND : REASONS.get(code);
    if (reason !== undefined) for (const node of nodes) if (!reasons.has(node)) reasons.set(node, reason);
  }
  const named = [...reasons].slice(0, MAX_NAMED).map(([node, reason]) => `${node} (${reason})`);
  const rest = reasons.size - named.length;
  if (named.length === 0) return '';
  return `Agents that may disagree with the others: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`;
}
