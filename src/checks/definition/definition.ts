/**
 * Parses registrations in the JSON shape of Consul's API, from HTTP, files and snapshots, into definitions. The fields
 * of services are in service.ts, those of checks in check.ts.
 */

import type { ServiceDefinition } from '../../model/service.ts';
import type { CheckDefinition } from '../types.ts';
import {
  type CheckDefaults,
  isBlankCheck,
  type ParseOptions,
  parseCheckFields,
  toCheckFields,
} from './check.ts';
import { listField, normalizeKey, objectEntries, requestDecodeError, toFields } from './decode.ts';
import { parseServiceFields, SERVICE_KEYS } from './service.ts';

export type { ParseOptions } from './check.ts';

export interface Registration {
  readonly service: ServiceDefinition;
  readonly checks: readonly CheckDefinition[];
}

/**
 * The body of `/v1/agent/service/register`. One invalid check refuses the whole registration (R6).
 * Throws `AgentError('badRequest')`.
 *
 * Source: Consul agent/structs/service_definition.go, CheckTypes; agent/agent.go, addServiceInternal (ids, names).
 */
export function parseService(value: unknown, options: ParseOptions = {}): Registration {
  const fields = toFields(value, 'a service', SERVICE_KEYS);
  const service = parseServiceFields(fields);
  const single = fields.get('check');
  const all = listField(fields, 'checks').map((element) => toCheckFields(element, 'an element of Checks'));
  if (single !== undefined) {
    const check = toCheckFields(single.value, single.key);
    if (!isBlankCheck(check)) all.unshift(check);
  }
  const checks = new Map<string, CheckDefinition>(); // of two with the same id the last counts, as in Consul
  all.forEach((fields, i) => {
    const check = parseCheckFields(
      fields,
      checkDefaults(service, all.length > 1 ? `:${i + 1}` : ''),
      options,
    );
    checks.set(check.id, check);
  });
  return { service, checks: [...checks.values()] };
}

/** The body of `/v1/agent/check/register`. Throws `AgentError('badRequest')`. */
export function parseCheck(value: unknown, options: ParseOptions = {}): CheckDefinition {
  return parseCheckFields(toCheckFields(value, 'a check'), { id: '', name: '', serviceId: '' }, options);
}

/** The content of a file: one service, bare or under `service`, or several under `services`. */
export function parseServiceFile(value: unknown, options: ParseOptions = {}): Registration[] {
  const entries = objectEntries(value, 'the file').filter(([, inner]) => inner !== null);
  const wrapped = entries.filter(([key]) => WRAPPERS.has(normalizeKey(key)));
  if (wrapped.length === 0) return [parseService(value, options)];
  const unknown = entries.find(([key]) => !WRAPPERS.has(normalizeKey(key)));
  if (unknown !== undefined) throw requestDecodeError(`json: unknown field ${JSON.stringify(unknown[0])}`);
  const fields = toFields(value, 'the file', WRAPPERS);
  const single = fields.get('service');
  const all = listField(fields, 'services');
  return (single === undefined ? all : [single.value, ...all]).map((service) =>
    parseService(service, options),
  );
}

const WRAPPERS: ReadonlySet<string> = new Set(['service', 'services']);

const checkDefaults = ({ id, name }: ServiceDefinition, suffix: string): CheckDefaults => ({
  id: `service:${id}${suffix}`,
  name: `Service '${name}' check`,
  serviceId: id,
});
