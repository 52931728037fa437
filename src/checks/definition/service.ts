/**
 * Parses a service as it is registered: its fields, defaults and limits. Checks are parsed in check.ts.
 *
 * Source: Consul agent/structs/structs.go, NodeService.Validate, ValidateMetadata, ValidateWeights.
 */
import { encodeUtf8 } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { ServiceDefinition, ServicePort } from '../../model/service.ts';
import {
  booleanField,
  expectInteger,
  FieldError,
  type Fields,
  inField,
  integerField,
  keySet,
  listField,
  mapField,
  quoted,
  stringField,
  stringListField,
  stringMapField,
  toFields,
} from './decode.ts';

const MAX_NAME = 128;
const MAX_ID_BYTES = 512;
const MAX_ADDRESS_BYTES = 255;
const MAX_TAGS = 256;
const MAX_TAG_BYTES = 1024;
const MAX_TAGGED_ADDRESSES = 16;
const MAX_PORTS = 16;
const MAX_META = 64;
const MAX_META_VALUE = 512;
const MAX_WEIGHT = 65_535;

export const SERVICE_KEYS = keySet(
  'name id tags port ports address tagged_addresses meta weights enable_tag_override check checks',
);
const WEIGHT_KEYS = keySet('passing warning');
const ADDRESS_KEYS = keySet('address port');
const PORT_KEYS = keySet('name port default');

export function parseServiceFields(fields: Fields): ServiceDefinition {
  const name = inField(fields, 'name', () => readName(fields));
  const id = stringField(fields, 'id') || name;
  inField(fields, 'id', () => validateRegistrationId(id, 'Invalid service ID'));
  const ports = inField(fields, 'ports', () => readPorts(fields));
  return {
    id,
    name,
    tags: inField(fields, 'tags', () => readTags(fields)),
    address: inField(fields, 'address', () => validateServiceAddress(stringField(fields, 'address'))),
    port: inField(fields, 'port', () => readPort(fields, ports)),
    ports,
    taggedAddresses: inField(fields, 'taggedaddresses', () => readTaggedAddresses(fields)),
    meta: inField(fields, 'meta', () => readMeta(fields)),
    weights: inField(fields, 'weights', () => readWeights(fields)),
    enableTagOverride: booleanField(fields, 'enabletagoverride'),
  };
}

function readName(fields: Fields): string {
  const name = stringField(fields, 'name');
  if (name === '')
    throw new FieldError(
      'Missing service name',
      [...fields.path, 'name'],
      'a service must have one: add `name: web`',
    );
  if (name.length > MAX_NAME || !/^[A-Za-z0-9._-]+$/.test(name))
    throw badRequest(
      `Invalid service name ${quoted(name)}: must be 1 to ${MAX_NAME} letters, digits, ".", "_" or "-"`,
    );
  return name;
}

/**
 * For ids of services and checks. Clients put `:`, `/`, spaces and more into them. Throws `AgentError`, which begins
 * with `phrase`.
 */
export function validateRegistrationId(id: string, phrase: string): void {
  if (encodeUtf8(id).length > MAX_ID_BYTES)
    throw badRequest(`${phrase}: must be at most ${MAX_ID_BYTES} bytes`);
  if (hasControlCharacters(id))
    throw badRequest(`${phrase} ${quoted(id)}: must not contain control characters`);
}

/** Control characters, line separators, and the marks that change the direction of text. */
export const hasControlCharacters = (value: string): boolean =>
  /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u.test(value);

function readTags(fields: Fields): string[] {
  const tags = stringListField(fields, 'tags');
  if (tags.length > MAX_TAGS) throw badRequest(`Invalid service tags: at most ${MAX_TAGS}`);
  for (const tag of tags)
    if (encodeUtf8(tag).length > MAX_TAG_BYTES)
      throw badRequest(`Invalid service tag ${quoted(tag)}: must be at most ${MAX_TAG_BYTES} bytes`);
  return tags;
}

/** `''` stands for the node's own address; nobody can connect to a wildcard. */
function validateServiceAddress(address: string): string {
  const wildcard = address === '0.0.0.0' || /^\[?::\]?$/.test(address);
  if (
    wildcard ||
    encodeUtf8(address).length > MAX_ADDRESS_BYTES ||
    /\s/.test(address) ||
    hasControlCharacters(address)
  )
    throw badRequest('Invalid service address');
  return address;
}

/** -1 stands for a unix socket. Differs: Consul accepts any number. */
function validateServicePort(port: number): number {
  if (port < -1 || port > 65_535) throw badRequest(`Invalid service port ${port}: must be -1 to 65535`);
  return port;
}

/** The default of the named ports, or else the first, is the port for clients that know no names. */
function readPort(fields: Fields, ports: readonly ServicePort[]): number {
  const port = validateServicePort(integerField(fields, 'port'));
  const main = ports.find(({ isDefault }) => isDefault) ?? ports[0];
  if (main === undefined) return port;
  if (port !== 0 && port !== main.port)
    throw badRequest(
      `Port ${port} is not the default of Ports: leave Port out, or mark that port as Default`,
    );
  return main.port;
}

/** Source: Consul HTTP API, "Register Service", Ports (1.22). */
function readPorts(fields: Fields): ServicePort[] {
  const ports = listField(fields, 'ports').map(({ value, path }): ServicePort => {
    const inner = toFields(value, 'an element of Ports', PORT_KEYS, path);
    const name = stringField(inner, 'name').toLowerCase();
    if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
      throw badRequest(
        `Invalid port name ${quoted(name)}: must be 1 to 63 letters, digits or "-", as in DNS`,
      );
    const port = integerField(inner, 'port');
    if (port < 1 || port > 65_535)
      throw badRequest(`Invalid port ${port} of ${quoted(name)}: must be 1 to 65535`);
    return { name, port, isDefault: booleanField(inner, 'default') };
  });
  if (ports.length > MAX_PORTS) throw badRequest(`Invalid Ports: at most ${MAX_PORTS}`);
  const names = new Set(ports.map(({ name }) => name));
  if (names.size < ports.length) throw badRequest('Invalid Ports: two have the same name');
  if (ports.filter(({ isDefault }) => isDefault).length > 1)
    throw badRequest('Invalid Ports: at most one is the Default');
  return ports;
}

function readTaggedAddresses(fields: Fields): Map<string, { address: string; port: number }> {
  const addresses = mapField(fields, 'taggedaddresses', (value, what, path) => {
    const inner = toFields(value, what, ADDRESS_KEYS, path);
    return {
      address: inField(inner, 'address', () => validateServiceAddress(stringField(inner, 'address'))),
      port: inField(inner, 'port', () => validateServicePort(integerField(inner, 'port'))),
    };
  });
  if (addresses.size > MAX_TAGGED_ADDRESSES)
    throw badRequest(`Invalid tagged addresses: at most ${MAX_TAGGED_ADDRESSES}`);
  for (const name of addresses.keys()) validateRegistrationId(name, 'Invalid tagged address');
  return addresses;
}

function readMeta(fields: Fields): Map<string, string> {
  const meta = stringMapField(fields, 'meta');
  if (meta.size > MAX_META) throw badRequest(`Invalid Service Meta: at most ${MAX_META} pairs`);
  for (const [key, value] of meta) {
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(key))
      throw badRequest(
        `Invalid Service Meta: key ${quoted(key)} must be 1 to 128 letters, digits, "_" or "-"`,
      );
    if (key.startsWith('consul-'))
      throw badRequest(`Invalid Service Meta: key ${quoted(key)}: the prefix "consul-" is reserved`);
    if (value.length > MAX_META_VALUE)
      throw badRequest(`Invalid Service Meta: the value of ${quoted(key)} is longer than ${MAX_META_VALUE}`);
  }
  return meta;
}

function readWeights(fields: Fields): { passing: number; warning: number } {
  const field = fields.get('weights');
  if (field === undefined) return { passing: 1, warning: 1 };
  const inner = toFields(field.value, field.key, WEIGHT_KEYS, field.path);
  const weight = (name: string): number =>
    expectInteger(inner.get(name)?.value ?? 0, `Weights.${name}`, inner.get(name)?.path ?? inner.path);
  const weights = { passing: weight('passing'), warning: weight('warning') };
  if (weights.passing < 1 || weights.passing > MAX_WEIGHT)
    throw badRequest(`Invalid Weights: Passing must be 1 to ${MAX_WEIGHT}`);
  if (weights.warning < 0 || weights.warning > MAX_WEIGHT)
    throw badRequest(`Invalid Weights: Warning must be 0 to ${MAX_WEIGHT}`);
  return weights;
}

const badRequest = (sentence: string): AgentError => new AgentError('badRequest', sentence);
