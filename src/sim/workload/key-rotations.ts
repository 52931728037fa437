/**
 * Operators of an encrypted world who change its keys: install, use, remove, each step once the one before has come to
 * everybody. A careful one waits for those who are down, a bold one does not. And one who comes to whoever was left behind.
 */
import type { KeyOperation, KeyReport } from '../../agent/contract/commands.ts';
import { sameBytes } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { fingerprint } from '../../wire/crypt.ts';
import { comeBack } from '../faults/fault.ts';
import { joinOthers, seedOf } from '../world/bootstrap.ts';
import type { Host } from '../world/host.ts';
import type { World } from '../world/world.ts';

export type RotationStep = 'begun' | 'installed' | 'used' | 'removed' | 'given up';

export const ROTATION_STEPS: readonly RotationStep[] = ['begun', 'installed', 'used', 'removed', 'given up'];

export interface Rotation {
  readonly at: Millis;
  readonly who: string;
  readonly bold: boolean;
  readonly key: Uint8Array;
  /** Is killed when it begins, and comes back when it should be over. */
  readonly absent?: string;
}

const KEY_BYTES = 32;
const LOOK_EVERY: Millis = 250;
const PAUSE: Millis = 5000;
const MAX_TRIES = 6;
/** An operation that takes longer is lost with the agent that ran it. */
const PATIENCE: Millis = 60_000;
const ABSENCE: Millis = 60_000;

export function drawRotations(rng: Rng, hosts: readonly string[], span: Millis, count: number): Rotation[] {
  const one = (): string => hosts[rng.int(hosts.length)] as string;
  return Array.from({ length: count }, (): Rotation => {
    const bold = rng.int(2) === 0;
    const absent = bold ? { absent: one() } : {};
    const key = Uint8Array.from({ length: KEY_BYTES }, () => rng.int(256));
    return { at: rng.next() * span * 0.6, who: one(), bold, key, ...absent };
  }).sort((a, b) => a.at - b.at);
}

/** Puts them into a world's agenda, beginning now. `told` hears of each step that was really taken. */
export function rotateThrough(
  world: World,
  rotations: readonly Rotation[],
  told: (step: RotationStep, by: Host) => void,
): void {
  const begin = world.now;
  for (const rotation of rotations)
    world.at(begin + rotation.at, () => {
      const host = world.host(rotation.who);
      if (!host.running || host.paused) return;
      const { absent } = rotation;
      if (absent !== undefined && absent !== rotation.who && world.host(absent).running) {
        world.stop(absent);
        world.at(world.now + ABSENCE, () => comeBack(world, absent, { remember: true, moved: false }));
      }
      const old = host.keys[0] as Uint8Array;
      told('begun', host);
      const tell = (step: RotationStep): void => told(step, host);
      const { lives } = host;
      new Operator(world, host, rotation, old, lives, tell).install(MAX_TRIES);
    });
}

class Operator {
  readonly #world: World;
  readonly #host: Host;
  readonly #rotation: Rotation;
  readonly #old: Uint8Array;
  readonly #life: number;
  readonly #tell: (step: RotationStep) => void;

  constructor(
    world: World,
    host: Host,
    rotation: Rotation,
    old: Uint8Array,
    life: number,
    tell: (step: RotationStep) => void,
  ) {
    this.#world = world;
    this.#host = host;
    this.#rotation = rotation;
    this.#old = old;
    this.#life = life;
    this.#tell = tell;
  }

  install(tries: number): void {
    const { key } = this.#rotation;
    this.#do('install', key, false, (report) => {
      if (isDone(report) && this.#allThere()) {
        this.#tell('installed');
        this.#use(tries);
      } else this.#again(tries, () => this.install(tries - 1));
    });
  }

  /** `serf keys` looks after nobody, so whoever types it must look first; ours looks by itself. */
  #use(tries: number): void {
    const { key } = this.#rotation;
    const mark = fingerprint(key);
    this.#looked(
      (list) => list.keys.get(mark) === list.answered,
      (safe) => {
        if (!safe) return this.#again(tries, () => this.install(tries - 1));
        this.#do('use', key, false, (report) => {
          if (report.refused !== undefined) return this.#again(tries, () => this.install(tries - 1));
          this.#tell('used');
          this.#settle(isDone(report), MAX_TRIES);
        });
      },
    );
  }

  /** Somebody did not say that it uses the new key: once more, until all do. */
  #settle(done: boolean, tries: number): void {
    if (done) return this.#remove(MAX_TRIES);
    this.#again(tries, () =>
      this.#do('use', this.#rotation.key, true, (report) => this.#settle(isDone(report), tries - 1)),
    );
  }

  #remove(tries: number): void {
    const mark = fingerprint(this.#old);
    if (sameBytes(this.#old, this.#rotation.key)) return;
    this.#looked(
      (list) => (list.primaries.get(mark) ?? 0) === 0,
      (safe) => {
        const { bold } = this.#rotation;
        if (!safe || (!bold && !this.#allThere())) return this.#again(tries, () => this.#remove(tries - 1));
        this.#do('remove', this.#old, bold, (report) => {
          if (report.refused === undefined) return this.#tell('removed');
          this.#again(tries, () => this.#remove(tries - 1));
        });
      },
    );
  }

  #looked(isSafe: (list: KeyReport) => boolean, then: (safe: boolean) => void): void {
    if (this.#host.options.plain !== true) return then(true);
    this.#do('list', undefined, false, (list) => then(isDone(list) && isSafe(list)));
  }

  /** Does it, and calls `then` when it is over; if the agent that does it is gone by then, nobody goes on. */
  #do(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    force: boolean,
    then: (report: KeyReport) => void,
  ): void {
    const host = this.#host;
    if (!this.#lives()) return this.#tell('given up');
    const ordered = this.#world.command(host.label, {
      kind: 'keys',
      operation,
      key,
      force,
      timeout: undefined,
    });
    const value = ordered.result?.ok === true ? ordered.result.value : undefined;
    if (value === undefined || !('operation' in value)) return this.#tell('given up');
    const { id } = value;
    const until = this.#world.now + PATIENCE;
    const look = (): void => {
      if (!this.#lives() || this.#world.now > until) return this.#tell('given up');
      const report = host.live.view.keyReport(id);
      if (report?.finished === true) then(report);
      else this.#world.at(this.#world.now + LOOK_EVERY, look);
    };
    this.#world.at(this.#world.now + LOOK_EVERY, look);
  }

  #again(tries: number, act: () => void): void {
    if (tries <= 0) return this.#tell('given up');
    this.#world.at(this.#world.now + PAUSE, act);
  }

  #lives(): boolean {
    return this.#host.running && this.#host.lives === this.#life && !this.#host.paused;
  }

  #allThere(): boolean {
    if (this.#rotation.bold) return true;
    const members = this.#host.agent?.view.members() ?? [];
    return members.every(({ status }) => status === 'alive' || status === 'left');
  }
}

const isDone = ({ refused, errors, silent }: KeyReport): boolean =>
  refused === undefined && errors.size === 0 && silent.length === 0;

/** A key by its octets. */
export const nameOf = (key: Uint8Array | undefined): string => (key === undefined ? '' : fingerprint(key));

/** The ring that most of those who run say what they say with. */
export function usualRing(world: World): readonly Uint8Array[] {
  const counts = new Map<string, { count: number; ring: readonly Uint8Array[] }>();
  for (const { running, keys } of world.hosts) {
    if (!running) continue;
    const held = counts.get(nameOf(keys[0]));
    counts.set(nameOf(keys[0]), { count: (held?.count ?? 0) + 1, ring: held?.ring ?? keys });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.ring ?? [];
}

/** Does it not understand most of the others, or most of them it? */
export function isLeftBehind(world: World, host: Host): boolean {
  const usual = usualRing(world);
  const has = (ring: readonly Uint8Array[], key: Uint8Array | undefined): boolean =>
    ring.some((one) => nameOf(one) === nameOf(key));
  return !has(host.keys, usual[0]) || !has(usual, host.keys[0]);
}

/** What an operator does who finds such a host: a join that tells why, then the ring of the others, and a new life. */
export function relieve(world: World, host: Host): void {
  const ring = usualRing(world);
  world.stop(host.label);
  host.keys = [...ring];
  world.start(host.label, { remember: true });
  joinOthers(world, host.label);
}

/** A join as a person would try it, with those whom most understand. */
export const tryToJoin = (world: World, host: Host) =>
  world.command(host.label, {
    kind: 'join',
    seeds: [...world.hosts]
      .filter((one) => one.running && one !== host && !isLeftBehind(world, one))
      .slice(0, 3)
      .map(seedOf),
  });
