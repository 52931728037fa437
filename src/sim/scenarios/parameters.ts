/**
 * What a seed decides before a run starts: which kinds of fault occur, how much the network loses, and how the hosts
 * are configured. A few kinds at a time find more than all at once.
 *
 * Source: swarm testing, Groce et al. 2012.
 */
import { type Rng, shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { BYZANTINE_KINDS, FAULT_KINDS, type FaultKind } from '../faults/index.ts';
import type { SimHostOptions } from '../world/host.ts';
import type { World } from '../world/world.ts';

/** Options of one run. */
export interface ScenarioOptions {
  readonly seed: number;
  readonly members: number;
  /** How long faults occur, in virtual minutes. */
  readonly minutes: number;
  /** Which kinds of fault, and how much loss; drawn from the seed if absent. */
  readonly kinds?: readonly FaultKind[];
  readonly loss?: number;
}

export interface ScenarioParameters {
  /** Kinds of fault that may occur; with none, only the link quality is bad. */
  readonly kinds: readonly FaultKind[];
  /** Chance that a datagram is lost, while faults last. */
  readonly loss: number;
  readonly reorder: number;
  readonly encrypted: boolean;
  readonly gossipLabel: string;
  readonly v6: boolean;
  readonly compressed: boolean;
  /** How many of the hosts run a Serf peer. */
  readonly serfPeers: number;
  /** The most a clock drifts, in parts per million, either way. */
  readonly driftPpm: number;
  /** Agents forget within a minute what they otherwise remember for an hour or a day (`SHORT_RETENTION`). */
  readonly shortRetention: boolean;
}

/** Levels of loss on the reliability page. */
export const LOSS_LEVELS = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5] as const;
/** Lower levels are drawn more often. */
const WEIGHTED_LOSS_LEVELS = [0, 0, 0, 0.01, 0.01, 0.05, 0.05, 0.1, 0.1, 0.2, 0.3, 0.5] as const;

/** The most loss that remains after the faults. */
const MAX_LOSS_AFTER_FAULTS = 0.05;

/** Time after a fault in which the hosts it affected do not count as healthy yet. */
export const RECOVERY_TIME: Millis = 60_000;

/** Faults that occur together with forged messages, in half of the runs that have any. */
const KINDS_BESIDE_LIES: readonly FaultKind[] = ['crash', 'bounce', 'partition', 'flapping', 'loss', 'stall'];
const MAX_LOSS_OF_LIES = 0.1;
const BYZANTINE_ONE_IN = 12;
const NO_FAULTS_ONE_IN = 12;
const MAX_DRIFT_PPM = 500;
const KEY_BYTES = 32;
/** So short that sweeps, expiries and reaping happen within the minutes of a run. */
const SHORT_RETENTION: Pick<SimHostOptions, 'retention' | 'serf'> = {
  retention: { tombstones: 20_000, droppedMembers: 60_000, restoredNodes: 5000 },
  serf: { reconnectTimeout: 60_000, tombstoneTimeout: 60_000, reapInterval: 5000 },
};

export const isByzantine = ({ kinds }: Pick<ScenarioParameters, 'kinds'>): boolean =>
  kinds.some((kind) => BYZANTINE_KINDS.includes(kind));

/** Nothing else goes wrong. */
export const isOnlyByzantine = ({ kinds }: Pick<ScenarioParameters, 'kinds'>): boolean =>
  kinds.every((kind) => BYZANTINE_KINDS.includes(kind));

/** Draws the parameters of a seed. Kinds and loss that the options give replace those drawn and change nothing else. */
export function drawParameters(
  rng: Rng,
  members: number,
  given: Pick<ScenarioOptions, 'kinds' | 'loss'> = {},
): ScenarioParameters {
  const oneIn = (n: number): boolean => rng.int(n) === 0;
  const drawnKinds = drawKinds(rng);
  const drawn: ScenarioParameters = {
    kinds: given.kinds ?? drawnKinds,
    loss: WEIGHTED_LOSS_LEVELS[rng.int(WEIGHTED_LOSS_LEVELS.length)] as number,
    reorder: oneIn(2) ? 0 : 0.05,
    encrypted: oneIn(3),
    gossipLabel: oneIn(3) ? 'swarm' : '',
    v6: oneIn(4),
    compressed: oneIn(3),
    serfPeers: oneIn(3) ? Math.max(0, Math.floor((members - 3) * rng.next())) : 0,
    driftPpm: oneIn(2) ? 0 : MAX_DRIFT_PPM,
    shortRetention: oneIn(3),
  };
  // Serf in Go has no defense against most forged messages, and alone they are seen best without loss.
  const maxLoss = isOnlyByzantine(drawn) ? 0 : MAX_LOSS_OF_LIES;
  return isByzantine(drawn)
    ? { ...drawn, serfPeers: 0, loss: given.loss ?? Math.min(drawn.loss, maxLoss) }
    : { ...drawn, loss: given.loss ?? drawn.loss };
}

function drawKinds(rng: Rng): readonly FaultKind[] {
  if (rng.int(BYZANTINE_ONE_IN) === 0) {
    // One kind alone is seen better: a victim of lies has to be back sooner than one that starts again.
    const own = rng.derive('peers');
    const kinds = own.int(2) === 0 ? BYZANTINE_KINDS : shuffle([...BYZANTINE_KINDS], own).slice(0, 1);
    return rng.int(2) === 0 ? kinds : [...kinds, ...KINDS_BESIDE_LIES];
  }
  if (rng.int(NO_FAULTS_ONE_IN) === 0) return [];
  return shuffle([...FAULT_KINDS], rng).slice(0, 1 + rng.int(FAULT_KINDS.length));
}

/** Options of each host, by label. The last hosts are the Serf peers. */
export function drawHostOptions(
  { encrypted, gossipLabel, v6, compressed, serfPeers, driftPpm, shortRetention }: ScenarioParameters,
  labels: readonly string[],
  rng: Rng,
): Map<string, SimHostOptions> {
  const key = Uint8Array.from({ length: KEY_BYTES }, () => rng.int(256));
  return new Map(
    labels.map((label, i): [string, SimHostOptions] => [
      label,
      {
        ...(encrypted ? { keys: [key] } : {}),
        gossipLabel,
        v6,
        ...(shortRetention ? SHORT_RETENTION : {}),
        swim: { compression: compressed },
        serfPeer: i >= labels.length - serfPeers,
        ...(driftPpm === 0 ? {} : { driftPpm: Math.round((2 * rng.next() - 1) * driftPpm) }),
      },
    ]),
  );
}

/** The link quality while faults last. */
export function applyLinkQuality(world: World, { loss, reorder }: ScenarioParameters): void {
  world.network.linkQuality = { ...world.network.linkQuality, loss, reorder };
}

/** The link quality of the quiet period after the faults. */
export function limitLoss(world: World, { loss }: ScenarioParameters): void {
  world.network.linkQuality = { ...world.network.linkQuality, loss: Math.min(loss, MAX_LOSS_AFTER_FAULTS) };
}
