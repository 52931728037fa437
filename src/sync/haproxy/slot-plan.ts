/**
 * The plan of one backend: from the slots that HAProxy has and the servers that it should have to commands of its runtime API.
 * A slot is a server of the backend that is named `hearsay` and a number, made by a `server-template hearsay N` or added here. Slots are
 * never deleted, for HAProxy refuses that while a connection is open: an unused one is in maintenance until it is used again.
 */
import { joinHostPort } from '../../base/address.ts';
import type { DesiredServer } from '../desired.ts';

export const SLOT_PREFIX = 'hearsay';
/** HAProxy's largest weight. */
const MAX_WEIGHT = 256;

export interface ServerSlot {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly state: 'ready' | 'drain' | 'maint';
}

/** What happens to one slot. */
export interface SlotStep {
  readonly slot: string;
  readonly before: ServerSlot | undefined;
  readonly after: ServerSlot;
  /** The instance that has the slot from now on; `undefined`: the slot is free. */
  readonly server: DesiredServer | undefined;
  /** One line of HAProxy's runtime API, so that no request sees half of it in another order. */
  readonly command: string;
}

export interface SlotPlan {
  /** First what adds servers, then what removes them: the pool is never smaller than the smaller of the two lists. */
  readonly steps: readonly SlotStep[];
  /** Names of slots by the key of the instance. */
  readonly assigned: ReadonlyMap<string, string>;
  /** For these there is no slot. */
  readonly unplaced: readonly DesiredServer[];
}

export interface SlotRequest {
  readonly backend: string;
  readonly slots: readonly ServerSlot[];
  readonly servers: readonly DesiredServer[];
  /** From the plan before. */
  readonly assigned: ReadonlyMap<string, string>;
  /** The most slots. */
  readonly limit: number;
}

export function planSlots(request: SlotRequest): SlotPlan {
  const { backend, servers } = request;
  const slots = new Map(request.slots.map((slot) => [slot.name, slot]));
  const { assigned, unplaced } = assignSlots(request, slots);
  const heaviest = Math.max(MAX_WEIGHT, ...servers.map(({ weight }) => weight));
  const steps: SlotStep[] = [];
  const taken = new Set<string>();
  for (const server of servers) {
    const name = assigned.get(server.key);
    if (name === undefined) continue;
    taken.add(name);
    const { address, port, state } = server;
    const weight = toHaproxyWeight(server.weight, heaviest);
    const step = planStep(backend, slots.get(name), { name, address, port, weight, state });
    if (step !== undefined) steps.push({ ...step, server });
  }
  for (const slot of slots.values()) {
    if (taken.has(slot.name) || slot.state === 'maint') continue;
    const command = `set server ${backend}/${slot.name} state maint`;
    const after = { ...slot, state: 'maint' } as const;
    steps.push({ slot: slot.name, before: slot, after, server: undefined, command });
  }
  steps.sort((a, b) => ORDER[a.after.state] - ORDER[b.after.state]);
  return { steps, assigned, unplaced };
}

const ORDER = { ready: 0, drain: 1, maint: 2 } as const;

/** Shares stay what they are to one another; only 0 becomes 0. */
const toHaproxyWeight = (weight: number, heaviest: number): number =>
  weight <= 0 ? 0 : Math.max(1, Math.round((weight * MAX_WEIGHT) / heaviest));

function planStep(
  backend: string,
  before: ServerSlot | undefined,
  after: ServerSlot,
): Omit<SlotStep, 'server'> | undefined {
  const { name, address, port, weight, state } = after;
  const at = `${backend}/${name}`;
  const commands: string[] = [];
  // HAProxy adds a server in maintenance.
  if (before === undefined) commands.push(`add server ${at} ${joinHostPort(address, port)} weight ${weight}`);
  else {
    if (before.address !== address || before.port !== port)
      commands.push(`set server ${at} addr ${address} port ${port}`);
    if (before.weight !== weight) commands.push(`set server ${at} weight ${weight}`);
  }
  if (before?.state !== state) commands.push(`set server ${at} state ${state}`);
  return commands.length === 0 ? undefined : { slot: name, before, after, command: commands.join('; ') };
}

/**
 * An instance keeps its slot. A new one takes the slot that has its address already, as after a restart of this program, else
 * one that is free, else a new one, else one that is freed by this very plan. Instances that get requests come first.
 */
function assignSlots(
  { servers, assigned: before, limit }: SlotRequest,
  slots: ReadonlyMap<string, ServerSlot>,
): Pick<SlotPlan, 'assigned' | 'unplaced'> {
  const assigned = new Map<string, string>();
  const taken = new Set<string>();
  const take = ({ key }: DesiredServer, name: string): void => {
    assigned.set(key, name);
    taken.add(name);
  };
  for (const server of servers) {
    const name = before.get(server.key);
    if (name !== undefined && !taken.has(name)) take(server, name);
  }
  const isNew = ({ key }: DesiredServer): boolean => !assigned.has(key);
  const byAddress = new SlotsByAddress(slots.values());
  for (const server of servers.filter(isNew)) {
    const name = byAddress.find(server, taken);
    if (name !== undefined) take(server, name);
  }
  const inOrder = [...slots.values()].sort((a, b) => numberOf(a.name) - numberOf(b.name));
  const free = inOrder.filter(({ state }) => state === 'maint').map(({ name }) => name);
  const added = Array.from({ length: limit }, (_, i) => `${SLOT_PREFIX}${i + 1}`).filter(
    (name) => !slots.has(name),
  );
  const freed = inOrder.filter(({ state }) => state !== 'maint').map(({ name }) => name);
  const open = [...free, ...added, ...freed].filter((name) => !taken.has(name));
  const unplaced: DesiredServer[] = [];
  const waiting = servers
    .filter(isNew)
    .sort((a, b) => Number(a.state === 'drain') - Number(b.state === 'drain'));
  for (const server of waiting) {
    const name = open.shift();
    if (name === undefined) unplaced.push(server);
    else take(server, name);
  }
  return { assigned, unplaced };
}

const numberOf = (name: string): number => Number(name.slice(SLOT_PREFIX.length));

/** Slots in use come before free ones. */
class SlotsByAddress {
  readonly #names = new Map<string, string[]>();

  constructor(slots: Iterable<ServerSlot>) {
    const inUseFirst = [...slots].sort((a, b) => Number(a.state === 'maint') - Number(b.state === 'maint'));
    for (const { name, address, port } of inUseFirst) {
      const at = joinHostPort(address, port);
      this.#names.set(at, [...(this.#names.get(at) ?? []), name]);
    }
  }

  find({ address, port }: DesiredServer, taken: ReadonlySet<string>): string | undefined {
    return this.#names.get(joinHostPort(address, port))?.find((name) => !taken.has(name));
  }
}
