/**
 * What a seed decides before anything happens: which kinds of trouble come at all, how much the network loses, what the
 * hosts are like. A few kinds at a time go deeper than all at once (swarm testing: Groce et al. 2012).
 */
import { type Rng, shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { BYZANTINE_KINDS, FAULT_KINDS, type FaultKind } from '../faults/index.ts';
import type { SimHostOptions } from '../world/host.ts';

export interface ScenarioParameters {
  /** Kinds of trouble that may come; none: only the weather. */
  readonly kinds: readonly FaultKind[];
  /** Chance that a datagram is lost, while troubles last. */
  readonly loss: number;
  readonly reorder: number;
  readonly encrypted: boolean;
  readonly gossipLabel: string;
  readonly v6: boolean;
  readonly compressed: boolean;
  /** How many of the hosts are as Serf agents in Go are. */
  readonly serfPeers: number;
  /** How far clocks may drift, in parts of a million, either way. */
  readonly driftPpm: number;
}

/** Levels of loss of the reliability page; lesser ones come more often. */
export const LOSS_LEVELS = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5] as const;
const WEIGHTED_LOSS_LEVELS = [0, 0, 0, 0.01, 0.01, 0.05, 0.05, 0.1, 0.1, 0.2, 0.3, 0.5] as const;

const HOSTILE_ONE_IN = 12;
const QUIET_ONE_IN = 12;
const MOST_DRIFT_PPM = 500;
const KEY_BYTES = 32;

/** What stands in `given` is not drawn. */
export function drawParameters(
  rng: Rng,
  members: number,
  given: { readonly kinds?: readonly FaultKind[]; readonly loss?: number } = {},
): ScenarioParameters {
  const once = (oneIn: number): boolean => rng.int(oneIn) === 0;
  const drawn = drawKinds(rng);
  const kinds = given.kinds ?? drawn;
  const hostile = kinds.some((kind) => BYZANTINE_KINDS.includes(kind));
  const setting: ScenarioParameters = {
    kinds,
    loss: WEIGHTED_LOSS_LEVELS[rng.int(WEIGHTED_LOSS_LEVELS.length)] as number,
    reorder: once(2) ? 0 : 0.05,
    encrypted: once(3),
    gossipLabel: once(3) ? 'swarm' : '',
    v6: once(4),
    compressed: once(3),
    serfPeers: once(3) ? Math.floor((members - 3) * rng.next()) : 0,
    driftPpm: once(2) ? 0 : MOST_DRIFT_PPM,
  };
  // Go agents have no defense against most of a traitor's lies, and lies are not to be hidden by loss.
  const plain = hostile ? 0 : Math.max(0, setting.serfPeers);
  return { ...setting, serfPeers: plain, loss: given.loss ?? (hostile ? 0 : setting.loss) };
}

function drawKinds(rng: Rng): readonly FaultKind[] {
  if (rng.int(HOSTILE_ONE_IN) === 0) return BYZANTINE_KINDS;
  if (rng.int(QUIET_ONE_IN) === 0) return [];
  return shuffle([...FAULT_KINDS], rng).slice(0, 1 + rng.int(FAULT_KINDS.length));
}

/** What each host is started with, by label; the last are plain. */
export function drawHostOptions(
  setting: ScenarioParameters,
  labels: readonly string[],
  rng: Rng,
): Map<string, SimHostOptions> {
  const { encrypted, gossipLabel: label, v6, compressed, serfPeers: plain, driftPpm } = setting;
  const key = Uint8Array.from({ length: KEY_BYTES }, () => rng.int(256));
  return new Map(
    labels.map((name, i) => [
      name,
      {
        ...(encrypted ? { keys: [key] } : {}),
        ...(label === '' ? {} : { label }),
        ...(v6 ? { v6 } : {}),
        swim: { compression: compressed },
        ...(i >= labels.length - plain ? { plain: true } : {}),
        ...(driftPpm === 0 ? {} : { driftPpm: Math.round((2 * rng.next() - 1) * driftPpm) }),
      },
    ]),
  );
}

/** In calm weather a little may still be lost. */
export const MAX_LOSS_AFTER_FAULTS = 0.05;

/** Time after a trouble in which those it struck do not yet count as healthy. */
export const RECOVERY_TIME: Millis = 60_000;
