/**
 * I34: once a sync status says that a drain is done, no agent that counted answers with the instance any more, and every member
 * that its asker sees alive has counted. An agent that starts again may have an older catalog on its disk, and is left out.
 */
import type { Command } from '../../../agent/contract/commands.ts';
import type { SyncStatus } from '../../../agent/contract/sync-status.ts';
import type { Millis } from '../../../base/time.ts';
import type { SimHost } from '../../world/host.ts';
import type { PendingCommand } from '../../world/types.ts';
import type { Law, LawContext } from '../law.ts';

/** For so long after it was done nobody may answer with it. */
const WATCHED_FOR: Millis = 60_000;

interface Asked {
  readonly host: SimHost;
  readonly bootCount: number;
  readonly id: string;
}

interface Done extends Asked {
  readonly until: Millis;
  /** The agents that counted, by the start that did. */
  readonly known: ReadonlyMap<SimHost, number>;
}

export class DoneLaw implements Law {
  readonly #context: LawContext;
  readonly #service: string;
  /** By asker and status. */
  readonly #asked = new Map<string, Asked>();
  #done: Done[] = [];

  /** `service` is the name of all instances that are drained. */
  constructor(context: LawContext, service: string) {
    this.#context = context;
    this.#service = service;
    context.world.subscribe({
      onCommandHandled: (host, pending) => this.#onCommand(host, pending),
      onEffects: (host, _, topics) => {
        for (const topic of topics)
          if (topic.startsWith('sync:')) this.#onEnded(host, Number(topic.slice('sync:'.length)));
      },
    });
  }

  #onCommand(host: SimHost, { command, result }: PendingCommand): void {
    if (command.kind !== 'openSync' || result?.ok !== true) return;
    const { subject } = command as Extract<Command, { kind: 'openSync' }>;
    if (subject.kind !== 'instance') return;
    const { id } = result.value as SyncStatus;
    this.#asked.set(`${host.label} ${host.bootCount} ${id}`, {
      ...{ host, bootCount: host.bootCount, id: subject.id },
    });
  }

  #onEnded(host: SimHost, status: number): void {
    const asked = this.#asked.get(`${host.label} ${host.bootCount} ${status}`);
    const verdict = host.agent?.view.syncStatus(status);
    if (asked === undefined || verdict?.done !== true) return;
    this.#judgeMembers(host, asked, verdict);
    const known = new Map<SimHost, number>();
    const { view } = host.runningAgent;
    // Another host may have the name of a member, and is none.
    const isMember = (one: SimHost): boolean => view.member(one.name)?.address.key === one.address.key;
    for (const one of this.#context.world.hosts)
      if (verdict.known.includes(one.name) && one.running && isMember(one)) known.set(one, one.bootCount);
    const done = { ...asked, known, until: this.#context.world.now + WATCHED_FOR };
    this.#done.push(done);
    for (const one of known.keys()) this.#judge(one, done);
  }

  /** Nobody who is seen alive, and has a catalog, is left out. */
  #judgeMembers(host: SimHost, { id }: Asked, { known, apart }: SyncStatus): void {
    const excused = new Set(apart.map(({ node }) => node));
    for (const { name, status, tags } of host.runningAgent.view.members())
      if ((status === 'alive' || status === 'suspect') && tags.get('hearsay') === '1') {
        this.#context.judged('I34');
        if (!known.includes(name) || excused.has(name))
          this.#context.reportViolation(`I34 ${host.label} says done of ${id} without ${name}`);
      }
  }

  checkPeriodically(host: SimHost): void {
    const { now } = this.#context.world;
    this.#done = this.#done.filter(({ until }) => until > now);
    for (const done of this.#done) this.#judge(host, done);
  }

  #judge(host: SimHost, { host: owner, bootCount, id, known }: Done): void {
    // The owner may have lost the drain with its disk.
    if (owner.bootCount !== bootCount || known.get(host) !== host.bootCount) return;
    this.#context.judged('I34');
    const usable = host.runningAgent.view.catalog.usable(this.#service);
    if (usable.some((one) => one.node === owner.name && one.service.id === id))
      this.#context.reportViolation(
        `I34 ${host.label} answers with ${id} of ${owner.label} after it was done`,
      );
  }
}
