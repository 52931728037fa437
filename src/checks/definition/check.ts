/**
 * Parses a check as it is registered: the fields that all kinds share, their defaults and bounds. The fields of single
 * kinds are in check-types.ts.
 *
 * Source: Consul agent/structs/check_type.go, CheckType.Validate; agent/agent.go, addCheck.
 */

import { encodeUtf8 } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckStatus } from '../../model/service.ts';
import {
  type CheckDefinition,
  type CheckProbe,
  NODE_MAINTENANCE,
  SERVICE_DRAINING,
  SERVICE_MAINTENANCE,
} from '../types.ts';
import { PROBE_KEYS, parseProbeFields } from './check-types.ts';
import { durationField, type Fields, integerField, quoted, stringField, toFields } from './decode.ts';
import { invalidCheckError } from './refusals.ts';
import { validateRegistrationId } from './service.ts';

const MIN_INTERVAL = 1000;
const DEFAULT_TIMEOUT = 10_000;
const DEFAULT_EXEC_TIMEOUT = 30_000;
const MIN_DEREGISTER = 60_000;
const MAX_OUTPUT_BYTES = 4096;
const MAX_NOTES_BYTES = 1024;
const MAX_NAME_BYTES = 512;
/** A check that runs every second would need 68 years to count so far. */
const MAX_THRESHOLD = 0x7fff_ffff;
/** Ids of checks that the agent makes itself. */
const RESERVED = new Set(['serfHealth', NODE_MAINTENANCE]);

const CHECK_KEYS: ReadonlySet<string> = new Set([
  ...'checkid id name notes status serviceid interval timeout outputmaxsize'.split(' '),
  ...'successbeforepassing failuresbeforewarning failuresbeforecritical'.split(' '),
  'deregistercriticalserviceafter',
  ...PROBE_KEYS,
]);

/** Values for fields that the registration leaves out. */
export interface CheckDefaults {
  readonly id: string;
  readonly name: string;
  readonly serviceId: string;
}

export interface ParseOptions {
  /** The name of this node, which an alias check may name. */
  readonly node?: string;
}

export const toCheckFields = (value: unknown, what: string): Fields => toFields(value, what, CHECK_KEYS);

/** All fields are zero values: Go clients send such an object for "no check". */
export const isBlankCheck = (fields: Fields): boolean =>
  [...fields.values()].every(({ value }) => value === '' || value === 0 || value === false || isEmpty(value));

/** Throws `AgentError('badRequest')`: `Invalid check: …`, `Missing check name`, `Bad check status`. */
export function parseCheckFields(
  fields: Fields,
  defaults: CheckDefaults,
  options: ParseOptions = {},
): CheckDefinition {
  const name = stringField(fields, 'name') || defaults.name;
  if (name === '') throw new AgentError('badRequest', 'Missing check name');
  if (encodeUtf8(name).length > MAX_NAME_BYTES)
    throw invalidCheckError(`Name must be at most ${MAX_NAME_BYTES} bytes`);
  const id = stringField(fields, 'checkid') || stringField(fields, 'id') || defaults.id || name;
  validateRegistrationId(id, 'Invalid check: CheckID');
  if (RESERVED.has(id) || id.startsWith(SERVICE_MAINTENANCE) || id.startsWith(SERVICE_DRAINING))
    throw invalidCheckError(`CheckID ${quoted(id)} is reserved for the agent`);
  const notes = stringField(fields, 'notes');
  if (encodeUtf8(notes).length > MAX_NOTES_BYTES)
    throw invalidCheckError(`Notes must be at most ${MAX_NOTES_BYTES} bytes`);
  const probe = parseProbeFields(fields, options);
  return {
    id,
    name,
    notes,
    serviceId: defaults.serviceId || stringField(fields, 'serviceid'),
    probe,
    ...readTimes(fields, probe),
    initial: readStatus(stringField(fields, 'status')),
    ...readThresholds(fields),
    deregisterCriticalAfter: readDeregister(fields),
    outputMaxBytes: readOutputMax(fields),
  };
}

function readTimes(fields: Fields, probe: CheckProbe): { interval: Millis; timeout: Millis } {
  const interval = durationField(fields, 'interval');
  if (interval > 0 && durationField(fields, 'ttl') > 0)
    throw invalidCheckError('Interval and TTL cannot both be specified');
  if (!isScheduled(probe)) return { interval: 0, timeout: 0 };
  if (interval <= 0) throw invalidCheckError('Interval must be > 0 for all checks but TTL and alias');
  const timeout = durationField(fields, 'timeout');
  const defaultTimeout = probe.kind === 'exec' ? DEFAULT_EXEC_TIMEOUT : DEFAULT_TIMEOUT;
  return { interval: Math.max(interval, MIN_INTERVAL), timeout: timeout > 0 ? timeout : defaultTimeout };
}

/** The check is run at intervals, by a runner of the shell. */
export const isScheduled = (
  probe: CheckProbe,
): probe is Exclude<CheckProbe, { kind: 'ttl' | 'alias' | 'maintenance' }> =>
  probe.kind !== 'ttl' && probe.kind !== 'alias' && probe.kind !== 'maintenance';

function readStatus(status: string): CheckStatus {
  if (status === '') return 'critical';
  if (status === 'passing' || status === 'warning' || status === 'critical') return status;
  throw new AgentError(
    'badRequest',
    `Bad check status ${quoted(status)}: must be passing, warning or critical`,
  );
}

/** With a threshold of 0 or 1 the first result counts. */
function readThresholds(
  fields: Fields,
): Pick<CheckDefinition, 'successBeforePassing' | 'failuresBeforeWarning' | 'failuresBeforeCritical'> {
  const read = (name: string, label: string): number => {
    const value = integerField(fields, name);
    if (value < 0 || value > MAX_THRESHOLD) throw invalidCheckError(`${label} must be 0 to ${MAX_THRESHOLD}`);
    return value;
  };
  const critical = Math.max(1, read('failuresbeforecritical', 'FailuresBeforeCritical'));
  const warning = read('failuresbeforewarning', 'FailuresBeforeWarning');
  if (warning > critical)
    throw invalidCheckError("FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
  return {
    successBeforePassing: Math.max(1, read('successbeforepassing', 'SuccessBeforePassing')),
    failuresBeforeWarning: warning === 0 ? critical : warning,
    failuresBeforeCritical: critical,
  };
}

function readDeregister(fields: Fields): Millis {
  const after = durationField(fields, 'deregistercriticalserviceafter');
  return after > 0 ? Math.max(after, MIN_DEREGISTER) : 0;
}

function readOutputMax(fields: Fields): number {
  const bytes = integerField(fields, 'outputmaxsize');
  if (bytes < 0) throw invalidCheckError('OutputMaxSize must not be negative');
  return bytes === 0 ? MAX_OUTPUT_BYTES : Math.min(bytes, MAX_OUTPUT_BYTES);
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
