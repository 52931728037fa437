/**
 * An `http.Agent` for `node:http`: the host of a URL is the name of a service. It chooses the instance, keeps connections to
 * each alive, and connects to another one if that fails.
 */
import { Agent, type AgentOptions, type ClientRequest, type ClientRequestArgs } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DiscoveredService } from './discovered-service.ts';
import type { DiscoveredInstance } from './instance.ts';
import { type ServiceLookup, waitForService } from './retry.ts';

export interface HttpAgentOptions extends AgentOptions {
  /** The key that a request belongs to, if any. */
  readonly key?: (request: ClientRequest) => string | undefined;
}

/** Other instances that are tried when a connection is not made. */
const MAX_RETRIES = 2;
const CONNECT_TIMEOUT = 3000;
/** Node's servers close idle connections after 5 s: a request that is written at that moment would be lost. */
const IDLE_TIMEOUT = 3000;

type Created = (error: Error | null, socket?: Duplex) => void;
/** What `http.Agent` calls on itself, and every agent of others overrides; the types of Node leave it out. */
interface AgentHooks {
  addRequest(request: ClientRequest, options: ClientRequestArgs): void;
  createSocket(request: ClientRequest, options: ClientRequestArgs, created: Created): void;
}
const HOOKS = Agent.prototype as unknown as AgentHooks;

export class ServiceHttpAgent extends Agent {
  readonly #services: ServiceLookup;
  readonly #key: HttpAgentOptions['key'];
  readonly #chosen = new WeakMap<ClientRequest, DiscoveredInstance>();

  constructor(services: ServiceLookup, { key, ...options }: HttpAgentOptions = {}) {
    super({ keepAlive: true, scheduling: 'lifo', ...options });
    this.#services = services;
    this.#key = key;
  }

  addRequest(request: ClientRequest, options: ClientRequestArgs): void {
    const service = this.#services.shared(options.host ?? options.hostname ?? '');
    if (service.isReady) return this.#begin(service, request, options);
    waitForService(service).then(
      () => this.#begin(service, request, options),
      (error: Error) => fail(request, error),
    );
  }

  /** Connects to the instance that was chosen, or else to another one; the pool then has the connection under its address. */
  createSocket(request: ClientRequest, options: ClientRequestArgs, created: Created, retries = 0): void {
    HOOKS.createSocket.call(this, request, options, (error, socket) => {
      const failed = this.#chosen.get(request);
      if (error === null || failed === undefined) return created(error, socket);
      failed.finish(true);
      const service = this.#services.shared(request.host);
      this.#chosen.delete(request);
      if (retries === MAX_RETRIES || service.all().length < 2) return created(error);
      const next = this.#choose(service, request, failed);
      this.createSocket(request, { ...options, ...next }, created, retries + 1);
    });
  }

  /** Node is given a connection when it is made, so that a refused one is no error of the request. */
  override createConnection(
    options: ClientRequestArgs,
    created?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { host = '', port = 0 } = options as { host?: string; port?: number };
    const socket = connect({ host, port, noDelay: true, keepAlive: true, timeout: CONNECT_TIMEOUT });
    const fail = (error: Error): void => {
      socket.destroy();
      created?.(error, socket);
    };
    const late = (): void => fail(new Error(`no connection to ${host}:${port} within ${CONNECT_TIMEOUT} ms`));
    socket.once('error', fail);
    socket.once('timeout', late);
    socket.once('connect', () => {
      socket.off('error', fail);
      socket.off('timeout', late);
      socket.setTimeout(0);
      created?.(null, socket);
    });
    return undefined;
  }

  override keepSocketAlive(socket: Socket): boolean {
    const keeps: unknown = super.keepSocketAlive(socket); // a boolean, whatever its type says
    socket.setTimeout(IDLE_TIMEOUT); // http.Agent destroys a free one then
    return keeps === true;
  }

  override reuseSocket(socket: Socket, request: ClientRequest): void {
    socket.setTimeout(0);
    super.reuseSocket(socket, request);
  }

  #begin(service: DiscoveredService, request: ClientRequest, options: ClientRequestArgs): void {
    let target: { host: string; port: number };
    try {
      target = this.#choose(service, request);
    } catch (error) {
      return fail(request, error as Error);
    }
    let hasAnswer = false;
    let broken = false;
    request.once('response', () => {
      hasAnswer = true;
    });
    request.once('error', ({ code }: NodeJS.ErrnoException) => {
      broken = !hasAnswer && code === 'ECONNRESET';
    });
    request.once('close', () => {
      this.#chosen.get(request)?.finish(broken);
      this.#chosen.delete(request);
    });
    HOOKS.addRequest.call(this, request, { ...options, ...target });
  }

  /** Where the request goes. Throws `NoInstanceError`. */
  #choose(
    service: DiscoveredService,
    request: ClientRequest,
    except?: DiscoveredInstance,
  ): { host: string; port: number } {
    const key = this.#key?.(request);
    const instance = service.pick({
      ...(key === undefined ? {} : { key }),
      ...(except === undefined ? {} : { except }),
    });
    instance.start();
    this.#chosen.set(request, instance);
    return { host: instance.address, port: instance.port };
  }
}

/** As `http.Agent` tells a request that there is no connection: `destroy` alone would wait for one. */
const fail = (request: ClientRequest, error: Error): void =>
  (request as unknown as { onSocket(socket: null, error: Error): void }).onSocket(null, error);
