/**
 * What the scheduled checks of a world find: each has a target of its own, whose health changes at times drawn from the
 * seed. Some runs are slow, and some never finish. No two outputs are equal.
 */
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckRun } from '../../checks/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { SimHost } from '../world/host.ts';
import type { SimulatedCheck } from '../world/types.ts';

interface Target {
  status: CheckStatus;
  until: Millis;
}

/** Mostly well, and critical for long enough that a service is deregistered for it. */
const STATUSES: readonly CheckStatus[] = ['passing', 'passing', 'passing', 'warning', 'critical', 'critical'];
/** Mean lengths. A critical spell outlasts the minute after which a service is deregistered now and then. */
const SPELLS: Readonly<Record<CheckStatus, Millis>> = { passing: 15_000, warning: 15_000, critical: 60_000 };
const MAX_SPELL: Millis = 120_000;
const NEVER_FINISHES_ONE_IN = 15;
const SLOW_ONE_IN = 10;
const USUALLY_WITHIN: Millis = 50;
/** A run this slow may end after the agent has given it up. */
const SLOW_WITHIN: Millis = 15_000;

export class CheckTargets {
  readonly #rng: Rng;
  readonly #targets = new Map<string, Target>();
  #runs = 0;
  #calm = false;

  constructor(seed: number) {
    this.#rng = createRng(seed);
  }

  /** From now on targets stay as they are, and every run ends soon. */
  calm(): void {
    this.#calm = true;
  }

  /** The outcome of a run that begins now; `undefined`: it never finishes. */
  run(host: SimHost, { check }: CheckRun, now: Millis): SimulatedCheck | undefined {
    const rng = this.#rng;
    this.#runs += 1;
    const output = `run ${this.#runs}`;
    const { status } = this.#target(`${host.label} ${check}`, now);
    if (this.#calm) return { after: rng.next() * USUALLY_WITHIN, status, output };
    if (rng.int(NEVER_FINISHES_ONE_IN) === 0) return undefined;
    const within = rng.int(SLOW_ONE_IN) === 0 ? SLOW_WITHIN : USUALLY_WITHIN;
    return { after: rng.next() * within, status, output };
  }

  #target(key: string, now: Millis): Target {
    let target = this.#targets.get(key);
    if (target !== undefined && (this.#calm || now < target.until)) return target;
    const status = STATUSES[this.#rng.int(STATUSES.length)] as CheckStatus;
    const spell = Math.min(MAX_SPELL, -SPELLS[status] * Math.log(1 - this.#rng.next()));
    target = { status, until: now + spell };
    this.#targets.set(key, target);
    return target;
  }
}
