/** Leases, drawn from a seed: processes hold them, come back with another connection, die, and end in order or with a reason. */
import type { Command } from '../../agent/contract/commands.ts';
import type { Millis } from '../../base/time.ts';
import type { World } from '../world/world.ts';
import { makeService, makeTtlCheck } from './definitions.ts';
import { type DrawnAction, drawActions, type LoadPlan, scheduleActions } from './drawn-actions.ts';

/** `dropHolder`: a connection closes that may hold the lease, or did before. */
export const LEASE_LOAD_KINDS = ['holdLease', 'dropHolder', 'failLease', 'endLease'] as const;

export type LeaseLoadKind = (typeof LEASE_LOAD_KINDS)[number];

export interface LeaseLoadAction extends DrawnAction {
  readonly kind: LeaseLoadKind;
  readonly lease: string;
  readonly grace: Millis;
  /** How many services the process has. */
  readonly services: number;
  /** How many connections ago the one that closes was opened. */
  readonly age: number;
}

const SEED_MASK = 0x1ea5_e5ed;
const LEASES = ['left-lease', 'right-lease'] as const;
const GRACES: readonly Millis[] = [1000, 10_000, 30_000];
const MAX_SERVICES = 2;
/** Leases are held more often than ended. */
const DRAWN_FROM: readonly LeaseLoadKind[] = [...LEASE_LOAD_KINDS, 'holdLease', 'holdLease', 'dropHolder'];

/** The name of the services that are leased. Both leases name the first of them, so they take it from one another. */
export const LEASED_SERVICE = 'leased';

export const drawLeaseLoad = (seed: number, plan: LoadPlan): LeaseLoadAction[] =>
  drawActions<LeaseLoadAction>(seed, SEED_MASK, plan, (draw, rng) => ({
    kind: draw(DRAWN_FROM),
    host: draw(plan.hosts),
    lease: draw(LEASES),
    grace: draw(GRACES),
    services: 1 + rng.int(MAX_SERVICES),
    age: rng.int(2),
  }));

/** Schedules actions from now on. `onDone` is called for each that a host carried out. */
export function scheduleLeaseLoad(
  world: World,
  actions: readonly LeaseLoadAction[],
  onDone?: (action: LeaseLoadAction) => void,
): void {
  /** By host and lease, the latest last. */
  const holders = new Map<string, string[]>();
  const toCommand = (action: LeaseLoadAction): Command => {
    const key = `${action.host} ${action.lease}`;
    const opened = holders.get(key) ?? [];
    const command = commandOf(action, opened);
    if (command.kind === 'holdLease') holders.set(key, [...opened, command.holder]);
    return command;
  };
  scheduleActions(world, actions, toCommand, onDone);
}

function commandOf(action: LeaseLoadAction, opened: readonly string[]): Command {
  const { kind, lease, grace, serial } = action;
  switch (kind) {
    case 'holdLease':
      return {
        ...{ kind, lease, grace, holder: `${lease} ${serial}` },
        registrations: Array.from({ length: action.services }, (_, i) => {
          const id = `${LEASED_SERVICE}-${i === 0 ? 0 : lease.length}`;
          const service = makeService(id, { meta: new Map([['serial', `${serial}`]]) });
          return { service, checks: [makeTtlCheck(`of-${id}`, id, { notes: `serial ${serial}` })] };
        }),
      };
    case 'dropHolder':
      return { kind: 'closeLease', lease, holder: opened.at(-1 - action.age) ?? '' };
    case 'failLease':
      return { kind: 'releaseLease', lease, reason: `serial ${serial}` };
    case 'endLease':
      return { kind: 'releaseLease', lease, reason: '' };
  }
}
