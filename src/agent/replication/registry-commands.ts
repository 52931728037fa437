/** Commands about the services and checks of this node, each as one call of the registry. */
import type { Millis } from '../../base/time.ts';
import type { Registry } from '../../checks/registry.ts';
import type { CheckEffect } from '../../checks/types.ts';
import type { RegistryCommand } from '../contract/commands.ts';

/** Throws `AgentError` with nothing changed. `node`: the name of this node, for sentences. */
export function runRegistryCommand(
  registry: Registry,
  command: RegistryCommand,
  node: string,
  now: Millis,
  out: CheckEffect[],
): void {
  switch (command.kind) {
    case 'registerService': {
      const { service, checks, replaceChecks } = command;
      return registry.registerService(service, checks, { replaceChecks }, now, out);
    }
    case 'deregisterService':
      return registry.deregisterService(command.id, now, out);
    case 'holdLease':
      return registry.holdLease(command, now, out);
    case 'closeLease':
      return registry.closeLease(
        command.lease,
        command.holder,
        `its process on ${node} closed the connection`,
        now,
        out,
      );
    case 'releaseLease': {
      const reason = command.reason === '' ? '' : `its process on ${node} ended: ${command.reason}`;
      return registry.releaseLease(command.lease, reason, now, out);
    }
    case 'registerCheck':
      return registry.registerCheck(command.check, now, out);
    case 'deregisterCheck':
      return registry.deregisterCheck(command.id, now, out);
    case 'updateCheck':
      return registry.updateCheck(command.id, command.status, command.output, now, out);
    case 'maintenance':
      return registry.setMaintenance(command.service, command.on, command.reason, now, out);
    case 'drain':
      return registry.setDraining(command.service, command.on, now, out);
  }
}
