/**
 * I26: scheduled checks. A check runs once in each interval, never twice at a time; its status is what its thresholds make
 * of the results, a run that never ended being a failure; an alias says the worst of what it follows; a service is
 * deregistered when a check of it has been critical for its time, and not before. What a check does is computed here from
 * its definition and the runs that the world has seen, not from the agent.
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { Millis } from '../../../base/time.ts';
import { OVERDUE_SLACK } from '../../../checks/scheduler.ts';
import { REAP_INTERVAL } from '../../../checks/state/reaper.ts';
import type { CheckDefinition, CheckOutcome, CheckRun, LocalCheck } from '../../../checks/types.ts';
import type { CheckStatus } from '../../../model/service.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** Host clocks that drift, and ticks that come a little later. */
const SLACK: Millis = 100;
const CHECKED_EVERY: Millis = 1000;

interface TrackedCheck {
  readonly definition: CheckDefinition;
  readonly since: Millis;
  /** It was there before the process started, and may have been critical then. */
  readonly restored: boolean;
  /** Since this definition was registered. */
  readonly results: CheckStatus[];
  /** What the check shows now, if nothing else changes it. */
  expected: CheckStatus;
  /** The run under way. */
  run: CheckRun | undefined;
  ranAt: Millis | undefined;
  /** Since when results have said that it is critical. */
  criticalSince: Millis | undefined;
}

export class CheckLaw implements Law {
  readonly #context: LawContext;
  /** None of a host whose process was suspended, until the check is defined anew: its runs come late, and so do their outcomes. */
  readonly #tracked = new Map<SimHost, Map<string, TrackedCheck>>();
  /** Definitions that are tracked, or were. */
  readonly #seen = new WeakSet<CheckDefinition>();
  readonly #started = new Set<SimHost>();

  constructor(context: LawContext) {
    this.#context = context;
    context.world.subscribe({
      onCheckRun: (host, run) => this.#onRun(host, run),
      onCheckFinished: (host, outcome) => this.#onFinished(host, outcome),
      onCommandHandled: (host) => this.#track(host, false),
      onPause: (host) => this.#tracked.delete(host),
    });
  }

  onStart(host: SimHost): void {
    this.#tracked.delete(host);
    this.#started.add(host);
  }

  /** The first input has been handled: what was restored is there. */
  checkHost(host: SimHost): void {
    if (this.#started.delete(host)) this.#track(host, true);
  }

  onFact(host: SimHost, fact: Fact): void {
    if (fact.kind === 'checkDeregistered') this.#of(host).delete(fact.check);
    if (fact.kind === 'serviceReaped') this.#checkReaped(host, fact.service, fact.check);
  }

  checkPeriodically(host: SimHost): void {
    if (host.paused) return;
    const { now } = this.#context.world;
    const checks = host.runningAgent.view.local.checks();
    for (const [id, tracked] of this.#of(host)) {
      if (tracked.run !== undefined && isOverdue(tracked, now - SLACK)) this.#addResult(tracked, 'critical');
      // A clock that runs fast gives a run up a little before it is overdue here.
      if (tracked.run === undefined || !isOverdue(tracked, now + SLACK))
        this.#compare(host, id, tracked, checks.get(id));
      this.#checkOverstayed(host, id, tracked);
    }
    for (const [id, check] of checks) this.#checkAlias(host, id, check, checks);
  }

  /** Tracks what has been registered, or defined anew, since the last command. */
  #track(host: SimHost, restored: boolean): void {
    if (!host.running || host.paused || host.options.serfPeer === true) return;
    const tracked = this.#of(host);
    for (const [id, { definition, status }] of host.runningAgent.view.local.checks()) {
      if (definition.interval === 0 || this.#seen.has(definition)) continue;
      this.#seen.add(definition);
      const state = {
        results: [],
        expected: status,
        run: undefined,
        ranAt: undefined,
        criticalSince: undefined,
      };
      tracked.set(id, { definition, since: this.#context.world.now, restored, ...state });
    }
  }

  #onRun(host: SimHost, run: CheckRun): void {
    const tracked = this.#of(host).get(run.check);
    if (tracked === undefined) return;
    const { now } = this.#context.world;
    const { definition, ranAt, since } = tracked;
    const { interval } = definition;
    const where = `I26 ${host.label} runs ${run.check}`;
    this.#context.judged('I26');
    if (tracked.run !== undefined && isOverdue(tracked, now + SLACK)) this.#addResult(tracked, 'critical');
    if (tracked.run !== undefined) this.#context.reportViolation(`${where} a second time at once`);
    const gap = now - (ranAt ?? since);
    const rest = ranAt === undefined ? 0 : gap % interval;
    if (
      ranAt === undefined
        ? gap > interval + SLACK
        : Math.min(rest, interval - rest) > SLACK || gap < interval - SLACK
    )
      this.#context.reportViolation(
        `${where} ${Math.round(gap)} ms after its last run, and every ${interval} ms`,
      );
    tracked.run = run;
    tracked.ranAt = now;
  }

  #onFinished(host: SimHost, { check, generation, status }: CheckOutcome): void {
    const tracked = this.#of(host).get(check);
    if (tracked?.run?.generation !== generation) return;
    const { now } = this.#context.world;
    // An outcome that comes after its run was given up changes nothing; of one at that moment nothing is known.
    if (isOverdue(tracked, now - SLACK)) this.#addResult(tracked, 'critical');
    else if (isOverdue(tracked, now + SLACK)) this.#of(host).delete(check);
    else this.#addResult(tracked, status);
  }

  #addResult(tracked: TrackedCheck, result: CheckStatus): void {
    tracked.run = undefined;
    tracked.results.push(result);
    const counted = countedStatus(tracked.definition, tracked.results);
    if (counted === undefined) return;
    tracked.expected = counted;
    if (counted !== 'critical') tracked.criticalSince = undefined;
    else tracked.criticalSince ??= this.#context.world.now;
  }

  #compare(
    host: SimHost,
    id: string,
    { expected, results }: TrackedCheck,
    shown: LocalCheck | undefined,
  ): void {
    if (shown === undefined) return;
    this.#context.judged('I26');
    if (shown.status !== expected)
      this.#context.reportViolation(
        `I26 ${host.label} shows ${id} as ${shown.status} instead of ${expected} after ${results.slice(-8).join(' ')}`,
      );
  }

  #checkReaped(host: SimHost, service: string, check: string): void {
    const tracked = this.#of(host).get(check);
    if (tracked === undefined || tracked.restored) return;
    const { criticalSince, definition } = tracked;
    const took = this.#context.world.now - (criticalSince ?? this.#context.world.now);
    this.#context.judged('I26 of a deregistration');
    // A run that timed out is noticed here up to so much later than there.
    if (took < definition.deregisterCriticalAfter - CHECKED_EVERY - SLACK)
      this.#context.reportViolation(
        `I26 ${host.label} deregisters ${service} after ${Math.round(took)} ms of ${definition.deregisterCriticalAfter}`,
      );
  }

  #checkOverstayed(host: SimHost, id: string, { definition, criticalSince }: TrackedCheck): void {
    const after = definition.deregisterCriticalAfter;
    if (after === 0 || definition.serviceId === '' || criticalSince === undefined) return;
    const took = this.#context.world.now - criticalSince;
    if (took < after + REAP_INTERVAL + CHECKED_EVERY) return;
    this.#context.judged('I26 of a deregistration');
    this.#of(host).delete(id);
    this.#context.reportViolation(
      `I26 ${host.label} keeps ${definition.serviceId}, critical for ${Math.round(took)} ms of ${after}`,
    );
  }

  #checkAlias(
    host: SimHost,
    id: string,
    { definition, status }: LocalCheck,
    checks: ReadonlyMap<string, LocalCheck>,
  ): void {
    if (definition.probe.kind !== 'alias') return;
    this.#context.judged('I26 of an alias');
    const expected = worstBehind(definition.probe.serviceId, host.runningAgent.view.local.services(), checks);
    if (status !== expected)
      this.#context.reportViolation(
        `I26 ${host.label} shows the alias ${id} as ${status} instead of ${expected}`,
      );
  }

  #of(host: SimHost): Map<string, TrackedCheck> {
    let tracked = this.#tracked.get(host);
    if (tracked === undefined) {
      tracked = new Map();
      this.#tracked.set(host, tracked);
    }
    return tracked;
  }
}

const isOverdue = ({ ranAt = 0, definition }: TrackedCheck, now: Millis): boolean =>
  now >= ranAt + definition.timeout + OVERDUE_SLACK;

/** The status that the last results in a row stand for; `undefined`: there are too few of them. The first one counts. */
function countedStatus(
  definition: CheckDefinition,
  results: readonly CheckStatus[],
): CheckStatus | undefined {
  const last = results.at(-1) as CheckStatus;
  const isFailure = last === 'critical';
  const before = results.findLastIndex((one) => (one === 'critical') !== isFailure);
  const isFirst = before < 0;
  const inRow = results.length - 1 - before;
  if (!isFailure) return isFirst || inRow >= definition.successBeforePassing ? last : undefined;
  if (isFirst || inRow >= definition.failuresBeforeCritical) return 'critical';
  return inRow >= definition.failuresBeforeWarning ? 'warning' : undefined;
}

const RANKS: readonly CheckStatus[] = ['passing', 'warning', 'critical'];

/** The worst status among the checks of a service, of the node, and of what their aliases follow. */
function worstBehind(
  service: string,
  services: ReadonlyMap<string, unknown>,
  checks: ReadonlyMap<string, LocalCheck>,
): CheckStatus {
  const followed = new Set([service, '']);
  let worst = 0;
  for (const one of followed) {
    if (one !== '' && !services.has(one)) return 'critical';
    for (const { definition, status } of checks.values()) {
      if (definition.serviceId !== one) continue;
      if (definition.probe.kind === 'alias') followed.add(definition.probe.serviceId);
      else worst = Math.max(worst, RANKS.indexOf(status));
    }
  }
  return RANKS[worst] as CheckStatus;
}
