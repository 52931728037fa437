/**
 * What an engine says of a container, read with suspicion: an engine of another version may lie, leave out or add anything.
 * Docker and Podman answer in the same shape.
 *
 * Source: Docker Engine API 1.41 to 1.51, ContainerList, ContainerInspect, SystemEvents.
 */
import { utf8Head } from '../../checks/output.ts';

/** A container as its inspection shows it. */
export interface Container {
  readonly id: string;
  /** Without the slash. */
  readonly name: string;
  readonly image: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly env: ReadonlyMap<string, string>;
  /** It shares the network of this host, so its ports are ports of the host. */
  readonly hasHostNetwork: boolean;
  /** Ports that it listens on, by the image or by publishing, each with where it is published. */
  readonly ports: readonly ContainerPort[];
  /** Its own addresses, by the name of the network. */
  readonly networks: ReadonlyMap<string, string>;
  readonly state: ContainerState;
}

export interface ContainerPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly published: readonly { readonly hostIp: string; readonly hostPort: number }[];
}

export interface ContainerState {
  readonly kind: 'running' | 'paused' | 'restarting' | 'ended';
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** What its HEALTHCHECK says; `undefined`: it has none. */
  readonly health:
    | { readonly status: 'starting' | 'healthy' | 'unhealthy'; readonly output: string }
    | undefined;
}

/** A row of the list. `stamp` changes with everything that an inspection should be repeated for. */
export interface ListedContainer {
  readonly id: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly stamp: string;
}

/** What happened to a container. */
export interface ContainerEvent {
  readonly id: string;
  readonly action: string;
  /** The event `die` has one. */
  readonly exitCode: number | undefined;
}

/** Bytes of the output of a HEALTHCHECK that are kept. */
const MAX_HEALTH_OUTPUT = 2048;
const ID = /^[0-9a-f]{12,128}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;

/** Throws `Error` with a clause if it is no row of a list. */
export function parseListed(text: string): ListedContainer {
  const row = toObject(JSON.parse(text));
  const state = toText(row['State']);
  const health = /\((healthy|unhealthy|health: starting)\)/.exec(toText(row['Status']))?.[1] ?? '';
  const parts = [row['Names'], state, health, row['Ports'], addressesIn(row['NetworkSettings'])];
  return {
    id: toId(row['Id']),
    labels: toTextMap(row['Labels']),
    stamp: JSON.stringify(parts.map((part) => (part instanceof Map ? [...part] : part))),
  };
}

/** The ID in the first bytes of a row that is too large to be read; `undefined`: there is none. */
export const idInHead = (head: string): string | undefined =>
  /"Id"\s*:\s*"([0-9a-f]{12,128})"/.exec(head)?.[1];

/** Throws `Error` with a clause if it is no inspection of a container whose ID begins so. */
export function parseInspected(text: string, beginning: string): Container {
  const body = toObject(JSON.parse(text));
  const id = toId(body['Id']);
  if (!id.startsWith(beginning)) throw new Error('the inspection is of another container');
  const config = toObject(body['Config']);
  const settings = toObject(body['NetworkSettings']);
  const name = toText(body['Name']).replace(/^\//, '');
  return {
    id,
    name: NAME.test(name) ? name : id.slice(0, SHORT_ID),
    image: utf8Head(Buffer.from(toText(config['Image'])), 255),
    labels: toTextMap(config['Labels']),
    env: toEnv(config['Env']),
    hasHostNetwork: toText(toObject(body['HostConfig'])['NetworkMode']) === 'host',
    ports: toPorts(settings['Ports'], config['ExposedPorts']),
    networks: addressesIn(settings),
    state: toState(body['State']),
  };
}

/** As many digits as engines show. */
export const SHORT_ID = 12;

/** `undefined`: it is nothing that registrations depend on. Throws `Error` with a clause if it is no event. */
export function parseEvent(line: string): ContainerEvent | undefined {
  const event = toObject(JSON.parse(line));
  const actor = toObject(event['Actor']);
  const attributes = toObject(actor['Attributes']);
  const said = toText(event['Action']);
  const action = said === 'died' ? 'die' : said; // as Podman's own API has it
  const type = toText(event['Type']);
  if (type === 'network' && /^(?:dis)?connect$/.test(action)) {
    const container = toText(attributes['container']);
    return ID.test(container) ? { id: container, action, exitCode: undefined } : undefined;
  }
  if (type !== 'container' || !MATTERS.test(action)) return undefined;
  const exitCode = toText(attributes['exitCode'] ?? attributes['containerExitCode']);
  return {
    id: toId(actor['ID']),
    action,
    exitCode: /^\d{1,3}$/.test(exitCode) ? Number(exitCode) : undefined,
  };
}

/** Each run of a HEALTHCHECK has three events of other kinds, which say nothing. */
const MATTERS =
  /^(?:start|die|died|oom|pause|unpause|restart|rename|update|destroy|remove|stop|health_status\b.*)$/;

/** Throws `Error` with a clause. */
function toId(value: unknown): string {
  const id = toText(value);
  if (!ID.test(id)) throw new Error('a container has no ID');
  return id;
}

/** What is no object is an empty one. */
const toObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};

const toText = (value: unknown): string => (typeof value === 'string' ? value : '');
const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const toTextMap = (value: unknown): Map<string, string> =>
  new Map(
    Object.entries(toObject(value)).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );

function toEnv(value: unknown): Map<string, string> {
  const env = new Map<string, string>();
  for (const one of toList(value).map(toText)) {
    const at = one.indexOf('=');
    if (at > 0) env.set(one.slice(0, at), one.slice(at + 1));
  }
  return env;
}

/** `"80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "32768" }]`; `null` or `{}`: it is not published. */
function toPorts(published: unknown, exposed: unknown): ContainerPort[] {
  const all = { ...toObject(exposed), ...toObject(published) };
  return Object.entries(all)
    .flatMap(([key, hosts]): ContainerPort[] => {
      const [, digits, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(key) ?? [];
      const port = toPort(digits);
      if (port === undefined) return [];
      return [
        {
          port,
          protocol: protocol as ContainerPort['protocol'],
          published: toList(hosts).flatMap(toHostPort),
        },
      ];
    })
    .sort((a, b) => (a.protocol === b.protocol ? a.port - b.port : a.protocol === 'tcp' ? -1 : 1));
}

function toHostPort(value: unknown): ContainerPort['published'] {
  const binding = toObject(value);
  const hostPort = toPort(binding['HostPort']);
  return hostPort === undefined ? [] : [{ hostIp: toText(binding['HostIp']), hostPort }];
}

function toPort(value: unknown): number | undefined {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

function addressesIn(settings: unknown): Map<string, string> {
  const networks = Object.entries(toObject(toObject(settings)['Networks']));
  return new Map(
    networks.flatMap(([name, value]): [string, string][] => {
      const network = toObject(value);
      const address = toText(network['IPAddress']) || toText(network['GlobalIPv6Address']);
      return address === '' ? [] : [[name, address]];
    }),
  );
}

function toState(value: unknown): ContainerState {
  const state = toObject(value);
  const status = toText(state['Status']);
  const { Health, ExitCode, OOMKilled } = state;
  return {
    kind: status === 'running' || status === 'paused' || status === 'restarting' ? status : 'ended',
    exitCode: typeof ExitCode === 'number' && Number.isInteger(ExitCode) ? ExitCode : 0,
    outOfMemory: OOMKilled === true,
    health: toHealth(Health),
  };
}

function toHealth(value: unknown): ContainerState['health'] {
  const health = toObject(value);
  const status = toText(health['Status']);
  if (status !== 'starting' && status !== 'healthy' && status !== 'unhealthy') return undefined;
  const output = toText(toObject(toList(health['Log']).at(-1))['Output']);
  return {
    status,
    output: utf8Head(Buffer.from(output.slice(0, MAX_HEALTH_OUTPUT)), MAX_HEALTH_OUTPUT).trim(),
  };
}
