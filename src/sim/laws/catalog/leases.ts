/**
 * I33: nothing is answered of a lease after its connection has closed, and nothing is left of it after its grace; until then
 * it is there. A restart begins the grace anew. What is leased until when is computed here from the commands, not from the
 * agent.
 */
import type { Command } from '../../../agent/contract/commands.ts';
import { type Millis, NEVER } from '../../../base/time.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** Ticks and sweeps come a little later than what they look for, and host clocks drift. */
const SLACK: Millis = 1100;
const DRIFT = 1.001;

interface TrackedLease {
  holder: string | undefined;
  readonly grace: Millis;
  /** By ID, with the names by which readers find them. */
  readonly services: Map<string, string>;
  /** The last command about it; what a disk has from before is another lease. */
  changedAt: Millis;
  /** When its grace began; `NEVER`: it is held. */
  closedAt: Millis;
  /** Its services are critical meanwhile: it was closed, and not only interrupted by a restart. */
  critical: boolean;
}

export class LeaseLaw implements Law {
  readonly #context: LawContext;
  readonly #leases = new Map<SimHost, Map<string, TrackedLease>>();

  constructor(context: LawContext) {
    this.#context = context;
    context.world.subscribe({
      onCommandHandled: (host, { command, result }) => {
        if (!host.running || host.paused || result?.ok === false) return;
        this.#onCommand(host, command);
      },
    });
  }

  /** Of what was changed after the snapshot that is restored nothing is known. */
  onStart(host: SimHost): void {
    const restored = host.runningAgent.view.local.services();
    const { composedAt = Number.NEGATIVE_INFINITY, failing } = host.disk;
    for (const [id, lease] of this.#of(host)) {
      if (
        failing ||
        lease.changedAt > composedAt ||
        [...lease.services.keys()].some((one) => !restored.has(one))
      )
        this.#of(host).delete(id);
      else Object.assign(lease, { holder: undefined, closedAt: this.#context.world.now });
    }
  }

  #onCommand(host: SimHost, command: Command): void {
    const leases = this.#of(host);
    switch (command.kind) {
      case 'holdLease': {
        const { lease, holder, grace, registrations } = command;
        for (const { service } of registrations) this.#drop(host, service.id);
        const services = new Map(registrations.map(({ service: { id, name } }) => [id, name]));
        const { now } = this.#context.world;
        leases.set(lease, { holder, grace, services, changedAt: now, closedAt: NEVER, critical: false });
        return;
      }
      case 'closeLease': {
        const held = leases.get(command.lease);
        if (held?.holder === command.holder) this.#close(held);
        return;
      }
      case 'releaseLease': {
        const held = leases.get(command.lease);
        if (held === undefined) return;
        if (command.reason === '') leases.delete(command.lease);
        else this.#close(held);
        return;
      }
      case 'registerService':
        return this.#drop(host, command.service.id);
      case 'deregisterService':
        return this.#drop(host, command.id);
      case 'reload':
        for (const { service } of command.services) this.#drop(host, service.id);
    }
  }

  #close(held: TrackedLease): void {
    const { now } = this.#context.world;
    Object.assign(held, { holder: undefined, changedAt: now, closedAt: now, critical: true });
  }

  /** A service that is registered otherwise, or not any more. */
  #drop(host: SimHost, service: string): void {
    for (const lease of this.#of(host).values()) lease.services.delete(service);
  }

  checkPeriodically(host: SimHost): void {
    if (host.paused) return;
    for (const [id, lease] of this.#of(host)) this.#judge(host, id, lease);
  }

  #judge(host: SimHost, id: string, { services, closedAt, critical, grace }: TrackedLease): void {
    const { local, catalog } = host.runningAgent.view;
    const age = closedAt === NEVER ? 0 : this.#context.world.now - closedAt;
    const isOver = age > grace * DRIFT + SLACK;
    const report = (what: string): void =>
      this.#context.reportViolation(`I33 ${host.label} ${what} of the lease ${id}, closed ${age} ms ago`);
    for (const [service, name] of services) {
      this.#context.judged('I33');
      const isUsable = catalog
        .usable(name)
        .some((one) => one.node === host.name && one.service.id === service);
      if (isUsable && critical) report(`answers ${service}`);
      if (isOver && local.services().has(service)) report(`keeps ${service}`);
      if (age * DRIFT < grace && !local.services().has(service)) report(`has lost ${service}`);
    }
    if (isOver) this.#of(host).delete(id);
  }

  #of(host: SimHost): Map<string, TrackedLease> {
    let leases = this.#leases.get(host);
    if (leases === undefined) {
      leases = new Map();
      this.#leases.set(host, leases);
    }
    return leases;
  }
}
