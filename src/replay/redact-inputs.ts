/** Masks on what does not travel: commands, outcomes of checks, and what an agent is born with. */

import type { Input, Snapshot } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import type { RegistrySnapshot } from '../checks/types.ts';
import type { Masker } from './masks.ts';
import { redactCatalogSnapshot } from './redact-messages.ts';

/** Fields of these names hold text that is masked, wherever they stand. In JSON shapes they begin with a capital. */
const TEXT_FIELDS: ReadonlySet<string> = new Set(['output', 'notes', 'reason', 'body']);
/** Likewise, and so does all that is in them. */
const TREE_FIELDS: ReadonlySet<string> = new Set(['meta', 'header', 'headers', 'argv', 'args']);
const URL_FIELDS: ReadonlySet<string> = new Set(['url', 'http']);

/** An input without the bytes of the wire, which are recorded as what was in them. */
export function redactInput(input: Input, masks: Masker): unknown {
  switch (input.kind) {
    case 'packet':
    case 'streamData': {
      const { bytes, ...rest } = input;
      return { ...rest, size: bytes.length };
    }
    case 'command':
    case 'checkFinished':
      return redactValue(input, masks, '');
    default:
      return input;
  }
}

/** What an agent was born with, as data. */
export function redactOptions(options: AgentOptions, masks: Masker): Record<string, unknown> {
  const { rng, nonce, intern, internEntries, codec: wrapping, keys, snapshot, catalog, ...rest } = options;
  return {
    ...rest,
    keys: keys.map((key) => masks.key(key)),
    ...(snapshot === undefined ? {} : { snapshot: redactSnapshot(snapshot, masks) }),
    ...(catalog === undefined ? {} : { catalog: redactCatalogSnapshot(catalog, masks) }),
  };
}

function redactSnapshot(snapshot: Snapshot, masks: Masker): Snapshot {
  const { registered } = snapshot;
  if (!masks.redacts || registered === undefined) return snapshot;
  return { ...snapshot, registered: redactRegistered(registered, masks) };
}

function redactRegistered(registered: RegistrySnapshot, masks: Masker): RegistrySnapshot {
  const definitions = (texts: readonly string[]): string[] =>
    texts.map((text) => JSON.stringify(redactValue(parseOrNull(text), masks, '')));
  return {
    ...(redactValue(registered, masks, '') as RegistrySnapshot),
    services: definitions(registered.services),
    checks: definitions(registered.checks),
  };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the agent would not have taken it either
  }
}

/** The same shape, with what stands in fields of certain names masked. `field`: where `value` stands. */
function redactValue(value: unknown, masks: Masker, field: string): unknown {
  const name = field.toLowerCase();
  if (value instanceof Uint8Array) {
    if (name === 'key') return masks.key(value);
    return name === 'payload' ? masks.maskPayload(value) : value;
  }
  if (!masks.redacts && field !== '' && typeof value !== 'object') return value;
  if (typeof value === 'string') {
    if (URL_FIELDS.has(name)) return redactCheckUrl(value, masks);
    return TEXT_FIELDS.has(name) || TREE_FIELDS.has(name) ? masks.maskText(value) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const inside = (key: string): string => (TREE_FIELDS.has(name) ? name : key);
  if (Array.isArray(value)) return value.map((one) => redactValue(one, masks, field));
  if (value instanceof Map)
    return new Map(
      [...value].map(([key, one]): [unknown, unknown] => [key, redactValue(one, masks, inside(String(key)))]),
    );
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, redactValue(one, masks, inside(key))]),
  );
}

/** Scheme and host stay: they decide whether a check may be run. */
function redactCheckUrl(url: string, masks: Masker): string {
  const match = /^([a-z]+:\/\/)(?:[^/?#]*@)?([^/?#@]*)(.*)$/is.exec(url);
  if (match === null) return masks.maskText(url);
  const [, scheme, host, path = ''] = match;
  return `${scheme}${host}${path === '' ? '' : `/${masks.maskText(path.slice(1))}`}`;
}
