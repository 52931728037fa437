/**
 * Parses the body of `/v1/catalog/register`: a node that is no member, with a service and checks of it. What a check runs
 * stands in its `Definition`, as for Consul's own external service monitor; without one its status is what is registered.
 *
 * Source: Consul HTTP API, "Register Entity"; agent/structs, RegisterRequest, HealthCheckDefinition.
 */
import { AgentError } from '../../base/errors.ts';
import type { ServiceDefinition } from '../../model/service.ts';
import type { ExternalCheck, ExternalRegistration } from '../types.ts';
import { isBlankCheck, type ParseOptions, parseCheckFields, toCheckFields } from './check.ts';
import {
  booleanField,
  type FieldPath,
  type Fields,
  keySet,
  listField,
  normalizeKey,
  objectEntries,
  stringField,
  stringMapField,
  toFields,
} from './decode.ts';
import { parseService } from './definition.ts';
import { FOREIGN_KEYS, isBlank, noteNotKept } from './not-kept.ts';

const NODE_KEYS = keySet(
  'node address id datacenter tagged_addresses node_meta service check checks skip_node_update',
);
/** Keys of a check that Consul fills in itself, and the node, which stands in the registration already. */
const DERIVED = new Set(['node', 'servicename', 'servicetags']);

export interface NodeRegistration extends ExternalRegistration {
  /** `''`: that of the agent. */
  readonly datacenter: string;
}

/** Throws `AgentError`; `FieldError` where a field is at fault. */
export function parseNodeRegistration(value: unknown, options: ParseOptions = {}): NodeRegistration {
  const fields = toFields(value, 'the body', NODE_KEYS, [], FOREIGN_KEYS);
  const name = stringField(fields, 'node');
  const address = stringField(fields, 'address');
  const keepNode = booleanField(fields, 'skipnodeupdate');
  if (name === '' || (address === '' && !keepNode))
    throw new AgentError('badRequest', 'Must provide node and address');
  const service = readService(fields, options);
  const checks = readChecks(fields, service, options);
  const node: ExternalRegistration['node'] = {
    ...{ kind: 'node', name, address, id: stringField(fields, 'id') },
    taggedAddresses: stringMapField(fields, 'taggedaddresses'),
    meta: stringMapField(fields, 'nodemeta'),
  };
  const datacenter = stringField(fields, 'datacenter');
  noteNotKept(fields, 'a node', 'it has no meaning here', options.onNote);
  return { node, keepNode, service, checks, datacenter };
}

/** The name of the service is in the field `Service`; Go's clients send weights of 0 for the default. */
function readService(fields: Fields, options: ParseOptions): ServiceDefinition | undefined {
  const field = fields.get('service');
  if (field === undefined || isBlank(field.value)) return undefined;
  const renamed: Record<string, unknown> = {};
  for (const [key, value] of objectEntries(field.value, field.key, field.path)) {
    const name = normalizeKey(key);
    if (name === 'weights' && isBlank(value)) continue;
    renamed[name === 'service' ? 'Name' : key] = value;
  }
  return parseService(renamed, options).service;
}

function readChecks(
  fields: Fields,
  service: ServiceDefinition | undefined,
  options: ParseOptions,
): readonly ExternalCheck[] {
  const single = fields.get('check');
  const all = [
    ...(single === undefined ? [] : [{ value: single.value, path: single.path }]),
    ...listField(fields, 'checks'),
  ];
  return all.flatMap(({ value, path }) => readCheck(value, path, service, options) ?? []);
}

function readCheck(
  value: unknown,
  path: FieldPath,
  service: ServiceDefinition | undefined,
  options: ParseOptions,
): ExternalCheck | undefined {
  const flat = new Map<string, unknown>();
  let [definition, output]: [unknown, unknown] = [undefined, ''];
  for (const [key, inner] of objectEntries(value, 'a check', path)) {
    const name = normalizeKey(key);
    if (name === 'definition') definition = inner;
    else if (name === 'output') output = inner;
    else if (!DERIVED.has(name)) flat.set(key, inner);
  }
  const runs = definition !== undefined && !isBlank(definition);
  if (runs)
    for (const [key, inner] of objectEntries(definition, 'Definition', path)) {
      const name = normalizeKey(key);
      if (!isBlank(inner))
        flat.set(name.endsWith('duration') ? name.slice(0, -'duration'.length) : key, inner);
    }
  const check = toCheckFields(Object.fromEntries(flat), 'a check', path);
  if (isBlankCheck(check)) return undefined;
  const defaults = {
    id: '',
    name: service === undefined ? '' : `Service '${service.name}' check`,
    serviceId: '',
  };
  const parsed = parseCheckFields(check, defaults, { ...options, ...(runs ? {} : { mayReport: true }) });
  return { definition: parsed, output: typeof output === 'string' ? output : '' };
}
