/** A real server on loopback with a fake agent behind it, and a minimal HTTP client. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { AgentHandle, ReaderGauge } from '../../../src/agent/contract/agent-handle.ts';
import type {
  CommandRequest,
  CommandValue,
  KeyOperationReport,
} from '../../../src/agent/contract/commands.ts';
import type { Investigation, NodeEvidence } from '../../../src/agent/contract/evidence.ts';
import type { LinkReport, LinkSurvey } from '../../../src/agent/contract/links.ts';
import type { SyncStatus } from '../../../src/agent/contract/sync-status.ts';
import type {
  MemberView,
  PartitionSummary,
  Readiness,
  Topic,
  View,
  ZonesView,
} from '../../../src/agent/contract/view.ts';
import { reportOnNode } from '../../../src/agent/evidence/investigation.ts';
import { ChangeLog } from '../../../src/agent/readers/change-log.ts';
import { toAddress } from '../../../src/base/address.ts';
import { deriveNodeId } from '../../../src/http/consul/nodes.ts';
import type { AgentInfo } from '../../../src/http/endpoint/agent-info.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../../src/http/server/server.ts';
import type { JobView } from '../../../src/jobs/types.ts';
import { ZONE_DEFAULTS, type ZonePlan, type ZoneSettings } from '../../../src/locality/zone-planner.ts';
import { type PoolView, poolKey, type WorkerPartition } from '../../../src/partitions/types.ts';
import type { Coordinate } from '../../../src/serf/coordinates.ts';
import type { PendingQuery, QueryReport, ReceivedUserEvent } from '../../../src/serf/types.ts';
import { PlainCatalog, PlainLocal } from './data.ts';

export const SEED = 1_700_000_000_000;

/** An agent handle in memory: `touch` reports changes, `commands` records what is executed. */
export class FakeAgent implements AgentHandle {
  readonly commands: CommandRequest[] = [];
  readonly rows = new Map<string, MemberView>();
  readonly catalog = new PlainCatalog();
  readonly local = new PlainLocal();
  /** The reply to the next commands. */
  reply: () => Promise<unknown> = async () => undefined;
  receivedEvents: ReceivedUserEvent[] = [];
  readonly eventIndexes = new WeakMap<ReceivedUserEvent, number>();
  readonly queryReports = new Map<number, QueryReport>();
  readonly keyOperationReports = new Map<number, KeyOperationReport>();
  readonly gossipKeys = new Map<string, Uint8Array>();
  waitingQueries: PendingQuery[] = [];
  readonly nodeEvidence = new Map<string, NodeEvidence>();
  readonly investigations = new Map<number, Investigation>();
  readonly coordinates = new Map<string, Coordinate>();
  readonly #indexes = new Map<Topic, number>();
  readonly #subscribers = new Set<{ topics: readonly Topic[]; wake: () => void }>();
  #index = SEED;
  readonly #changes = new ChangeLog(SEED);

  readiness: Readiness = { ready: true };
  restoredAt: number | undefined;
  partitionSummary: PartitionSummary = {
    ...{ kind: 'whole', known: 1, visible: 1, minuteAgo: undefined, hourAgo: undefined, missing: [] },
    ...{ lostTogether: 0, network: undefined, side: undefined, sentence: 'no other member is known' },
  };

  links: readonly LinkReport[] = [];
  readonly linkSurveys = new Map<number, LinkSurvey>();
  readonly jobs = new Map<string, JobView>();
  readonly pools = new Map<string, PoolView>();
  /** By session. */
  readonly workers = new Map<string, readonly WorkerPartition[]>();
  readonly syncStatuses = new Map<number, SyncStatus>();

  /** By the name of the service. */
  readonly zonePlans = new Map<string, ZonePlan>();
  zoneSettings: ZoneSettings = ZONE_DEFAULTS;

  readonly view: View = {
    zones: this.#zonesView(),
    node: 'ann',
    address: toAddress(Uint8Array.of(10, 0, 0, 1), 7946),
    self: () => this.rows.get('ann') ?? member('ann'),
    members: () => [...this.rows.values()],
    member: (name) =>
      this.rows.get(name) ??
      [...this.rows.values()].find((row) => row.name.toLowerCase() === name.toLowerCase()),
    indexOf: (topics) => Math.max(1, ...topics.map((topic) => this.#indexes.get(topic) ?? SEED)),
    changesAfter: (index) => this.#changes.after(index, this.#index),
    health: () => ({
      awareness: 2,
      seals: 7,
      incarnation: 5,
      clocks: { member: 11, event: 12, query: 13 },
      encrypted: true,
      leaving: false,
      watching: [],
      watchers: [],
      coordinateResets: 0,
      lanes: { membership: 1, intents: 0 },
    }),
    readiness: () => this.readiness,
    suspects: () =>
      new Set([...this.rows.values()].filter(({ status }) => status === 'suspect').map(({ name }) => name)),
    restoredAt: () => this.restoredAt,
    evidence: (name) => this.nodeEvidence.get(name),
    investigation: (id) => this.investigations.get(id),
    diagnose: (name, formatTime, investigation) => reportOnNode(this.view, name, formatTime, investigation),
    partitionSummary: () => this.partitionSummary,
    links: () => this.links,
    linkSurvey: (id) => this.linkSurveys.get(id),
    coordinate: (name) => this.coordinates.get(name),
    userEvents: () => this.receivedEvents,
    userEventIndex: (event) => this.eventIndexes.get(event) ?? 1,
    queryReport: (id) => this.queryReports.get(id),
    keyOperationReport: (id) => this.keyOperationReports.get(id),
    syncStatus: (id) => this.syncStatuses.get(id),
    gossipKey: (fingerprint) => this.gossipKeys.get(fingerprint),
    pendingQueries: () => this.waitingQueries,
    catalog: this.catalog,
    local: this.local,
    jobs: {
      all: () => [...this.jobs.values()],
      get: (name) => this.jobs.get(name),
      wall: 1_800_000_000_000,
      ...{ spread: 500, clockOffset: undefined },
    },
    partitions: {
      pools: () => [...this.pools.values()],
      pool: (id) => this.pools.get(poolKey(id)),
      worker: (session) => this.workers.get(session),
    },
  };

  constructor(...members: MemberView[]) {
    for (const one of members) this.rows.set(one.name, one);
  }

  #zonesView(): ZonesView {
    const settings = (): ZoneSettings => this.zoneSettings;
    return {
      get settings() {
        return settings();
      },
      zoneOf: (node) =>
        (this.catalog.externalNode(node)?.meta ?? this.view.member(node)?.tags)?.get('zone') ?? null,
      plan: (service) => this.zonePlans.get(service),
    };
  }

  get waiting(): number {
    return this.#subscribers.size;
  }

  execute<const C extends CommandRequest>(command: C): Promise<CommandValue<C>> {
    this.commands.push(command);
    return this.reply() as Promise<CommandValue<C>>;
  }

  /** The readers that were added. */
  readonly gauges = new Set<ReaderGauge>();

  addReaders(readers: ReaderGauge): () => void {
    this.gauges.add(readers);
    return () => void this.gauges.delete(readers);
  }

  subscribe(topics: readonly Topic[], wake: () => void): () => void {
    const subscriber = { topics, wake };
    this.#subscribers.add(subscriber);
    return () => void this.#subscribers.delete(subscriber);
  }

  /** Moves the indexes of the topics and wakes subscribers. `spurious`: it only wakes them. */
  touch(topics: readonly Topic[], spurious = false): void {
    if (!spurious) {
      this.#index += 1;
      for (const topic of [...topics, 'anything'] as const) {
        this.#indexes.set(topic, this.#index);
        const [, kind, name = ''] = /^(node|service|partitions):(.*)$/.exec(topic) ?? [];
        if (kind !== undefined)
          this.#changes.append(kind === 'node' ? 'member' : (kind as 'service'), name, this.#index);
      }
    }
    for (const { topics: wanted, wake } of [...this.#subscribers])
      if (wanted.some((topic) => topic === 'anything' || topics.includes(topic))) wake();
  }
}

export function member(name: string, changes: Partial<MemberView> = {}): MemberView {
  const at = changes.address ?? toAddress(Uint8Array.of(10, 0, 0, 1), 7946);
  const tags = changes.tags ?? new Map();
  const vsn = Uint8Array.of(1, 5, 2, 2, 5, 4);
  const row = {
    identity: { name, address: at, meta: new Uint8Array(0), vsn },
    state: changes.state ?? 'alive',
    incarnation: changes.incarnation ?? 1,
    since: changes.since ?? 0,
  } as const;
  return {
    name,
    address: at,
    tags,
    status: 'alive',
    serf: { name, status: 'alive', statusLTime: 1, downAt: undefined, member: row, tags },
    state: 'alive',
    incarnation: 1,
    since: 0,
    vsn,
    ...changes,
  };
}

export const INFO: AgentInfo = {
  version: '1.2.3',
  consulVersion: '1.22.0',
  revision: 'abc1234',
  buildDate: '2026-01-02T03:04:05Z',
  nodeId: deriveNodeId('dc1', 'ann'),
  datacenter: 'dc1',
  domains: ['hearsay', 'consul'],
  startedAt: SEED - 90_000,
  settings: { preset: 'lan' },
  gossipAddress: '10.0.0.1:7946',
  dnsAddress: '127.0.0.1:8600',
  degraded: () => [],
  containers: () => [],
  warnings: () => [],
};

export const options = (agent: AgentHandle, changes: Partial<HttpServerOptions> = {}): HttpServerOptions => ({
  listen: { host: '127.0.0.1', port: 0 },
  agent,
  info: INFO,
  insecure: false,
  tokens: {},
  openOperator: true,
  allowedHosts: [],
  legacyGetWrites: true,
  wallClock: () => SEED,
  monotonicClock: () => 5000,
  ...changes,
});

/** Starts a server that is closed after the test. Errors that are a fault of the agent fail the test. */
export async function serve(
  agent: AgentHandle,
  changes: Partial<HttpServerOptions> = {},
): Promise<HttpServer> {
  const faults: unknown[] = [];
  const server = await startHttpServer(
    options(agent, { onError: (error) => faults.push(error), ...changes }),
  );
  onTestFinished(async () => {
    await server.close();
    if (faults.length > 0) throw faults[0];
  });
  return server;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as received, compressed or not. */
  readonly bytes: Buffer;
  json(): unknown;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Sends one request on a connection of its own. */
export function send(server: HttpServer, path: string, sent: Sent = {}): Promise<Answer> {
  const where = server.address.startsWith('unix:')
    ? { socketPath: server.address.slice(5) }
    : { host: '127.0.0.1', port: portOf(server) };
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, signal } = sent;
    const call = request(
      { ...where, path, method, headers, agent: false, ...(signal === undefined ? {} : { signal }) },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.once('error', reject);
        incoming.once('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString();
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: text,
            bytes,
            json: () => JSON.parse(text),
          });
        });
      },
    );
    call.once('error', reject);
    call.end(body);
  });
}

export const put = (server: HttpServer, path: string, body?: unknown): Promise<Answer> =>
  send(server, path, {
    method: 'PUT',
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });

/** Sends raw bytes; resolves to everything received until the server closes. */
export function raw(server: HttpServer, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(portOf(server), '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}

export const portOf = ({ address }: HttpServer): number =>
  Number(address.slice(address.lastIndexOf(':') + 1));

/** A path for a socket file, in a directory that is removed after the test. */
export function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-http-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'http.sock');
}

/** Resolves when the condition holds; throws after 10 s. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('waited 10 s in vain');
}
