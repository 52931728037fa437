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
import { FieldError, type FieldPath, type Fields, listField, toFields } from './decode.ts';
import { FOREIGN_KEYS, noteNotKept } from './not-kept.ts';
import { parseServiceFields, SERVICE_KEYS } from './service.ts';

export type { ParseOptions } from './check.ts';
export type { FieldNote } from './not-kept.ts';

export interface Registration {
  readonly service: ServiceDefinition;
  readonly checks: readonly CheckDefinition[];
}

/**
 * The body of `/v1/agent/service/register`. One invalid check refuses the whole registration (R6). Throws `FieldError`. With
 * `onError` invalid checks are reported there and left out, so that a file has all its errors told at once.
 *
 * Source: Consul agent/structs/service_definition.go, CheckTypes; agent/agent.go, addServiceInternal (ids, names).
 */
export function parseService(
  value: unknown,
  options: ParseOptions = {},
  onError?: (error: FieldError) => void,
): Registration {
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (onError === undefined || !(error instanceof FieldError)) throw error;
      onError(error);
      return undefined;
    }
  };
  const fields = toFields(value, 'a service', SERVICE_KEYS, [], FOREIGN_KEYS);
  const service = parseServiceFields(fields);
  const all = checkFieldsIn(fields, attempt);
  const checks = new Map<string, CheckDefinition>(); // of two with the same id the last counts, as in Consul
  all.forEach((one, i) => {
    const defaults = checkDefaults(service, all.length > 1 ? `:${i + 1}` : '');
    const check = attempt(() => parseCheckFields(one, defaults, options));
    if (check === undefined) return;
    if (checks.has(check.id)) noteRepeatedId(check.id, one.path, options);
    checks.set(check.id, check);
  });
  attempt(() => noteNotKept(fields, 'a service', 'it has no meaning here', options.onNote));
  return { service, checks: [...checks.values()] };
}

/** The body of `/v1/agent/check/register`. Throws `FieldError`. */
export function parseCheck(value: unknown, options: ParseOptions = {}): CheckDefinition {
  return parseCheckFields(toCheckFields(value, 'a check', []), { id: '', name: '', serviceId: '' }, options);
}

/** Those of `check` come first. */
function checkFieldsIn(
  fields: Fields,
  attempt: (read: () => Fields) => Fields | undefined,
): readonly Fields[] {
  const single = fields.get('check');
  const first =
    single === undefined ? undefined : attempt(() => toCheckFields(single.value, single.key, single.path));
  const rest = listField(fields, 'checks').map(({ value, path }) =>
    attempt(() => toCheckFields(value, 'an element of Checks', path)),
  );
  return [first !== undefined && isBlankCheck(first) ? undefined : first, ...rest].filter(
    (one) => one !== undefined,
  );
}

function noteRepeatedId(id: string, path: FieldPath, { onNote }: ParseOptions): void {
  const check = JSON.stringify(id);
  onNote?.({
    path,
    message: 'of several checks with one CheckID only the last is registered',
    clause: `another check of this service has the ID ${check}`,
  });
}

const checkDefaults = ({ id, name }: ServiceDefinition, suffix: string): CheckDefaults => ({
  id: `service:${id}${suffix}`,
  name: `Service '${name}' check`,
  serviceId: id,
});
