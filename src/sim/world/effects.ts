/** Effects of agents: executed on the simulated network, disks and checks. */
import type { CommandResult } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { Effect, Input } from '../../agent/contract/machine.ts';
import type { Topic } from '../../agent/contract/view.ts';
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckRun } from '../../checks/types.ts';
import type { RunRequest } from '../../jobs/types.ts';
import type { SimHost } from './host.ts';
import { hostEnvelope, messageKinds } from './message-kinds.ts';
import type { SimNetwork } from './network.ts';
import type { SimStreams } from './streams.ts';
import { formatFlat, type Trace } from './trace.ts';
import type { WorldCounts, WorldListener, WorldOptions } from './types.ts';

/** A datagram on its way. */
export interface Datagram {
  readonly to: SimHost;
  /** The address of `to` at the time of sending. If it has changed by the arrival, the datagram is lost. */
  readonly at: Address;
  readonly from: Address;
  readonly bytes: Uint8Array;
}

/** The parts of the world that effects concern. */
export interface EffectContext {
  readonly now: Millis;
  readonly network: SimNetwork;
  readonly streams: SimStreams;
  readonly trace: Trace;
  readonly counts: WorldCounts;
  readonly listeners: readonly WorldListener[];
  /** Those of the listeners that look at datagrams. */
  readonly datagramListeners: readonly WorldListener[];
  readonly simulateCheck: WorldOptions['simulateCheck'];
  readonly simulateJobRun: WorldOptions['simulateJobRun'];
  hostByAddress(key: string): SimHost | undefined;
  schedule(when: Millis, due: Datagram | (() => void)): void;
  dispatch(host: SimHost, input: Input): void;
  onReply(host: SimHost, request: number, result: CommandResult): void;
  onStopped(host: SimHost): void;
}

/** What the listeners of a world are shown of an input. */
export interface EffectReport {
  readonly facts: readonly Fact[];
  readonly topics: readonly Topic[];
}

export class SimEffects {
  readonly #context: EffectContext;

  constructor(context: EffectContext) {
    this.#context = context;
  }

  /**
   * Executes the effects of one input, in order, and empties the list. None of them reaches an agent at once. Returns the
   * facts and topics among them, if there are any and somebody listens.
   */
  apply(host: SimHost, effects: Effect[]): EffectReport | undefined {
    const isWatched = this.#context.listeners.length > 0;
    let facts: Fact[] | undefined;
    let topics: Topic[] | undefined;
    for (const effect of effects) {
      if (effect.kind === 'fact') {
        if (isWatched) {
          facts ??= [];
          facts.push(effect.fact);
        }
        this.#traceFact(host, effect.fact);
      } else if (effect.kind === 'topicsChanged') {
        if (isWatched) {
          topics ??= [];
          topics.push(...effect.topics);
        }
      } else this.#apply(host, effect);
    }
    effects.length = 0;
    if (facts === undefined && topics === undefined) return undefined;
    return { facts: facts ?? NO_FACTS, topics: topics ?? NO_TOPICS };
  }

  #apply(host: SimHost, effect: Exclude<Effect, { kind: 'fact' | 'topicsChanged' }>): void {
    const { streams, counts } = this.#context;
    switch (effect.kind) {
      case 'sendPacket':
        return this.#sendDatagram(host, effect.to, effect.packet);
      case 'openStream':
        counts.streams += 1;
        return streams.dial(host, effect.stream, effect.to);
      case 'writeStream':
        this.#recordStreamWrite(host, effect.bytes);
        return streams.write(host, effect.stream, effect.bytes, effect.end);
      case 'holdStream':
        return streams.hold(host, effect.stream);
      case 'closeStream':
        return streams.close(host, effect.stream);
      case 'reply':
        return this.#context.onReply(host, effect.request, effect.result);
      case 'saveSnapshot':
        return this.#saveSnapshot(host, effect);
      case 'saveCatalog':
        return this.#saveCatalog(host, effect.bytes);
      case 'runCheck':
        return this.#runCheck(host, effect.run);
      case 'stopCheck':
        return; // No check of this world holds a connection.
      case 'startJobRun':
        return this.#startJobRun(host, effect.run);
      case 'countReaders': // This world has no readers that wait.
        return this.#dispatchLater(host, 0, {
          ...{ kind: 'readersCounted', ticket: effect.ticket, waiting: 0 },
          index: effect.index ?? 0,
        });
      case 'storeKeys':
        return this.#storeKeys(host, effect.keys, effect.ticket);
      case 'notify':
        return; // This world runs no handlers.
      case 'stopped':
        return this.#context.onStopped(host);
      default:
        unknownEffect(effect);
    }
  }

  #traceFact(host: SimHost, fact: Fact): void {
    const { trace, now } = this.#context;
    if (trace.detail !== 'off') trace.record(now, host.label, '!', formatFlat(fact));
  }

  #sendDatagram(from: SimHost, to: Address, bytes: Uint8Array): void {
    const { counts, network, now } = this.#context;
    counts.packets += 1;
    counts.packetBytes += bytes.length;
    const host = this.#context.hostByAddress(to.key);
    for (const listener of this.#context.datagramListeners) listener.onDatagram?.(from, host, bytes);
    const kinds = (): readonly string[] => messageKinds(bytes, hostEnvelope(from.currentOptions));
    const delays =
      host === undefined ? [] : network.datagramDelays(from.label, host.label, bytes.length, kinds);
    this.#traceDatagram(from, host?.label ?? to.key, bytes, delays.length > 0, kinds);
    if (host === undefined) return;
    if (delays.length === 0) counts.lost += 1;
    for (const delay of delays)
      this.#context.schedule(now + delay, { to: host, at: host.address, from: from.address, bytes });
  }

  #traceDatagram(
    from: SimHost,
    to: string,
    bytes: Uint8Array,
    arrives: boolean,
    kinds: () => readonly string[],
  ): void {
    const { trace, now } = this.#context;
    if (trace.recordsTransfers)
      trace.recordTransfer({ at: now, from: from.label, sign: arrives ? '>' : 'x', to }, bytes, () =>
        kinds().join('+'),
      );
  }

  #recordStreamWrite(host: SimHost, bytes: Uint8Array): void {
    this.#context.counts.streamBytes += bytes.length;
    for (const listener of this.#context.listeners) listener.onStreamWrite?.(host, bytes);
  }

  #saveSnapshot(host: SimHost, { revision, snapshot }: Extract<Effect, { kind: 'saveSnapshot' }>): void {
    for (const listener of this.#context.listeners) listener.onSaveSnapshot?.(host, snapshot);
    const isIdle = host.disk.pending === undefined;
    host.disk.pending = { revision, snapshot, composedAt: this.#context.now };
    if (isIdle) this.#writeSnapshot(host);
  }

  /** Writes what is pending, as the shell's writer does: it reports a failure, and tries again. */
  #writeSnapshot(host: SimHost): void {
    const { disk } = host;
    this.#afterWhile(host, disk.drawLatency('rename'), () => {
      const { pending } = disk;
      if (pending === undefined) return;
      const { revision } = pending;
      if (disk.failing) {
        this.#context.dispatch(host, { kind: 'snapshotStored', revision, error: 'ENOSPC' });
        return this.#afterWhile(host, DISK_RETRY, () => this.#writeSnapshot(host));
      }
      disk.renameSnapshot(pending);
      this.#afterWhile(host, disk.drawLatency('sync'), () => {
        disk.sync();
        const next = disk.pending;
        disk.pending = undefined;
        if (next !== undefined && next !== pending) {
          disk.pending = next;
          this.#writeSnapshot(host);
        }
        this.#context.dispatch(host, { kind: 'snapshotStored', revision });
      });
    });
  }

  #saveCatalog(host: SimHost, bytes: Uint8Array): void {
    if (!host.disk.saveCatalog(bytes)) return;
    for (const listener of this.#context.listeners) listener.onSaveCatalog?.(host, bytes);
  }

  #runCheck(host: SimHost, run: CheckRun): void {
    for (const listener of this.#context.listeners) listener.onCheckRun?.(host, run);
    const simulated = this.#context.simulateCheck?.(host, run, this.#context.now);
    if (simulated === undefined) return;
    const { after, status, output } = simulated;
    const outcome = { check: run.check, generation: run.generation, status, output };
    this.#afterWhile(host, after, () => {
      for (const listener of this.#context.listeners) listener.onCheckFinished?.(host, outcome);
      this.#context.dispatch(host, { kind: 'checkFinished', outcome });
    });
  }

  #startJobRun(host: SimHost, run: RunRequest): void {
    for (const listener of this.#context.listeners) listener.onJobRunStarted?.(host, run);
    const simulated = this.#context.simulateJobRun?.(host, run, this.#context.now);
    if (simulated === undefined) return;
    this.#afterWhile(host, simulated.after, () => {
      const outcome = {
        id: run.id,
        ok: simulated.ok,
        timedOut: false,
        exit: simulated.ok ? 0 : 1,
        output: '',
      };
      for (const listener of this.#context.listeners) listener.onJobRunFinished?.(host, run);
      this.#context.dispatch(host, { kind: 'jobRunFinished', outcome });
    });
  }

  #storeKeys(host: SimHost, keys: readonly Uint8Array[], ticket: number): void {
    host.keys = keys;
    this.#dispatchLater(host, 0, { kind: 'keysStored', ticket });
  }

  /** Gives the input to the process that runs now, unless it has ended by then. */
  #dispatchLater(host: SimHost, after: Millis, input: Input): void {
    this.#afterWhile(host, after, () => this.#context.dispatch(host, input));
  }

  /** Does something for the process that runs now, unless it has ended by then. */
  #afterWhile(host: SimHost, after: Millis, act: () => void): void {
    const { bootCount } = host;
    this.#context.schedule(this.#context.now + after, () => {
      if (host.bootCount === bootCount && host.running) act();
    });
  }
}

const NO_FACTS: readonly Fact[] = [];
const NO_TOPICS: readonly Topic[] = [];
/** Pause between two attempts while a disk fails. */
const DISK_RETRY: Millis = 5000;

/** A new effect does not compile without a case above. */
const unknownEffect = (effect: never): never => {
  throw new Error(`an effect that the simulated world does not know: ${JSON.stringify(effect)}`);
};
