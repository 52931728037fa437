/** The services, checks and leases that are registered with this agent. */
import { assert } from '../../base/assert.ts';
import type { LocalCheck, LocalLease, LocalService, LocalView } from '../types.ts';
import { Leases } from './leases.ts';

const NONE: ReadonlySet<string> = new Set();

export class LocalStore implements LocalView {
  readonly leaseTable = new Leases();
  readonly #services = new Map<string, LocalService>();
  readonly #checks = new Map<string, LocalCheck>();
  readonly #byService = new Map<string, Set<string>>();

  services(): ReadonlyMap<string, LocalService> {
    return this.#services;
  }

  checks(): ReadonlyMap<string, LocalCheck> {
    return this.#checks;
  }

  leases(): ReadonlyMap<string, LocalLease> {
    return this.leaseTable.all();
  }

  service(id: string): LocalService | undefined {
    return this.#services.get(id);
  }

  check(id: string): LocalCheck | undefined {
    return this.#checks.get(id);
  }

  /** Ids of the checks of one service; `''`: of the node. */
  checksOf(service: string): ReadonlySet<string> {
    return this.#byService.get(service) ?? NONE;
  }

  putService(service: LocalService): void {
    this.#services.set(service.definition.id, service);
  }

  /** Invariant: a check's service is registered, so the checks have to be removed first. */
  removeService(id: string): void {
    assert(!this.#byService.has(id), `service ${id} is removed before its checks`);
    this.#services.delete(id);
  }

  putCheck(check: LocalCheck): void {
    const { id, serviceId } = check.definition;
    assert(serviceId === '' || this.#services.has(serviceId), `check ${id} of no service`);
    if (this.#checks.get(id)?.definition.serviceId !== serviceId) {
      this.removeCheck(id);
      const ids = this.#byService.get(serviceId) ?? new Set();
      this.#byService.set(serviceId, ids.add(id));
    }
    this.#checks.set(id, check);
  }

  removeCheck(id: string): void {
    const check = this.#checks.get(id);
    if (check === undefined) return;
    this.#checks.delete(id);
    const { serviceId } = check.definition;
    const ids = this.#byService.get(serviceId);
    ids?.delete(id);
    if (ids?.size === 0) this.#byService.delete(serviceId);
  }
}
