/** Redaction of what does not travel: commands, outcomes of checks, and the options an agent starts with. */

import type { Command } from '../agent/contract/commands.ts';
import type { Input, Snapshot } from '../agent/contract/machine.ts';
import type { AgentOptions } from '../agent/contract/options.ts';
import type {
  CheckDefinition,
  CheckOutcome,
  CheckProbe,
  CheckStateSnapshot,
  RegistrySnapshot,
} from '../checks/types.ts';
import type { ConfiguredJob, JobsSnapshot } from '../jobs/types.ts';
import type { QueryDefinition } from '../serf/types.ts';
import type { Masker } from './masks.ts';
import { redactCatalogSnapshot } from './redact-messages.ts';

type CommandOf<K extends Command['kind']> = Extract<Command, { kind: K }>;
type HttpProbe = Extract<CheckProbe, { kind: 'http' }>;
type ExecProbe = Extract<CheckProbe, { kind: 'exec' }>;
type MaintenanceSnapshot = RegistrySnapshot['maintenance'][number];

// Fields that hold secrets, by name. Each name is checked against every type that has such a field, so renaming a field
// does
// not compile before these sets follow. Registered JSON has the same names in another letter case, and those in
// `JSON_*`.

/** Fields whose text is masked. */
const TEXT_FIELDS: ReadonlySet<string> = new Set([
  'output' satisfies keyof CheckOutcome & keyof CheckStateSnapshot & keyof CommandOf<'updateCheck'>,
  'notes' satisfies keyof CheckDefinition,
  'reason' satisfies keyof CommandOf<'maintenance'> & keyof MaintenanceSnapshot,
  'body' satisfies keyof HttpProbe,
]);
/** `Header` and `Args` of `encodeCheck`, in lower case. */
const JSON_TREE_FIELDS = ['header', 'args'] as const;
/** Fields in which all texts are masked, at any depth; keys of maps stay. */
const TREE_FIELDS: ReadonlySet<string> = new Set([
  'meta' satisfies keyof CommandOf<'registerService'>['service'],
  'headers' satisfies keyof HttpProbe,
  'argv' satisfies keyof ExecProbe,
  'run' satisfies keyof ConfiguredJob,
  ...JSON_TREE_FIELDS,
]);
/** `HTTP` of `encodeCheck`, in lower case. */
const JSON_URL_FIELD = 'http';
/** Fields whose URL is masked but for scheme and host. */
const URL_FIELDS: ReadonlySet<string> = new Set(['url' satisfies keyof HttpProbe, JSON_URL_FIELD]);
const KEY_FIELDS: ReadonlySet<string> = new Set([
  'key' satisfies keyof CommandOf<'keys'>,
  'keys' satisfies keyof CommandOf<'reload'> & keyof CommandOf<'checkKeyring'>,
]);
const PAYLOAD_FIELD = 'payload' satisfies keyof QueryDefinition &
  keyof CommandOf<'fireEvent'> &
  keyof CommandOf<'respond'>;

/** An input without the bytes from the wire: those are recorded as the messages they contained. */
export function redactInput(input: Input, masker: Masker): unknown {
  switch (input.kind) {
    case 'packet':
    case 'streamData': {
      const { bytes, ...rest } = input;
      return { ...rest, size: bytes.length };
    }
    case 'command':
    case 'checkFinished':
    case 'jobRunFinished':
      return redactValue(input, masker, '');
    default:
      return input;
  }
}

/** The agent's options as data, without functions. */
export function redactOptions(options: AgentOptions, masker: Masker): Record<string, unknown> {
  const { rng, nonce, intern, internEntries, codec, keys, snapshot, catalog, jobs, ...rest } = options;
  return {
    ...rest,
    keys: keys.map((key) => masker.maskKey(key)),
    ...(jobs === undefined ? {} : { jobs: redactValue(jobs, masker, '') }),
    ...(snapshot === undefined ? {} : { snapshot: redactSnapshot(snapshot, masker) }),
    ...(catalog === undefined ? {} : { catalog: redactCatalogSnapshot(catalog, masker) }),
  };
}

function redactSnapshot(snapshot: Snapshot, masker: Masker): Snapshot {
  const { registered, jobs } = snapshot;
  if (!masker.redacts) return snapshot;
  return {
    ...snapshot,
    ...(registered === undefined ? {} : { registered: redactRegistered(registered, masker) }),
    ...(jobs === undefined ? {} : { jobs: redactValue(jobs, masker, '') as JobsSnapshot }),
  };
}

function redactRegistered(registered: RegistrySnapshot, masker: Masker): RegistrySnapshot {
  const redactTexts = (texts: readonly string[]): string[] =>
    texts.map((text) => JSON.stringify(redactValue(parseOrNull(text), masker, '')));
  return {
    ...(redactValue(registered, masker, '') as RegistrySnapshot),
    services: redactTexts(registered.services),
    checks: redactTexts(registered.checks),
  };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the agent rejects both
  }
}

/** A copy of `value` with secrets masked. `field` is the name of the field that holds it, `''` at the top. */
function redactValue(value: unknown, masker: Masker, field: string): unknown {
  const name = field.toLowerCase();
  if (value instanceof Uint8Array) {
    if (KEY_FIELDS.has(name)) return masker.maskKey(value);
    return name === PAYLOAD_FIELD ? masker.maskPayload(value) : value;
  }
  if (!masker.redacts && field !== '' && typeof value !== 'object') return value;
  if (typeof value === 'string') {
    if (URL_FIELDS.has(name)) return redactCheckUrl(value, masker);
    return TEXT_FIELDS.has(name) || TREE_FIELDS.has(name) ? masker.maskText(value) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const fieldOf = (key: string): string => (TREE_FIELDS.has(name) ? name : key);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, masker, field));
  if (value instanceof Map)
    return new Map(
      [...value].map(([key, item]): [unknown, unknown] => [
        key,
        redactValue(item, masker, fieldOf(String(key))),
      ]),
    );
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, redactValue(item, masker, fieldOf(key))]),
  );
}

/** Keeps scheme and host, on which it depends whether a check may run. */
function redactCheckUrl(url: string, masker: Masker): string {
  const match = /^([a-z]+:\/\/)(?:[^/?#]*@)?([^/?#@]*)(.*)$/is.exec(url);
  if (match === null) return masker.maskText(url);
  const [, scheme, host, path = ''] = match;
  return `${scheme}${host}${path === '' ? '' : `/${masker.maskText(path.slice(1))}`}`;
}
