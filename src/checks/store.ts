/** What is registered here, for the other files of this room to change and for everyone to read. */
import type { LocalCheck, LocalService, LocalView } from './types.ts';

const NONE: ReadonlySet<string> = new Set();

export class LocalStore implements LocalView {
  readonly #services = new Map<string, LocalService>();
  readonly #checks = new Map<string, LocalCheck>();
  readonly #byService = new Map<string, Set<string>>();

  services(): ReadonlyMap<string, LocalService> {
    return this.#services;
  }

  checks(): ReadonlyMap<string, LocalCheck> {
    return this.#checks;
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

  /** Its checks are the caller's to remove first. */
  removeService(id: string): void {
    this.#services.delete(id);
  }

  putCheck(check: LocalCheck): void {
    const { id, serviceId } = check.definition;
    const held = this.#checks.get(id);
    if (held?.definition.serviceId !== serviceId) {
      this.removeCheck(id);
      const ids = this.#byService.get(serviceId) ?? new Set();
      this.#byService.set(serviceId, ids.add(id));
    }
    this.#checks.set(id, check);
  }

  removeCheck(id: string): void {
    const held = this.#checks.get(id);
    if (held === undefined) return;
    this.#checks.delete(id);
    const { serviceId } = held.definition;
    const ids = this.#byService.get(serviceId);
    ids?.delete(id);
    if (ids?.size === 0) this.#byService.delete(serviceId);
  }
}
