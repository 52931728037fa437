/** The setting for event handlers: its shape and its validation. */
import {
  commonFields,
  durationSetting,
  type Setting,
  type SettingOptions,
  SettingPathError,
} from './setting.ts';

/** Events that handlers can select. Source: serf agent, EventFilter. */
export const HANDLER_EVENTS = [
  'member-join',
  'member-leave',
  'member-failed',
  'member-update',
  'member-reap',
  'user',
  'query',
  '*',
] as const;

export interface HandlerConfig {
  /** `EVENT` or `EVENT:NAME`, validated. */
  readonly on: readonly string[];
  /** Absolute path of a program and its arguments; empty for a webhook. */
  readonly run: readonly string[];
  /** URL that events are posted to, instead of running a program. */
  readonly webhook?: string;
  /** Milliseconds for one run, or for one attempt to reach the webhook. */
  readonly timeout: number;
}

const MAX_HANDLERS = 64;
const MAX_ITEMS = 64;
const RUN_TIMEOUT = durationSetting({ default: '1m', min: '100ms', max: '1h', doc: '' });
const WEBHOOK_TIMEOUT = durationSetting({ default: '10s', min: '100ms', max: '1m', doc: '' });
const KEYS = ['on', 'run', 'webhook', 'timeout'];

export function handlersSetting(
  options: Omit<SettingOptions<undefined>, 'default'>,
): Setting<readonly HandlerConfig[]> & { readonly fileOnly: true } {
  return {
    type: 'handlers',
    default: [],
    ...commonFields(options, 'LIST'),
    defaultText: 'none',
    fileOnly: true,
    parse: (raw) => {
      if (!Array.isArray(raw)) throw new Error('must be a list of handlers');
      if (raw.length > MAX_HANDLERS) throw new Error(`must have at most ${MAX_HANDLERS} handlers`);
      return raw.map((one, i) => handlerOf(one, i));
    },
    format: (handlers) => (handlers.length === 0 ? '' : JSON.stringify(handlers.map(toFileForm))),
  };
}

/** A handler as written in a file. */
const toFileForm = ({ on, run, webhook, timeout }: HandlerConfig): object => ({
  on,
  ...(webhook === undefined ? { run } : { webhook }),
  ...(timeout === timeoutOf(webhook).default ? {} : { timeout: RUN_TIMEOUT.format(timeout) }),
});

const timeoutOf = (webhook: unknown): Setting<number> =>
  webhook === undefined ? RUN_TIMEOUT : WEBHOOK_TIMEOUT;

function handlerOf(raw: unknown, i: number): HandlerConfig {
  if (!(raw instanceof Map)) throw new SettingPathError([i], 'must be a map with on, and run or webhook');
  for (const key of raw.keys())
    if (!KEYS.includes(String(key)))
      throw new SettingPathError([i, String(key)], `must be one of ${KEYS.join(', ')}`);
  const inside = <T>(key: string, read: (value: unknown) => T): T => {
    try {
      return read(raw.get(key));
    } catch (error) {
      throw new SettingPathError([i, key], (error as Error).message);
    }
  };
  const on = inside('on', filtersOf);
  const timeout = inside('timeout', (value) => {
    const setting = timeoutOf(raw.get('webhook'));
    return value === undefined ? setting.default : setting.parse(value);
  });
  if (!raw.has('webhook')) return { on, run: inside('run', argvOf), timeout };
  if (raw.has('run'))
    throw new SettingPathError([i, 'webhook'], 'is not allowed beside run: write two handlers');
  return { on, run: [], webhook: inside('webhook', urlOf), timeout };
}

/** Parses event filters. Names of events may be any text, as in Serf. */
function filtersOf(raw: unknown): readonly string[] {
  const filters = texts(raw);
  filters.forEach(validateEventFilter);
  return filters;
}

/** Throws `Error` with a clause unless it is `EVENT` or `EVENT:NAME`. */
export function validateEventFilter(filter: string): void {
  const [event = '', ...name] = filter.split(':');
  if (!(HANDLER_EVENTS as readonly string[]).includes(event))
    throw new Error(`"${filter}" must be one of ${HANDLER_EVENTS.join(', ')}`);
  if (name.length > 0 && event !== 'user' && event !== 'query')
    throw new Error(`"${filter}": only user and query may have a name`);
  if (name.join(':') === '' && name.length > 0)
    throw new Error(`"${filter}" must have a name after the colon`);
}

function argvOf(raw: unknown): readonly string[] {
  const argv = texts(raw);
  const [program = ''] = argv;
  if (!program.startsWith('/'))
    throw new Error(`"${program}" must be the absolute path of a program: no shell looks it up`);
  return argv;
}

function urlOf(raw: unknown): string {
  if (typeof raw !== 'string' || !URL.canParse(raw))
    throw new Error('must be a URL such as https://host/path');
  const { protocol, username, password } = new URL(raw);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error('must begin with http:// or https://');
  if (username !== '' || password !== '') throw new Error('must not contain a user name or a password');
  return raw;
}

function texts(raw: unknown): readonly string[] {
  if (!Array.isArray(raw) || raw.length === 0) throw new Error('must be a list of at least one text');
  if (raw.length > MAX_ITEMS) throw new Error(`must have at most ${MAX_ITEMS} items`);
  for (const one of raw) {
    if (typeof one !== 'string') throw new Error('must be a list of texts: put numbers in quotes');
    if (one.includes('\0')) throw new Error('must not contain a NUL');
  }
  return raw as string[];
}
