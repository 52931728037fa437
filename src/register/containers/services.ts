/**
 * The services of a container: what its labels ask for, read by the reader that `register` and service files have, so that the same
 * limits and sentences hold. All of a container, or nothing (S32).
 */
import { joinHostPort } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import { FieldError } from '../../checks/definition/decode.ts';
import { parseService, type Registration } from '../../checks/definition/definition.ts';
import { CONTAINER_PREFIX, containerCheckId, isOfContainer } from '../../model/service.ts';
import { type Container, type ContainerPort, SHORT_ID } from './container.ts';
import {
  composeProject,
  composeService,
  isForeignLabel,
  readRegistrator,
  traefikPort,
  traefikTags,
} from './foreign-labels.ts';
import {
  asksForService,
  findHostileLabels,
  isOwnLabel,
  type RequestedService,
  type RequestedServices,
  readOwnLabels,
} from './labels.ts';
import { findReach, type Reach, type ReachOptions, reachablePorts } from './reach.ts';

export interface ContainerServicesOptions extends ReachOptions {
  /** As the settings name the engine. */
  readonly engine: string;
  readonly node: string;
  /** May containers take this name? */
  allows(name: string): boolean;
}

export interface ContainerServices {
  /** Empty if there is a problem. */
  readonly registrations: readonly Registration[];
  /** Clauses for the log. */
  readonly problems: readonly string[];
}

/** The meta of a service that says which container it is of. */
const META_ENGINE = 'container-engine';
/** The state of a container is told at least each minute. If it is not, something is wrong here, and nothing is known of it. */
const STATE_TTL = '10m';
const DEFAULT_INTERVAL = '10s';
/** Source: `MAX_PORTS` of a service. */
const MAX_NAMED_PORTS = 16;

/** What stands for a container in the IDs of its services. */
export const containerKey = (id: string): string => id.slice(0, SHORT_ID);

/** The container of a registered service of this engine; `undefined`: it is none of ours. */
export function containerKeyOf(
  { id, meta }: Pick<Registration['service'], 'id' | 'meta'>,
  engine: string,
): string | undefined {
  if (meta.get(META_ENGINE) !== engine || !isOfContainer(id)) return undefined;
  return id.slice(CONTAINER_PREFIX.length).split(':')[0];
}

/** The engine that a registered service came from; `undefined`: from none. */
export const engineOf = ({ id, meta }: Pick<Registration['service'], 'id' | 'meta'>): string | undefined =>
  isOfContainer(id) ? meta.get(META_ENGINE) : undefined;

/** All IDs that the checks of a service of a container may have, but for those that others add. */
export const ownCheckIds = (serviceId: string): readonly string[] => [
  containerCheckId(serviceId),
  ...CHECK_KINDS.map((kind) => `${serviceId}:${kind}`),
];

const CHECK_KINDS = ['http', 'tcp', 'grpc'] as const;

export function servicesOfContainer(
  container: Container,
  options: ContainerServicesOptions,
): ContainerServices {
  const hostile = findHostileLabels(container.labels, (key) => isOwnLabel(key) || isForeignLabel(key));
  if (hostile.length > 0) return { registrations: [], problems: hostile };
  const requested = requestedServices(container, options);
  const problems = [...requested.problems];
  const registrations = new Map<string, Registration>();
  requested.services.forEach((one, i) => {
    try {
      const registration = register(container, one, i === 0, options);
      const { id } = registration.service;
      if (registrations.has(id)) problems.push(`two of its services have the ID ${id}`);
      registrations.set(id, registration);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      problems.push(error instanceof FieldError ? describeFieldError(error) : error.message);
    }
  });
  return { registrations: problems.length > 0 ? [] : [...registrations.values()], problems };
}

const describeFieldError = ({ path, clause }: FieldError): string =>
  path.length === 0 ? clause : `${path.join('.')}: ${clause}`;

const defaultName = ({ labels, name }: Container): string => composeService(labels) ?? name;

/** Our own labels win over registrator's. Without either the container is one service, if it has a port. */
function requestedServices(container: Container, options: ContainerServicesOptions): RequestedServices {
  const { labels } = container;
  const own = readOwnLabels(labels);
  if (own.services.length > 0 || own.problems.length > 0) return own;
  const ports = reachablePorts(container, options);
  const numbers = [...new Set(ports.map(({ port }) => port))];
  const registrator = readRegistrator(container, numbers, defaultName(container));
  if (registrator !== undefined) return registrator;
  if (ports.length === 0 && !asksForService(labels) && !labels.has('hearsay.enable'))
    return { services: [], problems: [] };
  return { services: [WHOLE_CONTAINER], problems: [] };
}

const WHOLE_CONTAINER: RequestedService = {
  ...{ key: '', name: undefined, port: undefined, ports: [], tags: [] },
  ...{ meta: new Map(), weight: undefined, check: new Map() },
};

/** Throws `AgentError` with a clause. */
function register(
  container: Container,
  requested: RequestedService,
  isFirst: boolean,
  options: ContainerServicesOptions,
): Registration {
  const name = requested.name ?? defaultName(container);
  const endpoints = findEndpoints(container, requested, isFirst, options);
  const [main] = endpoints;
  const id = `${CONTAINER_PREFIX}${containerKey(container.id)}:${requested.key === '' ? name : requested.key}`;
  const toReachable = (port: number): number | undefined => {
    const reach = findReach(container, { port }, options);
    return typeof reach === 'string' ? undefined : reach.port;
  };
  const body = {
    Name: name,
    ID: id,
    Address: main?.reach.address ?? '',
    ...(endpoints.length > 1 ? { Ports: toPortsBody(endpoints) } : { Port: main?.reach.port ?? 0 }),
    Tags: [...requested.tags, ...(isFirst ? traefikTags(container.labels, toReachable) : [])],
    Meta: { ...Object.fromEntries(requested.meta), ...containerMeta(container, options.engine) },
    ...(requested.weight === undefined ? {} : { Weights: { Passing: requested.weight, Warning: 1 } }),
    Checks: [
      {
        CheckID: containerCheckId(id),
        Name: `Container ${container.name}`,
        TTL: STATE_TTL,
        Status: 'critical',
      },
      ...checkBodies(requested, main?.reach, id),
    ],
  };
  const registration = parseService(body, {
    node: options.node,
    refuseExec: 'a container starts no program on its host',
    onNote: ({ path, clause }) => {
      throw new FieldError(clause, path);
    },
  });
  if (!options.allows(name))
    throw refusal(`containers may not take the name ${JSON.stringify(name)} (--containers-allow)`);
  return registration;
}

const refusal = (clause: string): AgentError => new AgentError('badRequest', clause);

interface Endpoint {
  readonly name: string;
  readonly reach: Reach;
}

/** The first is the default. Throws `AgentError` if a port is not reached. */
function findEndpoints(
  container: Container,
  requested: RequestedService,
  isFirst: boolean,
  options: ContainerServicesOptions,
): readonly Endpoint[] {
  const wanted = wantedPorts(container, requested, isFirst, options);
  const endpoints = wanted.map((one): Endpoint => {
    const reach = findReach(container, one, options);
    if (typeof reach === 'string') throw refusal(reach);
    return { name: one.name, reach };
  });
  const addresses = new Set(endpoints.map(({ reach }) => reach.address));
  if (addresses.size > 1)
    throw refusal(
      `its ports are published on several addresses (${[...addresses].join(', ')}): name one with hearsay.port`,
    );
  return endpoints;
}

function wantedPorts(
  container: Container,
  { port, ports }: RequestedService,
  isFirst: boolean,
  options: ContainerServicesOptions,
): readonly (RequestedService['ports'][number] & Partial<Pick<ContainerPort, 'protocol'>>)[] {
  if (ports.length > 0) return ports;
  const only = port ?? (isFirst ? traefikPort(container.labels) : undefined);
  if (only === 0) return [];
  if (only !== undefined) return [{ name: String(only), port: only }];
  const reachable = reachablePorts(container, options).slice(0, MAX_NAMED_PORTS);
  if (reachable.length === 0)
    throw refusal(
      'it publishes no port: publish one, as in `-p 80`, name one with hearsay.port, or say hearsay.port=0',
    );
  return reachable.map(({ port: number, protocol }) => ({
    ...{ name: `${number}${protocol === 'udp' ? '-udp' : ''}`, port: number, protocol },
  }));
}

const toPortsBody = (endpoints: readonly Endpoint[]): object[] =>
  endpoints.map(({ name, reach }, i) => ({ Name: name, Port: reach.port, Default: i === 0 }));

function containerMeta({ id, name, labels }: Container, engine: string): Record<string, string> {
  const project = composeProject(labels);
  return {
    [META_ENGINE]: engine,
    'container-id': containerKey(id),
    'container-name': name,
    ...(project === undefined ? {} : { 'compose-project': project }),
  };
}

function checkBodies({ check }: RequestedService, reach: Reach | undefined, id: string): object[] {
  const kinds = CHECK_KINDS.filter((kind) => check.has(kind));
  if (kinds.length === 0 && check.size > 0)
    throw refusal('check.interval and check.timeout need a check: add check.http, check.tcp or check.grpc');
  const timeout = check.get('timeout');
  return kinds.map((kind) => ({
    CheckID: `${id}:${kind}`,
    [kind]: checkTarget(kind, check.get(kind) ?? '', reach),
    Interval: check.get('interval') ?? DEFAULT_INTERVAL,
    ...(timeout === undefined ? {} : { Timeout: timeout }),
  }));
}

/** `/health`, `true` or the name of a gRPC service are of the port that is registered; a URL and `HOST:PORT` stand for themselves. */
function checkTarget(kind: 'http' | 'tcp' | 'grpc', value: string, reach: Reach | undefined): string {
  if (kind === 'http' && /^https?:\/\//i.test(value)) return value;
  if (kind === 'tcp' && value.includes(':')) return value;
  if (reach === undefined) throw refusal(`check.${kind} needs a port, and the service has none`);
  const target = joinHostPort(reach.checkHost, reach.port);
  if (kind === 'http') return `http://${target}${value.startsWith('/') ? '' : '/'}${value}`;
  if (kind === 'tcp' && value !== 'true') throw refusal('check.tcp must be true or HOST:PORT');
  return kind === 'grpc' && value !== 'true' ? `${target}/${value}` : target;
}
