/** The layer `services`: what nobody can use, and why. */
import type { DoctorFinding, Facts } from './finding.ts';

const MAX_OUTPUTS = 3;
const MAX_OUTPUT_LENGTH = 200;
/** Checks by which an operator takes instances out of answers. Source: Consul, maintenance mode. */
const MAINTENANCE: ReadonlyMap<string, string> = new Map([
  ['Node Maintenance Mode', 'hearsay maint off'],
  ['Service Maintenance Mode', 'hearsay maint off ID'],
]);

export function examineServices({ services, checks }: Facts): DoctorFinding[] {
  return services
    .filter(({ instances, usable }) => instances > 0 && usable === 0)
    .map(({ name, instances }) => {
      const critical = checks.filter(({ service, status }) => service === name && status === 'critical');
      const nodes = [...new Set(critical.map(({ node }) => node))];
      const ends = critical.map((check) => MAINTENANCE.get(check.name));
      const isWanted = ends.length > 0 && !ends.includes(undefined);
      return {
        layer: 'services',
        code: isWanted ? 'serviceInMaintenance' : 'serviceDown',
        severity: isWanted ? 'note' : 'error',
        nodes,
        sentence:
          instances === 1
            ? `the only instance of ${name} is not in answers`
            : `none of the ${instances} instances of ${name} is in answers`,
        evidence: critical.slice(0, MAX_OUTPUTS).map(({ node, name: check, output }) => {
          const text = output.trim().slice(0, MAX_OUTPUT_LENGTH);
          return `${node}: check "${check}" is critical${text === '' ? '' : ` (${text})`}`;
        }),
        fix: isWanted ? `${ends[0]} on ${nodes[0]}, when the work is done` : `hearsay why ${name}`,
      };
    });
}
