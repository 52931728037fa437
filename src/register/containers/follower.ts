/**
 * Follows one engine: lists its containers at the start, at each reconnect and each minute, inspects what has changed, and has the
 * agent register what is wanted. All that is decided is decided by the tracker.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentHandle } from '../../agent/contract/agent-handle.ts';
import { type ContainerEngineStatus, MAX_LISTED_REFUSALS } from '../../agent/contract/feeds.ts';
import { AgentError } from '../../base/errors.ts';
import { type ContainerEngine, EngineRefusal, MAX_INSPECTIONS } from './engine.ts';
import { OwnServices, planChanges, type ServiceChange } from './reconcile.ts';
import type { ContainerServicesOptions } from './services.ts';
import { ContainerTracker, type Inspection, type TrackerOptions } from './tracker.ts';

export type ContainerFact = Readonly<
  | { kind: 'containerRefused'; engine: string; container: string; reason: string }
  | { kind: 'containerEngineAway'; engine: string; reason: string }
  | { kind: 'containerEngineBack'; engine: string; containers: number }
>;

export interface FollowerOptions extends ContainerServicesOptions {
  readonly agent: AgentHandle;
  readonly source: ContainerEngine;
  readonly selects: TrackerOptions['selects'];
  record(fact: ContainerFact): void;
}

const LIST_INTERVAL_MS = 60_000;
/** Where the engine tells no events. */
const POLL_INTERVAL_MS = 5000;
const MIN_LIST_INTERVAL_MS = 1000;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** Containers whose changes are carried out together. */
const BATCH = 256;
/** Events go on where the last ones ended, and are hints only: those that are told twice do no harm. */
const OVERLAP_SECONDS = 2;

export class EngineFollower {
  readonly #options: FollowerOptions;
  readonly #tracker: ContainerTracker;
  #own: OwnServices;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #inspecting = 0;
  #isApplying = false;
  #refreshes = false;
  /** It was listed since it was connected to. */
  #isListed = false;
  #backoff = MIN_BACKOFF_MS;
  /** Why the engine is away; `undefined`: it is there, or was not asked yet. */
  #reason: string | undefined;
  /** Services that the agent did not take, and why; at most as many as there are containers. */
  readonly #refusedByAgent = new Map<string, string>();
  /** A list is asked for early; the one under way may be from before. */
  #wantsList = false;
  #wake: () => void = () => undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#own = new OwnServices(options.agent.view.local, options.engine);
    this.#tracker = new ContainerTracker({
      ...options,
      onRefused: (container, reason) => this.#refuse(container, reason),
    });
  }

  /** Why the engine is not followed; `undefined`: it is. */
  get problem(): string | undefined {
    const { engine } = this.#options;
    return this.#reason === undefined ? undefined : `the container engine ${engine} is away: ${this.#reason}`;
  }

  status(): ContainerEngineStatus {
    const refused = new Map<string, string>(this.#refusedByAgent);
    for (const { container, reason } of this.#tracker.refused()) refused.set(container, reason);
    return {
      engine: this.#options.engine,
      away: this.#reason ?? null,
      containers: this.#tracker.size,
      refused: [...refused]
        .slice(0, MAX_LISTED_REFUSALS)
        .map(([container, reason]) => ({ container, reason })),
      refusals: refused.size,
    };
  }

  /** Ends with `stop`. Never rejects. */
  async run(): Promise<void> {
    const { source } = this.#options;
    for (const key of this.#own.containers()) this.#tracker.restore(key);
    this.#tracker.onAway(performance.now());
    const { signal } = this.#stopping;
    setMaxListeners(0, signal); // one for each request
    while (!signal.aborted) {
      await this.#followOnce(signal).catch((error: unknown) => this.#onLost(error));
      const jitter = 0.5 + Math.random() / 2;
      await pause(this.#backoff * jitter, signal);
      this.#backoff = Math.min(MAX_BACKOFF_MS, this.#backoff * 2);
    }
    source.close();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopping.abort();
  }

  #onLost(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#tracker.onAway(performance.now());
    this.#arm();
    // A proxy may end the stream of events every few minutes. The engine is away if it cannot be listed again.
    if (this.#isListed) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#reason === undefined)
      this.#options.record({ kind: 'containerEngineAway', engine: this.#options.engine, reason });
    this.#reason = reason;
  }

  /** Rejects, with a reason, when the engine does not answer any more. */
  async #followOnce(stopping: AbortSignal): Promise<never> {
    const ending = new AbortController();
    const signal = AbortSignal.any([stopping, ending.signal]);
    const { source } = this.#options;
    this.#isListed = false;
    try {
      await source.locate();
      const since = Math.floor(Date.now() / 1000) - OVERLAP_SECONDS;
      let interval = LIST_INTERVAL_MS;
      const events = source
        .follow(
          since,
          { onEvent: (event) => this.#onEvent(event), onUnreadable: () => this.#relist() },
          signal,
        )
        .catch((error: unknown) => {
          if (!(error instanceof EngineRefusal)) throw error;
          interval = POLL_INTERVAL_MS; // its list is enough
          this.#relist();
          return new Promise<void>(() => undefined);
        });
      events.catch(() => undefined); // the list may fail before it is awaited
      for (;;) {
        await this.#list(signal);
        const isOver = await Promise.race([events.then(() => true), this.#untilList(() => interval, signal)]);
        if (isOver === true) throw new Error('closed its stream of events');
      }
    } finally {
      ending.abort();
    }
  }

  #relist(): void {
    this.#wantsList = true;
    this.#wake();
  }

  /** Until a list is due. One that is asked for early waits a moment, since an engine may ask without end. */
  async #untilList(interval: () => number, signal: AbortSignal): Promise<void> {
    await pause(MIN_LIST_INTERVAL_MS, signal);
    if (this.#wantsList) return;
    const early = new AbortController();
    this.#wake = () => early.abort();
    await pause(interval() - MIN_LIST_INTERVAL_MS, AbortSignal.any([signal, early.signal]));
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { source, agent, engine, record } = this.#options;
    this.#wantsList = false;
    const { rows, oversized } = await source.list(signal);
    this.#tracker.onList(rows, oversized);
    this.#tracker.onBack();
    this.#isListed = true;
    this.#backoff = MIN_BACKOFF_MS;
    this.#own = new OwnServices(agent.view.local, engine); // others may have registered or deregistered some
    this.#tracker.markAllChanged(this.#own.containers());
    this.#refreshes = true;
    if (this.#reason !== undefined)
      record({ kind: 'containerEngineBack', engine, containers: this.#tracker.size });
    this.#reason = undefined;
    this.#advance();
  }

  #onEvent(event: Parameters<ContainerTracker['onEvent']>[0]): void {
    this.#tracker.onEvent(event, performance.now());
    this.#advance();
  }

  #inspectMore(): void {
    if (this.#tracker.isAway) return;
    for (const inspection of this.#tracker.takeInspections(MAX_INSPECTIONS - this.#inspecting)) {
      this.#inspecting++;
      void this.#inspect(inspection).finally(() => {
        this.#inspecting--;
        this.#advance();
      });
    }
  }

  async #inspect(inspection: Inspection): Promise<void> {
    try {
      const container = await this.#options.source.inspect(inspection.id, this.#stopping.signal);
      this.#tracker.onInspected(inspection, container, performance.now());
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#tracker.onInspectionFailed(inspection, reason, performance.now());
    }
  }

  /** What has changed is carried out, and the next deadline is set. */
  #advance(): void {
    this.#tracker.tick(performance.now());
    this.#inspectMore();
    if (!this.#isApplying) void this.#apply();
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const wait = this.#tracker.deadline - performance.now();
    if (this.#stopping.signal.aborted || !Number.isFinite(wait)) return;
    this.#timer = setTimeout(() => this.#advance(), Math.max(1, wait));
  }

  /** One batch at a time, so that each is planned from what the one before has done. */
  async #apply(): Promise<void> {
    this.#isApplying = true;
    const { agent } = this.#options;
    let refreshes = this.#refreshes;
    for (;;) {
      const wanted = this.#tracker.takeChanged(BATCH);
      if (wanted.size === 0 || this.#stopping.signal.aborted) break;
      refreshes ||= this.#refreshes;
      await Promise.all(
        planChanges(wanted, this.#own, agent.view.local, refreshes).map((one) => this.#execute(one)),
      );
    }
    this.#refreshes = false;
    this.#isApplying = false;
  }

  /** Commands are carried out in the order in which they are given; the first that is refused says why. */
  async #execute({ service, commands }: ServiceChange): Promise<void> {
    const outcomes = await Promise.allSettled(
      commands.map((command) => this.#options.agent.execute(command)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    this.#refusedByAgent.delete(service);
    if (failed === undefined || this.#stopping.signal.aborted) return;
    const { reason } = failed;
    if (!(reason instanceof AgentError)) throw reason;
    if (reason.code !== 'badRequest') return;
    this.#refusedByAgent.set(service, reason.message);
    this.#refuse(service, reason.message);
  }

  #refuse(container: string, reason: string): void {
    this.#options.record({ kind: 'containerRefused', engine: this.#options.engine, container, reason });
  }
}

/** Ends early, and does not reject, when the signal aborts. */
const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  sleep(millis, undefined, { signal }).catch(() => undefined);
