/**
 * Catalog load drawn from a seed: registrations, check updates, drains, removals. No two published values are equal, so
 * that an observer can tell when each was published.
 */

import type { Command } from '../../agent/contract/commands.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { World } from '../world/world.ts';
import {
  makeAliasCheck,
  makeLargeMeta,
  makeScheduledCheck,
  makeService,
  makeTtlCheck,
} from './definitions.ts';
import { EXTERNAL_SERVICE } from './external-load.ts';
import { LEASED_SERVICE } from './lease-load.ts';

export type CatalogLoadKind =
  | 'register'
  | 'bulky'
  | 'burst'
  | 'deregister'
  | 'flip'
  | 'nodeCheck'
  | 'maintain'
  | 'drain'
  | 'schedule'
  | 'alias';

/** All kinds of action. */
export const CATALOG_LOAD_KINDS: readonly CatalogLoadKind[] = [
  'register',
  'bulky',
  'burst',
  'deregister',
  'flip',
  'nodeCheck',
  'maintain',
  'drain',
  'schedule',
  'alias',
];

export interface CatalogLoadAction {
  readonly at: Millis;
  readonly kind: CatalogLoadKind;
  readonly host: string;
  /** Selects one of the host's services. */
  readonly pick: number;
  readonly coin: boolean;
  /** A number that no other action has. */
  readonly serial: number;
}

export interface CatalogLoadPlan {
  readonly hosts: readonly string[];
  readonly span: Millis;
  readonly count: number;
}

const NAMES = ['web', 'db', 'cache'] as const;
const IDS = ['web-1', 'web-2', 'db-1', 'cache-1'] as const;
/** Services whose checks run at intervals, and one whose check follows another service. */
const SCHEDULED_IDS = ['job-1', 'job-2', 'job-3'] as const;
const ALIAS_ID = 'proxy-1';
const FOLLOWED_IDS = [...IDS, ...SCHEDULED_IDS] as const;
const ALL_IDS = [...FOLLOWED_IDS, ALIAS_ID] as const;
/** The least that a registration may ask for. */
const DEREGISTER_AFTER: Millis = 60_000;
const STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];
const BURST = 20;
/** Registrations and check updates are the most frequent. */
const DRAWN_FROM: readonly CatalogLoadKind[] = [
  ...CATALOG_LOAD_KINDS,
  'register',
  'register',
  'flip',
  'flip',
  'flip',
  'deregister',
];

/** Names of all services that a workload registers. */
export const catalogLoadServices: readonly string[] = [
  ...NAMES,
  ...['burst', 'job', 'proxy'],
  EXTERNAL_SERVICE,
  LEASED_SERVICE,
];

export function drawCatalogLoad(rng: Rng, { hosts, span, count }: CatalogLoadPlan): CatalogLoadAction[] {
  const actions: CatalogLoadAction[] = [];
  for (let serial = 0; serial < count; serial++)
    actions.push({
      at: rng.next() * span,
      kind: DRAWN_FROM[rng.int(DRAWN_FROM.length)] as CatalogLoadKind,
      host: hosts[rng.int(hosts.length)] as string,
      pick: rng.int(1 << 16),
      coin: rng.int(2) === 0,
      serial,
    });
  return actions.sort((a, b) => a.at - b.at);
}

/** Schedules actions from now on. `onDone` is called for each that a host carried out. */
export function scheduleCatalogLoad(
  world: World,
  actions: readonly CatalogLoadAction[],
  onDone?: (action: CatalogLoadAction) => void,
): void {
  const start = world.now;
  for (const action of actions)
    world.schedule(start + action.at, () => {
      const { running, paused } = world.host(action.host);
      if (!running || paused) return;
      let ok = true;
      for (const command of actionCommands(action))
        ok = world.command(action.host, command).result?.ok !== false && ok; // the reply may wait for the disk
      if (ok) onDone?.(action);
    });
}

function actionCommands({ kind, pick, coin, serial }: CatalogLoadAction): Command[] {
  const id = IDS[pick % IDS.length] as string;
  const meta = new Map([['serial', `${serial}`]]);
  switch (kind) {
    case 'register':
      return [serviceCommand(id, meta, coin, serial)];
    case 'bulky':
      return [serviceCommand(id, makeLargeMeta(`${serial}`), coin, serial)];
    case 'burst':
      return Array.from({ length: BURST }, (_, i) => serviceCommand(`burst-${i}`, meta, coin, serial));
    case 'deregister':
      return [
        {
          kind: 'deregisterService',
          id: coin ? (ALL_IDS[pick % ALL_IDS.length] as string) : `burst-${pick % BURST}`,
        },
      ];
    case 'flip': {
      const status = STATUSES[pick % 3] as CheckStatus;
      return [{ kind: 'updateCheck', id: `of-${id}`, status, output: `serial ${serial}` }];
    }
    case 'nodeCheck':
      if (!coin) return [{ kind: 'deregisterCheck', id: 'node' }];
      return [{ kind: 'registerCheck', check: makeTtlCheck('node', '', { notes: `serial ${serial}` }) }];
    case 'maintain': {
      const scope = pick % 3 === 0 ? {} : { service: id };
      return [{ kind: 'maintenance', ...scope, on: coin, reason: `serial ${serial}` }];
    }
    case 'drain':
      return [{ kind: 'drain', service: id, on: coin }];
    case 'schedule':
      return [scheduledCommand(SCHEDULED_IDS[pick % SCHEDULED_IDS.length] as string, pick, coin, serial)];
    case 'alias': {
      const target = FOLLOWED_IDS[pick % FOLLOWED_IDS.length] as string;
      const check = makeAliasCheck(`of-${ALIAS_ID}`, ALIAS_ID, coin ? target : '', {
        notes: `serial ${serial}`,
      });
      const service = makeService(ALIAS_ID, { meta });
      return [{ kind: 'registerService', service, checks: [check], replaceChecks: true }];
    }
  }
}

/** Registers a service with a check that runs every second or less often, with thresholds drawn. */
function scheduledCommand(id: string, pick: number, deregisters: boolean, serial: number): Command {
  const notes = `serial ${serial}`;
  const failuresBeforeWarning = 1 + ((pick >> 4) % 2);
  const check = makeScheduledCheck(`of-${id}`, id, {
    notes,
    interval: 1000 + (pick % 4) * 500,
    successBeforePassing: 1 + ((pick >> 2) % 3),
    failuresBeforeWarning,
    failuresBeforeCritical: failuresBeforeWarning + ((pick >> 5) % 3),
    deregisterCriticalAfter: deregisters ? DEREGISTER_AFTER : 0,
  });
  const service = makeService(id, { meta: new Map([['serial', `${serial}`]]) });
  return { kind: 'registerService', service, checks: [check], replaceChecks: true };
}

/** Registers a service with one TTL check, or with a second one that expires unless it is updated. */
function serviceCommand(
  id: string,
  meta: ReadonlyMap<string, string>,
  expiringCheck: boolean,
  serial: number,
): Command {
  const notes = `serial ${serial}`;
  const checks = [makeTtlCheck(`of-${id}`, id, { notes })];
  if (expiringCheck) checks.push(makeTtlCheck(`too-${id}`, id, { notes, ttl: 45_000 }));
  const service = makeService(id, { meta });
  return { kind: 'registerService', service, checks, replaceChecks: true };
}
