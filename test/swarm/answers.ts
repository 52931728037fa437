/**
 * What readers of a simulated agent are told, by the real answerers over its view, without sockets. I15: a DNS answer or an
 * HTTP reply is what the view says, whether or not a cache has it. I14 of HTTP: a reply that differs from the last one of
 * the same request has a higher index, also where it depends on several topics. The indexes inside a reply are those of
 * whole nodes (src/http/consul/services.ts), so they may grow without it, and are left out.
 */
import { type Answer, type DecodedPacket, decode, encode } from 'dns-packet';
import type { AgentHandle } from '../../src/agent/contract/agent-handle.ts';
import type { View } from '../../src/agent/contract/view.ts';
import { Meter } from '../../src/base/meter.ts';
import { createResponder, type DnsResponder } from '../../src/dns/responder.ts';
import type { QueryOrigin } from '../../src/dns/truncate.ts';
import type { AgentInfo } from '../../src/http/endpoint/agent-info.ts';
import { BlockingQueries } from '../../src/http/endpoint/blocking.ts';
import { parseQueryString } from '../../src/http/endpoint/query.ts';
import { KeptLists } from '../../src/http/endpoint/reply/kept-lists.ts';
import { HttpReply } from '../../src/http/endpoint/reply/reply.ts';
import { ReplyCache } from '../../src/http/endpoint/reply/reply-cache.ts';
import type { HttpRequest, Route } from '../../src/http/endpoint/route.ts';
import type { Site } from '../../src/http/endpoint/site.ts';
import { ROUTES } from '../../src/http/routes/index.ts';
import { createRouter } from '../../src/http/server/router.ts';
import type { Law, LawContext } from '../../src/sim/laws/law.ts';
import { runSwarm, type SwarmOptions, type SwarmReport } from '../../src/sim/scenarios/swarm.ts';
import { catalogLoadServices } from '../../src/sim/workload/catalog-load.ts';
import type { SimHost } from '../../src/sim/world/host.ts';

const INFO: AgentInfo = {
  ...{
    version: '1.2.3',
    consulVersion: '1.2.3',
    revision: '',
    buildDate: '',
    nodeId: '',
    datacenter: 'dc1',
    domains: [],
    startedAt: 0,
  },
  ...{
    settings: {},
    gossipAddress: '10.0.0.1:7946',
    degraded: () => [],
    containers: () => [],
    warnings: () => [],
  },
};
const NODE_INDEXES = /,"(?:Create|Modify)Index":\d+/g;
const findRoutes = createRouter(ROUTES);
/** One path in so many is read at a time: all of them took a third of a seed's time. */
const PATHS_SHARE = 3;
const SERVFAIL = 2;
const NXDOMAIN = 3;
const TCP: QueryOrigin = { transport: 'tcp', loopback: true, spoofable: false, trusted: true };
const UDP: QueryOrigin = { ...TCP, transport: 'udp' };

interface Read {
  readonly index: number;
  readonly body: ReplyText;
}

/** The text of a body. Most replies have the bytes of the last one, and are neither parsed nor searched a second time. */
interface ReplyText {
  readonly bytes: Buffer;
  /** Without the indexes of nodes. */
  readonly text: string;
  /** The instances that the reply lists; absent in replies about something else. */
  readonly shown: ReadonlySet<string> | undefined;
}

/** A run of the swarm in which readers ask at every host. */
export const runWithReaders = (options: SwarmOptions): SwarmReport =>
  runSwarm({ ...options, moreLaws: (context) => [new AnswerLaw(context)] });

/** The readers of one process. */
interface Readers {
  readonly dns: DnsResponder;
  /** Keeps replies, and keeps none. */
  readonly cached: Site;
  readonly fresh: Site;
  /** By request. */
  readonly reads: Map<string, Read>;
  turn: number;
}

export class AnswerLaw implements Law {
  readonly #context: LawContext;
  readonly #readers = new Map<SimHost, Readers>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    if (host.options.serfPeer === true) return;
    const { view } = host.runningAgent;
    const clock = (): number => host.toHostTime(this.#context.world.now);
    this.#readers.set(host, {
      dns: createDns(view),
      // Its replies do not grow old: only their index may make them stale.
      cached: createSite(view, clock, new ReplyCache(() => 0)),
      fresh: createSite(view, clock, new NoCache(clock)),
      reads: new Map(),
      turn: 0,
    });
  }

  checkPeriodically(host: SimHost): void {
    const readers = this.#readers.get(host);
    // An agent that leaves shows less and less of itself.
    if (readers === undefined || host.paused || host.runningAgent.view.health().leaving) return;
    readers.turn += 1;
    const { view } = host.runningAgent;
    const service = catalogLoadServices[readers.turn % catalogLoadServices.length] as string;
    const members = view.members();
    const node = members[readers.turn % members.length]?.name ?? host.name;
    this.#checkDns(host, readers, service);
    const round = Math.floor(readers.turn / catalogLoadServices.length);
    pathsOf(service, node).forEach((path, i) => {
      if (i % PATHS_SHARE === round % PATHS_SHARE) this.#checkHttp(host, readers, path);
    });
  }

  /** All usable instances over TCP; over UDP as many as fit, and TC if that is not all. */
  #checkDns(host: SimHost, { dns }: Readers, service: string): void {
    const { view } = host.runningAgent;
    const { ready, remembers } = readinessOf(view);
    const usable = view.catalog.usable(service);
    const srv = ask(dns, service, 'SRV', TCP);
    const where = `I15 ${host.label} answers SRV ${service}`;
    this.#context.judged('I15');
    if (!ready && !(remembers && usable.length > 0)) {
      if (srv.rcode !== SERVFAIL) this.#violate(`${where} with ${srv.rcode} and is not ready`);
      return;
    }
    const type = host.options.v6 === true ? 'AAAA' : 'A';
    const expected = new Set(usable.map(({ node }) => addressOf(view, node)).filter(isOfType(type)));
    const addresses = dataOf(ask(dns, service, type, TCP).packet);
    // Instances of one node have one address and one port, so they are one record.
    const nodes = new Set(usable.map(({ node }) => node)).size;
    if (srv.count !== nodes) this.#violate(`${where} with ${srv.count} of ${nodes} nodes`);
    if (usable.length > 0 === (srv.rcode === NXDOMAIN))
      this.#violate(`${where} with rcode ${srv.rcode} and has ${usable.length} instances`);
    if (!sameSets(new Set(addresses), expected))
      this.#violate(`${where}: ${[...addresses].join(' ')} instead of ${[...expected].join(' ')}`);
    const { packet, count } = ask(dns, service, 'SRV', UDP);
    if (count > nodes || count < nodes !== packet.flag_tc)
      this.#violate(`${where} over UDP with ${count} of ${nodes}, TC ${packet.flag_tc}`);
  }

  #checkHttp(host: SimHost, readers: Readers, path: string): void {
    const { reads, cached, fresh } = readers;
    const reply = request(fresh, path);
    const where = `${host.label} answers ${path}`;
    this.#context.judged('I15');
    const again = request(cached, path);
    const sameText = again.body.equals(reply.body) || textOf(again.body) === textOf(reply.body);
    if (again.status !== reply.status || !sameText)
      this.#violate(
        `I15 ${where} from its cache with what the view does not say: ${difference(textOf(again.body), textOf(reply.body))}`,
      );
    if (reply.status !== 200) return; // Nothing is known yet, and clients do not wait for an index of an error.
    const last = reads.get(path);
    const body = readReply(path, reply.body, last?.body);
    const wrong = contradiction(path, body.shown, host.runningAgent.view);
    if (wrong !== undefined) this.#violate(`I15 ${where} with ${wrong}`);
    const index = Number(reply.headers['X-Consul-Index']);
    reads.set(path, { index, body });
    if (last === undefined) return;
    const changed = last.body.text !== body.text;
    this.#context.judged('I14 of HTTP', changed ? 1 : 0);
    if (index < last.index || (index === last.index && changed))
      this.#violate(
        `I14 ${where} otherwise than before, and the index is ${index} after ${last.index}: ${difference(last.body.text, body.text)}`,
      );
  }

  #violate(what: string): void {
    this.#context.reportViolation(what);
  }
}

/** External nodes have no address of a member. */
const addressOf = (view: View, node: string): string =>
  view.catalog.externalNode(node)?.address ?? view.member(node)?.address.host ?? 'nowhere';

const isOfType =
  (type: 'A' | 'AAAA') =>
  (address: string): boolean =>
    address.includes(':') === (type === 'AAAA');

const pathsOf = (service: string, node: string): string[] => [
  `/v1/health/service/${service}`,
  `/v1/health/service/${service}?passing`,
  `/v1/health/checks/${service}`,
  `/v1/catalog/service/${service}`,
  `/v1/catalog/node-services/${node}`,
  `/v1/health/node/${node}`,
  '/v1/health/state/critical',
  '/v1/catalog/services',
  '/v1/catalog/nodes',
];

/** Parses a body, unless it says the same as the last one. A reply with status 200 is JSON, whatever it is about. */
function readReply(path: string, bytes: Buffer, last: ReplyText | undefined): ReplyText {
  if (last?.bytes.equals(bytes) === true) return last;
  const text = textOf(bytes);
  if (last?.text === text) return { ...last, bytes };
  const value: unknown = JSON.parse(text);
  if (serviceOf(path) === undefined) return { bytes, text, shown: undefined };
  const rows = value as readonly { readonly Node: { Node: string }; readonly Service: { ID: string } }[];
  return { bytes, text, shown: new Set(rows.map(({ Node, Service }) => `${Node.Node} ${Service.ID}`)) };
}

/** The service whose instances a path lists. */
const serviceOf = (path: string): string | undefined => /^\/v1\/health\/service\/([^?]+)/.exec(path)?.[1];

/** How the instances shown differ from what the view says, in words; `undefined`: not at all. */
function contradiction(path: string, shown: ReadonlySet<string> | undefined, view: View): string | undefined {
  const service = serviceOf(path);
  if (service === undefined || shown === undefined) return undefined;
  const passing = path.endsWith('?passing');
  const expected = new Set(
    view.catalog
      .instances(service)
      .filter(({ status }) => !passing || status === 'passing')
      .map((one) => `${one.node} ${one.service.id}`),
  );
  return sameSets(shown, expected)
    ? undefined
    : `${[...shown].sort().join(', ')} instead of ${[...expected].sort().join(', ')}`;
}

/** The first place at which two replies differ. */
function difference(before: string, now: string): string {
  const at = [...now].findIndex((letter, i) => letter !== before[i]);
  const from = Math.max(0, (at < 0 ? now.length : at) - 60);
  return `"${before.slice(from, from + 120)}", then "${now.slice(from, from + 120)}"`;
}

const sameSets = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));

function readinessOf(view: View): { readonly ready: boolean; readonly remembers: boolean } {
  const readiness = view.readiness();
  return { ready: readiness.ready, remembers: readiness.ready || readiness.remembers };
}

const questions = new Map<string, Buffer>();

function questionOf(service: string, type: 'A' | 'AAAA' | 'SRV'): Buffer {
  const key = `${type} ${service}`;
  let question = questions.get(key);
  if (question === undefined) {
    const asked = [{ type, name: `${service}.service.consul` } as const];
    question = encode({ type: 'query', id: 1, questions: asked });
    questions.set(key, question);
  }
  return question;
}

function ask(dns: DnsResponder, service: string, type: 'A' | 'AAAA' | 'SRV', origin: QueryOrigin) {
  const response = dns.respond(questionOf(service, type), origin, 'answer');
  if (!Buffer.isBuffer(response)) throw new Error('a query of our own zone was forwarded, or not answered');
  const packet = decode(response);
  const rcode = (response[3] as number) & 15;
  return { packet, rcode, count: packet.answers?.length ?? 0 };
}

const dataOf = ({ answers = [] }: DecodedPacket): string[] =>
  answers.map((answer: Answer) => String('data' in answer ? answer.data : ''));

/** What all runs of a process ask for, by target: names of nodes and services repeat. */
const targets = new Map<string, Target>();

type Target = Pick<HttpRequest, 'params' | 'query'> & { readonly route: Route };

function targetOf(target: string): Target {
  const known = targets.get(target);
  if (known !== undefined) return known;
  const [path = '', query = ''] = target.split('?');
  const match = findRoutes(path);
  const route = match?.routes.find(({ method }) => method === 'GET');
  if (match === undefined || route === undefined) throw new Error(`no route for ${target}`);
  const found = { route, params: match.params, query: parseQueryString(query) };
  targets.set(target, found);
  return found;
}

const NO_CLIENT: Pick<HttpRequest, 'header' | 'onDisconnect' | 'body'> = {
  header: () => undefined,
  onDisconnect: () => () => undefined,
  body: async () => new Uint8Array(),
};

function request(site: Site, target: string): HttpReply {
  const { route, params, query } = targetOf(target);
  const reply = route.handle({ params, query, site, ...NO_CLIENT });
  if (!(reply instanceof HttpReply)) throw new Error(`${target} waits for something`);
  return reply;
}

const textOf = (body: Buffer): string => body.toString().replace(NODE_INDEXES, '');

const createDns = (view: View): DnsResponder =>
  createResponder({
    listen: { host: '127.0.0.1', port: 0 },
    ...{ view, domain: 'consul', datacenter: 'dc1', nodeTtlSeconds: 0, serial: () => 1 },
  });

function createSite(view: View, clock: () => number, replyCache: ReplyCache): Site {
  const agent: AgentHandle = {
    view,
    execute: () => Promise.reject(new Error('readers write nothing')),
    subscribe: () => () => undefined,
    addReaders: () => () => undefined,
  };
  return {
    agent,
    info: INFO,
    blockingQueries: new BlockingQueries(agent),
    replyCache,
    keptLists: new KeptLists(),
    meter: new Meter(),
    selfService: 'consul',
    suspectsLast: true,
    emptyKv: false,
    wallClock: clock,
    monotonicClock: clock,
    address: () => '127.0.0.1:8500',
  };
}

class NoCache extends ReplyCache {
  override get(): undefined {
    return undefined;
  }
  override store(): void {}
}
