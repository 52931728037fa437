/**
 * What people wrote for other programs, and what counts here as well: registrator's `SERVICE_…` labels and variables,
 * Traefik's labels, the labels of compose.
 *
 * Source: registrator's documentation, "Service Object"; Traefik's documentation, providers Docker and Consul Catalog.
 */
import type { Container } from './container.ts';
import { type CheckLabel, type RequestedService, type RequestedServices, splitList } from './labels.ts';

type Labels = ReadonlyMap<string, string>;

const COMPOSE_SERVICE = 'com.docker.compose.service';
const COMPOSE_PROJECT = 'com.docker.compose.project';
const TRAEFIK_PORT = /^traefik\.(?:http|tcp|udp)\.services\.[^.]+\.loadbalancer\.server\.port$/i;

export const isForeignLabel = (key: string): boolean =>
  /^(?:traefik\.|SERVICE_)/.test(key) || key === COMPOSE_SERVICE || key === COMPOSE_PROJECT;

export const composeService = (labels: Labels): string | undefined => labels.get(COMPOSE_SERVICE);
export const composeProject = (labels: Labels): string | undefined => labels.get(COMPOSE_PROJECT);

/** The port of the container that Traefik's labels name. */
export function traefikPort(labels: Labels): number | undefined {
  for (const [key, value] of labels)
    if (TRAEFIK_PORT.test(key) && /^\d{1,5}$/.test(value)) return Number(value);
  return undefined;
}

/**
 * Traefik's labels as the tags that its Consul provider reads. A port in them is one of the container, while that provider dials what
 * the tag says, so `toReachable` translates it to the port that other hosts reach.
 */
export function traefikTags(labels: Labels, toReachable: (port: number) => number | undefined): string[] {
  return [...labels].flatMap(([key, value]) => {
    if (!key.startsWith('traefik.') || key.startsWith('traefik.docker.')) return [];
    if (!TRAEFIK_PORT.test(key)) return [`${key}=${value}`];
    const port = toReachable(Number(value));
    return port === undefined ? [] : [`${key}=${port}`];
  });
}

/** Variables that count. Others of such a name may hold secrets, and are none of registrator's business here. */
const VARIABLE = /^SERVICE_(?:\d{1,5}_)?(?:NAME|TAGS|IGNORE|CHECK_(?:HTTP|TCP|INTERVAL|TIMEOUT))$/;

/** One service for each of these ports of the container. Labels win over variables. `undefined`: registrator's were not used. */
export function readRegistrator(
  { labels, env }: Container,
  ports: readonly number[],
  defaultName: string,
): RequestedServices | undefined {
  const values = new Map<string, string>([
    ...[...env].filter(([key]) => VARIABLE.test(key)),
    ...[...labels].filter(([key]) => key.startsWith('SERVICE_')),
  ]);
  if (values.size === 0) return undefined;
  const problems: string[] = [];
  const shared = values.get('SERVICE_NAME') ?? defaultName;
  const services = ports
    .filter((port) => !values.has(`SERVICE_${port}_IGNORE`))
    .map((port) => readPortService(port, values, ports.length > 1 ? `${shared}-${port}` : shared, problems));
  return { services, problems: [...new Set(problems)] };
}

function readPortService(
  port: number,
  values: Labels,
  defaultName: string,
  problems: string[],
): RequestedService {
  const fields = fieldsOf(port, values);
  const check = new Map<CheckLabel, string>();
  const meta = new Map<string, string>();
  for (const [field, value] of fields) {
    if (field === 'NAME' || field === 'TAGS' || field === 'ID' || field === 'IGNORE') continue;
    const kind = CHECKS[field];
    if (kind !== undefined) check.set(kind, value);
    else if (field.startsWith('CHECK_'))
      problems.push(
        `SERVICE_${field}: such a check is not run here: use SERVICE_CHECK_HTTP or SERVICE_CHECK_TCP`,
      );
    else meta.set(field.toLowerCase(), value);
  }
  const name = values.get(`SERVICE_${port}_NAME`) ?? defaultName;
  const tags = splitList(fields.get('TAGS') ?? '');
  return { key: String(port), name, port, ports: [], tags, meta, weight: undefined, check };
}

const CHECKS: Readonly<Record<string, CheckLabel>> = {
  CHECK_HTTP: 'http',
  CHECK_TCP: 'tcp',
  CHECK_INTERVAL: 'interval',
  CHECK_TIMEOUT: 'timeout',
};

/** `SERVICE_80_TAGS` wins over `SERVICE_TAGS`; those of other ports do not count. */
function fieldsOf(port: number, values: Labels): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [key, value] of values) {
    const [, digits, field = ''] = /^SERVICE_(?:(\d{1,5})_)?(.+)$/.exec(key) ?? [];
    if (digits === undefined && field !== '' && !fields.has(field)) fields.set(field, value);
    else if (digits === String(port)) fields.set(field, value);
  }
  return fields;
}
