/** An agent whose view and effects are set by a test, so that it can violate any law. */

import type { AgentOptions } from '../../../src/agent/agent.ts';
import type { Fact } from '../../../src/agent/contract/facts.ts';
import type { Agent, Effect, Input, Snapshot } from '../../../src/agent/contract/machine.ts';
import type { MemberView, View } from '../../../src/agent/contract/view.ts';
import { type Address, toAddress } from '../../../src/base/address.ts';
import { NEVER } from '../../../src/base/time.ts';
import type { CheckDefinition } from '../../../src/checks/types.ts';
import type { PoolView, WorkerPartition } from '../../../src/partitions/types.ts';
import type { QueryReport } from '../../../src/serf/types.ts';
import { LawChecker } from '../../../src/sim/laws/index.ts';
import type { SimHostOptions } from '../../../src/sim/world/host.ts';
import { World } from '../../../src/sim/world/world.ts';
import type { Identity } from '../../../src/swim/types.ts';
import { nowhere } from './echo-agent.ts';

/** Fields of a row; those that are absent are as in a correct one. */
export interface RowOptions {
  readonly incarnation?: number;
  readonly state?: MemberView['state'];
  readonly status?: MemberView['status'];
  readonly meta?: Uint8Array;
  readonly address?: Address;
  readonly tags?: ReadonlyMap<string, string>;
}

export class ScriptedAgent implements Agent {
  readonly deadline = NEVER;
  readonly lanes: Record<string, number> = { membership: 0, intents: 0 };
  readonly services = new Map<string, unknown>();
  readonly checks = new Map<string, { readonly status: string; readonly definition?: CheckDefinition }>();
  readonly clocks = { member: 1, event: 1, query: 1 };
  readonly queryReports = new Map<number, QueryReport>();
  /** What its worker is told. */
  partitions: readonly WorkerPartition[] = [];
  pool: PoolView | undefined;
  awareness = 0;
  watchers: readonly string[] = [];
  readonly #options: AgentOptions;
  readonly #rows = new Map<string, MemberView>();
  #next: Effect[] = [];

  constructor(options: AgentOptions) {
    this.#options = options;
    this.show(options.name, {
      address: options.address,
      incarnation: (options.snapshot?.incarnation ?? 0) + 1,
    });
  }

  get view(): View {
    const { name } = this.#options;
    const member = (of: string) => this.#rows.get(of);
    return {
      node: name,
      self: () => member(name),
      member,
      members: () => [...this.#rows.values()],
      health: () => ({
        leaving: false,
        watching: [],
        watchers: this.watchers,
        lanes: this.lanes,
        awareness: this.awareness,
        clocks: this.clocks,
      }),
      readiness: () => ({ ready: true }),
      queryReport: (id: number) => this.queryReports.get(id),
      pendingQueries: () => [],
      jobs: { all: () => [] },
      partitions: {
        pools: () => this.pool ?? [],
        pool: () => this.pool,
        worker: () => this.partitions,
      },
      catalog: { node: () => undefined, nodes: () => [], externalNodes: () => [] },
      local: { services: () => this.services, checks: () => this.checks },
    } as unknown as View;
  }

  show(name: string, row: RowOptions = {}): void {
    const { incarnation = 1, state = 'alive', meta = new Uint8Array(), tags = new Map() } = row;
    const status = row.status ?? STATUS[state];
    const identity: Identity = {
      name,
      address: row.address ?? this.#rows.get(name)?.address ?? toAddress(new Uint8Array([10, 0, 0, 2]), 7946),
      meta,
      vsn: new Uint8Array(6),
    };
    this.#rows.set(name, {
      name,
      incarnation,
      state,
      status,
      tags,
      address: identity.address,
      vsn: identity.vsn,
      serf: { member: { identity } },
    } as unknown as MemberView);
  }

  hide(name: string): void {
    this.#rows.delete(name);
  }

  emitNext(...effects: Effect[]): void {
    this.#next.push(...effects);
  }

  saveSnapshot(snapshot: Partial<Snapshot> = {}): void {
    const clocks = { member: 1, event: 1, query: 1 };
    this.emitNext({
      kind: 'saveSnapshot',
      revision: 1,
      snapshot: { incarnation: 1, clocks, peers: [], ...snapshot },
    });
  }

  handle(_input: Input, _now: number, out: Effect[]): void {
    out.push(...this.#next.splice(0));
  }
}

const STATUS = { alive: 'alive', suspect: 'suspect', dead: 'failed', left: 'left' } as const;

/** Two scripted agents, ann and bob. `step` makes ann report facts and returns the ids of the laws violated so far. */
export function pair(options: SimHostOptions = {}) {
  const world = new World({ seed: 1, makeAgent: (options) => new ScriptedAgent(options) });
  const checkers = new LawChecker(world);
  for (const label of ['ann', 'bob']) {
    world.add(label, options);
    world.start(label);
  }
  const agentOf = (label: string): ScriptedAgent => world.host(label).runningAgent as ScriptedAgent;
  const broken = (): readonly string[] => checkers.violations.map((line) => line.split(' ')[1] as string);
  const poke = (label: string, ...effects: Effect[]): readonly string[] => {
    agentOf(label).emitNext(...effects);
    world.injectDatagram(label, nowhere, new Uint8Array(1));
    return broken();
  };
  const step = (...facts: Fact[]): readonly string[] =>
    poke('ann', ...facts.map((fact) => ({ kind: 'fact', fact }) as const));
  return { world, checkers, agentOf, poke, step, broken, ann: agentOf('ann'), bob: agentOf('bob') };
}

const reason = {
  kind: 'probe',
  seqNo: 1,
  durationMs: 1000,
  helpers: [],
  nacks: 0,
  stream: true,
  awareness: 0,
  latenessMs: 0,
} as const;

const timeout = { kind: 'timeout', accusers: ['ann'], durationMs: 4000, cause: reason } as const;

export const facts = {
  appeared: { kind: 'memberDiscovered', node: 'bob', address: '' },
  tried: { kind: 'probeFailed', node: 'bob', awareness: 0, reason },
  suspected: { kind: 'memberSuspected', node: 'bob', by: 'ann', incarnation: 1, deadline: 0, reason },
  lifted: { kind: 'suspicionCleared', node: 'bob', incarnation: 2, source: '10.0.0.2:7946' },
  died: { kind: 'memberDeclaredDead', node: 'bob', by: 'ann', incarnation: 1, left: false, reason: timeout },
  left: { kind: 'memberDeclaredDead', node: 'bob', by: 'bob', incarnation: 1, left: true, reason },
  returned: { kind: 'memberReturned', node: 'bob', incarnation: 2, source: '10.0.0.2:7946' },
  forgotten: { kind: 'memberDropped', node: 'bob', address: '' },
} as const satisfies Record<string, Fact>;
