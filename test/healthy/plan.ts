/** What a healthy cluster is like, by its seed: the same for simulated and for real agents. */
export interface HealthyPlan {
  readonly size: number;
  /** How many of them are agents of Serf. */
  readonly serfPeers: number;
  readonly isBusy: boolean;
  readonly isEncrypted: boolean;
  /** As `5 agents, 2 of Serf, busy, encrypted`. */
  describe(serfPeers: number): string;
}

export interface HealthyReport {
  readonly seed: number;
  /** As `HealthyPlan.describe` says it. */
  readonly cluster: string;
  readonly examinations: number;
  /** What was found, as `ann: loss: …`. */
  readonly found: readonly string[];
}

const MIN_AGENTS = 3;
const MAX_AGENTS = 12;

export function planOf(seed: number): HealthyPlan {
  const size = MIN_AGENTS + (seed % (MAX_AGENTS - MIN_AGENTS + 1));
  const serfPeers = seed % 3 === 0 ? 1 + (seed % 2) : 0;
  const [isBusy, isEncrypted] = [seed % 2 === 1, seed % 4 > 1];
  const how = `${isBusy ? 'busy' : 'quiet'}, ${isEncrypted ? 'encrypted' : 'in plain text'}`;
  const describe = (peers: number): string =>
    `${size} agents, ${peers === 0 ? 'none' : peers} of Serf, ${how}`;
  return { size, serfPeers, isBusy, isEncrypted, describe };
}
