/**
 * Leases: registrations that end with a connection. A lease names the services of one process. It is held while the
 * connection of that process is open, and ends a grace after it has closed, unless a connection comes back for it.
 */
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { LeaseSnapshot, LocalLease } from '../types.ts';

export class Leases {
  readonly #leases = new Map<string, LocalLease>();
  readonly #byService = new Map<string, string>();
  /** Invariant: set exactly for leases that nobody holds. */
  readonly #ends = new Timers<string>();

  /** When the next lease ends. */
  get deadline(): Millis {
    return this.#ends.deadline;
  }

  all(): ReadonlyMap<string, LocalLease> {
    return this.#leases;
  }

  get(id: string): LocalLease | undefined {
    return this.#leases.get(id);
  }

  /** The lease that a service belongs to. */
  leaseOf(service: string): string | undefined {
    return this.#byService.get(service);
  }

  /** The services that this lease does not name any more must have been removed. */
  hold(id: string, holder: string, grace: Millis, services: readonly string[]): void {
    this.#ends.clear(id);
    this.#put({ id, holder, grace, services, reason: '' });
  }

  /** Nobody holds it from now on. `reason`: why its services are critical; `''`: they are not. */
  release(lease: LocalLease, reason: string, endsAt: Millis): void {
    this.#ends.set(lease.id, endsAt);
    this.#put({ ...lease, holder: undefined, reason });
  }

  /** A service has been removed, or stays without a lease. True if its lease has ended with it. */
  removeService(service: string): string | undefined {
    const id = this.#byService.get(service);
    const lease = id === undefined ? undefined : this.#leases.get(id);
    if (lease === undefined) return undefined;
    this.#byService.delete(service);
    const services = lease.services.filter((one) => one !== service);
    if (services.length > 0) {
      this.#put({ ...lease, services });
      return undefined;
    }
    this.#leases.delete(lease.id);
    this.#ends.clear(lease.id);
    return lease.id;
  }

  /** The next lease whose grace is over, or `undefined`. Its services are the caller's to remove. */
  popEnded(now: Millis): LocalLease | undefined {
    const id = this.#ends.pop(now);
    return id === undefined ? undefined : this.#leases.get(id);
  }

  snapshot(): LeaseSnapshot[] {
    return [...this.#leases.values()].map(({ id, grace, services, reason }) => ({
      ...{ id, grace, reason },
      services: [...services],
    }));
  }

  #put(lease: LocalLease): void {
    this.#leases.set(lease.id, lease);
    for (const service of lease.services) this.#byService.set(service, lease.id);
  }
}
