/** The layer `host`: the agent that was asked, and the machine below it. */
import { type DoctorFinding, type Facts, recentWarnings, textOf, times } from './finding.ts';

/** The health score of Lifeguard from which an agent mistrusts itself; 0 is well, and 1 may be one lost packet. */
const UNHEALTHY = 2;

export function examineHost(facts: Facts): DoctorFinding[] {
  return [...degraded(facts), ...unhealthy(facts), ...dns(facts), ...exposed(facts)];
}

function degraded({ self, degraded: parts }: Facts): DoctorFinding[] {
  return parts.map((part) => ({
    layer: 'host',
    code: 'degraded',
    severity: 'error',
    nodes: [self],
    sentence: `${self} does not work as configured: ${part}`,
    evidence: [],
    fix: fixOfPart(part),
  }));
}

function fixOfPart(part: string): string {
  if (/ENOSPC|no space/i.test(part))
    return 'free space on the disk of the data directory: df -h; the agent writes again by itself';
  if (part.startsWith('the container engine '))
    return 'start the engine, or let the agent reach its socket: `hearsay containers` on that host; its containers are critical after a minute';
  return 'see `hearsay monitor --log-level warn` on that host';
}

function unhealthy(facts: Facts): DoctorFinding[] {
  const { self, awareness } = facts;
  const stalls = recentWarnings(facts, 'stalled');
  if (awareness < UNHEALTHY && stalls.length === 0) return [];
  const evidence = stalls.map(
    (stall) => `the process was not run for ${textOf(stall, 'latenessMs')} ms (${times(stall.count)})`,
  );
  return [
    {
      layer: 'host',
      code: stalls.length > 0 ? 'stalled' : 'unhealthy',
      severity: 'warning',
      nodes: [self],
      sentence:
        stalls.length > 0
          ? `${self} stalls: its host is overloaded, suspended or short of memory`
          : `${self} is slow to respond or loses packets, and accuses others more slowly (awareness ${awareness})`,
      evidence,
      fix: 'give the host processor time (top, vmstat 1): a virtual machine may be starved by its neighbors',
    },
  ];
}

function dns({ self, dns: server }: Facts): DoctorFinding[] {
  if (server?.error === undefined) return [];
  return [
    {
      layer: 'host',
      code: 'dnsSilent',
      severity: 'error',
      nodes: [self],
      sentence: `the DNS server of ${self} at ${server.address} does not answer`,
      evidence: [server.error],
      fix: `let UDP and TCP to ${server.address} pass, or see what else listens there: ss -lnup`,
    },
  ];
}

const EXPOSED: Readonly<Record<string, string>> = { keyringExposed: '600', dataDirectoryExposed: '700' };

/** These are told at the start only, however long ago that was. */
function exposed({ self, warnings }: Facts): DoctorFinding[] {
  return warnings.flatMap((warning) => {
    const mode = EXPOSED[warning.kind];
    if (mode === undefined) return [];
    const file = textOf(warning, 'file');
    return [
      {
        layer: 'host' as const,
        code: warning.kind,
        severity: 'warning' as const,
        nodes: [self],
        sentence: `other users of the host of ${self} can get at ${file}`,
        evidence: [warning.message],
        fix: `chmod ${mode} ${file}`,
      },
    ];
  });
}
