/**
 * Makes the backends of one HAProxy equal to the catalog. Each pass compares what HAProxy says it has with what it should have, so
 * that a HAProxy that was restarted, or changed by hand, is set again by the next pass, and no state is kept beside it but who has which slot.
 */
import type { DesiredServer, SyncRow } from '../desired.ts';
import { type ChosenServers, GuardedList } from '../guarded-list.ts';
import type { SyncTarget } from '../sync-target.ts';
import { HaproxyError, type HaproxyRuntimeApi } from './runtime-api.ts';
import { planSlots, type ServerSlot, type SlotStep } from './slot-plan.ts';

export interface HaproxyChange {
  readonly event: 'added' | 'changed' | 'drained' | 'removed' | 'kept';
  readonly backend: string;
  readonly service: string;
  /** The slot; empty for `kept`, which is about all of them. */
  readonly server: string;
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** Why servers are kept; else empty. */
  readonly reason: string;
}

export interface HaproxySyncOptions {
  readonly api: Pick<HaproxyRuntimeApi, 'slots' | 'send'>;
  readonly backends: readonly { readonly backend: string; readonly service: string }[];
  readonly limit: number;
  /** Why a list that is empty now may not be believed; empty: it may. */
  readonly doubt: () => Promise<string>;
  onChange(change: HaproxyChange): void;
  /** What does not work, in a sentence with the next step; said once until it changes. */
  onProblem(message: string): void;
}

interface BackendState {
  readonly backend: string;
  readonly service: string;
  readonly list: GuardedList;
  assigned: ReadonlyMap<string, string>;
  readonly holders: Map<string, DesiredServer>;
  problem: string;
}

export class HaproxySync implements SyncTarget {
  readonly #options: HaproxySyncOptions;
  readonly #backends: readonly BackendState[];
  readonly #rows = new Map<string, readonly SyncRow[]>();

  constructor(options: HaproxySyncOptions) {
    this.#options = options;
    this.#backends = options.backends.map(({ backend, service }) => ({
      ...{ backend, service: service.toLowerCase(), list: new GuardedList() },
      ...{ assigned: new Map(), holders: new Map(), problem: '' },
    }));
  }

  update(service: string, rows: readonly SyncRow[]): void {
    this.#rows.set(service, rows);
  }

  async apply(): Promise<boolean> {
    let isEqual = true;
    for (const state of this.#backends) {
      const rows = this.#rows.get(state.service);
      if (rows !== undefined && !(await this.#applyBackend(state, rows))) isEqual = false;
    }
    return isEqual;
  }

  /** A backend that HAProxy no longer has, after a reload, does not stop the others. */
  async #applyBackend(state: BackendState, rows: readonly SyncRow[]): Promise<boolean> {
    const problems = await this.#setBackend(state, rows).catch((error: Error) => {
      if (error instanceof HaproxyError) return [`${state.backend}: ${error.message}`];
      throw error;
    });
    const problem = problems.join('\n');
    if (problem !== '' && problem !== state.problem) this.#options.onProblem(problem);
    state.problem = problem;
    return problem === '';
  }

  /** Resolves to what could not be set. */
  async #setBackend(state: BackendState, rows: readonly SyncRow[]): Promise<readonly string[]> {
    const { api, limit, onChange, doubt } = this.#options;
    const { backend, service } = state;
    const chosen = await state.list.choose(rows, doubt);
    const { servers, keptSince } = chosen;
    if (keptSince !== '')
      onChange({
        ...{ event: 'kept', backend, service, reason: keptSince },
        ...{ server: '', id: '', node: '', address: '', port: 0, weight: 0 },
      });
    if (servers === undefined) return [];
    const slots = await api.slots(backend);
    const plan = planSlots({ backend, slots, servers, assigned: state.assigned, limit });
    state.assigned = plan.assigned;
    return [
      ...describeUndialable(state, chosen),
      ...(plan.unplaced.length === 0
        ? []
        : [
            `${backend}: ${plan.unplaced.length} of ${servers.length} servers have no slot: raise --slots above ${limit}`,
          ]),
      ...(await this.#carryOut(state, plan.steps)),
    ];
  }

  /** Resolves to what HAProxy did not do. */
  async #carryOut(state: BackendState, steps: readonly SlotStep[]): Promise<readonly string[]> {
    if (steps.length === 0) return [];
    const { api, onChange } = this.#options;
    const { backend, service, holders } = state;
    const answers = new Map<string, string>();
    for (const { slot, command } of steps) answers.set(slot, (await api.send(command)).trim());
    const found = new Map((await api.slots(backend)).map((slot) => [slot.name, slot]));
    const refused: string[] = [];
    for (const step of steps) {
      const { slot, after, server } = step;
      if (!isSameSlot(found.get(slot), after)) {
        const answer = answers.get(slot)?.replace(/\s+/g, ' ') || 'no word';
        refused.push(`${backend}/${slot}: HAProxy did not do "${step.command}": ${answer}`);
        continue;
      }
      const { id = '', node = '' } = server ?? holders.get(slot) ?? {};
      if (server === undefined) holders.delete(slot);
      else holders.set(slot, server);
      const { address, port, weight } = after;
      onChange({
        ...{ event: eventOf(step), backend, service, server: slot },
        ...{ id, node, address, port, weight, reason: '' },
      });
    }
    return refused;
  }
}

const isSameSlot = (a: ServerSlot | undefined, b: ServerSlot): boolean =>
  a?.address === b.address && a.port === b.port && a.weight === b.weight && a.state === b.state;

function eventOf({ before, after }: SlotStep): HaproxyChange['event'] {
  if (after.state === 'maint') return 'removed';
  if (after.state === 'drain') return 'drained';
  return before === undefined || before.state === 'maint' ? 'added' : 'changed';
}

const describeUndialable = ({ backend }: BackendState, { undialable }: ChosenServers): readonly string[] =>
  undialable.map(
    ({ id, node, address, port }) =>
      `${backend}: ${id} on ${node} is left out: HAProxy needs an IP address and a port, and it has "${address}" and ${port}; register it with both`,
  );
