/**
 * I11 of rumors: what waits is bounded by what there is to say now, and not by what was ever said. A host without a catalog
 * peer has nobody to tell, so nothing waits at all (A39 to A41 in docs/replication.md).
 */
import type { Command } from '../../../agent/contract/commands.ts';
import type { Millis } from '../../../base/time.ts';
import type { NodeCatalog } from '../../../catalog/types.ts';
import type { JobsView } from '../../../jobs/types.ts';
import { hasCatalog } from '../../../model/capability.ts';
import type { PartitionsView } from '../../../partitions/types.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';
import { entriesFromNode } from './histories.ts';

/** Rumors that may wait for each entry: itself, and an announcement of its owner. */
const PER_ENTRY = 2;
/** For how long the removal of an entry is something to say: rumors of it are sent a few times, and then no more. */
const REMOVAL_SPAN: Millis = 60_000;
/** What is invented in the name of members may be gone before anybody looks. */
const MAX_INVENTED = 8;

export class RumorBoundsLaw implements Law {
  readonly #context: LawContext;
  /** When each entry, and each owner, was last shown by a host or named by a command. */
  readonly #sayable = new Map<string, Millis>();
  readonly #names = new Set<string>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    this.#names.add(host.name);
    this.#see(host.name);
  }

  onCommand(host: SimHost, command: Command): void {
    for (const key of keysOf(command)) this.#see(`${host.name} ${key}`);
  }

  checkPeriodically(host: SimHost): void {
    const { judged, reportViolation } = this.#context;
    const { view } = host.runningAgent;
    const { lanes } = view.health();
    const rumors = (lanes['urgent'] ?? 0) + (lanes['catalog'] ?? 0);
    this.#look(host, rumors > 0);
    const waiting = rumors + (lanes['reminders'] ?? 0);
    if (!hasCatalogPeer(host)) {
      judged('I11 of a lone host');
      if (waiting > 0)
        reportViolation(`I11 at ${host.label} ${waiting} rumors wait, and there is nobody to tell`);
    }
    if (rumors === 0) return;
    judged('I11 of rumors');
    const sayable = this.#countSayable();
    const invented = [...this.#names].some((name) => this.#context.isForged(name)) ? MAX_INVENTED : 0;
    const bound = PER_ENTRY * (sayable + invented);
    if (rumors > bound)
      reportViolation(
        `I11 at ${host.label} ${rumors} rumors wait, and the bound is ${bound} for ${sayable} entries and owners`,
      );
  }

  /** Sees what an owner shows of itself, and all that a host shows whose rumors are to be judged. */
  #look({ name, runningAgent }: SimHost, all: boolean): void {
    const { catalog } = runningAgent.view;
    const own = catalog.node(name);
    this.#see(name);
    if (all) this.#lookAtJobs(runningAgent.view.jobs);
    if (all) this.#lookAtPools(runningAgent.view.partitions);
    for (const external of all ? catalog.externalNodes() : [])
      this.#see(`${external.owner} x:${external.name} n`);
    for (const node of all ? catalog.nodes() : own === undefined ? [] : [own]) {
      for (const said of sayableOf(node)) this.#see(said);
    }
  }

  /** Entries of jobs are no reader's, so what is known of the jobs tells of them. */
  #lookAtJobs(jobs: JobsView): void {
    for (const { definition, owners, runs, clockDiffers } of jobs.all()) {
      for (const owner of owners) this.#see(`${owner} agent of jobs`);
      for (const owner of owners) this.#see(`${owner} job ${definition.name}`);
      for (const { node } of runs) this.#see(`${node} runs of ${definition.name}`);
      for (const { node } of clockDiffers) this.#see(`${node} clock`);
    }
  }

  /** The same of workers and partitions. One that changes hands is an entry of two agents at times. */
  #lookAtPools(partitions: PartitionsView): void {
    for (const { service, workers, partitions: all } of partitions.pools()) {
      for (const { node, id } of workers) this.#see(`${node} worker ${id} of ${service}`);
      for (const { partition, holder, next } of all)
        for (const one of [holder, next])
          if (one !== undefined) this.#see(`${one.node} partition ${partition} of ${service}`);
    }
  }

  #see(what: string): void {
    this.#sayable.set(what, this.#context.world.now);
  }

  #countSayable(): number {
    const since = this.#context.world.now - REMOVAL_SPAN;
    for (const [what, at] of this.#sayable) if (at < since) this.#sayable.delete(what);
    return this.#sayable.size;
  }
}

/** The view returns the same object until something changes. */
const sayable = new WeakMap<NodeCatalog, readonly string[]>();

/** What there is to say of an owner: itself, and its entries. */
function sayableOf(node: NodeCatalog): readonly string[] {
  let said = sayable.get(node);
  if (said === undefined) {
    said = [node.node, ...Array.from(entriesFromNode(node).keys(), (key) => `${node.node} ${key}`)];
    sayable.set(node, said);
  }
  return said;
}

const hasCatalogPeer = ({ name, runningAgent }: SimHost): boolean =>
  runningAgent.view
    .members()
    .some(
      (member) =>
        member.name !== name &&
        (member.state === 'alive' || member.state === 'suspect') &&
        hasCatalog(member.tags),
    );

/** The entries that a command makes its agent publish, or remove. */
function keysOf(command: Command): readonly string[] {
  switch (command.kind) {
    case 'registerService':
      return [`s:${command.service.id}`, ...command.checks.map(({ id }) => `c:${id}`)];
    case 'registerNode': {
      const { node, service, checks } = command.registration;
      const keys = ['n', `s:${service?.id}`, ...checks.map(({ definition: { id } }) => `c:${id}`)];
      return keys.map((key) => `x:${node.name} ${key}`);
    }
    case 'registerCheck':
      return [`c:${command.check.id}`];
    case 'maintenance':
      return [`c:maintenance of ${command.service ?? 'the node'}`];
    case 'registerJob':
      return ['agent of jobs', `job ${command.definition.name}`];
    case 'orderJob':
      return [`orders of ${command.name}`];
    default:
      return [];
  }
}
