/** Puts Node's side of the machine together: sockets, driver, door. What an agent is, only its caller knows. */

import type { AgentHandle } from '../agent/contract/door.ts';
import type { Agent } from '../agent/contract/machine.ts';
import { type Address, formatAddress, isUnspecified } from '../base/address.ts';
import { createAgentHandle } from './agent-handle.ts';
import { Driver, type Lateness, monotonicNow } from './driver.ts';
import { createHandlers, type Handlers, type HandlersOptions } from './handlers/index.ts';
import type { Journal } from './logging/journal.ts';
import { advertisedAddress, watchAdvertisedAddress } from './net/advertise.ts';
import { openPorts } from './net/ports.ts';
import { type ResolveOptions, resolveSeeds } from './net/resolve.ts';
import type { TcpLimits } from './net/tcp.ts';
import { createRunners, type RunnersOptions } from './runners/index.ts';
import type { KeyringStore } from './storage/keyring.ts';
import type { Storage } from './storage/storage.ts';

export interface ShellOptions {
  /** UDP and TCP; port 0 takes a free one. */
  readonly bind: Address;
  /** What others should dial; its port 0 means the bound one. */
  readonly advertise?: Address;
  /** Called once, when the address to announce is known. `now` for the agent is `monotonicNow()`. */
  createAgent(address: Address): Agent;
  readonly journal: Journal;
  readonly storage?: Pick<Storage, 'save' | 'saveCatalog' | 'close'>;
  /** Where gossip keys that change are kept. */
  readonly keyring?: KeyringStore;
  /** An impossible state, already in the log: the process should end. Nothing runs any more. */
  onFatal(error: unknown): void;
  /** The agent has left, or had to go (`why`): `stop` and end. */
  onStopped(why: string | undefined): void;
  /** How checks are run. */
  readonly checks: Omit<RunnersOptions, 'onOutcome'>;
  /** Programs that are told what happens, and how long it is gathered for them; absent: none. */
  readonly handlers?: Pick<HandlersOptions, 'handlers' | 'members' | 'user'>;
  readonly resolve?: ResolveOptions;
  readonly limits?: TcpLimits;
}

export interface Shell {
  readonly agent: AgentHandle;
  /** What others dial. */
  readonly address: Address;
  readonly bound: Address;
  readonly lateness: Lateness;
  readonly handlers: Pick<Handlers, 'replace'>;
  /** Closes sockets at once, refuses pending requests, writes the last snapshot. */
  stop(): Promise<void>;
}

const WANTED_BUFFER = 256 * 1024;
const NO_COALESCING = { period: 0, quiescent: 0 };

/** Rejects with `AgentError('config')` if the address cannot be bound, or a setting of checks is wrong. */
export async function startShell(options: ShellOptions): Promise<Shell> {
  const { journal, storage, createAgent: birth, onFatal, onStopped } = options;
  let driver: Driver | undefined;
  const runners = createRunners({
    ...options.checks,
    onOutcome: (outcome) => driver?.dispatch({ kind: 'checkFinished', outcome }),
  });
  const { udp, tcp } = await openPorts(
    options.bind,
    {
      onPacket: (bytes, from) => {
        journal.recordPacket('received', from, bytes.length);
        driver?.dispatch({ kind: 'packet', from, bytes });
      },
      onSendError: (code, to) => {
        if (to === undefined) journal.record({ kind: 'socketFailed', socket: 'udp', code });
        else journal.record({ kind: 'packetSendFailed', to: formatAddress(to), code });
      },
      onInput: (input) => driver?.dispatch(input),
      onRefused: (from, reason) =>
        journal.record({ kind: 'streamRefused', from: formatAddress(from), reason }),
      onError: (code) => journal.record({ kind: 'socketFailed', socket: 'tcp', code }),
    },
    options.limits,
  );
  if (udp.receiveBuffer < WANTED_BUFFER)
    journal.record({ kind: 'receiveBufferSmall', bytes: udp.receiveBuffer, requested: WANTED_BUFFER });

  const address = advertisedAddress(udp.address, options.advertise);
  let agent: Agent;
  try {
    agent = birth(address);
  } catch (error) {
    await Promise.all([udp.close(), tcp.close()]);
    throw error;
  }
  const frame = createAgentHandle({
    view: agent.view,
    dispatch: (input) => driver?.dispatch(input),
    resolve: (seeds) => resolveSeeds(seeds, options.resolve),
  });
  const handlers = createHandlers({
    ...(options.handlers ?? { handlers: [], members: NO_COALESCING, user: NO_COALESCING }),
    self: () => agent.view.self(),
    respond: (id, payload) => frame.handle.execute({ kind: 'respond', id, payload }),
    record: (fact) => journal.record(fact),
    now: monotonicNow,
  });
  driver = new Driver(
    agent,
    {
      udp: {
        send: (packet, to) => {
          journal.recordPacket('sent', to, packet.length);
          udp.send(packet, to);
        },
      },
      tcp,
      requests: frame,
      watchers: frame,
      runners,
      handlers,
      keys: options.keyring ?? { save: (_, done) => done('there is no keyring file') },
      storage: storage ?? { save: () => {}, saveCatalog: () => {} },
      journal,
      onStopped: onStopped,
    },
    (error) => {
      frame.close();
      journal.record({ kind: 'agentCrashed', ...crash(error) });
      onFatal(error);
    },
  );
  const running = driver;
  const lookout =
    options.advertise === undefined && isUnspecified(udp.address.ip)
      ? watchAdvertisedAddress(address, udp.address, (to) =>
          running.dispatch({ kind: 'addressChanged', address: to }),
        )
      : undefined;
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    lookout?.stop();
    running.stop();
    runners.close();
    handlers.close();
    frame.close();
    await Promise.all([udp.close(), tcp.close(), storage?.close(), options.keyring?.close()]);
  };
  running.start();
  return {
    agent: frame.handle,
    address,
    bound: udp.address,
    handlers,
    get lateness() {
      return running.lateness;
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

const crash = (error: unknown): { reason: string; stack: string } =>
  error instanceof Error
    ? { reason: error.message, stack: error.stack ?? '' }
    : { reason: String(error), stack: '' };
