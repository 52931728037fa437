/**
 * The columns of the papers' tables as settings of our core: which parts of Lifeguard, and which of hearsay's
 * additions, are on.
 */
import type { SwimConfig } from '../../src/config/protocol.ts';

export type ConfigName = 'SWIM' | 'LHA-Probe' | 'LHA-Suspicion' | 'Buddy System' | 'Lifeguard' | 'hearsay';

/**
 * memberlist with Lifeguard off, as the paper's baseline: suspicions of one fixed length (α = 5, β = 1), no local
 * health, no buddy system, and none of hearsay's additions that have a setting.
 */
const SWIM: Partial<SwimConfig> = {
  suspicionMult: 5,
  suspicionMaxTimeoutMult: 1,
  awarenessMax: 1,
  buddy: false,
  stallGuard: false,
  lastCall: false,
  watchedMembers: 0,
  eagerGossip: false,
};
/** Local health from 0 to S = 8: probes slow down from 1 s to 9 s. Source: Lifeguard §IV-A. */
const PROBE: Partial<SwimConfig> = { awarenessMax: 9 };
/** β = 6. Source: Lifeguard §IV-B. */
const SUSPICION: Partial<SwimConfig> = { suspicionMaxTimeoutMult: 6 };
const BUDDY: Partial<SwimConfig> = { buddy: true };

export const CONFIGS: Readonly<Record<ConfigName, Partial<SwimConfig>>> = {
  SWIM,
  'LHA-Probe': { ...SWIM, ...PROBE },
  'LHA-Suspicion': { ...SWIM, ...SUSPICION },
  'Buddy System': { ...SWIM, ...BUDDY },
  Lifeguard: { ...SWIM, ...PROBE, ...SUSPICION, ...BUDDY },
  // The default settings: α = 4, β = 6.
  hearsay: {},
};

export const CONFIG_NAMES = Object.keys(CONFIGS) as readonly ConfigName[];

/** Lifeguard with other lengths of suspicion. Source: Lifeguard §V, the tuning of α and β. */
export const tuned = (alpha: number, beta: number): Partial<SwimConfig> => ({
  ...CONFIGS.Lifeguard,
  suspicionMult: alpha,
  suspicionMaxTimeoutMult: beta,
});

export const ALPHAS = [2, 4, 5] as const;
export const BETAS = [2, 4, 6] as const;

const NEVER_MEANT = 1000 * 3_600_000;

/**
 * The protocol of the SWIM paper: gossip is piggybacked on pings and acks only, without push/pulls and streams.
 * `gossipInterval` is set to `NO_GOSSIP` once all know one another.
 */
export const PLAIN_SWIM: Partial<SwimConfig> = { ...SWIM, streamPing: false, pushPullInterval: NEVER_MEANT };
export const NO_GOSSIP = NEVER_MEANT;
