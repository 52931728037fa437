/**
 * Parses a check as it is registered: the fields that all kinds share, their defaults and bounds. The fields of single
 * kinds are in check-types.ts.
 *
 * Source: Consul agent/structs/check_type.go, CheckType.Validate; agent/agent.go, addCheck.
 */

import { encodeUtf8 } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { formatDuration } from '../../config/setting.ts';
import type { CheckStatus } from '../../model/service.ts';
import {
  type CheckDefinition,
  type CheckProbe,
  NODE_MAINTENANCE,
  SERVICE_DRAINING,
  SERVICE_LEASE,
  SERVICE_MAINTENANCE,
  type UnscheduledKind,
} from '../types.ts';
import { PROBE_KEYS, type ProbeOptions, parseProbeFields } from './check-types.ts';
import {
  durationField,
  FieldError,
  type FieldPath,
  type Fields,
  inField,
  integerField,
  keySet,
  quoted,
  stringField,
  toFields,
} from './decode.ts';
import { type FieldNote, FOREIGN_KEYS, isBlank, noteNotKept } from './not-kept.ts';
import { invalidCheckError } from './refusals.ts';
import { validateRegistrationId } from './service.ts';

const MIN_INTERVAL = 1000;
/** No check answers in less: such a time was meant to have a unit. */
const MIN_TIMEOUT = 1;
const MIN_TTL = 1;
/** The longest time between two tries to hold a connection. */
const DEFAULT_HOLD_INTERVAL = 30_000;
const DEFAULT_TIMEOUT = 10_000;
const DEFAULT_EXEC_TIMEOUT = 30_000;
const MIN_DEREGISTER = 60_000;
const MAX_OUTPUT_BYTES = 4096;
/** Here, in the API of this agent. Gossip carries less, see `outbox.ts`. */
const MAX_NOTES_BYTES = 65_536;
const MAX_NAME_BYTES = 4096;
/** A check that runs every second would need 68 years to count so far. */
const MAX_THRESHOLD = 0x7fff_ffff;
/** Ids of checks that the agent makes itself. */
const RESERVED = new Set(['serfHealth', NODE_MAINTENANCE]);
const RESERVED_PREFIXES = [SERVICE_MAINTENANCE, SERVICE_DRAINING, SERVICE_LEASE];

const CHECK_KEYS = keySet(
  [
    'check_id id name notes status service_id interval timeout output_max_size',
    'success_before_passing failures_before_warning failures_before_critical',
    'deregister_critical_service_after',
    PROBE_KEYS,
  ].join(' '),
);

/** Values for fields that the registration leaves out. */
export interface CheckDefaults {
  readonly id: string;
  readonly name: string;
  readonly serviceId: string;
}

export interface ParseOptions extends ProbeOptions {
  /** Receives each value that Consul's API accepts although it cannot mean what it says. */
  onNote?(note: FieldNote): void;
}

export const toCheckFields = (value: unknown, what: string, path: FieldPath): Fields =>
  toFields(value, what, CHECK_KEYS, path, FOREIGN_KEYS);

/** All fields are zero values: Go clients send such an object for "no check". */
export const isBlankCheck = (fields: Fields): boolean => fields.values().every((value) => isBlank(value));

/** Throws `FieldError`: `Invalid check: …`, `Missing check name`, `Bad check status`. */
export function parseCheckFields(
  fields: Fields,
  defaults: CheckDefaults,
  options: ParseOptions = {},
): CheckDefinition {
  const times = new TimeReader(fields, options);
  const name = inField(fields, 'name', () => readName(fields, defaults));
  const probe = parseProbeFields(fields, options);
  noteUndialable(fields, probe, options);
  const check: CheckDefinition = {
    id: readId(fields, defaults, name),
    name,
    notes: inField(fields, 'notes', () => readNotes(fields)),
    serviceId: readServiceId(fields, defaults),
    probe,
    ...readTimes(fields, probe, times),
    initial: inField(fields, 'status', () => readStatus(stringField(fields, 'status'))),
    ...readThresholds(isScheduled(probe) ? fields : fields.peek()), // results of others are not counted
    deregisterCriticalAfter: times.atLeast('deregistercriticalserviceafter', MIN_DEREGISTER),
    outputMaxBytes: inField(fields, 'outputmaxsize', () => readOutputMax(fields, options)),
  };
  noteNotKept(
    fields,
    'a check',
    `it has no use in a check of this kind, which is ${probe.kind}`,
    options.onNote,
  );
  return check;
}

function readName(fields: Fields, defaults: CheckDefaults): string {
  const name = stringField(fields, 'name') || defaults.name;
  if (name === '') throw new FieldError('Missing check name', fields.path, 'a check must have a name');
  if (encodeUtf8(name).length > MAX_NAME_BYTES)
    throw invalidCheckError(`Name must be at most ${MAX_NAME_BYTES} bytes`);
  return name;
}

function readId(fields: Fields, defaults: CheckDefaults, name: string): string {
  const key = stringField(fields, 'checkid') === '' ? 'id' : 'checkid';
  const id = stringField(fields, key) || defaults.id || name;
  return inField(fields, key, () => {
    validateRegistrationId(id, 'Invalid check: CheckID');
    if (RESERVED.has(id) || RESERVED_PREFIXES.some((prefix) => id.startsWith(prefix)))
      throw invalidCheckError(`CheckID ${quoted(id)} is reserved for the agent`);
    return id;
  });
}

/** That of a check within a service is the service's own; another one is not kept. */
function readServiceId(fields: Fields, { serviceId }: CheckDefaults): string {
  if (serviceId !== '' && stringField(fields.peek(), 'serviceid') !== serviceId) return serviceId;
  return stringField(fields, 'serviceid');
}

function readNotes(fields: Fields): string {
  const notes = stringField(fields, 'notes');
  if (encodeUtf8(notes).length > MAX_NOTES_BYTES)
    throw invalidCheckError(`Notes must be at most ${MAX_NOTES_BYTES} bytes`);
  return notes;
}

/** Consul takes any text for an address: the check is critical then, whatever its target does. */
function noteUndialable(fields: Fields, probe: CheckProbe, { onNote }: ParseOptions): void {
  const isUrl = probe.kind === 'http';
  const isDialable = isUrl ? URL.canParse(probe.url) : !('target' in probe) || HOST_PORT.test(probe.target);
  if (isDialable) return;
  onNote?.({
    path: fields.get(probe.kind)?.path ?? fields.path,
    message: 'a check of this request will be critical: its address cannot be dialed',
    clause: isUrl ? 'must be a URL such as http://127.0.0.1:8080/health' : 'must be host:port',
  });
}

/** The port may be a name. */
const HOST_PORT = /^(?:\[[^\]]+\]|[^:[\]]+):[\w-]+$/;

/** Reads durations that have a least value, and notes those that are below it. */
class TimeReader {
  readonly #fields: Fields;
  readonly #options: ParseOptions;

  constructor(fields: Fields, options: ParseOptions) {
    this.#fields = fields;
    this.#options = options;
  }

  /** 0 when absent. A negative duration counts as absent, a shorter one is raised, as in Consul. */
  atLeast(name: string, min: Millis): Millis {
    const millis = durationField(this.#fields, name);
    if (millis < 0) this.#note(name, `is ignored, since it is negative`, 'must not be negative');
    if (millis > 0 && millis < min) this.#noteShort(name, `raised to ${formatDuration(min)}`, min);
    return millis > 0 ? Math.max(millis, min) : 0;
  }

  /** Notes a duration that no check can keep; Consul uses it nevertheless. */
  noteBelow(name: string, min: Millis): void {
    const millis = durationField(this.#fields, name);
    if (millis < 0) this.#note(name, 'is ignored, since it is negative', 'must not be negative');
    if (millis > 0 && millis < min) this.#noteShort(name, 'too short for any check', min);
  }

  #noteShort(name: string, outcome: string, min: Millis): void {
    const value = this.#fields.get(name)?.value;
    const unit = typeof value === 'number' ? ': a number is nanoseconds, so write a unit, such as 10s' : '';
    this.#note(name, `is ${outcome}${unit}`, `must be at least ${formatDuration(min)}${unit}`);
  }

  #note(name: string, outcome: string, clause: string): void {
    const field = this.#fields.get(name);
    const path = field?.path ?? this.#fields.path;
    this.#options.onNote?.({
      path,
      message: `${FIELD_NAMES[name]} of a check ${outcome}`,
      clause,
    });
  }
}

/** Fields with a least value, as Consul's API spells them. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  interval: 'Interval',
  timeout: 'Timeout',
  ttl: 'TTL',
  deregistercriticalserviceafter: 'DeregisterCriticalServiceAfter',
};

function readTimes(
  fields: Fields,
  probe: CheckProbe,
  times: TimeReader,
): { interval: Millis; timeout: Millis } {
  if (durationField(fields.peek(), 'interval') > 0 && durationField(fields.peek(), 'ttl') > 0)
    throw inFieldError(fields, 'interval', 'Interval and TTL cannot both be specified');
  if (probe.kind === 'ttl') times.noteBelow('ttl', MIN_TTL);
  if (!isScheduled(probe)) return { interval: 0, timeout: 0 };
  const isHold = probe.kind === 'hold';
  if (durationField(fields, 'interval') <= 0 && !isHold)
    throw inFieldError(fields, 'interval', 'Interval must be > 0 for all checks but TTL, alias and hold');
  times.noteBelow('timeout', MIN_TIMEOUT);
  const timeout = durationField(fields, 'timeout');
  const defaultTimeout = probe.kind === 'exec' ? DEFAULT_EXEC_TIMEOUT : DEFAULT_TIMEOUT;
  return {
    interval: times.atLeast('interval', MIN_INTERVAL) || (isHold ? DEFAULT_HOLD_INTERVAL : 0),
    timeout: timeout > 0 ? timeout : defaultTimeout,
  };
}

const inFieldError = (fields: Fields, name: string, detail: string): FieldError =>
  new FieldError(`Invalid check: ${detail}`, fields.get(name)?.path ?? fields.path);

/** The check is run at intervals, by a runner of the shell. */
export const isScheduled = (probe: CheckProbe): probe is Exclude<CheckProbe, { kind: UnscheduledKind }> =>
  !UNSCHEDULED.has(probe.kind);

const UNSCHEDULED: ReadonlySet<string> = new Set<UnscheduledKind>([
  'ttl',
  'alias',
  'reported',
  'maintenance',
  'lease',
]);

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
  const read = (name: string, label: string): number =>
    inField(fields, name, () => {
      const value = integerField(fields, name);
      if (value < 0 || value > MAX_THRESHOLD)
        throw invalidCheckError(`${label} must be 0 to ${MAX_THRESHOLD}`);
      return value;
    });
  const critical = Math.max(1, read('failuresbeforecritical', 'FailuresBeforeCritical'));
  const warning = read('failuresbeforewarning', 'FailuresBeforeWarning');
  if (warning > critical)
    throw inFieldError(
      fields,
      'failuresbeforewarning',
      "FailuresBeforeWarning can't be higher than FailuresBeforeCritical",
    );
  return {
    successBeforePassing: Math.max(1, read('successbeforepassing', 'SuccessBeforePassing')),
    failuresBeforeWarning: warning === 0 ? critical : warning,
    failuresBeforeCritical: critical,
  };
}

function readOutputMax(fields: Fields, options: ParseOptions): number {
  const bytes = integerField(fields, 'outputmaxsize');
  if (bytes < 0) throw invalidCheckError('OutputMaxSize must not be negative');
  if (bytes > MAX_OUTPUT_BYTES)
    options.onNote?.({
      path: fields.get('outputmaxsize')?.path ?? fields.path,
      message: `OutputMaxSize of a check is reduced to ${MAX_OUTPUT_BYTES}`,
      clause: `must be at most ${MAX_OUTPUT_BYTES}`,
    });
  return bytes === 0 ? MAX_OUTPUT_BYTES : Math.min(bytes, MAX_OUTPUT_BYTES);
}
