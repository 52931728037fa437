/** One examination: every layer's findings, the worst first. */
import { examineCluster } from './cluster.ts';
import type { DoctorFinding, Facts, Severity } from './finding.ts';
import { examineHost } from './host.ts';
import { examineLinks } from './links.ts';
import { examinePairs } from './pairs.ts';
import { examineServices } from './services.ts';

const ORDER: readonly Severity[] = ['error', 'warning', 'note'];

/** `nodes`: only findings about one of these; empty: all. */
export function examine(facts: Facts, nodes: readonly string[] = []): readonly DoctorFinding[] {
  const wanted = new Set(nodes);
  const found = [examineHost, examineLinks, examinePairs, examineCluster, examineServices];
  return withoutRepeats(found.flatMap((layer) => layer(facts)))
    .filter((finding) => wanted.size === 0 || finding.nodes.some((node) => wanted.has(node)))
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/** The nodes that were asked about and of which nothing is known: such a name is misspelled, which does not mean that all is well. */
export function unknownNodes(facts: Facts, nodes: readonly string[]): readonly string[] {
  const known = new Set(facts.members.map(({ name }) => name));
  return nodes.filter((node) => !known.has(node) && examine(facts, [node]).length === 0);
}

/** What was measured comes first; what was concluded from probes about the same nodes is the same fault. */
function withoutRepeats(findings: readonly DoctorFinding[]): readonly DoctorFinding[] {
  const told = new Set<string>();
  return findings.filter(({ code, nodes }) => {
    const fault = FAULTS.get(code);
    const key = `${fault} ${[...nodes].sort().join(' ')}`;
    if (fault === undefined || !told.has(key)) {
      told.add(key);
      return true;
    }
    return false;
  });
}

const FAULTS: ReadonlyMap<string, string> = new Map([
  ['udpBlocked', 'udp'],
  ['oneWay', 'udp'],
  ['loss', 'loss'],
]);
