/** SIGTERM drains all leases of the process; then the signal does what it would have done. */
import type { ServiceLease } from './lease.ts';

export class SigtermDrain {
  readonly #leases = new Set<ServiceLease>();
  readonly #close: () => Promise<void>;
  #ending = false;

  constructor(close: () => Promise<void>) {
    this.#close = close;
  }

  add(lease: ServiceLease): void {
    if (this.#leases.size === 0) process.on('SIGTERM', this.#onSigterm);
    this.#leases.add(lease);
  }

  delete(lease: ServiceLease): void {
    if (this.#leases.delete(lease) && this.#leases.size === 0 && !this.#ending)
      process.off('SIGTERM', this.#onSigterm);
  }

  readonly #onSigterm = (): void => {
    if (this.#ending) return;
    this.#ending = true;
    void this.#end();
  };

  async #end(): Promise<void> {
    await Promise.allSettled([...this.#leases].map((lease) => lease.drain()));
    await this.#close();
    process.off('SIGTERM', this.#onSigterm);
    // Programs that have a listener of their own decide themselves when they end.
    if (process.listenerCount('SIGTERM') === 0) process.kill(process.pid, 'SIGTERM');
  }
}
