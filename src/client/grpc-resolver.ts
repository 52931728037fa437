/**
 * A resolver for @grpc/grpc-js: `hearsay:///db` is the service `db`. The channel spreads its calls over the instances, and
 * follows them. The package is the user's own and is given: this file does not import it.
 */
import type { DiscoveredService } from './discovered-service.ts';
import type { DiscoveredInstance } from './instance.ts';
import { type ServiceLookup, waitForService } from './retry.ts';

/** What is used of @grpc/grpc-js, 1.14 or later. */
export interface GrpcModule {
  readonly status: { readonly UNAVAILABLE: number };
  readonly Metadata: new () => object;
  readonly experimental: { registerResolver(scheme: string, resolver: never): void };
}

type GrpcListener = (
  endpoints:
    | { readonly ok: true; readonly value: readonly object[] }
    | { readonly ok: false; readonly error: object },
  attributes: object,
  serviceConfig: { readonly ok: true; readonly value: object },
  note: string,
) => boolean;

type Changes = ReturnType<DiscoveredService[typeof Symbol.asyncIterator]>;

const SERVICE_CONFIG = { loadBalancingConfig: [{ round_robin: {} }], methodConfig: [] };

/** From now on `hearsay:///NAME` is a target of channels: `registerGrpcResolver(hearsay, grpc)`. */
export function registerGrpcResolver(services: ServiceLookup, grpc: GrpcModule): void {
  class ServiceResolver {
    readonly #service: DiscoveredService;
    readonly #listener: GrpcListener;
    #changes: Changes | undefined;

    constructor({ path }: { readonly path: string }, listener: GrpcListener) {
      this.#service = services.shared(path.replace(/^\//, ''));
      this.#listener = listener;
    }

    static getDefaultAuthority({ path }: { readonly path: string }): string {
      return path.replace(/^\//, '');
    }

    updateResolution(): void {
      if (this.#changes !== undefined) return;
      this.#changes = this.#service[Symbol.asyncIterator]();
      void this.#follow(this.#changes);
      waitForService(this.#service).catch((error: Error) => this.#fail(error.message));
    }

    destroy(): void {
      void this.#changes?.return(undefined);
      this.#changes = undefined;
    }

    async #follow(changes: Changes): Promise<void> {
      for await (const { instances } of changes) {
        if (this.#changes !== changes) return;
        this.#tell(instances);
      }
    }

    #tell(instances: readonly DiscoveredInstance[]): void {
      const value = instances.map(({ address, port }) => ({ addresses: [{ host: address, port }] }));
      this.#listener({ ok: true, value }, {}, { ok: true, value: SERVICE_CONFIG }, '');
      // After an empty list alone round_robin lets calls wait; an error alone would leave it the list before.
      if (value.length === 0) this.#fail(`there is no instance of "${this.#service.name}" to connect to`);
    }

    #fail(details: string): void {
      const error = { code: grpc.status.UNAVAILABLE, details, metadata: new grpc.Metadata() };
      this.#listener({ ok: false, error }, {}, { ok: true, value: SERVICE_CONFIG }, '');
    }
  }
  grpc.experimental.registerResolver('hearsay', ServiceResolver as never);
}
