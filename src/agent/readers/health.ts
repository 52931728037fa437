/** The health of this agent as readers see it. */
import type { Serf } from '../../serf/serf.ts';
import type { Swim } from '../../swim/swim.ts';
import type { Keyring } from '../../wire/keyring.ts';
import type { Lane } from '../contract/lane.ts';
import type { AgentHealth } from '../contract/view.ts';

export interface HealthSources {
  readonly swim: Swim;
  readonly serf: Serf;
  readonly keyring: Keyring;
  readonly lanes: readonly Lane[];
  readonly encrypted: boolean;
  readonly joinLeave: { readonly leaving: boolean };
  readonly watches: Pick<AgentHealth, 'watching' | 'watchers'>;
}

export const readHealth = (sources: HealthSources): AgentHealth => {
  const { swim, serf, keyring, lanes, encrypted, joinLeave, watches } = sources;
  return {
    awareness: swim.awareness,
    incarnation: swim.incarnation,
    clocks: serf.clocks,
    encrypted,
    seals: keyring.seals,
    leaving: joinLeave.leaving,
    coordinateResets: serf.coordinates.resets,
    watching: watches.watching,
    watchers: watches.watchers,
    lanes: sizesOf(lanes),
  };
};

function sizesOf(lanes: readonly Lane[]): AgentHealth['lanes'] {
  const sizes: Record<string, number> = {};
  for (const { name, queue } of lanes) sizes[name] = queue.size;
  return sizes;
}
