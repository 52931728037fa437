/**
 * Operators of an encrypted world who change its keys: install, use, remove, each step once the one before has come to
 * everybody. A careful one waits for those who are down, a bold one does not. And one who comes to whoever was left behind.
 */
import type { KeyOperation, KeyOperationReport } from '../../agent/contract/commands.ts';
import { sameBytes } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { fingerprint } from '../../wire/crypt.ts';
import { restartHost } from '../faults/fault.ts';
import { joinOthers, toSeed } from '../world/bootstrap.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

export type KeyRotationStep = 'started' | 'installed' | 'used' | 'removed' | 'abandoned';

export const KEY_ROTATION_STEPS: readonly KeyRotationStep[] = [
  'started',
  'installed',
  'used',
  'removed',
  'abandoned',
];

export interface KeyRotation {
  readonly at: Millis;
  readonly who: string;
  readonly force: boolean;
  readonly key: Uint8Array;
  /** Is killed when it begins, and comes back when it should be over. */
  readonly downHost?: string;
}

const KEY_BYTES = 32;
const LOOK_EVERY: Millis = 250;
const PAUSE: Millis = 5000;
const MAX_TRIES = 6;
/** An operation that takes longer is lost with the agent that ran it. */
const PATIENCE: Millis = 60_000;
const ABSENCE: Millis = 60_000;

export function drawKeyRotations(
  rng: Rng,
  hosts: readonly string[],
  span: Millis,
  count: number,
): KeyRotation[] {
  const one = (): string => hosts[rng.int(hosts.length)] as string;
  return Array.from({ length: count }, (): KeyRotation => {
    const bold = rng.int(2) === 0;
    const absent = bold ? { absent: one() } : {};
    const key = Uint8Array.from({ length: KEY_BYTES }, () => rng.int(256));
    return { at: rng.next() * span * 0.6, who: one(), force: bold, key, ...absent };
  }).sort((a, b) => a.at - b.at);
}

/** Puts them into a world's agenda, beginning now. `told` hears of each step that was really taken. */
export function scheduleKeyRotations(
  world: World,
  rotations: readonly KeyRotation[],
  told: (step: KeyRotationStep, by: SimHost) => void,
): void {
  const begin = world.now;
  for (const rotation of rotations)
    world.at(begin + rotation.at, () => {
      const host = world.host(rotation.who);
      if (!host.running || host.paused) return;
      const { downHost: absent } = rotation;
      if (absent !== undefined && absent !== rotation.who && world.host(absent).running) {
        world.stop(absent);
        world.at(world.now + ABSENCE, () => restartHost(world, absent, { remember: true, moved: false }));
      }
      const old = host.keys[0] as Uint8Array;
      told('started', host);
      const tell = (step: KeyRotationStep): void => told(step, host);
      const { bootCount: lives } = host;
      new KeyOperator(world, host, rotation, old, lives, tell).install(MAX_TRIES);
    });
}

class KeyOperator {
  readonly #world: World;
  readonly #host: SimHost;
  readonly #rotation: KeyRotation;
  readonly #old: Uint8Array;
  readonly #boot: number;
  readonly #onStep: (step: KeyRotationStep) => void;

  constructor(
    world: World,
    host: SimHost,
    rotation: KeyRotation,
    old: Uint8Array,
    life: number,
    tell: (step: KeyRotationStep) => void,
  ) {
    this.#world = world;
    this.#host = host;
    this.#rotation = rotation;
    this.#old = old;
    this.#boot = life;
    this.#onStep = tell;
  }

  install(tries: number): void {
    const { key } = this.#rotation;
    this.#runOperation('install', key, false, (report) => {
      if (isComplete(report) && this.#allMembersUp()) {
        this.#onStep('installed');
        this.#use(tries);
      } else this.#retry(tries, () => this.install(tries - 1));
    });
  }

  /** `serf keys` looks after nobody, so whoever types it must look first; ours looks by itself. */
  #use(tries: number): void {
    const { key } = this.#rotation;
    const mark = fingerprint(key);
    this.#checkKeys(
      (list) => list.keys.get(mark) === list.answered,
      (safe) => {
        if (!safe) return this.#retry(tries, () => this.install(tries - 1));
        this.#runOperation('use', key, false, (report) => {
          if (report.refused !== undefined) return this.#retry(tries, () => this.install(tries - 1));
          this.#onStep('used');
          this.#retryUse(isComplete(report), MAX_TRIES);
        });
      },
    );
  }

  /** Somebody did not say that it uses the new key: once more, until all do. */
  #retryUse(done: boolean, tries: number): void {
    if (done) return this.#remove(MAX_TRIES);
    this.#retry(tries, () =>
      this.#runOperation('use', this.#rotation.key, true, (report) =>
        this.#retryUse(isComplete(report), tries - 1),
      ),
    );
  }

  #remove(tries: number): void {
    const mark = fingerprint(this.#old);
    if (sameBytes(this.#old, this.#rotation.key)) return;
    this.#checkKeys(
      (list) => (list.primaries.get(mark) ?? 0) === 0,
      (safe) => {
        const { force: bold } = this.#rotation;
        if (!safe || (!bold && !this.#allMembersUp()))
          return this.#retry(tries, () => this.#remove(tries - 1));
        this.#runOperation('remove', this.#old, bold, (report) => {
          if (report.refused === undefined) return this.#onStep('removed');
          this.#retry(tries, () => this.#remove(tries - 1));
        });
      },
    );
  }

  #checkKeys(isSafe: (list: KeyOperationReport) => boolean, then: (safe: boolean) => void): void {
    if (this.#host.options.serfPeer !== true) return then(true);
    this.#runOperation('list', undefined, false, (list) => then(isComplete(list) && isSafe(list)));
  }

  /** Does it, and calls `then` when it is over; if the agent that does it is gone by then, nobody goes on. */
  #runOperation(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    force: boolean,
    then: (report: KeyOperationReport) => void,
  ): void {
    const host = this.#host;
    if (!this.#isRunning()) return this.#onStep('abandoned');
    const ordered = this.#world.command(host.label, {
      kind: 'keys',
      operation,
      key,
      force,
      timeout: undefined,
    });
    const value = ordered.result?.ok === true ? ordered.result.value : undefined;
    if (value === undefined || !('operation' in value)) return this.#onStep('abandoned');
    const { id } = value;
    const until = this.#world.now + PATIENCE;
    const look = (): void => {
      if (!this.#isRunning() || this.#world.now > until) return this.#onStep('abandoned');
      const report = host.runningAgent.view.keyOperationReport(id);
      if (report?.finished === true) then(report);
      else this.#world.at(this.#world.now + LOOK_EVERY, look);
    };
    this.#world.at(this.#world.now + LOOK_EVERY, look);
  }

  #retry(tries: number, act: () => void): void {
    if (tries <= 0) return this.#onStep('abandoned');
    this.#world.at(this.#world.now + PAUSE, act);
  }

  #isRunning(): boolean {
    return this.#host.running && this.#host.bootCount === this.#boot && !this.#host.paused;
  }

  #allMembersUp(): boolean {
    if (this.#rotation.force) return true;
    const members = this.#host.agent?.view.members() ?? [];
    return members.every(({ status }) => status === 'alive' || status === 'left');
  }
}

const isComplete = ({ refused, errors, silent }: KeyOperationReport): boolean =>
  refused === undefined && errors.size === 0 && silent.length === 0;

/** A key by its octets. */
export const keyFingerprint = (key: Uint8Array | undefined): string =>
  key === undefined ? '' : fingerprint(key);

/** The ring that most of those who run say what they say with. */
export function majorityKeyring(world: World): readonly Uint8Array[] {
  const counts = new Map<string, { count: number; ring: readonly Uint8Array[] }>();
  for (const { running, keys } of world.hosts) {
    if (!running) continue;
    const held = counts.get(keyFingerprint(keys[0]));
    counts.set(keyFingerprint(keys[0]), { count: (held?.count ?? 0) + 1, ring: held?.ring ?? keys });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.ring ?? [];
}

/** Does it not understand most of the others, or most of them it? */
export function isLeftBehind(world: World, host: SimHost): boolean {
  const usual = majorityKeyring(world);
  const has = (ring: readonly Uint8Array[], key: Uint8Array | undefined): boolean =>
    ring.some((one) => keyFingerprint(one) === keyFingerprint(key));
  return !has(host.keys, usual[0]) || !has(usual, host.keys[0]);
}

/** What an operator does who finds such a host: a join that tells why, then the ring of the others, and a new life. */
export function recoverHost(world: World, host: SimHost): void {
  const ring = majorityKeyring(world);
  world.stop(host.label);
  host.keys = [...ring];
  world.start(host.label, { remember: true });
  joinOthers(world, host.label);
}

/** A join as a person would try it, with those whom most understand. */
export const joinMajority = (world: World, host: SimHost) =>
  world.command(host.label, {
    kind: 'join',
    seeds: [...world.hosts]
      .filter((one) => one.running && one !== host && !isLeftBehind(world, one))
      .slice(0, 3)
      .map(toSeed),
  });
