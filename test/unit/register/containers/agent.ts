/** An agent of which only the registry is real: what containers register is admitted, kept and saved as in a whole agent. */
import type { AgentHandle } from '../../../../src/agent/contract/agent-handle.ts';
import type { CommandRequest } from '../../../../src/agent/contract/commands.ts';
import type { View } from '../../../../src/agent/contract/view.ts';
import { parseAddress } from '../../../../src/base/address.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { Registry } from '../../../../src/checks/registry.ts';
import type { CheckEffect, RegistrySnapshot } from '../../../../src/checks/types.ts';

export class RegistryAgent {
  readonly registry: Registry;
  readonly handle: AgentHandle;
  readonly commands: CommandRequest[] = [];
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now(), snapshot?: RegistrySnapshot) {
    this.#now = now;
    const options = { rng: createRng(1), now: now(), allowExec: false };
    this.registry = new Registry(snapshot === undefined ? options : { ...options, snapshot });
    const view = { node: 'b', address: parseAddress('10.0.0.2:7946'), local: this.registry.view };
    this.handle = {
      view: view as unknown as View,
      execute: async (command) => this.execute(command) as never,
      subscribe: () => () => undefined,
      addReaders: () => () => undefined,
    };
  }

  execute(command: CommandRequest): undefined {
    const out: CheckEffect[] = [];
    this.commands.push(command);
    const now = this.#now();
    switch (command.kind) {
      case 'registerService': {
        const { service, checks, replaceChecks } = command;
        return void this.registry.registerService(service, checks, { replaceChecks }, now, out);
      }
      case 'deregisterService':
        return void this.registry.deregisterService(command.id, now, out);
      case 'deregisterCheck':
        return void this.registry.deregisterCheck(command.id, now, out);
      case 'updateCheck':
        return void this.registry.updateCheck(command.id, command.status, command.output, now, out);
      default:
        throw new Error(`containers have no use for ${command.kind}`);
    }
  }

  /** What the next start of this agent finds. */
  snapshot(): RegistrySnapshot {
    return this.registry.snapshot(this.#now());
  }

  /** Services by ID, with the worst status of their checks and its output. */
  services(): Map<string, { readonly name: string; readonly status: string; readonly output: string }> {
    const found = new Map<string, { name: string; status: string; output: string }>();
    for (const [id, { definition }] of this.registry.view.services()) {
      const checks = [...this.registry.view.checks().values()].filter(
        (one) => one.definition.serviceId === id,
      );
      const worst = checks.find(({ status }) => status !== 'passing') ?? checks[0];
      found.set(id, { name: definition.name, status: worst?.status ?? 'none', output: worst?.output ?? '' });
    }
    return found;
  }
}
