/** The composition root: agent → shell → http, dns, in this order; and back in the other. Decides nothing else. */
import { randomBytes, randomInt } from 'node:crypto';
import { type AgentOptions, createAgent } from './agent/agent.ts';
import type { Door } from './agent/contract/door.ts';
import type { Agent, Snapshot } from './agent/contract/machine.ts';
import { joinFailure } from './agent/operations/join-leave.ts';
import { type Address, hostPort } from './base/address.ts';
import { Meter } from './base/meter.ts';
import { createRng } from './base/rng.ts';
import { VERSION } from './base/version.ts';
import type { AgentConfig } from './config/schema.ts';
import { readiness } from './dns/readiness.ts';
import { startDns } from './dns/server/server.ts';
import { dnsSettings } from './dns/settings.ts';
import { nodeId } from './http/consul/nodes.ts';
import { startHttp } from './http/server/server.ts';
import { createRecorded, type Recorded } from './replay/recorder.ts';
import { monotonicNow } from './shell/driver.ts';
import { createJournal, type Journal } from './shell/logging/journal.ts';
import { type Log, openLog } from './shell/logging/logger.ts';
import { describe } from './shell/logging/process-metrics.ts';
import { joinAtStart, keepJoining } from './shell/rejoin.ts';
import { type Shell, startShell } from './shell/shell.ts';
import { createKeyKeeper, readKeyring } from './shell/storage/keyring.ts';
import { openRecording } from './shell/storage/recording.ts';
import { readSerfSnapshot } from './shell/storage/serf-snapshot.ts';
import { readServices } from './shell/storage/service-files.ts';
import { openStorage, type Storage } from './shell/storage/storage.ts';
import { NONCE_BYTES, parseKey } from './wire/crypt.ts';

/** A started agent. */
export interface Running {
  readonly node: string;
  /** Where others reach it: `host:port`. */
  readonly address: string;
  /** `host:port`, `unix:PATH`, or `undefined` if it is off. */
  readonly http: string | undefined;
  readonly dns: string | undefined;
  readonly door: Door;
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
export async function start(config: AgentConfig, reload?: () => Promise<void>): Promise<Running> {
  const log = await openLog({ level: config.logLevel, format: config.logFormat });
  const { logger } = log;
  const journal = createJournal(logger);
  const note: Journal['note'] = (fact) => journal.note(fact);
  const meter = new Meter();
  const keys = await gossipKeys(config, note);
  const storage = config.dataDir === undefined ? undefined : await openStorage(config.dataDir, note);
  const closing: (() => Promise<void>)[] = storage === undefined ? [] : [() => storage.close()];
  const past = storage?.snapshot ?? (await importedSnapshot(config));
  let done = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    done = resolve;
  });
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
    done();
  };

  try {
    const tape = await openTape(config, note, closing);
    const shell = await startShell({
      bind: config.bind,
      ...(config.advertise === undefined ? {} : { advertise: config.advertise }),
      birth: (address) => birth(config, keys, storage, past, address, tape?.record),
      journal,
      handlers: {
        handlers: config.handlers,
        members: { period: config.serf.coalescePeriod, quiet: config.serf.quiescentPeriod },
        user: { period: config.serf.userCoalescePeriod, quiet: config.serf.userQuiescentPeriod },
      },
      checks: { allowExec: config.allowExecChecks, allow: config.checkAllow },
      ...(storage === undefined ? {} : { storage }),
      onFatal: () => {
        process.exitCode = 70;
        void stop();
      },
      ...(config.keyringFile === undefined ? {} : { keys: createKeyKeeper(config.keyringFile) }),
      onStopped: (why) => {
        if (why !== undefined) process.exitCode = 1;
        void stop();
      },
    });
    closing.push(() => shell.stop());

    await registerFiles(config, shell.door);
    const dns = await openDns(config, shell, storage, meter, closing);
    const degraded = (): readonly string[] => [...(storage?.degraded ?? []), ...(tape?.degraded() ?? [])];
    const { view } = shell.door;
    describe(meter, { journal, view, lateness: () => shell.lateness, degraded, version: VERSION });
    const http = await openHttp(config, log, note, shell, meter, degraded, dns, closing, reload);
    await joinSeeds(config, shell.door, past, closing, (answered, why) => {
      if (answered > 0) logger.info({ answered }, 'joined through seeds');
      else logger.warn({ why }, 'no seed answered; trying again');
    });
    return {
      node: config.node,
      address: hostPort(shell.address),
      http,
      dns,
      door: shell.door,
      leave: async () => {
        await shell.door.ask({ kind: 'leave' });
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
const birth = (
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
    keepsKeys: config.keyringFile !== undefined,
    label: config.label,
    rng: createRng(seed),
    nonce: () => randomBytes(NONCE_BYTES),
    ...(past === undefined ? {} : { snapshot: past }),
    ...(storage?.catalog === undefined ? {} : { catalog: storage.catalog }),
    remembers: storage !== undefined,
    allowExec: config.allowExecChecks,
    bornAt: Date.now(),
    now: monotonicNow(),
  };
  return create(options, seed);
};

interface Tape {
  /** As `createAgent`, of an agent that is recorded. */
  record(options: AgentOptions, seed: number): Agent;
  degraded(): readonly string[];
}

/** The recording, if one is wanted. It is closed after all that feeds the agent. */
async function openTape(
  { record: path, recordRedact: redact, recordMaxBytes: maxBytes }: AgentConfig,
  note: Journal['note'],
  closing: (() => Promise<void>)[],
): Promise<Tape | undefined> {
  if (path === undefined) return undefined;
  const sink = await openRecording(path, note, { maxBytes, redacted: redact });
  let recorded: Recorded | undefined;
  closing.push(async () => {
    recorded?.end('stopped');
    await sink.close();
  });
  return {
    record: (options, seed) => {
      recorded = createRecorded(options, { seed, redact, salt: randomBytes(SALT_BYTES), sink });
      return recorded;
    },
    degraded: () => sink.degraded,
  };
}

const SALT_BYTES = 16;

async function gossipKeys(config: AgentConfig, note: Journal['note']): Promise<readonly Uint8Array[]> {
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
  const { view } = shell.door;
  const seeds = config.join.length + config.retryJoin.length;
  const dns = await startDns({
    ...dnsSettings(config, config.dns.address),
    view,
    ready: readiness(view, { waits: seeds > 0 && storage?.catalog === undefined, clock: monotonicNow }),
    serial: () => Math.floor(Date.now() / 1000),
    meter,
  });
  closing.push(() => dns.close());
  return dns.address;
}

async function openHttp(
  config: AgentConfig,
  logs: Log,
  note: Journal['note'],
  shell: Shell,
  meter: Meter,
  degraded: () => readonly string[],
  dns: string | undefined,
  closing: (() => Promise<void>)[],
  reload: (() => Promise<void>) | undefined,
): Promise<string | undefined> {
  const at = config.http;
  if (at.kind === 'off') return undefined;
  const http = await startHttp({
    listen: at.kind === 'unix' ? { path: at.path } : { host: at.address.host, port: at.address.port },
    door: shell.door,
    info: {
      version: VERSION,
      revision: '',
      buildDate: '',
      nodeId: nodeId(config.datacenter, config.node),
      datacenter: config.datacenter,
      startedAt: Date.now(),
      settings: {
        preset: config.preset,
        domain: config.domain,
        altDomain: config.altDomain,
        label: config.label,
      },
      get gossipAddress() {
        return hostPort(shell.door.view.address);
      },
      ...(dns === undefined ? {} : { dnsAddress: dns }),
      degraded,
      logs,
    },
    ...(config.httpToken === undefined ? {} : { token: config.httpToken }),
    insecure: config.insecure,
    allowedHosts: config.httpAllowedHosts,
    getWrites: config.httpGetWrites,
    emptyKv: config.httpKv === 'empty',
    ...(reload === undefined ? {} : { reload }),
    selfService: config.selfService,
    now: Date.now,
    clock: monotonicNow,
    meter,
    report: (error) => {
      const { message: why, stack = '' } = error instanceof Error ? error : new Error(String(error));
      note({ kind: 'httpFailed', why, stack });
    },
  });
  closing.push(() => http.close());
  return http.address;
}

/** What a Serf agent left behind on this host. Only for a first start: later our own snapshot knows more. */
async function importedSnapshot({ importSerfSnapshot }: AgentConfig): Promise<Snapshot | undefined> {
  return importSerfSnapshot === undefined ? undefined : readSerfSnapshot(importSerfSnapshot);
}

/** Services of `--service` files. A file that is wrong stops the start. */
async function registerFiles(config: AgentConfig, door: Door): Promise<void> {
  for (const path of config.service)
    for (const { service, checks } of await readServices(path, config.node))
      await door.ask({ kind: 'registerService', service, checks, replaceChecks: true, fromFile: true });
}

/** `--join` must succeed; `--retry-join`, and whom we knew before the restart, are tried for ever. */
async function joinSeeds(
  config: AgentConfig,
  door: Door,
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
  const rejoin = keepJoining(door, seeds, onOutcome);
  closing.push(async () => rejoin.stop());
}
