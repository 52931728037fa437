/** Why an instance is, or is not, in the answers: what is said of it, by whom, and since when this agent has known. */
import { CAPABILITY_TAG } from '../../agent/replication/catalog-peers.ts';
import { isMaintenanceCheck, isUsable } from '../../catalog/health.ts';
import type { InstanceStatus } from '../../catalog/types.ts';
import type { Check, EntryKey } from '../../model/service.ts';
import { serviceEntryPart } from '../consul/checks.ts';
import type { FilterPredicate } from '../endpoint/filter/filter.ts';
import type { Site } from '../endpoint/site.ts';
import { hasMeta, instanceAddress, isSelfService, type ServiceInstance } from '../pool/pool.ts';
import { hasTags, type PoolSelector } from '../pool/selectors.ts';

/** One thing that speaks for or against an instance. */
export interface InstanceReason {
  readonly kind:
    | 'node'
    | 'maintenance'
    | 'draining'
    | 'check'
    | 'remembered'
    | 'tag'
    | 'meta'
    | 'filter'
    | 'passing';
  /** It keeps the instance out; `false`: worth knowing only. */
  readonly excludes: boolean;
  /** One sentence, without its full stop. */
  readonly says: string;
  /** Whose word it is: a node's name, or `asked` for what the question itself leaves out. */
  readonly by: string;
  /** How long this agent has seen it so; null where it was so when first heard of, or is no matter of time. */
  readonly sinceMs: number | null;
  /** Of the check, with its status. */
  readonly check?: string;
  readonly status?: string;
}

export interface InstanceReport {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly status: InstanceStatus;
  /** Whether each kind of reader gets it. */
  readonly answers: {
    /** DNS, `resolve` and `owner`: passing or in warning, on a live node. */
    readonly usable: boolean;
    /** `health/service?passing`: every check passes. */
    readonly passing: boolean;
    /** `health/service` with the parameters of this question. */
    readonly asked: boolean;
  };
  readonly verdict: string;
  readonly reasons: readonly InstanceReason[];
}

/** What the question leaves out, as `health/service` would. */
export interface InstanceQuery extends PoolSelector {
  readonly tag: readonly string[];
  readonly passing: boolean;
  readonly matches: FilterPredicate;
}

/** A member of which no service is known here. */
export interface MemberWithoutServices {
  readonly node: string;
  readonly status: string;
  readonly says: string;
}

const MAX_UNSEEN = 100;

export function explainInstance(sighting: ServiceInstance, site: Site, asked: InstanceQuery): InstanceReport {
  const { instance } = sighting;
  const stated = [
    ...nodeReasons(sighting, site),
    ...checkReasons(sighting, site),
    ...drainingReasons(sighting, site),
  ];
  const reasons = [...stated, ...queryReasons(sighting, site, asked)];
  const [entry] = serviceEntryPart(sighting, site).values;
  return {
    id: instance.service.id,
    node: instance.node,
    address: instanceAddress(sighting),
    port: instance.service.port,
    status: instance.status,
    answers: {
      usable: isUsable(instance),
      passing: entry?.Checks.every(({ Status }) => Status === 'passing') ?? false,
      asked: !reasons.some(({ by, excludes }) => by === ASKED && excludes),
    },
    verdict: formatVerdict(sighting, reasons),
    reasons,
  };
}

const ASKED = 'asked';

function formatVerdict({ instance }: ServiceInstance, reasons: readonly InstanceReason[]): string {
  const against = reasons.filter(({ excludes }) => excludes).map(({ says }) => says);
  if (against.length > 0) return `not in the answers: ${against.join('; ')}`;
  const but = reasons.map(({ says }) => says);
  const checks = instance.checks.length + instance.nodeChecks.length;
  const well = checks === 0 ? 'it has no checks, and its node is alive' : 'its checks and its node are well';
  return `in the answers: ${but.length > 0 ? `although ${but.join('; ')}` : well}`;
}

/** What membership says, as this agent sees it. */
function nodeReasons({ poolNode: host }: ServiceInstance, site: Site): InstanceReason[] {
  const { member, name, up, unconfirmed: warm } = host;
  const sinceMs =
    member === undefined || warm ? null : Math.max(0, Math.round(site.monotonicClock() - member.since));
  const by = site.agent.view.node;
  const reason = (says: string, excludes: boolean): InstanceReason => ({
    kind: 'node',
    excludes,
    says,
    by,
    sinceMs,
  });
  const reasons: InstanceReason[] = [];
  if (!up) reasons.push(reason(`its node ${name} has failed`, true));
  else if (member?.status === 'suspect')
    reasons.push(reason(`its node ${name} is suspected to have failed`, false));
  else if (member?.status === 'leaving') reasons.push(reason(`its node ${name} is leaving`, false));
  if (warm)
    reasons.push({
      kind: 'remembered',
      excludes: false,
      says: `it is remembered from before this agent's restart, and ${name} has not confirmed it yet`,
      by,
      sinceMs: null,
    });
  return reasons;
}

function drainingReasons(
  { poolNode: host, instance: { service } }: ServiceInstance,
  site: Site,
): InstanceReason[] {
  if (!service.draining) return [];
  const sinceMs = statusAge(site, host.name, `s:${service.id}`);
  return [
    { kind: 'draining', excludes: true, says: 'it drains: it is about to stop', by: host.name, sinceMs },
  ];
}

/** Those that do not pass, of the instance and of its node. */
function checkReasons({ poolNode: host, instance }: ServiceInstance, site: Site): InstanceReason[] {
  return [...instance.checks, ...instance.nodeChecks]
    .filter(({ status }) => status !== 'passing')
    .map((check): InstanceReason => {
      const kind = isMaintenanceCheck(check) ? 'maintenance' : 'check';
      return {
        kind,
        excludes: check.status === 'critical',
        says:
          kind === 'check'
            ? formatCheckStatus(check)
            : `${checkSubject(check)} is in maintenance${formatCause(check.notes)}`,
        by: host.name,
        sinceMs: statusAge(site, host.name, `c:${check.id}`),
        check: check.id,
        status: check.status,
      };
    });
}

const formatCheckStatus = (check: Check): string =>
  `${check.serviceId === '' ? 'the check of its node' : 'its check'} ${JSON.stringify(check.name)} is ${check.status}${formatCause(check.output)}`;

const checkSubject = ({ serviceId }: Check): string => (serviceId === '' ? 'its node' : 'it');

/** The first line of what was given as the reason. */
const formatCause = (text: string): string => {
  const [line = ''] = text.trim().split('\n');
  return line === '' ? '' : ` (${line})`;
};

/** What the parameters leave out, whatever its state. */
function queryReasons(sighting: ServiceInstance, site: Site, asked: InstanceQuery): InstanceReason[] {
  const reasons: InstanceReason[] = [];
  const against = (kind: InstanceReason['kind'], says: string): void => {
    reasons.push({ kind, excludes: true, says, by: ASKED, sinceMs: null });
  };
  const [entry] = serviceEntryPart(sighting, site).values;
  for (const tag of asked.tag)
    if (!hasTags([tag])(sighting)) against('tag', `it has no tag ${JSON.stringify(tag)}`);
  for (const [key, value] of asked['node-meta'])
    if (!hasMeta(sighting.poolNode, new Map([[key, value]])))
      against('meta', `the meta ${JSON.stringify(key)} of its node is not ${JSON.stringify(value)}`);
  if (!asked.matches(entry)) against('filter', 'the filter does not want it');
  const bad = entry?.Checks.filter(({ Status }) => Status !== 'passing') ?? [];
  if (asked.passing && bad.length > 0) against('passing', 'only those are asked for whose checks all pass');
  return reasons;
}

function statusAge(
  { agent: { view }, monotonicClock: clock }: Site,
  node: string,
  key: EntryKey,
): number | null {
  const at = view.catalog.statusSince(node, key);
  return at === undefined ? null : Math.max(0, Math.round(clock() - at));
}

/** Members that may have what was asked for, for all this agent knows: nothing of theirs has been seen. */
export function membersWithoutServices(site: Site): MemberWithoutServices[] {
  const { view } = site.agent;
  return view
    .members()
    .filter(({ name, status }) => status !== 'left' && view.catalog.node(name) === undefined)
    .slice(0, MAX_UNSEEN)
    .map(({ name, status, tags }) => ({
      node: name,
      status,
      says: tags.has(CAPABILITY_TAG)
        ? 'it has published nothing, or nothing of it has arrived here yet'
        : 'it does not take part in the catalogue: it is no hearsay agent',
    }));
}

/** Why there is nothing to report on. */
export function explainNoInstances(site: Site, service: string, id: string): string {
  const held = site.agent.view.catalog.instances(service).length;
  if (isSelfService(site, service) && id !== '')
    return `no node shows itself as an instance of ${JSON.stringify(service)} with that id`;
  if (id !== '' && held > 0)
    return `not seen: ${JSON.stringify(service)} has ${held} instances here, and none has the id ${JSON.stringify(id)}`;
  return `not seen: no instance of ${JSON.stringify(service)} has reached this agent; it was not registered, or its node left, or it is on a node of which nothing is known here`;
}
