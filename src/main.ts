/** The composition root: agent → shell → http, dns, in this order; and back in the other. Decides nothing else. */
import { randomBytes, randomInt } from 'node:crypto';
import { type AgentOptions, createAgent } from './agent/agent.ts';
import type { AgentHandle } from './agent/contract/door.ts';
import type { Agent, Snapshot } from './agent/contract/machine.ts';
import { joinFailure } from './agent/operations/join-leave.ts';
import { type Address, formatAddress } from './base/address.ts';
import { Meter } from './base/meter.ts';
import { createRng } from './base/rng.ts';
import { VERSION } from './base/version.ts';
import type { AgentConfig } from './config/schema.ts';
import { createReadiness } from './dns/readiness.ts';
import { startDns } from './dns/server/server.ts';
import { toDnsOptions } from './dns/settings.ts';
import { startHttpServer } from './http/server/server.ts';
import { type HttpRuntime, toHttpOptions } from './http/settings.ts';
import { createRecordedAgent, type RecordedAgent } from './replay/recorder.ts';
import { monotonicNow } from './shell/driver.ts';
import { createJournal, type Journal } from './shell/logging/journal.ts';
import { openLog } from './shell/logging/logger.ts';
import { registerProcessMetrics } from './shell/logging/process-metrics.ts';
import { joinAtStart, startRejoin } from './shell/rejoin.ts';
import { type Shell, startShell } from './shell/shell.ts';
import { createKeyringStore, readKeyring } from './shell/storage/keyring.ts';
import { openRecording } from './shell/storage/recording.ts';
import { readSerfSnapshot } from './shell/storage/serf-snapshot.ts';
import { readServiceFile } from './shell/storage/service-files.ts';
import { openStorage, type Storage } from './shell/storage/storage.ts';
import { NONCE_BYTES, parseKey } from './wire/crypt.ts';

/** A started agent. */
export interface RunningAgent {
  readonly node: string;
  /** Where others reach it: `host:port`. */
  readonly address: string;
  /** `host:port`, `unix:PATH`, or `undefined` if it is off. */
  readonly http: string | undefined;
  readonly dns: string | undefined;
  readonly agent: AgentHandle;
  /** Leaves the cluster, then stops. */
  leave(): Promise<void>;
  /** Stops at once, without a word to the others. */
  stop(): Promise<void>;
  setLogLevel(level: AgentConfig['logLevel']): void;
  setHandlers(handlers: AgentConfig['handlers']): void;
  /** Resolves when everything is closed, whoever asked for it. */
  readonly stopped: Promise<void>;
}

/**
 * Starts one agent. Rejects with `AgentError`; then nothing is left running. `reload` is what `/v1/agent/reload` does,
 * the same as at SIGHUP.
 */
export async function startAgent(config: AgentConfig, reload?: () => Promise<void>): Promise<RunningAgent> {
  const log = await openLog({ level: config.logLevel, format: config.logFormat });
  const { logger } = log;
  const journal = createJournal(logger);
  const note: Journal['record'] = (fact) => journal.record(fact);
  const meter = new Meter();
  const keys = await loadGossipKeys(config, note);
  const storage = config.dataDir === undefined ? undefined : await openStorage(config.dataDir, note);
  const closing: (() => Promise<void>)[] = storage === undefined ? [] : [() => storage.close()];
  const past = storage?.snapshot ?? (await readImportedSnapshot(config));
  let done = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    done = resolve;
  });
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
    done();
  };

  try {
    const tape = await openAgentRecording(config, note, closing);
    const shell = await startShell({
      bind: config.bind,
      ...(config.advertise === undefined ? {} : { advertise: config.advertise }),
      createAgent: (address) => buildAgent(config, keys, storage, past, address, tape?.create),
      journal,
      handlers: {
        handlers: config.handlers,
        members: { period: config.serf.coalescePeriod, quiescent: config.serf.quiescentPeriod },
        user: { period: config.serf.userCoalescePeriod, quiescent: config.serf.userQuiescentPeriod },
      },
      checks: { allowExec: config.allowExecChecks, allow: config.checkAllow },
      ...(storage === undefined ? {} : { storage }),
      onFatal: () => {
        process.exitCode = 70;
        void stop();
      },
      ...(config.keyringFile === undefined ? {} : { keyring: createKeyringStore(config.keyringFile) }),
      onStopped: (why) => {
        if (why !== undefined) process.exitCode = 1;
        void stop();
      },
    });
    closing.push(() => shell.stop());

    await registerServiceFiles(config, shell.agent);
    const dns = await openDns(config, shell, storage, meter, closing);
    const degraded = (): readonly string[] => [...(storage?.degraded ?? []), ...(tape?.degraded() ?? [])];
    const { view } = shell.agent;
    registerProcessMetrics(meter, {
      journal,
      view,
      lateness: () => shell.lateness,
      degraded,
      version: VERSION,
    });
    const served = { agent: shell.agent, meter, logs: log, degraded, dnsAddress: dns, reload };
    const http = await openHttp(config, served, note, closing);
    await joinSeeds(config, shell.agent, past, closing, (answered, reason) => {
      if (answered > 0) logger.info({ seeds: answered }, 'joined through seeds');
      else logger.warn({ reason }, 'retry join: no seed answered, will retry');
    });
    return {
      node: config.node,
      address: formatAddress(shell.address),
      http,
      dns,
      agent: shell.agent,
      leave: async () => {
        await shell.agent.execute({ kind: 'leave' });
        await stopped;
      },
      stop,
      setLogLevel: (level) => log.setLevel(level),
      setHandlers: (handlers) => shell.handlers.replace(handlers),
      stopped,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The agent itself: its clock, chance and nonces come from Node, everything else from its settings. */
const buildAgent = (
  config: AgentConfig,
  keys: readonly Uint8Array[],
  storage: Storage | undefined,
  past: Snapshot | undefined,
  address: Address,
  create: (options: AgentOptions, seed: number) => Agent = createAgent,
): Agent => {
  const seed = randomInt(2 ** 31);
  const options: AgentOptions = {
    name: config.node,
    address,
    tags: config.tag,
    swim: config.swim,
    serf: config.serf,
    keys,
    persistsKeys: config.keyringFile !== undefined,
    label: config.label,
    rng: createRng(seed),
    nonce: () => randomBytes(NONCE_BYTES),
    ...(past === undefined ? {} : { snapshot: past }),
    ...(storage?.catalog === undefined ? {} : { catalog: storage.catalog }),
    persistsSnapshots: storage !== undefined,
    allowExec: config.allowExecChecks,
    startedAt: Date.now(),
    now: monotonicNow(),
  };
  return create(options, seed);
};

interface RecordedAgentFactory {
  /** As `createAgent`, of an agent that is recorded. */
  create(options: AgentOptions, seed: number): Agent;
  degraded(): readonly string[];
}

/** The recording, if one is wanted. It is closed after all that feeds the agent. */
async function openAgentRecording(
  { record: path, recordRedact: redact, recordMaxBytes: maxBytes }: AgentConfig,
  note: Journal['record'],
  closing: (() => Promise<void>)[],
): Promise<RecordedAgentFactory | undefined> {
  if (path === undefined) return undefined;
  const sink = await openRecording(path, note, { maxBytes, redacted: redact });
  let recorded: RecordedAgent | undefined;
  closing.push(async () => {
    recorded?.stopRecording('stopped');
    await sink.close();
  });
  return {
    create: (options, seed) => {
      recorded = createRecordedAgent(options, { seed, redact, salt: randomBytes(SALT_BYTES), sink });
      return recorded;
    },
    degraded: () => sink.degraded,
  };
}

const SALT_BYTES = 16;

async function loadGossipKeys(config: AgentConfig, note: Journal['record']): Promise<readonly Uint8Array[]> {
  if (config.keyringFile !== undefined) return readKeyring(config.keyringFile, note);
  return config.gossipKey === undefined ? [] : [parseKey(config.gossipKey)];
}

async function openDns(
  config: AgentConfig,
  shell: Shell,
  storage: Storage | undefined,
  meter: Meter,
  closing: (() => Promise<void>)[],
): Promise<string | undefined> {
  if (config.dns.kind === 'off') return undefined;
  const { view } = shell.agent;
  const seeds = config.join.length + config.retryJoin.length;
  const dns = await startDns({
    ...toDnsOptions(config, config.dns.address),
    view,
    ready: createReadiness(view, { waits: seeds > 0 && storage?.catalog === undefined, clock: monotonicNow }),
    serial: () => Math.floor(Date.now() / 1000),
    meter,
  });
  closing.push(() => dns.close());
  return dns.address;
}

async function openHttp(
  config: AgentConfig,
  served: Omit<HttpRuntime, 'monotonicClock' | 'onError'>,
  note: Journal['record'],
  closing: (() => Promise<void>)[],
): Promise<string | undefined> {
  const at = config.http;
  if (at.kind === 'off') return undefined;
  const listen = at.kind === 'unix' ? { path: at.path } : { host: at.address.host, port: at.address.port };
  const onError = (error: unknown): void => {
    const { message: reason, stack = '' } = error instanceof Error ? error : new Error(String(error));
    note({ kind: 'httpRequestFailed', reason, stack });
  };
  const runtime: HttpRuntime = { ...served, monotonicClock: monotonicNow, onError };
  const http = await startHttpServer(toHttpOptions(config, listen, runtime));
  closing.push(() => http.close());
  return http.address;
}

/** What a Serf agent left behind on this host. Only for a first start: later our own snapshot knows more. */
async function readImportedSnapshot({ importSerfSnapshot }: AgentConfig): Promise<Snapshot | undefined> {
  return importSerfSnapshot === undefined ? undefined : readSerfSnapshot(importSerfSnapshot);
}

/** Services of `--service` files. A file that is wrong stops the start. */
async function registerServiceFiles(config: AgentConfig, door: AgentHandle): Promise<void> {
  for (const path of config.service)
    for (const { service, checks } of await readServiceFile(path, config.node))
      await door.execute({ kind: 'registerService', service, checks, replaceChecks: true, fromFile: true });
}

/** `--join` must succeed; `--retry-join`, and whom we knew before the restart, are tried for ever. */
async function joinSeeds(
  config: AgentConfig,
  door: AgentHandle,
  past: Snapshot | undefined,
  closing: (() => Promise<void>)[],
  onOutcome: (answered: number, sentence: string) => void,
): Promise<void> {
  if (config.join.length > 0) {
    const report = await joinAtStart(door, config.join);
    if (report.joined === 0) throw joinFailure(report);
  }
  const remembered = past?.peers.map((peer) => peer.addr) ?? [];
  const seeds = [...new Set([...config.join, ...config.retryJoin, ...remembered])];
  if (seeds.length === 0) return;
  const rejoin = startRejoin(door, seeds, onOutcome);
  closing.push(async () => rejoin.stop());
}
