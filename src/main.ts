/** The composition root: starts the parts of an agent in their order, and stops them in the reverse order. */
import { randomBytes, randomInt } from 'node:crypto';
import { type AgentOptions, createAgent } from './agent/agent.ts';
import type { AgentHandle } from './agent/contract/agent-handle.ts';
import type { Agent, Snapshot } from './agent/contract/machine.ts';
import { type Address, formatAddress } from './base/address.ts';
import { Meter } from './base/meter.ts';
import { createRng } from './base/rng.ts';
import { VERSION } from './base/version.ts';
import type { ReloadReport } from './config/reload.ts';
import type { AgentConfig } from './config/schema.ts';
import { watchServiceFiles } from './files/service-watch.ts';
import { formatPrometheus } from './http/endpoint/metrics-format.ts';
import type { Containers } from './register/containers/containers.ts';
import { startContainers } from './register/containers/start.ts';
import type { RecordedAgent } from './replay/recorder.ts';
import { openServers, type ServerStartup, type Servers } from './servers.ts';
import { monotonicNow } from './shell/driver.ts';
import { resolveExecUser } from './shell/host/exec-user.ts';
import { connectServiceManager } from './shell/host/service-manager.ts';
import { createJournal, type Journal } from './shell/logging/journal.ts';
import { openLog } from './shell/logging/logger.ts';
import { registerProcessMetrics } from './shell/logging/process-metrics.ts';
import { startLanDiscovery } from './shell/net/discovery/start.ts';
import { interfaceAddress } from './shell/net/interface-address.ts';
import type { Links } from './shell/net/links.ts';
import type { ProbedSeed } from './shell/net/probe-seed.ts';
import { type ConfigReading, Reloader, readOwnServices } from './shell/reload.ts';
import { KeyringReader } from './shell/reload-keys.ts';
import { RejoinedSeeds } from './shell/seeds.ts';
import { type Shell, startShell } from './shell/shell.ts';
import type { KeyringStore } from './shell/storage/keyring.ts';
import { loadKeys } from './shell/storage/load-keys.ts';
import { importSnapshot, openDataDirectory } from './shell/storage/open.ts';
import type { Storage } from './shell/storage/storage.ts';
import { fingerprint, NONCE_BYTES } from './wire/crypt.ts';
import { BARE_ENVELOPE } from './wire/packet.ts';

/** A started agent. */
export interface RunningAgent {
  readonly node: string;
  /** The address that other members dial: `host:port`. */
  readonly address: string;
  /** `host:port`, `unix:PATH`, or `undefined` if it is off. */
  readonly http: string | undefined;
  /** `host:port`, or `undefined` if it is off. */
  readonly dns: string | undefined;
  /** `host:port`, or `undefined` if it is off. */
  readonly rpc: string | undefined;
  readonly agent: AgentHandle;
  /** Leaves the cluster, then stops. */
  leave(): Promise<void>;
  /** Tells the other members that it will be back within `duration` milliseconds, then stops. */
  pause(duration: number): Promise<void>;
  /** Stops at once. The other members have to detect it. */
  stop(): Promise<void>;
  /** What it runs with now: a reload may change some of it. */
  readonly config: AgentConfig;
  /** Reads settings and service files again. Rejects with `AgentError`; then nothing has changed. Both are logged. */
  reload(): Promise<ReloadReport>;
  /** Writes every metric to the log, one line each. */
  logMetrics(): void;
  /** Resolves when everything is closed, also after a stop that the agent decided itself. */
  readonly stopped: Promise<void>;
}

/** What all steps of a start share. */
interface Startup extends ServerStartup {
  readonly links: Links | undefined;
  stop(): Promise<void>;
}

/** No seed has answered: a service manager may start it again. */
const EXIT_FAILED = 1;
/** sysexits.h, EX_SOFTWARE: an internal error. */
const EXIT_CRASHED = 70;
/** sysexits.h, EX_CONFIG: a service manager must not start it again with the same settings. */
const EXIT_CONFIG = 78;

/** What an agent with this key and label would meet at a seed; `keys` are fingerprints. Rejects with `AgentError` as a start would. */
export async function probeJoin(
  config: Pick<AgentConfig, 'keyringFile' | 'gossipKey' | 'label'>,
  seed: string,
): Promise<ProbedSeed & { readonly keys: readonly string[] }> {
  const { probeSeed } = await import('./shell/net/probe-seed.ts');
  const { keys } = await loadKeys({ ...config, dataDir: undefined, encrypted: false }, undefined, () => {});
  const label = new TextEncoder().encode(config.label);
  return { ...(await probeSeed(seed, { ...BARE_ENVELOPE, keys, label })), keys: keys.map(fingerprint) };
}

/** Reads the settings again, for a reload. */
export type ReadSettings = () => Promise<ConfigReading>;

/**
 * Starts one agent. Rejects with `AgentError`; then nothing is left running. Without `readSettings` a reload reads service files
 * only. When `stopping` aborts, it is started as it is, without waiting for its seeds: it will be stopped. `links` cut it off from others.
 */
export async function startAgent(
  config: AgentConfig,
  readSettings: ReadSettings = async () => ({ config, warnings: [] }),
  stopping?: AbortSignal,
  links?: Links,
): Promise<RunningAgent> {
  const log = await openLog({ level: config.logLevel, format: config.logFormat });
  const cleanups: Startup['cleanups'] = [];
  let markStopped = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    markStopped = resolve;
  });
  const stop = async (): Promise<void> => {
    for (const close of cleanups.splice(0).reverse()) await close();
    markStopped();
  };
  const journal = createJournal(log.logger);
  try {
    return await startParts(
      { config, log, journal, meter: new Meter(), cleanups, stop, links },
      stopped,
      readSettings,
      stopping,
    );
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  startup: Startup,
  stopped: Promise<void>,
  read: ReadSettings,
  stopping: AbortSignal | undefined,
): Promise<RunningAgent> {
  const { config, cleanups, journal, log, meter, stop } = startup;
  const state = await loadState(startup);
  const recorder = await openRecorder(startup);
  const shell = await startAgentShell(startup, state, recorder);
  const { agent } = shell;

  for (const warning of await registerServiceFiles(config, shell)) log.logger.warn(warning);
  const containers = await openContainers(startup, agent);
  const degraded = (): readonly string[] => [
    ...(state.storage?.degraded ?? []),
    ...(recorder?.degraded() ?? []),
    ...containers.degraded(),
  ];
  registerProcessMetrics(meter, {
    ...{ journal, view: agent.view, degraded, version: VERSION },
    lateness: () => shell.lateness,
  });
  const seeds = new RejoinedSeeds(agent, log.logger, {
    ...{ config, snapshot: state.snapshot },
    onGivenUp: () => {
      process.exitCode = EXIT_FAILED;
      void stop();
    },
  });
  cleanups.push(async () => seeds.stop());
  let servers: Servers | undefined;
  const reloader: Reloader = new Reloader(config, {
    ...{ agent, log, read, handlers: shell.handlers, runners: shell.runners },
    keyring: new KeyringReader(agent, state.keyringStore),
    record: (fact) => journal.record(fact),
    setRetryJoin: (retryJoin) => seeds.setRetryJoin(retryJoin),
    setTokens: (next) => servers?.setTokens(next),
    prepareTls: async (next) => (await servers?.prepareTls(next)) ?? (() => false),
  });
  const reload = (): Promise<ReloadReport> => reloader.reload();
  servers = await openServers(startup, {
    ...{ agent, degraded, reload, events: shell.handlers, config: () => reloader.config },
    containers: () => containers.status(),
    explainDenial: (probe) => shell.runners.explainDenial(probe),
    openOperator: config.openOperator || (state.keys.length === 0 && config.dataDir === undefined),
  });
  if (config.watchServices)
    cleanups.push(await watchServiceFiles({ paths: () => reloader.config.service, reload }));
  const discovery = startLanDiscovery({
    ...{ cluster: config.discover, view: agent.view, bound: shell.bound, meter, logger: log.logger },
    setDiscovered: (found) => seeds.setDiscovered(found),
  });
  cleanups.push(async () => (await discovery)?.stop());
  await seeds.join(stopping);
  const { env, pid } = process;
  const manager = connectServiceManager({ env, pid, agent, logger: log.logger });
  cleanups.push(async () => manager?.close());
  return {
    ...{ node: config.node, address: formatAddress(shell.address) },
    ...{ http: servers.http, dns: servers.dns, rpc: servers.rpc },
    ...{ agent, reload, stop, stopped },
    get config() {
      return reloader.config;
    },
    leave: async () => {
      manager?.stopping();
      await agent.execute({ kind: 'leave' });
      await stopped;
    },
    pause: async (duration) => {
      manager?.stopping();
      await agent.execute({ kind: 'pause', duration });
      await stopped;
    },
    logMetrics: () => {
      for (const line of formatPrometheus(meter.families()).split('\n'))
        if (line !== '' && !line.startsWith('#')) log.logger.info(`metric ${line}`);
    },
  };
}

/** What an agent starts from: its keys, and what its last run saved. */
interface SavedState {
  readonly keys: readonly Uint8Array[];
  /** Where changed keys are kept. */
  readonly keyringStore: KeyringStore | undefined;
  readonly storage: Storage | undefined;
  readonly snapshot: Snapshot | undefined;
}

async function loadState({ config, journal, cleanups }: Startup): Promise<SavedState> {
  const record: Journal['record'] = (fact) => journal.record(fact);
  const storage = await openDataDirectory(config.dataDir, record);
  if (storage !== undefined) cleanups.push(() => storage.close());
  const { keys, store } = await loadKeys(config, storage, record);
  const snapshot = storage?.snapshot ?? (await importSnapshot(config.importSerfSnapshot));
  return { keys, keyringStore: store, storage, snapshot };
}

interface Recorder {
  /** As `createAgent`, for an agent whose inputs and decisions are recorded. */
  createAgent(options: AgentOptions, seed: number): Agent;
  degraded(): readonly string[];
}

/** Opens the recording, if `record` names a file. It closes after the shell, so it holds every input. */
async function openRecorder({ config, journal, cleanups }: Startup): Promise<Recorder | undefined> {
  const { record: path, recordRedact: redact, recordMaxBytes: maxBytes } = config;
  if (path === undefined) return undefined;
  const [{ openRecording }, { createRecordedAgent }] = await Promise.all([
    import('./shell/storage/recording.ts'),
    import('./replay/recorder.ts'),
  ]);
  const sink = await openRecording(path, (fact) => journal.record(fact), { maxBytes, redacted: redact });
  let recorded: RecordedAgent | undefined;
  cleanups.push(async () => {
    recorded?.stopRecording('stopped');
    await sink.close();
  });
  return {
    createAgent: (options, seed) => {
      recorded = createRecordedAgent(options, { seed, redact, salt: randomBytes(SALT_BYTES), sink });
      return recorded;
    },
    degraded: () => sink.degraded,
  };
}

const SALT_BYTES = 16;

async function startAgentShell(
  { config, journal, cleanups, stop, links }: Startup,
  state: SavedState,
  recorder: Recorder | undefined,
): Promise<Shell> {
  const stopWith = (exitCode: number): void => {
    process.exitCode = exitCode;
    void stop();
  };
  const { execUser: user } = config;
  const execUser = user === undefined ? {} : { execUser: await resolveExecUser(user) };
  const shell = await startShell({
    bind: config.interface === undefined ? config.bind : interfaceAddress(config.interface, config.bind),
    ...(config.advertise === undefined ? {} : { advertise: config.advertise }),
    createAgent: (address) => buildAgent(config, state, address, recorder),
    journal,
    handlers: {
      handlers: config.handlers,
      members: { period: config.serf.coalescePeriod, quiescent: config.serf.quiescentPeriod },
      user: { period: config.serf.userCoalescePeriod, quiescent: config.serf.userQuiescentPeriod },
    },
    checks: {
      ...{ allowExec: config.allowExecChecks, allowExecJobs: config.allowExecJobs, allow: config.checkAllow },
      ...execUser,
    },
    ...(links === undefined ? {} : { links }),
    ...(state.storage === undefined ? {} : { storage: state.storage }),
    ...(state.keyringStore === undefined ? {} : { keyring: state.keyringStore }),
    onFatal: () => stopWith(EXIT_CRASHED),
    // The agent stops by itself only for its name, which is a setting.
    onStopped: (reason) => (reason === undefined ? void stop() : stopWith(EXIT_CONFIG)),
  });
  cleanups.push(() => shell.stop());
  return shell;
}

/** Creates the agent core. Its clock, random seed and nonces come from Node, everything else from its settings. */
function buildAgent(
  config: AgentConfig,
  { keys, keyringStore, storage, snapshot }: SavedState,
  address: Address,
  recorder: Recorder | undefined,
): Agent {
  const seed = randomInt(2 ** 31);
  const options: AgentOptions = {
    name: config.node,
    address,
    tags: config.tag,
    swim: config.swim,
    serf: config.serf,
    keys,
    persistsKeys: keyringStore !== undefined,
    label: config.label,
    rng: createRng(seed),
    nonce: () => randomBytes(NONCE_BYTES),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(storage?.catalog === undefined ? {} : { catalog: storage.catalog }),
    persistsSnapshots: storage !== undefined,
    hasSeeds: config.join.length + config.retryJoin.length > 0,
    allowExec: config.allowExecChecks,
    jobs: config.jobs,
    zones: { spill: config.zoneSpill, hold: config.zoneHold },
    startedAt: Date.now(),
    now: monotonicNow(),
  };
  return recorder === undefined ? createAgent(options) : recorder.createAgent(options, seed);
}

/** Registers containers, and removes those that an earlier run has registered if there is no engine any more. */
async function openContainers(
  { config, journal, cleanups }: Startup,
  agent: AgentHandle,
): Promise<Containers> {
  const containers = await startContainers({
    ...{ agent, config, env: process.env, userId: process.getuid?.() },
    record: (fact) => journal.record(fact),
  });
  cleanups.push(() => containers.stop());
  return containers;
}

/** Registers the services of `--service` files. A file with an error stops the start. */
async function registerServiceFiles(
  config: AgentConfig,
  { agent, runners }: Shell,
): Promise<readonly string[]> {
  const { registrations: services, warnings } = await readOwnServices(config, runners);
  await agent.execute({ kind: 'reload', services, tags: config.tag });
  return warnings;
}
