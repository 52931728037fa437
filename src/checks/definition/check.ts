/**
 * A check as people register it: what all kinds share, with its defaults and bounds. What belongs to one kind is
 * in probes.ts.
 *
 * Source: Consul agent/structs/check_type.go, CheckType.Validate; agent/agent.go, addCheck.
 */

import { utf8 } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckStatus } from '../../model/service.ts';
import { type CheckDefinition, NODE_MAINTENANCE, type Probe, SERVICE_MAINTENANCE } from '../types.ts';
import { PROBE_KEYS, readProbe } from './check-types.ts';
import { durationOf, type Fields, fieldsOf, intOf, quoted, textOf } from './decode.ts';
import { checkId } from './service.ts';

const MIN_INTERVAL = 1000;
const DEFAULT_TIMEOUT = 10_000;
const DEFAULT_EXEC_TIMEOUT = 30_000;
const MIN_DEREGISTER = 60_000;
const MAX_OUTPUT_BYTES = 4096;
const MAX_NOTES_BYTES = 1024;
const MAX_NAME_BYTES = 512;
/** About 68 years in seconds; a counter of runs never gets there. */
const MAX_THRESHOLD = 0x7fff_ffff;
/** The node's own health belongs to membership. */
const RESERVED = new Set(['serfHealth', NODE_MAINTENANCE]);

const CHECK_KEYS: ReadonlySet<string> = new Set([
  ...'checkid id name notes status serviceid interval timeout outputmaxsize'.split(' '),
  ...'successbeforepassing failuresbeforewarning failuresbeforecritical'.split(' '),
  'deregistercriticalserviceafter',
  ...PROBE_KEYS,
]);

/** What is filled in where the registration says nothing. */
export interface CheckDefaults {
  readonly id: string;
  readonly name: string;
  readonly serviceId: string;
}

export interface ParseOptions {
  /** This node's name: an alias of this very node is understood. */
  readonly node?: string;
}

export const checkFields = (value: unknown, what: string): Fields => fieldsOf(value, what, CHECK_KEYS);

/** No field says anything: Go clients send such an object for "no check". */
export const saysNothing = (fields: Fields): boolean =>
  [...fields.values()].every(({ value }) => value === '' || value === 0 || value === false || isEmpty(value));

/** Throws `AgentError('badRequest')`: `Invalid check: …`, `Missing check name`, `Bad check status`. */
export function readCheck(
  fields: Fields,
  defaults: CheckDefaults,
  options: ParseOptions = {},
): CheckDefinition {
  const name = textOf(fields, 'name') || defaults.name;
  if (name === '') throw new AgentError('badRequest', 'Missing check name');
  if (utf8(name).length > MAX_NAME_BYTES) throw invalid(`Name must be at most ${MAX_NAME_BYTES} bytes`);
  const id = textOf(fields, 'checkid') || textOf(fields, 'id') || defaults.id || name;
  checkId(id, 'Invalid check: CheckID');
  if (RESERVED.has(id) || id.startsWith(SERVICE_MAINTENANCE))
    throw invalid(`CheckID ${quoted(id)} is kept for the agent's own use`);
  const notes = textOf(fields, 'notes');
  if (utf8(notes).length > MAX_NOTES_BYTES) throw invalid(`Notes must be at most ${MAX_NOTES_BYTES} bytes`);
  const probe = readProbe(fields, options);
  return {
    id,
    name,
    notes,
    serviceId: defaults.serviceId || textOf(fields, 'serviceid'),
    probe,
    ...readTimes(fields, probe),
    initial: readStatus(textOf(fields, 'status')),
    ...readThresholds(fields),
    deregisterCriticalAfter: readDeregister(fields),
    outputMaxBytes: readOutputMax(fields),
  };
}

/** `Invalid check: …`: a combination of fields that makes no check. */
export const invalid = (detail: string): AgentError =>
  new AgentError('badRequest', `Invalid check: ${detail}`);

function readTimes(fields: Fields, probe: Probe): { interval: Millis; timeout: Millis } {
  const interval = durationOf(fields, 'interval');
  if (interval > 0 && durationOf(fields, 'ttl') > 0)
    throw invalid('Interval and TTL cannot both be specified');
  if (!isScheduled(probe)) return { interval: 0, timeout: 0 };
  if (interval <= 0) throw invalid('Interval must be > 0 for all checks but TTL and alias');
  const timeout = durationOf(fields, 'timeout');
  const usual = probe.kind === 'exec' ? DEFAULT_EXEC_TIMEOUT : DEFAULT_TIMEOUT;
  return { interval: Math.max(interval, MIN_INTERVAL), timeout: timeout > 0 ? timeout : usual };
}

/** Has a timetable and a runner. */
export const isScheduled = (
  probe: Probe,
): probe is Exclude<Probe, { kind: 'ttl' | 'alias' | 'maintenance' }> =>
  probe.kind !== 'ttl' && probe.kind !== 'alias' && probe.kind !== 'maintenance';

function readStatus(status: string): CheckStatus {
  if (status === '') return 'critical';
  if (status === 'passing' || status === 'warning' || status === 'critical') return status;
  throw new AgentError(
    'badRequest',
    `Bad check status ${quoted(status)}: must be passing, warning or critical`,
  );
}

/** A threshold of 0 or 1 is none: the first result in a row counts. */
function readThresholds(
  fields: Fields,
): Pick<CheckDefinition, 'successBeforePassing' | 'failuresBeforeWarning' | 'failuresBeforeCritical'> {
  const read = (name: string, words: string): number => {
    const value = intOf(fields, name);
    if (value < 0 || value > MAX_THRESHOLD) throw invalid(`${words} must be 0 to ${MAX_THRESHOLD}`);
    return value;
  };
  const critical = Math.max(1, read('failuresbeforecritical', 'FailuresBeforeCritical'));
  const warning = read('failuresbeforewarning', 'FailuresBeforeWarning');
  if (warning > critical) throw invalid("FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
  return {
    successBeforePassing: Math.max(1, read('successbeforepassing', 'SuccessBeforePassing')),
    failuresBeforeWarning: warning === 0 ? critical : warning,
    failuresBeforeCritical: critical,
  };
}

function readDeregister(fields: Fields): Millis {
  const after = durationOf(fields, 'deregistercriticalserviceafter');
  return after > 0 ? Math.max(after, MIN_DEREGISTER) : 0;
}

function readOutputMax(fields: Fields): number {
  const bytes = intOf(fields, 'outputmaxsize');
  if (bytes < 0) throw invalid('OutputMaxSize must be positive');
  return bytes === 0 ? MAX_OUTPUT_BYTES : Math.min(bytes, MAX_OUTPUT_BYTES);
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
