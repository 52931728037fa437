/** Runs an agent on Node: opens its ports, and connects sockets, disk, checks and handlers to the driver. */
import type { AgentHandle } from '../agent/contract/agent-handle.ts';
import type { Agent, Input } from '../agent/contract/machine.ts';
import { type Address, formatAddress, isUnspecified } from '../base/address.ts';
import { type AgentHandleController, createAgentHandle } from './agent-handle.ts';
import { Driver, type DriverIo, type Lateness, monotonicNow } from './driver.ts';
import { createHandlers, type Handlers, type HandlersOptions } from './handlers/index.ts';
import { watchWallClock } from './host/wall-clock.ts';
import type { Journal } from './logging/journal.ts';
import { advertisedAddress, watchAdvertisedAddress } from './net/advertise.ts';
import { type Links, openLinkedPorts } from './net/links.ts';
import { openPorts, type PortEvents, type Ports } from './net/ports.ts';
import { type ResolveOptions, resolveSeeds } from './net/resolve.ts';
import type { TcpLimits } from './net/tcp.ts';
import { createRunners, type Runners, type RunnersOptions } from './runners/index.ts';
import type { KeyringStore } from './storage/keyring.ts';
import type { Storage } from './storage/storage.ts';

export interface ShellOptions {
  /** UDP and TCP; port 0 takes a free one. */
  readonly bind: Address;
  /** What other members dial; its port 0 means the bound one. */
  readonly advertise?: Address;
  /** Called once, when the address to announce is known. `now` for the agent is `monotonicNow()`. */
  createAgent(address: Address): Agent;
  readonly journal: Journal;
  readonly storage?: Pick<Storage, 'save' | 'saveCatalog' | 'close'>;
  /** Where changed gossip keys are stored. */
  readonly keyring?: KeyringStore;
  /** An invariant was violated, which is logged already: the process should end. Nothing runs any more. */
  onFatal(error: unknown): void;
  /** The agent has left, or had to stop for a reason: call `stop` and end. */
  onStopped(reason: string | undefined): void;
  readonly checks: Omit<RunnersOptions, 'onOutcome' | 'onJobOutcome'>;
  /** Event handlers, and for how long events are coalesced for them; absent: none. */
  readonly handlers?: Pick<HandlersOptions, 'handlers' | 'members' | 'user'>;
  readonly resolve?: ResolveOptions;
  readonly limits?: TcpLimits;
  /** Which ways to other agents are open; absent: all. */
  readonly links?: Links;
}

export interface Shell {
  readonly agent: AgentHandle;
  /** What other members dial. */
  readonly address: Address;
  readonly bound: Address;
  readonly lateness: Lateness;
  readonly handlers: Pick<Handlers, 'replace' | 'follow'>;
  readonly runners: Pick<Runners, 'explainDenial'>;
  /** Closes sockets at once, rejects pending commands, writes the last snapshot. */
  stop(): Promise<void>;
}

/** A smaller receive buffer is reported: bursts would overflow it. */
const MIN_RECEIVE_BUFFER = 256 * 1024;
const NO_COALESCING = { period: 0, quiescent: 0 };

/** Rejects with `AgentError('config')` if the address cannot be bound, or a setting of checks is wrong. */
export async function startShell(options: ShellOptions): Promise<Shell> {
  let driver: Driver | undefined;
  // Inputs that come before the driver exists are dropped: gossip repeats them.
  const dispatch = (input: Input): void => driver?.dispatch(input);
  const runners = createRunners({
    ...options.checks,
    onOutcome: (outcome) => dispatch({ kind: 'checkFinished', outcome }),
    onJobOutcome: (outcome) => dispatch({ kind: 'jobRunFinished', outcome }),
  });
  const ports = await openGossipPorts(options, dispatch);
  const address = advertisedAddress(ports.udp.address, options.advertise);
  const agent = await createAgentOn(ports, () => options.createAgent(address));
  const controller = createAgentHandle({
    view: agent.view,
    dispatch,
    resolve: (seeds) => resolveSeeds(seeds, options.resolve),
  });
  const handlers = createEventHandlers(options, agent, controller.handle);
  const started = new Driver(agent, createIo(options, { ports, controller, runners, handlers }), (error) => {
    controller.close();
    options.journal.record({ kind: 'agentCrashed', ...describeCrash(error) });
    options.onFatal(error);
  });
  driver = started;
  const addressWatch = watchAddress(options, ports, address, dispatch);
  const clockWatch = watchWallClock({ wall: Date.now, monotonic: monotonicNow }, (by) =>
    dispatch({ kind: 'wallClockStepped', by }),
  );
  const stop = async (): Promise<void> => {
    addressWatch?.stop();
    clockWatch.stop();
    started.stop();
    for (const part of [runners, handlers, controller]) part.close();
    await Promise.all([
      ...[ports.udp.close(), ports.tcp.close()],
      ...[options.storage?.close(), options.keyring?.close()],
    ]);
  };
  let stopping: Promise<void> | undefined;
  started.start();
  return {
    ...{ agent: controller.handle, address, bound: ports.udp.address, handlers, runners },
    get lateness() {
      return started.lateness;
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

async function openGossipPorts(
  { bind, journal, limits, links }: ShellOptions,
  dispatch: (input: Input) => void,
): Promise<Ports> {
  const events: PortEvents = {
    onPacket: (bytes, from) => {
      journal.recordPacket('received', from, bytes.length);
      dispatch({ kind: 'packet', from, bytes });
    },
    onSendError: (code, to) => {
      if (to === undefined) journal.record({ kind: 'socketFailed', socket: 'udp', code });
      else journal.record({ kind: 'packetSendFailed', to: formatAddress(to), code });
    },
    onInput: dispatch,
    onRefused: (from, reason) => journal.record({ kind: 'streamRefused', from: formatAddress(from), reason }),
    onError: (code) => journal.record({ kind: 'socketFailed', socket: 'tcp', code }),
  };
  const ports = await (links === undefined
    ? openPorts(bind, events, limits)
    : openLinkedPorts(bind, events, links, limits));
  const { receiveBuffer } = ports.udp;
  if (receiveBuffer < MIN_RECEIVE_BUFFER)
    journal.record({ kind: 'receiveBufferSmall', bytes: receiveBuffer, requested: MIN_RECEIVE_BUFFER });
  return ports;
}

/** Closes the ports if the agent cannot be created. */
async function createAgentOn({ udp, tcp }: Ports, create: () => Agent): Promise<Agent> {
  try {
    return create();
  } catch (error) {
    await Promise.all([udp.close(), tcp.close()]);
    throw error;
  }
}

const createEventHandlers = (options: ShellOptions, agent: Agent, handle: AgentHandle): Handlers =>
  createHandlers({
    ...(options.handlers ?? { handlers: [], members: NO_COALESCING, user: NO_COALESCING }),
    ...(options.checks.execUser === undefined ? {} : { execUser: options.checks.execUser }),
    self: () => agent.view.self(),
    respond: (id, payload) => handle.execute({ kind: 'respond', id, payload }),
    record: (fact) => options.journal.record(fact),
    now: monotonicNow,
  });

interface Parts {
  readonly ports: Ports;
  readonly controller: AgentHandleController;
  readonly runners: DriverIo['runners'] & Pick<DriverIo, 'jobs'>;
  readonly handlers: Handlers;
}

function createIo(options: ShellOptions, { ports, controller, runners, handlers }: Parts): DriverIo {
  const { journal, storage, keyring } = options;
  const { udp, tcp } = ports;
  return {
    udp: {
      send: (packet, to) => {
        journal.recordPacket('sent', to, packet.length);
        udp.send(packet, to);
      },
    },
    ...{
      tcp,
      requests: controller,
      subscriptions: controller,
      readers: controller,
      runners,
      handlers,
      journal,
    },
    jobs: runners.jobs,
    keys: keyring ?? { save: (_, done) => done('there is no keyring file') },
    storage: storage ?? { save: () => {}, saveCatalog: () => {} },
    onStopped: (reason) => options.onStopped(reason),
  };
}

/** Follows the host's own address, unless one is configured or bound. */
function watchAddress(
  { advertise }: ShellOptions,
  { udp }: Ports,
  address: Address,
  dispatch: (input: Input) => void,
): ReturnType<typeof watchAdvertisedAddress> | undefined {
  if (advertise !== undefined || !isUnspecified(udp.address.ip)) return undefined;
  return watchAdvertisedAddress(address, udp.address, (to) =>
    dispatch({ kind: 'addressChanged', address: to }),
  );
}

const describeCrash = (error: unknown): { reason: string; stack: string } =>
  error instanceof Error
    ? { reason: error.message, stack: error.stack ?? '' }
    : { reason: String(error), stack: '' };
