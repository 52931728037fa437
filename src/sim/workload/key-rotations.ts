/**
 * Key rotations by an operator: install, use, remove, each once the step before has reached all members. With `force`
 * the operator does not wait for members that are down. Another operator recovers hosts that were left behind.
 */
import type { Command, KeyOperation, KeyOperationReport } from '../../agent/contract/commands.ts';
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
  readonly host: string;
  readonly force: boolean;
  readonly key: Uint8Array;
  /** A host that is killed when the rotation begins and restarts when it should be over. */
  readonly downHost?: string;
}

const KEY_BYTES = 32;
const LOOK_EVERY: Millis = 250;
const RETRY_AFTER: Millis = 5000;
const MAX_TRIES = 6;
/** An operation that takes longer has been lost with the agent that ran it. */
const PATIENCE: Millis = 60_000;
const DOWN_TIME: Millis = 60_000;

export function drawKeyRotations(
  rng: Rng,
  hosts: readonly string[],
  span: Millis,
  count: number,
): KeyRotation[] {
  const randomHost = (): string => hosts[rng.int(hosts.length)] as string;
  return Array.from({ length: count }, (): KeyRotation => {
    const force = rng.int(2) === 0;
    const downHost = force ? randomHost() : undefined;
    const key = Uint8Array.from({ length: KEY_BYTES }, () => rng.int(256));
    const rotation = { at: rng.next() * span * 0.6, host: randomHost(), force, key };
    return downHost === undefined ? rotation : { ...rotation, downHost };
  }).sort((a, b) => a.at - b.at);
}

/** Schedules rotations from now on. `onStep` is called for each step that was really taken. */
export function scheduleKeyRotations(
  world: World,
  rotations: readonly KeyRotation[],
  onStep: (step: KeyRotationStep, by: SimHost) => void,
): void {
  const start = world.now;
  for (const rotation of rotations)
    world.schedule(start + rotation.at, () => {
      const host = world.host(rotation.host);
      if (!host.running || host.paused) return;
      const { downHost } = rotation;
      if (downHost !== undefined && downHost !== rotation.host && world.host(downHost).running) {
        world.stop(downHost);
        world.schedule(world.now + DOWN_TIME, () =>
          restartHost(world, downHost, { restore: true, newAddress: false }),
        );
      }
      onStep('started', host);
      new KeyOperator(world, host, rotation, (step) => onStep(step, host)).install(MAX_TRIES);
    });
}

class KeyOperator {
  readonly #world: World;
  readonly #host: SimHost;
  readonly #rotation: KeyRotation;
  readonly #oldKey: Uint8Array;
  readonly #bootCount: number;
  readonly #onStep: (step: KeyRotationStep) => void;

  constructor(world: World, host: SimHost, rotation: KeyRotation, onStep: (step: KeyRotationStep) => void) {
    this.#world = world;
    this.#host = host;
    this.#rotation = rotation;
    this.#oldKey = host.keys[0] as Uint8Array;
    this.#bootCount = host.bootCount;
    this.#onStep = onStep;
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

  /** With `force` a member that is down does not count, but who is up must have the key: the operator lists the keys first. */
  #use(tries: number): void {
    const { key, force } = this.#rotation;
    const keyId = fingerprint(key);
    this.#checkKeys(
      force,
      (list) => list.keys.get(keyId) === list.answered,
      (safe) => {
        if (!safe) return this.#retry(tries, () => this.install(tries - 1));
        this.#runOperation('use', key, force, (report) => {
          if (report.refusal !== undefined) return this.#retry(tries, () => this.install(tries - 1));
          this.#onStep('used');
          this.#retryUse(isComplete(report), MAX_TRIES);
        });
      },
    );
  }

  /** Repeats `use` until all members confirm that they use the new key. */
  #retryUse(done: boolean, tries: number): void {
    if (done) return this.#remove(MAX_TRIES);
    this.#retry(tries, () =>
      this.#runOperation('use', this.#rotation.key, true, (report) =>
        this.#retryUse(isComplete(report), tries - 1),
      ),
    );
  }

  #remove(tries: number): void {
    const keyId = fingerprint(this.#oldKey);
    if (sameBytes(this.#oldKey, this.#rotation.key)) return;
    this.#checkKeys(
      false,
      (list) => (list.primaries.get(keyId) ?? 0) === 0,
      (safe) => {
        const { force } = this.#rotation;
        if (!safe || (!force && !this.#allMembersUp()))
          return this.#retry(tries, () => this.#remove(tries - 1));
        this.#runOperation('remove', this.#oldKey, force, (report) => {
          if (report.refusal === undefined) return this.#onStep('removed');
          this.#retry(tries, () => this.#remove(tries - 1));
        });
      },
    );
  }

  /** Lists the keys and judges them. An agent does so itself unless it is `forced`; a Serf peer never does. */
  #checkKeys(
    forced: boolean,
    isSafe: (list: KeyOperationReport) => boolean,
    then: (safe: boolean) => void,
  ): void {
    if (!forced && this.#host.options.serfPeer !== true) return then(true);
    this.#runOperation('list', undefined, false, (list) => then(isComplete(list) && isSafe(list)));
  }

  /** Runs one operation and calls `then` with its report. If its agent is gone by then, the rotation is abandoned. */
  #runOperation(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    force: boolean,
    then: (report: KeyOperationReport) => void,
  ): void {
    const host = this.#host;
    if (!this.#isRunning()) return this.#onStep('abandoned');
    const command: Command = { kind: 'keys', operation, key, force, timeout: undefined };
    const { result } = this.#world.command(host.label, command);
    const value = result?.ok === true ? result.value : undefined;
    if (value === undefined || !('operation' in value)) return this.#onStep('abandoned');
    const { id } = value;
    const until = this.#world.now + PATIENCE;
    const look = (): void => {
      if (!this.#isRunning() || this.#world.now > until) return this.#onStep('abandoned');
      const report = host.runningAgent.view.keyOperationReport(id);
      if (report?.finished === true) then(report);
      else this.#world.schedule(this.#world.now + LOOK_EVERY, look);
    };
    this.#world.schedule(this.#world.now + LOOK_EVERY, look);
  }

  #retry(tries: number, act: () => void): void {
    if (tries <= 0) return this.#onStep('abandoned');
    this.#world.schedule(this.#world.now + RETRY_AFTER, act);
  }

  #isRunning(): boolean {
    return this.#host.running && this.#host.bootCount === this.#bootCount && !this.#host.paused;
  }

  #allMembersUp(): boolean {
    if (this.#rotation.force) return true;
    const members = this.#host.agent?.view.members() ?? [];
    return members.every(({ status }) => status === 'alive' || status === 'left');
  }
}

const isComplete = ({ refusal, errors, unresponsive }: KeyOperationReport): boolean =>
  refusal === undefined && errors.size === 0 && unresponsive.length === 0;

/** An identifier of a key; empty if there is none. */
export const keyFingerprint = (key: Uint8Array | undefined): string =>
  key === undefined ? '' : fingerprint(key);

/** The keyring whose primary key most running hosts use. */
export function majorityKeyring(world: World): readonly Uint8Array[] {
  const counts = new Map<string, { count: number; keyring: readonly Uint8Array[] }>();
  for (const { running, keys } of world.hosts) {
    if (!running) continue;
    const primary = keyFingerprint(keys[0]);
    const { count, keyring } = counts.get(primary) ?? { count: 0, keyring: keys };
    counts.set(primary, { count: count + 1, keyring });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.keyring ?? [];
}

/** Whether the host cannot decrypt the messages of the majority, or the majority cannot decrypt its messages. */
export function isLeftBehind(world: World, host: SimHost): boolean {
  const majority = majorityKeyring(world);
  const includes = (keyring: readonly Uint8Array[], key: Uint8Array | undefined): boolean =>
    keyring.some((one) => keyFingerprint(one) === keyFingerprint(key));
  return !includes(host.keys, majority[0]) || !includes(majority, host.keys[0]);
}

/** Recovers a host that was left behind: it restarts with the keyring of the majority and joins the others. */
export function recoverHost(world: World, host: SimHost): void {
  const keyring = majorityKeyring(world);
  world.stop(host.label);
  host.keys = [...keyring];
  world.start(host.label, { restore: true });
  joinOthers(world, host.label);
}

/** Joins the host to members of the majority, as a person would try it. */
export const joinMajority = (world: World, host: SimHost) =>
  world.command(host.label, {
    kind: 'join',
    seeds: [...world.hosts]
      .filter((one) => one.running && one !== host && !isLeftBehind(world, one))
      .slice(0, 3)
      .map(toSeed),
  });
