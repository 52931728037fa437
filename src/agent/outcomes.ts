/** Outcomes: what the shell reports of the work that effects have given it, and of its own host. */
import type { Millis } from '../base/time.ts';
import type { Serf } from '../serf/serf.ts';
import type { SerfEffect } from '../serf/types.ts';
import type { Swim } from '../swim/swim.ts';
import type { SwimEffect } from '../swim/types.ts';
import type { Effect, Input } from './contract/machine.ts';
import type { LinkTests } from './links/link-tests.ts';
import type { SnapshotScheduler } from './operations/snapshots.ts';
import type { ServiceLayer } from './replication/services.ts';
import type { ServedLedgers } from './served/served-ledgers.ts';

export type Outcome = Extract<
  Input,
  {
    kind:
      | 'checkFinished'
      | 'jobRunFinished'
      | 'wallClockStepped'
      | 'addressChanged'
      | 'keysStored'
      | 'snapshotStored'
      | 'readersCounted';
  }
>;

export interface OutcomeTargets {
  readonly services: ServiceLayer;
  readonly snapshots: SnapshotScheduler;
  readonly links: LinkTests;
  readonly served: ServedLedgers;
  readonly swim: Swim;
  readonly serf: Serf;
  readonly swimOut: SwimEffect[];
  readonly serfOut: SerfEffect[];
}

export function handleOutcome(input: Outcome, targets: OutcomeTargets, now: Millis, out: Effect[]): void {
  const { services, snapshots, links, swim, serf, swimOut, serfOut } = targets;
  switch (input.kind) {
    case 'checkFinished':
    case 'jobRunFinished':
    case 'wallClockStepped':
      if (input.kind === 'wallClockStepped') links.onClockStep(input.by);
      return services.handleInput(input, now, out);
    case 'addressChanged':
      return swim.setAddress(input.address, now, swimOut);
    case 'keysStored':
      return serf.onKeysStored(input.ticket, input.error, now, serfOut);
    case 'readersCounted':
      return targets.served.onReadersCounted(input, now);
    case 'snapshotStored':
      return snapshots.onStored(input.revision, input.error, out);
  }
}
