/**
 * Troubles drawn from a seed: crashes and restarts, stalls, partitions, one-way cuts, lossy and silent spells. Only
 * what the world does to its hosts; what must hold all the while is checkers.ts's and catalogue.ts's, what hosts
 * publish meanwhile deeds.ts's.
 */
import { type Rng, shuffle } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { joinOthers } from './gather.ts';
import type { World } from './world.ts';

/** One trouble: it begins at `at` and is over after `span`. */
export type Fault = Readonly<
  { at: Millis; span: Millis } /** `clock`: how far its wall clock is off when it comes back. */ & (
    | { kind: 'crash'; who: string; dark: boolean; remember: boolean; moved: boolean; clock: Millis }
    /** Leaves in order, and comes back. */
    | { kind: 'leave'; who: string; remember: boolean; moved: boolean }
    /** Dies, and an operator says so everywhere; then it comes back. */
    | { kind: 'forget'; who: string; by: string; prune: boolean; remember: boolean }
    /** Not a trouble, but news that must arrive all the same. */
    | { kind: 'retag'; who: string; tags: string }
    | { kind: 'stall'; who: string }
    | { kind: 'partition'; side: readonly string[]; oneWay: boolean }
    | { kind: 'silence'; who: string; transport: 'udp' | 'tcp' }
    | { kind: 'loss'; chance: number }
    | { kind: 'duplicates'; chance: number }
    /** Datagrams pass one another. */
    | { kind: 'scatter'; by: Millis }
    | { kind: 'lossyLink'; from: string; to: string; chance: number }
  )
>;

export type FaultKind = Fault['kind'];

export interface Plan {
  /** Hosts that troubles may strike. */
  readonly hosts: readonly string[];
  /** All troubles begin and end within this, counted from when they are let loose. */
  readonly span: Millis;
  readonly count: number;
  /** Which to draw from; all if absent. */
  readonly kinds?: readonly FaultKind[];
}

/** All there are. */
export const FAULT_KINDS: readonly FaultKind[] = [
  'crash',
  'leave',
  'forget',
  'retag',
  'stall',
  'partition',
  'silence',
  'loss',
  'duplicates',
  'scatter',
  'lossyLink',
];

/** A schedule, earliest first. Same generator, same schedule. */
export function drawFaults(rng: Rng, plan: Plan): Fault[] {
  const kinds = plan.kinds ?? FAULT_KINDS;
  const faults: Fault[] = [];
  for (let i = 0; i < plan.count; i++) {
    const kind = kinds[rng.int(kinds.length)] as FaultKind;
    const at = rng.next() * plan.span * 0.8;
    const span = Math.min(plan.span - at, longest(kind) * (0.05 + 0.95 * rng.next() ** 2));
    faults.push({ at, span, ...drawn(kind, rng, plan.hosts) });
  }
  return faults.sort((a, b) => a.at - b.at);
}

/** Clocks go wrong by up to an hour, both ways. */
const CLOCK_SPREAD: Millis = 7_200_000;

type Particulars = Fault extends infer F ? (F extends Fault ? Omit<F, 'at' | 'span'> : never) : never;

function drawn(kind: FaultKind, rng: Rng, hosts: readonly string[]): Particulars {
  const one = (): string => hosts[rng.int(hosts.length)] as string;
  const coin = (): boolean => rng.int(2) === 0;
  switch (kind) {
    case 'crash':
      return {
        kind,
        who: one(),
        dark: coin(),
        remember: coin(),
        moved: rng.int(4) === 0,
        clock: rng.int(3) === 0 ? Math.round((rng.next() - 0.5) * CLOCK_SPREAD) : 0,
      };
    case 'forget':
      return { kind, who: one(), by: one(), prune: rng.int(3) === 0, remember: coin() };
    case 'leave':
      return { kind, who: one(), remember: coin(), moved: rng.int(4) === 0 };
    case 'retag':
      return { kind, who: one(), tags: `v${rng.int(1000)}` };
    case 'stall':
      return { kind, who: one() };
    case 'partition': {
      const size = 1 + rng.int(Math.max(1, hosts.length - 1));
      return { kind, side: shuffle([...hosts], rng).slice(0, size), oneWay: rng.int(3) === 0 };
    }
    case 'silence':
      return { kind, who: one(), transport: coin() ? 'udp' : 'tcp' };
    case 'loss':
      return { kind, chance: 0.05 + 0.45 * rng.next() };
    case 'duplicates':
      return { kind, chance: 0.1 + 0.9 * rng.next() };
    case 'scatter':
      return { kind, by: 2000 * rng.next() ** 3 };
    case 'lossyLink':
      return { kind, from: one(), to: one(), chance: 0.2 + 0.8 * rng.next() };
  }
}

function longest(kind: FaultKind): Millis {
  switch (kind) {
    case 'stall':
      return 20_000;
    case 'loss':
    case 'duplicates':
    case 'scatter':
      return 30_000;
    case 'crash':
    case 'forget':
    case 'leave':
    case 'retag':
    case 'partition':
    case 'silence':
    case 'lossyLink':
      return 90_000;
  }
}

/**
 * Puts a schedule into a world's agenda, beginning now. A host that is down already is not struck again; `struck` is
 * told of each trouble that really came.
 */
export function unleash(world: World, faults: readonly Fault[], struck?: (fault: Fault) => void): void {
  const begin = world.now;
  for (const fault of faults)
    world.at(begin + fault.at, () => {
      if ('who' in fault && !world.host(fault.who).running) return;
      struck?.(fault);
      strike(world, fault);
    });
}

function strike(world: World, fault: Fault): void {
  const over = (act: () => void): void => world.at(world.now + fault.span, act);
  const labels = [...world.hosts].map((host) => host.label);
  switch (fault.kind) {
    case 'crash':
      world.stop(fault.who, { dark: fault.dark });
      return over(() => comeBack(world, fault.who, fault));
    case 'forget':
      world.stop(fault.who);
      world.at(world.now + 0.7 * fault.span, () => {
        if (!world.host(fault.who).running && world.host(fault.by).running)
          world.command(fault.by, { kind: 'forget', node: fault.who, prune: fault.prune, refuseLive: true });
      });
      return over(() => comeBack(world, fault.who, { remember: fault.remember, moved: false }));
    case 'leave':
      world.command(fault.who, { kind: 'leave' });
      return over(() => comeBack(world, fault.who, fault));
    case 'retag':
      world.command(fault.who, { kind: 'setTags', set: new Map([['tags', fault.tags]]), remove: [] });
      return;
    case 'stall': {
      const host = world.host(fault.who);
      const { lives } = host;
      if (host.paused) return;
      world.pause(fault.who);
      return over(() => {
        if (host.lives === lives) world.resume(fault.who);
      });
    }
    case 'partition': {
      const far = labels.filter((label) => !fault.side.includes(label));
      over(world.network.impose({ from: fault.side, to: far }));
      if (!fault.oneWay) over(world.network.impose({ from: far, to: fault.side }));
      return;
    }
    case 'silence':
      over(world.network.impose({ from: [fault.who], transport: fault.transport }));
      over(world.network.impose({ to: [fault.who], transport: fault.transport }));
      return;
    case 'loss':
      return over(world.network.impose({ loss: fault.chance }));
    case 'duplicates':
      return over(world.network.impose({ duplicate: fault.chance }));
    case 'scatter':
      return over(world.network.impose({ scatter: fault.by }));
    case 'lossyLink':
      return over(world.network.impose({ from: [fault.from], to: [fault.to], loss: fault.chance }));
  }
}

/** Starts a host that is still down, and joins the others. One that has not finished leaving is killed. */
function comeBack(
  world: World,
  who: string,
  how: { remember: boolean; moved: boolean; clock?: Millis },
): void {
  const host = world.host(who);
  if (host.running && host.live.view.health().leaving) world.stop(who);
  if (host.running) return;
  world.start(who, how);
  joinOthers(world, who);
}
