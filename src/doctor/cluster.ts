/** The layer `cluster`: who is missing, which names and keys are in dispute. */
import { type DoctorFinding, type Facts, recentWarnings, textOf } from './finding.ts';
import { hangs, missingKey } from './links.ts';

export function examineCluster(facts: Facts): DoctorFinding[] {
  return [
    ...partition(facts),
    ...failed(facts),
    ...nameConflicts(facts),
    ...keys(facts),
    ...waiting(facts),
    ...alone(facts),
  ];
}

function partition({ self, partition: { kind, sentence } }: Facts): DoctorFinding[] {
  if (kind !== 'partition') return []; // of single deaths `failed` tells
  return [
    {
      layer: 'cluster',
      code: 'partition',
      severity: 'error',
      nodes: [self],
      sentence,
      evidence: [`as ${self} sees it`],
      fix: 'mend the network between the two sides; agents find one another again by themselves',
    },
  ];
}

function failed({ members, whys, encrypted }: Facts): DoctorFinding[] {
  return members
    .filter(({ status }) => status === 'failed' || status === 'suspect')
    .map(({ name, addr, status }) => {
      const why = whys.get(name);
      if (encrypted === true && status === 'failed' && why?.cause === 'closed')
        return missingKey(name, name, [why.diagnosis]);
      if (status === 'failed' && why?.cause === 'hung') return hangs(name, addr, [why.diagnosis]);
      return {
        layer: 'cluster',
        code: status,
        severity: status === 'failed' ? 'error' : 'warning',
        nodes: [name],
        sentence: why === undefined ? `${name} is ${status}` : `${name}: ${why.diagnosis}`,
        evidence: [
          ...new Set((why?.evidence ?? []).map(({ observer, message }) => `${observer}: ${message}`)),
        ].slice(-3),
        fix:
          status === 'failed'
            ? `start it again, or if it is gone for good: hearsay forget ${name}`
            : `hearsay why ${name}`,
      };
    });
}

function nameConflicts(facts: Facts): DoctorFinding[] {
  return recentWarnings(facts, 'nameConflict').map((warning) => {
    const name = textOf(warning, 'node');
    return {
      layer: 'cluster',
      code: 'nameConflict',
      severity: 'error',
      nodes: [name],
      sentence: `two agents claim the name ${name}: ${textOf(warning, 'current')} and ${textOf(warning, 'claimed')}`,
      evidence: [warning.message],
      fix: 'give one of them another name: --node NAME',
    };
  });
}

function keys({ self, keys: report }: Facts): DoctorFinding[] {
  if (report === undefined) return [];
  const byCount = Object.entries(report.primaries).sort(([, a], [, b]) => b - a);
  const [most, ...others] = byCount;
  const findings: DoctorFinding[] = [];
  if (most !== undefined && others.length > 0)
    findings.push({
      layer: 'cluster',
      code: 'primaryKeys',
      severity: 'warning',
      nodes: [],
      sentence: `members encrypt with ${byCount.length} different keys: a rotation was not finished`,
      evidence: byCount.map(([key, count]) => `${key} is the primary key of ${count} of ${report.members}`),
      fix: `hearsay keys install KEY, then hearsay keys use ${most[0]}`,
    });
  for (const [node, error] of Object.entries(report.errors))
    findings.push({
      layer: 'cluster',
      code: 'keyError',
      severity: 'warning',
      nodes: [node],
      sentence: `${node} cannot say which keys it has: ${error}`,
      evidence: [`asked by ${self}`],
      fix: `see the log of ${node}`,
    });
  return findings;
}

/** As each agent does for some seconds after its start; if it is in vain, `alone` says so. */
function waiting({ self, waitingFor }: Facts): DoctorFinding[] {
  if (waitingFor === undefined) return [];
  return [
    {
      layer: 'cluster',
      code: 'waiting',
      severity: 'note',
      nodes: [self],
      sentence: `${self} has just started, and its services were not examined: ${waitingFor}`,
      evidence: [],
      fix: 'hearsay doctor again in some seconds',
    },
  ];
}

function alone(facts: Facts): DoctorFinding[] {
  return recentWarnings(facts, 'firstSyncMissed').map((warning) => ({
    layer: 'cluster',
    code: 'noCatalog',
    severity: 'warning',
    nodes: [facts.self],
    sentence: `no other member has sent ${facts.self} its catalog since the start: it answers what it knows itself`,
    evidence: [warning.message],
    fix: 'let TCP pass to the gossip port of the others, or join one: hearsay join ADDRESS',
  }));
}
