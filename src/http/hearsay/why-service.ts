/**
 * Explains why an instance is in or out of results: each reason, its source, and for how long this agent has seen it.
 */

import { isSelfService } from '../../agent/readers/self-service.ts';
import { isContainerCheck, isLeaseCheck, isMaintenanceCheck, isUsable } from '../../catalog/health.ts';
import type { Instance } from '../../catalog/types.ts';
import { explainZone } from '../../locality/explain-zone.ts';
import { CAPABILITY_TAG } from '../../model/capability.ts';
import type { Check, EntryKey } from '../../model/service.ts';
import { serviceEntryPart } from '../consul/checks.ts';
import type { ConsulServiceEntry } from '../consul/schemas.ts';
import type { FilterPredicate } from '../endpoint/filter/filter.ts';
import {
  arrayOf,
  boolean,
  nullable,
  number,
  object,
  oneOf,
  optionalField,
  string,
  type ValueOf,
} from '../endpoint/schema.ts';
import type { Site } from '../endpoint/site.ts';
import { hasMeta, instanceAddress, type ServiceInstance } from '../pool/pool.ts';
import { hasTags, type PoolSelector } from '../pool/selectors.ts';

/**
 * One fact about an instance. It keeps the instance out of results if it `excludes`. `message` is one clause. `source`
 * is the node it comes from, or `query` for what the parameters exclude. `sinceMs` is null if it was so when this agent
 * first saw the instance, or does not depend on time. `check` and `status` belong to checks.
 */
const INSTANCE_REASON_SCHEMA = object({
  kind: oneOf(
    ...(['node', 'maintenance', 'draining', 'lease', 'container', 'check', 'unconfirmed', 'zone'] as const),
    ...(['tag', 'meta', 'filter', 'passing'] as const),
  ),
  excludes: boolean,
  message: string,
  source: string,
  sinceMs: nullable(number),
  check: optionalField(string),
  status: optionalField(string),
});
type InstanceReason = ValueOf<typeof INSTANCE_REASON_SCHEMA>;

/**
 * One instance and where it is returned. `usable`: by DNS, `resolve` and `owner`. `passing`: by
 * `health/service?passing`. `query`: by `health/service` with the parameters of this request.
 */
export const INSTANCE_REPORT_SCHEMA = object({
  id: string,
  node: string,
  address: string,
  port: number,
  status: string,
  answers: object({ usable: boolean, passing: boolean, query: boolean }),
  summary: string,
  reasons: arrayOf(INSTANCE_REASON_SCHEMA),
});
type InstanceReport = ValueOf<typeof INSTANCE_REPORT_SCHEMA>;

/** A member of which this agent knows no service. */
export const MEMBER_WITHOUT_SERVICES_SCHEMA = object({ node: string, status: string, message: string });
type MemberWithoutServices = ValueOf<typeof MEMBER_WITHOUT_SERVICES_SCHEMA>;

/** The parameters that `health/service` takes as well. */
export interface InstanceQuery extends PoolSelector {
  readonly tag: readonly string[];
  readonly passing: boolean;
  readonly matches: FilterPredicate;
}

const MAX_MEMBERS_WITHOUT_SERVICES = 100;
/** The `source` of reasons that come from the parameters. */
const QUERY = 'query';

export function explainInstance(
  serviceInstance: ServiceInstance,
  site: Site,
  query: InstanceQuery,
): InstanceReport {
  const { instance } = serviceInstance;
  const [entry] = serviceEntryPart(serviceInstance, site).values;
  const excludedByQuery = queryReasons(serviceInstance, entry, query);
  const reasons = [
    ...nodeReasons(serviceInstance, site),
    ...checkReasons(serviceInstance, site),
    ...drainingReasons(serviceInstance, site),
    ...zoneReasons(instance, site),
    ...excludedByQuery,
  ];
  return {
    id: instance.service.id,
    node: instance.node,
    address: instanceAddress(serviceInstance),
    port: instance.service.port,
    status: instance.status,
    answers: {
      usable: isUsable(instance),
      passing: entry !== undefined && failingChecks(entry) === 0,
      query: excludedByQuery.length === 0,
    },
    summary: summarize(serviceInstance, reasons),
    reasons,
  };
}

function summarize({ instance }: ServiceInstance, reasons: readonly InstanceReason[]): string {
  const messages = (some: readonly InstanceReason[]): string => some.map(({ message }) => message).join('; ');
  const excluding = reasons.filter(({ excludes }) => excludes);
  if (excluding.length > 0) return `out of results: ${messages(excluding)}`;
  if (reasons.length > 0) return `in results, although ${messages(reasons)}`;
  return instance.checks.length + instance.nodeChecks.length === 0
    ? 'in results: it has no checks, and its node is alive'
    : 'in results: its checks and its node are healthy';
}

const NODE_STATES = {
  suspect: 'suspected to have failed',
  leaving: 'leaving',
  away: 'away for a moment: its agent has said that it will be back',
} as const;

/** Reasons from membership, as this agent sees it. */
function nodeReasons({ poolNode }: ServiceInstance, site: Site): InstanceReason[] {
  const { member, name, up, unconfirmed } = poolNode;
  const source = site.agent.view.node;
  const sinceMs =
    member === undefined || unconfirmed
      ? null
      : Math.max(0, Math.round(site.monotonicClock() - member.since));
  const reasons: InstanceReason[] = [];
  if (!up)
    reasons.push({ kind: 'node', excludes: true, message: `its node ${name} has failed`, source, sinceMs });
  else if (member?.status === 'suspect' || member?.status === 'leaving' || member?.status === 'away') {
    const what = NODE_STATES[member.status];
    reasons.push({
      kind: 'node',
      excludes: false,
      message: `its node ${name} is ${what}`,
      source,
      sinceMs,
    });
  }
  if (unconfirmed)
    reasons.push({
      kind: 'unconfirmed',
      excludes: false,
      message: `it is restored from before this agent's restart, and ${name} has not confirmed it yet`,
      source,
      sinceMs: null,
    });
  return reasons;
}

function drainingReasons({ poolNode, instance: { service } }: ServiceInstance, site: Site): InstanceReason[] {
  if (!service.draining) return [];
  return [
    {
      kind: 'draining',
      excludes: true,
      message: 'it drains: it is about to stop',
      source: poolNode.name,
      sinceMs: statusAge(site, poolNode.name, `s:${service.id}`),
    },
  ];
}

/** Checks of the instance and of its node that do not pass. */
function checkReasons({ poolNode, instance }: ServiceInstance, site: Site): InstanceReason[] {
  return [...instance.checks, ...instance.nodeChecks]
    .filter(({ status }) => status !== 'passing')
    .map((published): InstanceReason => {
      const check = withOwnOutput(published, poolNode.name, site);
      const kind = kindOf(check);
      const sinceMs = statusAge(site, poolNode.name, `c:${check.id}`);
      return {
        kind,
        excludes: check.status === 'critical',
        message: FORMATS[kind](check, sinceMs),
        source: poolNode.name,
        sinceMs,
        check: check.id,
        status: check.status,
      };
    });
}

function kindOf(check: Check): keyof typeof FORMATS {
  if (isMaintenanceCheck(check)) return 'maintenance';
  if (isLeaseCheck(check)) return 'lease';
  return isContainerCheck(check) ? 'container' : 'check';
}

/** Checks are named by their id, as `hearsay checks` and Consul's routes name them. */
const formatCheckStatus = ({ serviceId, id, name, status, output }: Check): string => {
  const label = name === '' || name === id ? id : `${id} (${JSON.stringify(name)})`;
  const whose = serviceId === '' ? 'the check of its node' : 'its check';
  return `${whose} ${label} is ${status}${formatCause(output)}`;
};

/** The newest output of a check of this agent. Others learn of a changed output minutes later. */
function withOwnOutput(check: Check, node: string, { agent: { view } }: Site): Check {
  const own = node === view.node ? view.local.checks().get(check.id) : undefined;
  return own === undefined || own.status !== check.status ? check : { ...check, output: own.output };
}

const formatMaintenance = ({ serviceId, notes }: Check): string =>
  `${serviceId === '' ? 'its node' : 'it'} is in maintenance${formatCause(notes)}`;

/** The first line of a check's output or notes, in parentheses. */
const formatCause = (text: string): string => {
  const [line = ''] = text.trim().split('\n');
  return line === '' ? '' : ` (${line})`;
};

/** `its container web-1 on b was killed for memory 3 s ago (137)`. */
function formatContainer({ output }: Check, sinceMs: number | null): string {
  const [line = ''] = output.split('\n');
  const [, clause, code] = /^(.*) (\(\d{1,3}\))$/.exec(line) ?? [];
  if (clause === undefined || sinceMs === null) return line;
  return `${clause} ${Math.round(sinceMs / 1000)} s ago ${code}`;
}

const FORMATS = {
  container: formatContainer,
  maintenance: formatMaintenance,
  lease: ({ output }: Check): string => output, // a clause already
  check: formatCheckStatus,
};

/** How much traffic from here its availability zone gets, where that is not what one would expect. */
function zoneReasons(instance: Instance, { agent: { view }, monotonicClock }: Site): InstanceReason[] {
  const plan = isUsable(instance) ? view.zones.plan(instance.service.name) : undefined;
  const message = plan && explainZone(plan, view.zones.zoneOf(instance.node) ?? '', monotonicClock());
  return message === undefined
    ? []
    : [{ kind: 'zone', excludes: false, message, source: view.node, sinceMs: null }];
}

/** Parameters that exclude the instance, whatever its state. */
function queryReasons(
  serviceInstance: ServiceInstance,
  entry: ConsulServiceEntry | undefined,
  query: InstanceQuery,
): InstanceReason[] {
  const reasons: InstanceReason[] = [];
  const exclude = (kind: InstanceReason['kind'], message: string): void => {
    reasons.push({ kind, excludes: true, message, source: QUERY, sinceMs: null });
  };
  for (const tag of query.tag)
    if (!hasTags([tag])(serviceInstance)) exclude('tag', `it has no tag ${JSON.stringify(tag)}`);
  for (const [key, value] of query['node-meta'])
    if (!hasMeta(serviceInstance.poolNode, new Map([[key, value]])))
      exclude('meta', `the meta ${JSON.stringify(key)} of its node is not ${JSON.stringify(value)}`);
  if (!query.matches(entry)) exclude('filter', 'it does not match the filter');
  if (query.passing && entry !== undefined && failingChecks(entry) > 0)
    exclude('passing', 'the query wants instances whose checks all pass');
  return reasons;
}

const failingChecks = ({ Checks }: ConsulServiceEntry): number =>
  Checks.filter(({ Status }) => Status !== 'passing').length;

function statusAge({ agent, monotonicClock }: Site, node: string, key: EntryKey): number | null {
  const at = agent.view.catalog.statusSince(node, key);
  return at === undefined ? null : Math.max(0, Math.round(monotonicClock() - at));
}

/** Members that may run the service unknown to this agent: nothing of theirs has arrived here. */
export function membersWithoutServices(site: Site): MemberWithoutServices[] {
  const { view } = site.agent;
  return view
    .members()
    .filter(({ name, status }) => status !== 'left' && view.catalog.node(name) === undefined)
    .slice(0, MAX_MEMBERS_WITHOUT_SERVICES)
    .map(({ name, status, tags }) => ({
      node: name,
      status,
      message: tags.has(CAPABILITY_TAG)
        ? 'it has published nothing, or nothing of it has arrived here yet'
        : 'it does not take part in the catalog: it is no hearsay agent',
    }));
}

/** Explains why there is no instance to report on. */
export function explainNoInstances(site: Site, service: string, id: string): string {
  const { length } = site.agent.view.catalog.instances(service);
  const name = JSON.stringify(service);
  if (isSelfService(site, service) && id !== '')
    return `no node is shown as an instance of ${name} with that id`;
  if (id !== '' && length > 0)
    return `not seen: ${name} has ${length} instances here, and none has the id ${JSON.stringify(id)}`;
  return `not seen: no instance of ${name} has reached this agent; it was not registered, or its node left, or it is on a node of which nothing is known here`;
}
