/**
 * What is wrong, as far as this agent can tell at once and without asking anybody: the rules of the doctor over what it knows. The
 * dashboard and `top` show it. While somebody reads it, the ways to other members are measured.
 */
import type { MemberView } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import { examine } from '../../doctor/examine.ts';
import type {
  CheckReport,
  DoctorFinding,
  Facts,
  LinkFact,
  ServiceFact,
  WhyFact,
} from '../../doctor/finding.ts';
import type { Site } from '../endpoint/site.ts';
import { toLinkJson } from './links.ts';

/** An answer is used again for so long: many dashboards cost as much as one. */
const KEPT: Millis = 500;
/** Members and services that are looked at one by one. */
const MAX_MEMBERS = 128;
const MAX_SERVICES = 256;
/** Evidence that rules look at. */
const TELLING: ReadonlySet<string> = new Set([
  ...['probeSavedByTcp', 'linkOneWay', 'linkRestored', 'suspicionRefuted', 'suspicionCleared'],
]);

interface Kept {
  readonly at: Millis;
  readonly findings: readonly DoctorFinding[];
}

const keptBySite = new WeakMap<Site['agent'], Kept>();

export function findFaults(site: Site): readonly DoctorFinding[] {
  const now = site.monotonicClock();
  const kept = keptBySite.get(site.agent);
  if (kept !== undefined && now - kept.at < KEPT) return kept.findings;
  const findings = examine(factsOf(site, now));
  keptBySite.set(site.agent, { at: now, findings });
  return findings;
}

/** What an agent knows, without asking anybody. */
export function factsOf(site: Site, now: Millis): Facts {
  const { agent, info } = site;
  const { view } = agent;
  const readiness = view.readiness();
  const { awareness, encrypted } = view.health();
  const partition = view.partitionSummary();
  return {
    self: view.node,
    members: view.members().map((member) => ({
      ...{ name: member.name, addr: member.address.host, port: member.address.port, status: member.status },
      ageMs: Math.round(now - member.since),
    })),
    ...{ awareness, encrypted },
    degraded: info.degraded(),
    partition: { kind: partition.kind, sentence: partition.sentence },
    warnings: info.warnings(),
    links: view.links().map((link): LinkFact => toLinkJson(link, now)),
    waitingFor: readiness.ready ? undefined : readiness.reason,
    whys: findWhys(site, now),
    ...findServices(site),
    // These take a query of all members, or a token: they are left to the command.
    ...{ silent: [], keys: undefined, dns: undefined },
  };
}

/** What is known of members in trouble, and of those whose probes tell something. */
function findWhys({ agent: { view } }: Site, now: Millis): ReadonlyMap<string, WhyFact> {
  const isTroubled = ({ status }: MemberView): boolean => status === 'failed' || status === 'suspect';
  const isTelling = ({ name }: MemberView): boolean =>
    view.evidence(name)?.entries.some(({ fact }) => TELLING.has(fact.kind)) === true;
  const members = view.members();
  const wanted = [
    ...members.filter(isTroubled),
    ...members.filter((one) => !isTroubled(one) && isTelling(one)),
  ];
  const whys = new Map<string, WhyFact>();
  for (const { name } of wanted.slice(0, MAX_MEMBERS)) {
    const report = view.diagnose(name, () => '');
    if (report === undefined) continue;
    whys.set(name, {
      ...{ diagnosis: report.sentence, cause: report.cause },
      evidence: report.entries.map(({ fact, by, message, lastAt, count }) => ({
        ...{ kind: fact.kind, observer: by, message, count },
        agoMs: Math.round(now - lastAt),
      })),
    });
  }
  return whys;
}

/** Services whose every instance is down, with their checks; of others only that they are well. */
function findServices({ agent: { view } }: Site): {
  readonly services: readonly ServiceFact[];
  readonly checks: readonly CheckReport[];
} {
  const { catalog } = view;
  const services = [...catalog.services().keys()].slice(0, MAX_SERVICES).map((name) => ({
    ...{ name, instances: catalog.instances(name).length, usable: catalog.usable(name).length },
  }));
  const down = services.filter(({ instances, usable }) => instances > 0 && usable === 0);
  const checks = down.flatMap(({ name }) =>
    catalog.instances(name).flatMap(({ node, checks: own, nodeChecks }) =>
      [...own, ...nodeChecks].map((check) => ({
        ...{ node, service: name, name: check.name, status: check.status, output: check.output },
      })),
    ),
  );
  return { services, checks };
}
