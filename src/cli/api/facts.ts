/** What `hearsay doctor` asks the agent for: the facts of one examination, over the public HTTP API. */
import { Resolver } from 'node:dns/promises';
import * as v from 'valibot';
import { joinHostPort, splitHostPort } from '../../base/address.ts';
import type { Facts, KeysFact, MemberFact, ServiceFact, WhyFact } from '../../doctor/finding.ts';
import type { CliContext } from '../command.ts';
import type { Client } from './client.ts';
import { HttpStatusError } from './client.ts';
import { pollUntilFinished, type QueryState, sendQuery } from './poll.ts';
import {
  AgentInfoSchema,
  CatalogServicesSchema,
  MembersSchema,
  NodeWhySchema,
  parseResponse,
  ServiceEntriesSchema,
} from './schemas.ts';

/** Requests at a time, so that an examination is no load for the agent. */
const CONCURRENCY = 8;
/** Members and services that are looked at one by one. */
const MAX_MEMBERS = 128;
const MAX_SERVICES = 256;
/** Members in trouble about which the others are queried. */
const MAX_QUERIED = 5;
const DNS_TIMEOUT = 1000;

const WarningsSchema = v.array(
  v.looseObject({
    kind: v.string(),
    message: v.string(),
    fields: v.record(v.string(), v.unknown()),
    count: v.number(),
    lastAgoMs: v.number(),
  }),
);
const HealthSchema = v.looseObject({
  partitionSummary: v.looseObject({ kind: v.string(), sentence: v.string() }),
});
/** What the agent finds without asking others. */
export const FindingsSchema = v.looseObject({
  waitingFor: v.nullable(v.string()),
  findings: v.array(
    v.looseObject({ code: v.string(), severity: v.string(), sentence: v.string(), fix: v.string() }),
  ),
});
export const FINDINGS_PATH = '/v1/hearsay/findings';
const PairsSchema = v.object({
  asked: v.array(v.string()),
  silent: v.array(v.string()),
  outside: v.array(v.string()),
  pairs: v.array(
    v.object({
      ...{ from: v.string(), to: v.string(), sent: v.number(), answered: v.number() },
      ...{ heard: v.number(), heardBack: v.number(), longest: v.number(), blocked: v.number() },
      ...{ roundTripMs: v.nullable(v.number()), clockAheadMs: v.nullable(v.number()) },
      ...{ seenFrom: v.string(), tcp: v.nullable(v.string()), agoMs: v.number() },
    }),
  ),
});
/** The ways between agents, as all have measured them; who is silent, and who takes no part. */
export type Pairs = v.InferOutput<typeof PairsSchema>;

const NO_PAIRS: Pairs = { asked: [], silent: [], outside: [], pairs: [] };

export interface Examination {
  readonly facts: Facts;
  readonly pairs: Pairs;
}

const KeyReportSchema = v.looseObject({
  id: v.number(),
  finished: v.boolean(),
  members: v.number(),
  primaries: v.record(v.string(), v.number()),
  errors: v.record(v.string(), v.string()),
  unresponsive: v.array(v.string()),
});

/** `undefined`: interrupted. `progress` is called with what is being done. */
export async function collectFacts(
  cli: CliContext,
  client: Client,
  progress: (step: string) => void,
): Promise<Examination | undefined> {
  progress('reading what the agent knows');
  const [info, members, health, warnings, waitingFor] = await Promise.all([
    client.get('/v1/hearsay/info').then((body) => parseResponse(AgentInfoSchema, body, client)),
    client.get('/v1/hearsay/members').then((body) => parseResponse(MembersSchema, body, client)),
    client.get('/v1/hearsay/health').then((body) => parseResponse(HealthSchema, body, client)),
    client.get('/v1/hearsay/warnings').then((body) => parseResponse(WarningsSchema, body, client)),
    readOrElse({ waitingFor: null, findings: [] }, FindingsSchema, client, FINDINGS_PATH),
  ]);
  progress(`pinging ${members.length} members, and measuring the ways between them`);
  const measured = readOrElse(NO_PAIRS, PairsSchema, client, '/v1/hearsay/pairs');
  const silent = await pingAll(cli, client, members);
  const keys = info.encrypted ? await listKeys(cli, client) : undefined;
  if (silent === undefined || keys === 'interrupted') return undefined;
  progress('asking why');
  const whys = await askWhy(client, members);
  progress('looking at the services');
  // An agent that waits for the catalog would say so in place of an answer.
  const isWaiting = waitingFor.waitingFor !== null;
  const services = isWaiting ? { services: [], checks: [] } : await lookAtServices(client);
  progress('waiting for what the agents have measured');
  const pairs = await measured;
  const facts = {
    ...{ self: info.node, members, warnings, whys, silent, ...services, links: pairs.pairs },
    ...{ awareness: info.health.awareness, degraded: info.degraded, partition: health.partitionSummary },
    ...{ waitingFor: waitingFor.waitingFor ?? undefined, encrypted: info.encrypted },
    keys: keys ?? undefined,
    dns: await askDns(info.address.dns ?? undefined, client.address),
  };
  return { facts, pairs };
}

/** An older agent has no such path. */
export async function readOrElse<S extends v.GenericSchema>(
  without: v.InferOutput<S>,
  schema: S,
  client: Client,
  path: string,
): Promise<v.InferOutput<S>> {
  try {
    return parseResponse(schema, await client.get(path, 'slow'), client);
  } catch (error) {
    if (error instanceof HttpStatusError && error.status === 404) return without;
    throw error;
  }
}

/** Live members that do not acknowledge a ping query; agents of Serf take part as well. */
async function pingAll(
  cli: CliContext,
  client: Client,
  members: readonly MemberFact[],
): Promise<readonly string[] | undefined> {
  const ping = { name: '_serf_ping', payload: '', parameters: '' };
  const alive = members.filter(({ status }) => status === 'alive').map(({ name }) => name);
  const without = ({ acks }: QueryState): readonly string[] => alive.filter((name) => !acks.includes(name));
  const isEnough = (state: QueryState): boolean => without(state).length === 0;
  const result = await sendQuery(cli, client, ping, () => undefined, isEnough);
  return result === undefined ? undefined : without(result);
}

async function listKeys(cli: CliContext, client: Client): Promise<KeysFact | undefined | 'interrupted'> {
  const read = (body: unknown) => parseResponse(KeyReportSchema, body, client);
  try {
    const first = read(await client.put('/v1/hearsay/keys/list', {}));
    const path = `/v1/hearsay/key-reports/${first.id}`;
    return (await pollUntilFinished(cli, client, path, first, read, () => undefined)) ?? 'interrupted';
  } catch (error) {
    // A token that may read but not list keys still gets all other findings.
    if (error instanceof HttpStatusError && error.status === 403) return undefined;
    throw error;
  }
}

/** Members in trouble first: about those, the other agents are queried as well. */
async function askWhy(client: Client, members: readonly MemberFact[]): Promise<Map<string, WhyFact>> {
  const isTroubled = ({ status }: MemberFact): boolean => status === 'failed' || status === 'suspect';
  const troubled = members.filter(isTroubled);
  const alive = members.filter(({ status }) => status === 'alive');
  const whys = new Map<string, WhyFact>();
  await forEach([...troubled, ...alive].slice(0, MAX_MEMBERS), async ({ name }) => {
    const isQueried = troubled.slice(0, MAX_QUERIED).some((one) => one.name === name);
    const path = `/v1/hearsay/why/${encodeURIComponent(name)}?ask=${isQueried}`;
    try {
      const why = parseResponse(NodeWhySchema, await client.get(path, 'slow'), client);
      whys.set(name, {
        ...{ diagnosis: why.diagnosis, cause: why.cause },
        evidence: why.evidence.map(({ kind, observer, message, agoMs, count = 1 }) => ({
          ...{ kind, observer, message, agoMs, count },
        })),
      });
    } catch (error) {
      if (!(error instanceof HttpStatusError)) throw error; // it was reaped meanwhile
    }
  });
  return whys;
}

async function lookAtServices(client: Client): Promise<Pick<Facts, 'services' | 'checks'>> {
  const all = parseResponse(CatalogServicesSchema, await client.get('/v1/catalog/services'), client);
  const services: ServiceFact[] = [];
  const checks: Facts['checks'][number][] = [];
  await forEach(Object.keys(all).slice(0, MAX_SERVICES), async (name) => {
    const path = `/v1/health/service/${encodeURIComponent(name)}`;
    const entries = parseResponse(ServiceEntriesSchema, await client.get(path), client);
    const isUsable = (entry: (typeof entries)[number]): boolean =>
      entry.Checks.every(({ Status }) => Status !== 'critical');
    services.push({ name, instances: entries.length, usable: entries.filter(isUsable).length });
    for (const { Node, Service, Checks } of entries)
      for (const { Name, Status, Output } of Checks)
        checks.push({
          node: Node.Node,
          service: Service.Service,
          name: Name,
          status: Status,
          output: Output,
        });
  });
  return { services, checks };
}

/** Only where the agent is on this host: elsewhere its DNS server may rightly be out of reach. */
async function askDns(address: string | undefined, agent: string): Promise<Facts['dns']> {
  if (address === undefined || !/127\.|localhost|unix|\[::1\]/.test(agent)) return undefined;
  const { host = '', port = 53 } = splitHostPort(address) ?? {};
  const reachable = ANY_ADDRESS.get(host) ?? host;
  const resolver = new Resolver({ timeout: DNS_TIMEOUT, tries: 2 });
  resolver.setServers([joinHostPort(reachable, port)]);
  try {
    await resolver.resolve4('hearsay-doctor.invalid');
    return { address, error: undefined };
  } catch (error) {
    const { code = '' } = error as { code?: string };
    return { address, error: SILENT.has(code) ? `a query to it failed: ${code}` : undefined };
  }
}

/** Where a server that listens at all addresses is asked. */
const ANY_ADDRESS: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);
/** Errors of a query that no server has answered. */
const SILENT: ReadonlySet<string> = new Set(['ETIMEOUT', 'ECONNREFUSED']);

async function forEach<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
