/** Tells apart what users put into one directory: settings, service definitions, a keyring. */
import type { ConfigNode } from '../config/file/node.ts';
import { SETTINGS } from '../config/schema.ts';

export type FileKind = 'settings' | 'services' | 'keyring' | 'empty' | 'other';

/** By its content: the name of a file says nothing. */
export function fileKindOf({ value }: ConfigNode): FileKind {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return listKindOf(value as readonly ConfigNode[]);
  if (!(value instanceof Map)) return 'other';
  for (const [key, { value: inner }] of value as ReadonlyMap<string, ConfigNode>)
    if (/^services?$/i.test(key) && holdsServices(inner)) return 'services';
  const keys = [...value.keys()];
  if (keys.some((key) => SETTINGS.has(key) || SETTING_GROUPS.has(key))) return 'settings';
  return keys.some((key) => /^name$/i.test(key)) || keys.some(isServiceField) ? 'services' : 'settings';
}

/** Maps of settings. */
const SETTING_GROUPS: ReadonlySet<string> = new Set(['swim', 'serf']);

/**
 * Fields of a service that are no key of settings, neither here nor in Consul or Serf. By them a service that lacks its name is
 * told from settings: "no such setting" would not help whoever wrote it.
 */
const SERVICE_FIELDS: ReadonlySet<string> = new Set([
  'id',
  'port',
  'address',
  'meta',
  'weights',
  'taggedaddresses',
  'enabletagoverride',
]);
const isServiceField = (key: string): boolean => SERVICE_FIELDS.has(key.toLowerCase().replaceAll('_', ''));

/** What a file of this kind is, and the option that takes it. */
export const FILE_KINDS: Readonly<Record<Exclude<FileKind, 'settings'>, string>> = {
  services: 'a service definition: name it with --service',
  keyring: 'a keyring: name it with --keyring-file',
  empty: 'empty',
  other: 'no map of settings',
};

/** A gossip key: base64 of 16, 24 or 32 bytes. */
const KEY = /^[A-Za-z0-9+/]{22,43}={0,2}$/;

function listKindOf(items: readonly ConfigNode[]): FileKind {
  if (items.length > 0 && items.every(({ value }) => KEY.test(String(value)))) return 'keyring';
  return items.length > 0 && items.every(({ value }) => value instanceof Map) ? 'services' : 'other';
}

/** The setting `service` is a list of paths. */
const holdsServices = (value: ConfigNode['value']): boolean =>
  value instanceof Map ||
  (Array.isArray(value) && (value as readonly ConfigNode[]).every((item) => item.value instanceof Map));
