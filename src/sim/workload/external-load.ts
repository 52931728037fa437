/**
 * External nodes, drawn from a seed: hosts register a few of the same names, take them over from owners that are away, change the
 * status of what is on them, and remove them, each its own and those of others.
 */
import type { Command } from '../../agent/contract/commands.ts';
import type { ExternalRegistration } from '../../checks/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { World } from '../world/world.ts';
import { makeScheduledCheck, makeService, makeTtlCheck } from './definitions.ts';
import { type DrawnAction, drawActions, type LoadPlan, scheduleActions } from './drawn-actions.ts';

/** `externalWithCheck`: its owner runs the check. `removeElsewhere`: whoever owns it. */
export const EXTERNAL_LOAD_KINDS = [
  'external',
  'externalWithCheck',
  'removeExternal',
  'removeElsewhere',
] as const;

export type ExternalLoadKind = (typeof EXTERNAL_LOAD_KINDS)[number];

export interface ExternalLoadAction extends DrawnAction {
  readonly kind: ExternalLoadKind;
  readonly node: string;
  readonly status: CheckStatus;
}

const SEED_MASK = 0x5eed_e87e;
const NODES = ['ext-1', 'Ext-2', 'ext-2', 'ext-3'] as const;
const STATUSES: readonly CheckStatus[] = ['passing', 'passing', 'warning', 'critical'];
/** Registrations are the most frequent. */
const DRAWN_FROM: readonly ExternalLoadKind[] = [...EXTERNAL_LOAD_KINDS, 'external', 'externalWithCheck'];

/** The name of the services on these nodes. */
export const EXTERNAL_SERVICE = 'far';

export const drawExternalLoad = (seed: number, plan: LoadPlan): ExternalLoadAction[] =>
  drawActions<ExternalLoadAction>(seed, SEED_MASK, plan, (draw) => ({
    kind: draw(DRAWN_FROM),
    host: draw(plan.hosts),
    node: draw(NODES),
    status: draw(STATUSES),
  }));

/** Schedules actions from now on. `onDone` is called for each that a host carried out. */
export const scheduleExternalLoad = (
  world: World,
  actions: readonly ExternalLoadAction[],
  onDone?: (action: ExternalLoadAction) => void,
): void => scheduleActions(world, actions, commandOf, onDone);

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
