/**
 * External nodes, drawn from a seed: hosts register a few of the same names, take them over from owners that are away, change the
 * status of what is on them, and remove them, each its own and those of others.
 *
 * They have a generator of their own: what else a seed draws does not depend on them. Half of the seeds have none.
 */
import type { Command } from '../../agent/contract/commands.ts';
import { createRng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { ExternalRegistration } from '../../checks/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { World } from '../world/world.ts';
import { makeScheduledCheck, makeService, makeTtlCheck } from './definitions.ts';

/** `externalWithCheck`: its owner runs the check. `removeElsewhere`: whoever owns it. */
export const EXTERNAL_LOAD_KINDS = [
  'external',
  'externalWithCheck',
  'removeExternal',
  'removeElsewhere',
] as const;

export type ExternalLoadKind = (typeof EXTERNAL_LOAD_KINDS)[number];

export interface ExternalLoadAction {
  readonly at: Millis;
  readonly kind: ExternalLoadKind;
  readonly host: string;
  readonly node: string;
  readonly status: CheckStatus;
  /** A number that no other action has. */
  readonly serial: number;
}

export interface ExternalLoadPlan {
  readonly hosts: readonly string[];
  readonly span: Millis;
  readonly count: number;
}

const SEED_MASK = 0x5eed_e87e;
const NODES = ['ext-1', 'Ext-2', 'ext-2', 'ext-3'] as const;
const STATUSES: readonly CheckStatus[] = ['passing', 'passing', 'warning', 'critical'];
/** Registrations are the most frequent. */
const DRAWN_FROM: readonly ExternalLoadKind[] = [...EXTERNAL_LOAD_KINDS, 'external', 'externalWithCheck'];

/** The name of the services on these nodes. */
export const EXTERNAL_SERVICE = 'far';

export function drawExternalLoad(
  seed: number,
  { hosts, span, count }: ExternalLoadPlan,
): ExternalLoadAction[] {
  const rng = createRng(seed ^ SEED_MASK);
  if (rng.int(2) === 0) return [];
  const drawn = <T>(list: readonly T[]): T => list[rng.int(list.length)] as T;
  return Array.from({ length: count }, (_, serial) => ({
    at: rng.next() * span,
    kind: drawn(DRAWN_FROM),
    host: drawn(hosts),
    node: drawn(NODES),
    status: drawn(STATUSES),
    serial,
  })).sort((a, b) => a.at - b.at);
}

/** Schedules actions from now on. `onDone` is called for each that a host carried out. */
export function scheduleExternalLoad(
  world: World,
  actions: readonly ExternalLoadAction[],
  onDone?: (action: ExternalLoadAction) => void,
): void {
  const start = world.now;
  for (const action of actions)
    world.schedule(start + action.at, () => {
      const { running, paused } = world.host(action.host);
      if (!running || paused) return;
      // The reply may wait for the disk.
      if (world.command(action.host, commandOf(action)).result?.ok !== false) onDone?.(action);
    });
}

function commandOf({ kind, node, status, serial }: ExternalLoadAction): Command {
  switch (kind) {
    case 'external':
    case 'externalWithCheck':
      return { kind: 'registerNode', registration: registrationOf(kind, node, status, serial) };
    case 'removeExternal':
      return { kind: 'deregisterNode', node };
    case 'removeElsewhere':
      return { kind: 'deregisterNode', node, anyOwner: true };
  }
}

/** No two registrations have the same address. */
function registrationOf(
  kind: 'external' | 'externalWithCheck',
  name: string,
  status: CheckStatus,
  serial: number,
): ExternalRegistration {
  const id = `${EXTERNAL_SERVICE}-1`;
  const notes = `serial ${serial}`;
  const reported = makeTtlCheck(`of-${id}`, id, { notes, initial: status });
  return {
    node: {
      ...{ kind: 'node', name, address: `192.0.2.${serial % 256}`, id: '' },
      ...{ taggedAddresses: new Map(), meta: new Map([['serial', `${serial}`]]) },
    },
    keepNode: false,
    service: makeService(id, { meta: new Map([['serial', `${serial}`]]) }),
    checks: [
      kind === 'external'
        ? { definition: { ...reported, probe: { kind: 'reported' } }, output: notes }
        : { definition: makeScheduledCheck(`of-${id}`, id, { notes }), output: '' },
    ],
  };
}
