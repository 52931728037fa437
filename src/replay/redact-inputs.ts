/** Masks on what does not travel: commands, outcomes of checks, and what an agent is born with. */

import type { Input, Snapshot } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import type { Remembered } from '../checks/types.ts';
import type { Masks } from './masks.ts';
import { hideMemory } from './redact-messages.ts';

/** Fields of these names hold text that is masked, wherever they stand. In JSON shapes they begin with a capital. */
const TEXTS: ReadonlySet<string> = new Set(['output', 'notes', 'reason', 'body']);
/** Likewise, and so does all that is in them. */
const TREES: ReadonlySet<string> = new Set(['meta', 'header', 'headers', 'argv', 'args']);
const URLS: ReadonlySet<string> = new Set(['url', 'http']);

/** An input without the bytes of the wire, which are recorded as what was in them. */
export function hideInput(input: Input, masks: Masks): unknown {
  switch (input.kind) {
    case 'packet':
    case 'streamData': {
      const { bytes, ...rest } = input;
      return { ...rest, size: bytes.length };
    }
    case 'command':
    case 'checked':
      return hidden(input, masks, '');
    default:
      return input;
  }
}

/** What an agent was born with, as data. */
export function hideBirth(options: AgentOptions, masks: Masks): Record<string, unknown> {
  const { rng, nonce, intern, internEntries, wrapping, keys, snapshot, catalog, ...rest } = options;
  return {
    ...rest,
    keys: keys.map((key) => masks.key(key)),
    ...(snapshot === undefined ? {} : { snapshot: hideSnapshot(snapshot, masks) }),
    ...(catalog === undefined ? {} : { catalog: hideMemory(catalog, masks) }),
  };
}

function hideSnapshot(snapshot: Snapshot, masks: Masks): Snapshot {
  const { registered } = snapshot;
  if (!masks.redacts || registered === undefined) return snapshot;
  return { ...snapshot, registered: hideRegistered(registered, masks) };
}

function hideRegistered(registered: Remembered, masks: Masks): Remembered {
  const definitions = (texts: readonly string[]): string[] =>
    texts.map((text) => JSON.stringify(hidden(parsed(text), masks, '')));
  return {
    ...(hidden(registered, masks, '') as Remembered),
    services: definitions(registered.services),
    checks: definitions(registered.checks),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the agent would not have taken it either
  }
}

/** The same shape, with what stands in fields of certain names masked. `field`: where `value` stands. */
function hidden(value: unknown, masks: Masks, field: string): unknown {
  const name = field.toLowerCase();
  if (value instanceof Uint8Array) {
    if (name === 'key') return masks.key(value);
    return name === 'payload' ? masks.payload(value) : value;
  }
  if (!masks.redacts && field !== '' && typeof value !== 'object') return value;
  if (typeof value === 'string') {
    if (URLS.has(name)) return hiddenUrl(value, masks);
    return TEXTS.has(name) || TREES.has(name) ? masks.text(value) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const inside = (key: string): string => (TREES.has(name) ? name : key);
  if (Array.isArray(value)) return value.map((one) => hidden(one, masks, field));
  if (value instanceof Map)
    return new Map(
      [...value].map(([key, one]): [unknown, unknown] => [key, hidden(one, masks, inside(String(key)))]),
    );
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, hidden(one, masks, inside(key))]),
  );
}

/** Scheme and host stay: they decide whether a check may be run. */
function hiddenUrl(url: string, masks: Masks): string {
  const match = /^([a-z]+:\/\/)(?:[^/?#]*@)?([^/?#@]*)(.*)$/is.exec(url);
  if (match === null) return masks.text(url);
  const [, scheme, host, path = ''] = match;
  return `${scheme}${host}${path === '' ? '' : `/${masks.text(path.slice(1))}`}`;
}
