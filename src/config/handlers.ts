/** The setting that names programs to run when something happens: what it may say, and what it says wrong. */
import { type Common, common, duration, Inside, type Setting } from './setting.ts';

/** What can happen. Source: serf agent, EventFilter. */
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
  /** `EVENT` or `EVENT:NAME`, each checked. */
  readonly on: readonly string[];
  /** A program by its whole path, and its arguments. */
  readonly run: readonly string[];
  readonly timeout: number;
}

const MAX_HANDLERS = 64;
const MAX_ITEMS = 64;
const TIMEOUT = duration({ default: '1m', min: '100ms', max: '1h', doc: '' });
const KEYS = ['on', 'run', 'timeout'];

export function handlerList(
  options: Omit<Common<undefined>, 'default'>,
): Setting<readonly HandlerConfig[]> & { readonly fileOnly: true } {
  return {
    type: 'handlers',
    default: [],
    ...common(options, 'LIST'),
    defaultWords: 'none',
    fileOnly: true,
    parse: (raw) => {
      if (!Array.isArray(raw)) throw new Error('must be a list of handlers');
      if (raw.length > MAX_HANDLERS) throw new Error(`must have at most ${MAX_HANDLERS} handlers`);
      return raw.map((one, i) => handlerOf(one, i));
    },
    format: (handlers) => (handlers.length === 0 ? '' : JSON.stringify(handlers.map(written))),
  };
}

/** As it stands in a file. */
const written = ({ timeout, ...handler }: HandlerConfig): object => ({
  ...handler,
  ...(timeout === TIMEOUT.default ? {} : { timeout: TIMEOUT.format(timeout) }),
});

function handlerOf(raw: unknown, i: number): HandlerConfig {
  if (!(raw instanceof Map)) throw new Inside([i], 'must be a map with on and run');
  for (const key of raw.keys())
    if (!KEYS.includes(String(key))) throw new Inside([i, String(key)], `must be one of ${KEYS.join(', ')}`);
  const inside = <T>(key: string, read: (value: unknown) => T): T => {
    try {
      return read(raw.get(key));
    } catch (error) {
      throw new Inside([i, key], (error as Error).message);
    }
  };
  return {
    on: inside('on', filtersOf),
    run: inside('run', argvOf),
    timeout: inside('timeout', (value) => (value === undefined ? TIMEOUT.default : TIMEOUT.parse(value))),
  };
}

/** Names are whatever events are called; Serf asks nothing of them. */
function filtersOf(raw: unknown): readonly string[] {
  const filters = texts(raw);
  for (const filter of filters) {
    const [event = '', ...name] = filter.split(':');
    if (!(HANDLER_EVENTS as readonly string[]).includes(event))
      throw new Error(`"${filter}" must be one of ${HANDLER_EVENTS.join(', ')}`);
    if (name.length > 0 && event !== 'user' && event !== 'query')
      throw new Error(`"${filter}": only user and query may have a name`);
    if (name.join(':') === '' && name.length > 0)
      throw new Error(`"${filter}" must have a name behind the colon`);
  }
  return filters;
}

function argvOf(raw: unknown): readonly string[] {
  const argv = texts(raw);
  const [program = ''] = argv;
  if (!program.startsWith('/'))
    throw new Error(
      `"${program}" must be the whole path of a program; there is no shell that would look for it`,
    );
  return argv;
}

function texts(raw: unknown): readonly string[] {
  if (!Array.isArray(raw) || raw.length === 0) throw new Error('must be a list of texts, one at least');
  if (raw.length > MAX_ITEMS) throw new Error(`must have at most ${MAX_ITEMS} items`);
  for (const one of raw) {
    if (typeof one !== 'string') throw new Error('must be a list of texts: put numbers in quotes');
    if (one.includes('\0')) throw new Error('must not contain a NUL');
  }
  return raw as string[];
}
