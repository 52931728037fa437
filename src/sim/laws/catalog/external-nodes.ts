/**
 * I27: what readers see of an external node is what some host has registered of it; its instances do not pass while their
 * owner is down, and as their checks say while it is up; and no member is shown as one. That all agree in the end is L8.
 */
import type { Command } from '../../../agent/contract/commands.ts';
import type { ExternalNodeView, Instance } from '../../../catalog/types.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

export class ExternalNodeLaw implements Law {
  readonly #context: LawContext;
  /** What was registered, as `HOST NODE ADDRESS` and `HOST NODE SERVICE`, with nodes in lower case. */
  readonly #registered = new Set<string>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onCommand(host: SimHost, command: Command): void {
    if (command.kind !== 'registerNode') return;
    const { node, service } = command.registration;
    const name = node.name.toLowerCase();
    this.#registered.add(`${host.name} ${name} ${node.address}`);
    if (service !== undefined) this.#registered.add(`${host.name} ${name} ${service.id}`);
  }

  checkPeriodically(host: SimHost): void {
    if (host.options.serfPeer === true) return;
    for (const external of host.runningAgent.view.catalog.externalNodes()) this.#check(host, external);
  }

  #check(host: SimHost, external: ExternalNodeView): void {
    const { view } = host.runningAgent;
    const { name, owner, address, up } = external;
    const report = (what: string): void =>
      this.#context.reportViolation(`I27 ${host.label} shows ${name} of ${owner} ${what}`);
    this.#context.judged('I27');
    const folded = name.toLowerCase();
    if (!this.#registered.has(`${owner} ${folded} ${address}`))
      report(`at ${address}, as nobody registered it`);
    const member = view.member(name);
    if (member?.name === name && member.status !== 'left') report('which is a member');
    const status = view.member(owner)?.status ?? 'left';
    // A host that leaves is up for itself until it stops.
    if (owner !== host.name && up !== (status !== 'failed' && status !== 'left'))
      report(`as ${up ? 'up' : 'down'}, and its owner is ${status}`);
    for (const instance of view.catalog.node(name)?.instances ?? []) {
      if (!this.#registered.has(`${owner} ${folded} ${instance.service.id}`))
        report(`with ${instance.service.id}, which nobody registered`);
      if (instance.status !== expectedStatus(instance, up))
        report(`${instance.service.id} as ${instance.status}`);
      const isServed = view.catalog
        .usable(instance.service.name)
        .some((one) => one.node === name && one.service.id === instance.service.id);
      if (isServed && !up) report(`${instance.service.id} as usable, and its owner is ${status}`);
    }
  }
}

function expectedStatus({ checks, nodeChecks, status }: Instance, up: boolean): string {
  if (!up) return status === 'maintenance' || status === 'draining' ? status : 'critical';
  const all = [...checks, ...nodeChecks].map((check) => check.status);
  return all.includes('critical') ? 'critical' : all.includes('warning') ? 'warning' : 'passing';
}
