/**
 * Leases, drawn from a seed: processes hold them, come back with another connection, die, and end in order or with a reason.
 *
 * They have a generator of their own: what else a seed draws does not depend on them. Half of the seeds have none.
 */
import type { Command } from '../../agent/contract/commands.ts';
import { createRng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { World } from '../world/world.ts';
import { makeService, makeTtlCheck } from './definitions.ts';

/** `dropHolder`: a connection closes that may hold the lease, or did before. */
export const LEASE_LOAD_KINDS = ['holdLease', 'dropHolder', 'failLease', 'endLease'] as const;

export type LeaseLoadKind = (typeof LEASE_LOAD_KINDS)[number];

export interface LeaseLoadAction {
  readonly at: Millis;
  readonly kind: LeaseLoadKind;
  readonly host: string;
  readonly lease: string;
  readonly grace: Millis;
  /** How many services the process has. */
  readonly services: number;
  /** How many connections ago the one that closes was opened. */
  readonly age: number;
  /** A number that no other action has. */
  readonly serial: number;
}

export interface LeaseLoadPlan {
  readonly hosts: readonly string[];
  readonly span: Millis;
  readonly count: number;
}

const SEED_MASK = 0x1ea5_e5ed;
const LEASES = ['left-lease', 'right-lease'] as const;
const GRACES: readonly Millis[] = [1000, 10_000, 30_000];
const MAX_SERVICES = 2;
/** Leases are held more often than ended. */
const DRAWN_FROM: readonly LeaseLoadKind[] = [...LEASE_LOAD_KINDS, 'holdLease', 'holdLease', 'dropHolder'];

/** The name of the services that are leased. Both leases name the first of them, so they take it from one another. */
export const LEASED_SERVICE = 'leased';

export function drawLeaseLoad(seed: number, { hosts, span, count }: LeaseLoadPlan): LeaseLoadAction[] {
  const rng = createRng(seed ^ SEED_MASK);
  if (rng.int(2) === 0) return [];
  const drawn = <T>(list: readonly T[]): T => list[rng.int(list.length)] as T;
  return Array.from({ length: count }, (_, serial) => ({
    at: rng.next() * span,
    kind: drawn(DRAWN_FROM),
    host: drawn(hosts),
    lease: drawn(LEASES),
    grace: drawn(GRACES),
    services: 1 + rng.int(MAX_SERVICES),
    age: rng.int(2),
    serial,
  })).sort((a, b) => a.at - b.at);
}

/** Schedules actions from now on. `onDone` is called for each that a host carried out. */
export function scheduleLeaseLoad(
  world: World,
  actions: readonly LeaseLoadAction[],
  onDone?: (action: LeaseLoadAction) => void,
): void {
  const start = world.now;
  /** By host and lease, the latest last. */
  const holders = new Map<string, string[]>();
  for (const action of actions)
    world.schedule(start + action.at, () => {
      const { running, paused } = world.host(action.host);
      if (!running || paused) return;
      const key = `${action.host} ${action.lease}`;
      const opened = holders.get(key) ?? [];
      const command = commandOf(action, opened);
      if (command.kind === 'holdLease') holders.set(key, [...opened, command.holder]);
      // The reply may wait for the disk.
      if (world.command(action.host, command).result?.ok !== false) onDone?.(action);
    });
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
