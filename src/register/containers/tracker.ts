/**
 * What is known of the containers of one engine, sans IO. The engine's list is the truth, and its events are the hint that an
 * inspection is due: lists, events and inspections go in, with the time; which containers have changed, and which should be
 * inspected, comes out.
 */
import type { Millis } from '../../base/time.ts';
import type { Registration } from '../../checks/definition/definition.ts';
import type { Container, ContainerEvent, ListedContainer } from './container.ts';
import { EndTimers, RECHECK_FOR } from './end-timers.ts';
import { type ContainerServicesOptions, containerKey, servicesOfContainer } from './services.ts';
import { describeEnd, describeState, type End, isKill, type StateResult } from './state.ts';

/** An engine that restarts is back sooner. */
export const MARK_AFTER: Millis = 2000;
/** From then on nobody can say how its containers are. */
export const CRITICAL_AFTER: Millis = 60_000;

/** Containers of one engine, and inspections that wait: an engine may lie without end. */
const MAX_CONTAINERS = 20_000;

/** What is to be registered of a container. */
export interface WantedContainer {
  /** `undefined`: what is registered of it stays, since nothing is known of it yet. */
  readonly registrations: readonly Registration[] | undefined;
  /** `undefined`: as it stands. */
  readonly state: StateResult | undefined;
}

export interface Inspection {
  readonly id: string;
  /** An answer to an earlier request is stale. */
  readonly request: number;
}

interface Tracked {
  /** The full ID; only the beginning of one that is known from before the restart. */
  id: string;
  /** It was in the last list, or was found since. */
  isListed: boolean;
  stamp: string | undefined;
  container: Container | undefined;
  registrations: readonly Registration[] | undefined;
  ended: { readonly at: Millis; readonly end: End | undefined } | undefined;
  /** When an event told of its end; a start ends that. */
  diedAt: Millis | undefined;
  problem: string;
}

export interface TrackerOptions extends ContainerServicesOptions {
  selects(labels: ReadonlyMap<string, string>): boolean;
  /** A container is not registered, for this reason. */
  onRefused(container: string, reason: string): void;
}

export class ContainerTracker {
  readonly #options: TrackerOptions;
  /** By container key. */
  readonly #tracked = new Map<string, Tracked>();
  readonly #changed = new Set<string>();
  readonly #ends = new EndTimers();
  /** Containers to inspect, and the request that is under way. */
  readonly #due = new Set<string>();
  readonly #asked = new Map<string, number>();
  #requests = 0;
  /** Containers of the last list that were too large to be read. */
  #oversized: readonly string[] = [];
  #awaySince: Millis | undefined;
  #awayStep: 'here' | 'marked' | 'critical' = 'here';

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  /** A service of an earlier life of the agent is registered for this container. */
  restore(key: string): void {
    if (!this.#tracked.has(key)) this.#tracked.set(key, newTracked(key));
  }

  get size(): number {
    return this.#tracked.size;
  }

  /** A whole list. Rows that were too large to read are in `oversized`, by ID. */
  onList(rows: readonly ListedContainer[], oversized: readonly string[]): void {
    const seen = new Set<string>();
    for (const row of rows) {
      const key = containerKey(row.id);
      if (!this.#options.selects(row.labels) || seen.has(key)) continue;
      seen.add(key);
      const known = this.#tracked.get(key);
      if (known !== undefined) known.isListed = true;
      if (known?.stamp === row.stamp && known.container !== undefined && !hasHealth(known.container))
        continue;
      const tracked = known?.id === row.id ? known : this.#replace(key, row.id, known);
      tracked.stamp = row.stamp;
      tracked.isListed = true;
      this.#due.add(row.id);
    }
    this.#refuseOversized(oversized);
    for (const [key, tracked] of this.#tracked) {
      if (seen.has(key) || tracked.ended !== undefined) continue;
      tracked.isListed = false;
      this.#due.add(tracked.id);
    }
  }

  #refuseOversized(ids: readonly string[]): void {
    const before = new Set(this.#oversized);
    this.#oversized = ids.map(containerKey);
    for (const key of this.#oversized) {
      this.#forget(key);
      if (!before.has(key)) this.#options.onRefused(key, TOO_LARGE);
    }
  }

  /** A container that was known by the beginning of its ID is listed with all of it. */
  #replace(key: string, id: string, known: Tracked | undefined): Tracked {
    const tracked = known === undefined ? newTracked(id) : { ...known, id };
    if (known !== undefined) this.#due.delete(known.id);
    this.#tracked.set(key, tracked);
    return tracked;
  }

  onEvent({ id, action, exitCode }: ContainerEvent, now: Millis): void {
    const tracked = this.#tracked.get(containerKey(id));
    if (tracked === undefined && (action !== 'start' || this.#due.size >= MAX_CONTAINERS)) return;
    if (tracked !== undefined) {
      tracked.stamp = undefined; // the list that it is of is outdated
      if (action === 'die') this.#onDeath(tracked, { exitCode: exitCode ?? 0, outOfMemory: false }, now);
      else if (action === 'start') tracked.diedAt = undefined;
    }
    this.#asked.delete(id); // and so may be an answer that is under way
    this.#due.add(id);
    this.#ends.inspectAgain(id, now); // the engine may know only then
  }

  #onDeath(tracked: Tracked, end: End, now: Millis): void {
    tracked.diedAt = now;
    if (isKill(end)) this.#ends.waitForReason(containerKey(tracked.id), end, now);
    else this.#end(tracked, end, now);
  }

  /** The next containers to inspect, at most `count`. */
  takeInspections(count: number): readonly Inspection[] {
    const taken: Inspection[] = [];
    for (const id of this.#due) {
      if (taken.length >= count) break;
      this.#due.delete(id);
      const request = ++this.#requests;
      this.#asked.set(id, request);
      taken.push({ id, request });
    }
    return taken;
  }

  /** `undefined`: the engine does not have it. */
  onInspected({ id, request }: Inspection, container: Container | undefined, now: Millis): void {
    if (this.#asked.get(id) !== request) return;
    this.#asked.delete(id);
    const key = containerKey(id);
    const known = this.#tracked.get(key);
    if (container === undefined || container.state.kind === 'ended')
      return this.#end(known, container?.state, now, container?.name);
    if (known?.diedAt !== undefined && now - known.diedAt < RECHECK_FOR)
      return this.#ends.inspectAgain(id, now);
    if (!this.#options.selects(container.labels)) return this.#forget(key);
    if (known === undefined && this.#tracked.size >= MAX_CONTAINERS)
      return this.#refuse(key, container.name, `one engine has ${MAX_CONTAINERS} containers here at most`);
    const tracked = known ?? newTracked(id);
    this.#tracked.set(key, tracked);
    tracked.id = container.id;
    tracked.isListed = true;
    const { registrations, problems } = servicesOfContainer(container, this.#options);
    this.#refuse(key, container.name, problems.join('; '));
    tracked.container = container;
    tracked.registrations = registrations;
    tracked.ended = undefined;
    this.#ends.clear(key);
    this.#changed.add(key);
  }

  /** The inspection failed. The next list asks for it again. A container that is not in the list either is gone. */
  onInspectionFailed({ id, request }: Inspection, reason: string, now: Millis): void {
    if (this.#asked.get(id) !== request) return;
    this.#asked.delete(id);
    const tracked = this.#tracked.get(containerKey(id));
    if (tracked === undefined) return;
    tracked.stamp = undefined;
    if (!tracked.isListed) return this.#end(tracked, undefined, now);
    this.#refuse(containerKey(id), tracked.container?.name ?? id.slice(0, 12), reason);
  }

  /** Answers that were under way are lost, so what was asked is asked again after the next list. */
  onAway(now: Millis): void {
    this.#awaySince ??= now;
    for (const id of [...this.#asked.keys(), ...this.#due]) {
      const tracked = this.#tracked.get(containerKey(id));
      if (tracked !== undefined) tracked.stamp = undefined;
    }
    this.#asked.clear();
    this.#due.clear();
  }

  onBack(): void {
    this.#awaySince = undefined;
    this.#setAwayStep('here');
  }

  get isAway(): boolean {
    return this.#awaySince !== undefined;
  }

  tick(now: Millis): void {
    for (const step of this.#ends.takeDue(now)) {
      if (step.kind === 'end') this.#end(this.#tracked.get(step.key), step.end, now);
      else if (step.kind === 'forget') this.#forget(step.key);
      else this.#due.add(step.id);
    }
    if (this.#awaySince === undefined) return;
    const away = now - this.#awaySince;
    if (away >= CRITICAL_AFTER) this.#setAwayStep('critical');
    else if (away >= MARK_AFTER) this.#setAwayStep('marked');
  }

  get deadline(): Millis {
    const next = this.#ends.deadline;
    if (this.#awaySince === undefined || this.#awayStep === 'critical') return next;
    return Math.min(next, this.#awaySince + (this.#awayStep === 'here' ? MARK_AFTER : CRITICAL_AFTER));
  }

  /** Containers whose registrations may have to change, at most `count`; each is told once. */
  takeChanged(count: number): Map<string, WantedContainer> {
    const wanted = new Map<string, WantedContainer>();
    for (const key of this.#changed) {
      if (wanted.size >= count) break;
      this.#changed.delete(key);
      wanted.set(key, this.#wanted(key));
    }
    return wanted;
  }

  /** What is wanted of all containers is compared with what is registered, at the next `takeChanged`. */
  markAllChanged(registered: Iterable<string>): void {
    for (const key of registered) this.#changed.add(key);
    for (const key of this.#tracked.keys()) this.#changed.add(key);
  }

  #wanted(key: string): WantedContainer {
    const tracked = this.#tracked.get(key);
    if (tracked === undefined) return { registrations: [], state: undefined };
    return { registrations: tracked.registrations, state: this.#stateOf(tracked) };
  }

  #stateOf({ container, ended }: Tracked): StateResult | undefined {
    const { node, engine } = this.#options;
    if (ended !== undefined)
      return { status: 'critical', output: describeEnd(container?.name ?? '', node, ended.end) };
    const state = container === undefined ? undefined : describeState(container, node);
    if (this.#awayStep === 'here') return state;
    if (this.#awayStep === 'critical')
      return {
        status: 'critical',
        output: `the container engine ${engine} on ${node} does not answer: nothing is known of its containers`,
      };
    return (
      state && {
        ...state,
        output: `${state.output} (as it stood when the container engine ${engine} stopped answering)`,
      }
    );
  }

  /** Containers that are not registered, and why. */
  *refused(): Generator<{ readonly container: string; readonly reason: string }> {
    for (const [key, { container, problem }] of this.#tracked)
      if (problem !== '') yield { container: container?.name ?? key, reason: problem };
    for (const key of this.#oversized) yield { container: key, reason: TOO_LARGE };
  }

  #setAwayStep(step: 'here' | 'marked' | 'critical'): void {
    if (this.#awayStep === step) return;
    this.#awayStep = step;
    this.markAllChanged([]);
  }

  /** It is critical at once, and is forgotten after a while. What is learned later of the same end makes its words better. */
  #end(tracked: Tracked | undefined, end: End | undefined, now: Millis, name = ''): void {
    if (tracked === undefined) return;
    const before = tracked.ended;
    if (before !== undefined && end === undefined) return; // removed after it had ended
    const at = before?.at ?? now;
    tracked.ended = { at, end };
    tracked.stamp = undefined;
    this.#ends.forgetEnded(containerKey(tracked.id), end, at);
    if (tracked.container !== undefined && name !== '') tracked.container = { ...tracked.container, name };
    this.#changed.add(containerKey(tracked.id));
  }

  #forget(key: string): void {
    const tracked = this.#tracked.get(key);
    if (tracked === undefined) return;
    this.#tracked.delete(key);
    this.#ends.clear(key);
    this.#due.delete(tracked.id);
    this.#changed.add(key);
  }

  #refuse(key: string, name: string, problem: string): void {
    const tracked = this.#tracked.get(key);
    const before = tracked?.problem ?? '';
    if (tracked !== undefined) tracked.problem = problem;
    if (problem !== '' && problem !== before) this.#options.onRefused(name, problem);
  }
}

const TOO_LARGE = 'the engine describes it in more than 512 kB: take labels away';

/** Podman does not list how a HEALTHCHECK went, so it is inspected with each list. */
const hasHealth = ({ state }: Container): boolean => state.health !== undefined;

const newTracked = (id: string): Tracked => ({
  ...{ id, isListed: false, stamp: undefined, container: undefined, registrations: undefined },
  ...{ ended: undefined, diedAt: undefined, problem: '' },
});
