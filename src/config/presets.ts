/** memberlist's three presets of timings, as overrides of the defaults of `swim`. */
import type { SwimConfig } from './protocol.ts';

export const PRESET_NAMES = ['lan', 'wan', 'local'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** The settings that differ between presets. */
export type Preset = Readonly<
  Pick<
    SwimConfig,
    | 'streamTimeout'
    | 'indirectChecks'
    | 'retransmitMult'
    | 'suspicionMult'
    | 'pushPullInterval'
    | 'probeTimeout'
    | 'probeInterval'
    | 'gossipNodes'
    | 'gossipInterval'
    | 'gossipToTheDeadTime'
  >
>;

/** Source: memberlist config.go, DefaultLANConfig, DefaultWANConfig, DefaultLocalConfig. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  lan: {
    streamTimeout: 10_000,
    indirectChecks: 3,
    retransmitMult: 4,
    suspicionMult: 4,
    pushPullInterval: 30_000,
    probeTimeout: 500,
    probeInterval: 1000,
    gossipNodes: 3,
    gossipInterval: 200,
    gossipToTheDeadTime: 30_000,
  },
  wan: {
    streamTimeout: 30_000,
    indirectChecks: 3,
    retransmitMult: 4,
    suspicionMult: 6,
    pushPullInterval: 60_000,
    probeTimeout: 3000,
    probeInterval: 5000,
    gossipNodes: 4,
    gossipInterval: 500,
    gossipToTheDeadTime: 60_000,
  },
  local: {
    streamTimeout: 1000,
    indirectChecks: 1,
    retransmitMult: 2,
    suspicionMult: 3,
    pushPullInterval: 15_000,
    probeTimeout: 200,
    probeInterval: 1000,
    gossipNodes: 3,
    gossipInterval: 100,
    gossipToTheDeadTime: 15_000,
  },
};
