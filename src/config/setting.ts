/** How a setting is declared, and the kinds for durations, numbers and switches. Kinds of text are in text.ts. */

/** One setting. `parse` takes the raw value of a flag, a variable or a file, and throws `Error` with a clause. */
export interface Setting<T> {
  readonly type:
    | 'duration'
    | 'int'
    | 'number'
    | 'flag'
    | 'text'
    | 'list'
    | 'map'
    | 'choice'
    | 'address'
    | 'handlers'
    | 'jobs';
  readonly default: T;
  readonly doc: string;
  readonly source?: string;
  /** Placeholder of the value in help texts: `ADDR[:PORT]`. */
  readonly placeholder: string;
  /** Limits or possible values, for the documentation: `10ms and more`. */
  readonly bounds?: string;
  /** The default in words, if it is computed: `the host's name`. */
  readonly defaultText?: string;
  /** A secret is read from the environment only, and never printed. */
  readonly secret?: true;
  /** A reload applies it while the agent runs; others need a restart. */
  readonly reloads?: true;
  /** The setting is only read from a file that no other user can write: no flag, no variable. */
  readonly fileOnly?: true;
  /** What `--no-NAME` does, for a switch that is on by default. */
  readonly offDoc?: string;
  parse(raw: unknown): T;
  /** The value as a user would write it in a file. */
  format(value: T): string;
}

/** An error inside a value; `path` has the keys and positions from the setting on. */
export class SettingPathError extends Error {
  readonly path: readonly (string | number)[];

  constructor(at: readonly (string | number)[], clause: string) {
    super(clause);
    this.path = at;
  }
}

export type Section = Readonly<Record<string, Setting<unknown>>>;
type Value<S> = S extends Setting<infer T> ? T : never;
/** The values of a section as a readonly object. Durations are milliseconds. */
export type SettingValues<S> = { readonly [K in keyof S]: Value<S[K]> };

export const defineSection = <const S extends Section>(settings: S): S => settings;

/** The defaults of a section, overridden by `values`. For tests and simulations. */
export function withDefaults<const S extends Section>(
  settings: S,
  values: Partial<SettingValues<S>> = {},
): SettingValues<S> {
  const out: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings)) out[key] = setting.default;
  return { ...out, ...values } as SettingValues<S>;
}

/** Options of every kind of setting. */
export interface SettingOptions<T> {
  readonly default: T;
  readonly doc: string;
  readonly source?: string;
  readonly placeholder?: string;
  readonly defaultText?: string;
  readonly reloads?: true;
}

/** The fields of a setting that do not depend on its kind. */
export function commonFields(options: Omit<SettingOptions<unknown>, 'default'>, placeholder: string) {
  return {
    doc: options.doc,
    ...(options.source === undefined ? {} : { source: options.source }),
    ...(options.defaultText === undefined ? {} : { defaultText: options.defaultText }),
    ...(options.reloads === undefined ? {} : { reloads: options.reloads }),
    placeholder: options.placeholder ?? placeholder,
  };
}

/** A Go duration with unit (`500ms`, `1m30s`), parsed to milliseconds. */
export function durationSetting(
  options: Omit<SettingOptions<number>, 'default'> & { default: string; min?: string; max?: string },
): Setting<number> {
  const min = options.min === undefined ? 0 : parseDuration(options.min);
  const max = options.max === undefined ? Number.MAX_SAFE_INTEGER : parseDuration(options.max);
  return {
    type: 'duration',
    default: parseDuration(options.default),
    ...commonFields(options, 'DURATION'),
    bounds: boundsOf(min, max, formatDuration),
    parse: (raw) => {
      if (typeof raw !== 'string') throw new Error('must be a duration such as 500ms or 1m30s');
      return within(parseDuration(raw), min, max, formatDuration);
    },
    format: formatDuration,
  };
}

export function integerSetting(
  options: SettingOptions<number> & { min?: number; max?: number },
): Setting<number> {
  const min = options.min ?? 0;
  const max = options.max ?? Number.MAX_SAFE_INTEGER;
  return {
    type: 'int',
    default: options.default,
    ...commonFields(options, 'N'),
    bounds: boundsOf(min, max, String),
    parse: (raw) => {
      const value = typeof raw === 'string' && /^-?\d+$/.test(raw) ? Number(raw) : raw;
      if (typeof value !== 'number' || !Number.isSafeInteger(value))
        throw new Error('must be a whole number');
      return within(value, min, max, String);
    },
    format: String,
  };
}

/** A switch that is on by default also says what switching it off does. */
type SwitchOptions = SettingOptions<boolean> &
  ({ readonly default: false } | { readonly default: true; readonly offDoc: string });

export function booleanSetting(options: SwitchOptions): Setting<boolean> {
  return {
    type: 'flag',
    default: options.default,
    ...(options.default ? { offDoc: options.offDoc } : {}),
    ...commonFields(options, ''),
    bounds: 'true or false',
    parse: (raw) => {
      if (raw === true || raw === 'true' || raw === '1') return true;
      if (raw === false || raw === 'false' || raw === '0') return false;
      throw new Error('must be true or false');
    },
    format: String,
  };
}

function within(value: number, min: number, max: number, show: (value: number) => string): number {
  if (value < min) throw new Error(`must be at least ${show(min)}`);
  if (value > max) throw new Error(`must be at most ${show(max)}`);
  return value;
}

function boundsOf(min: number, max: number, show: (value: number) => string): string {
  return max === Number.MAX_SAFE_INTEGER ? `${show(min)} and more` : `${show(min)} to ${show(max)}`;
}

const UNIT_MILLIS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's duration syntax to milliseconds (fractions allowed). Throws `Error` with a clause. */
export function parseDuration(literal: string): number {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(literal);
  if (match === null) {
    if (literal === '0') return 0;
    throw new Error(`"${literal}" is not a duration such as 500ms or 1m30s`);
  }
  let millis = 0;
  for (const [, amount, unit] of literal.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g))
    millis += Number(amount) * (UNIT_MILLIS[unit as string] as number);
  millis = Math.round(millis * 1e6) / 1e6; // whole nanoseconds, as in Go: 1.001s is 1001 ms
  return match[1] === '-' ? -millis : millis;
}

/** Milliseconds in Go's syntax: `1m30s`, `500ms`, `0s`. */
export function formatDuration(millis: number): string {
  if (millis === 0) return '0s';
  if (millis < 0) return `-${formatDuration(-millis)}`;
  if (millis < 1000) return `${millis}ms`;
  const hours = Math.floor(millis / 3_600_000);
  const minutes = Math.floor((millis % 3_600_000) / 60_000);
  const seconds = (millis % 60_000) / 1000;
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}${seconds > 0 || (hours === 0 && minutes === 0) ? `${seconds}s` : ''}`;
}
