/**
 * The limits of the values in ledgers. They are the same for what an agent may publish and for what it accepts, so every
 * entry that is published spreads.
 */
import type {
  Check,
  CheckStatus,
  ExternalNode,
  Published,
  Service,
  ServiceAddress,
  ServicePort,
} from '../model/service.ts';

const MAX_ID_BYTES = 512;
const MAX_NODE_NAME_BYTES = 255;
export const MAX_TAGS = 128;
const MAX_TAG_BYTES = 512;
export const MAX_META = 64;
const MAX_META_BYTES = 512;
export const MAX_TAGGED_ADDRESSES = 16;
const MAX_TEXT_BYTES = 1024;
const MAX_WEIGHT = 65_535;
const MAX_PORT = 65_535;
export const MAX_PORTS = 16;
/** Epochs and versions are below this: above wall-clock milliseconds times 1,024 for the next 100 years. */
export const MAX_VERSION = 2 ** 52;

export const STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];

/** Why a value may not be published or accepted, as a clause (`name must be …`); `undefined` if it may. */
export function validateValue(published: Published): string | undefined {
  if (published.kind !== 'external') return validateOwn(published);
  const { node, value } = published;
  const name = validateExternalName(node);
  if (name !== undefined) return `node ${name}`;
  return value.kind === 'node' ? validateNode(value) : validateOwn(value);
}

const validateOwn = (value: Service | Check): string | undefined =>
  value.kind === 'service' ? validateService(value) : validateCheck(value);

function validateNode({
  address,
  taggedAddresses,
  meta,
  id,
  registeredAt,
}: ExternalNode): string | undefined {
  if (address === '' || !ADDRESS.test(address)) return 'address must be an IP address or a host name';
  if (taggedAddresses.size > MAX_TAGGED_ADDRESSES)
    return `tagged addresses must be at most ${MAX_TAGGED_ADDRESSES}`;
  for (const [name, tagged] of taggedAddresses)
    if (!NAME.test(name) || !ADDRESS.test(tagged))
      return 'tagged addresses must be names with IP addresses or host names';
  if (!UUID.test(id)) return 'id must be a UUID';
  if (!isInteger(registeredAt, 0, MAX_VERSION)) return 'time of registration must be in milliseconds';
  return validateMeta(meta);
}

export const validateExternalName = (name: string): string | undefined =>
  name !== '' && fitsBytes(name, MAX_NODE_NAME_BYTES) && isPrintable(name) && name.trim() === name
    ? undefined
    : `must be 1 to ${MAX_NODE_NAME_BYTES} bytes, without control characters`;

function validateService(service: Service): string | undefined {
  const id = validateId(service.id);
  if (id !== undefined) return `id ${id}`;
  if (!NAME.test(service.name)) return 'name must be 1 to 128 letters, digits, ".", "_" or "-"';
  if (service.tags.length > MAX_TAGS) return `tags must be at most ${MAX_TAGS}`;
  for (const tag of service.tags)
    if (!fitsBytes(tag, MAX_TAG_BYTES) || !isPrintable(tag))
      return `tags must each be at most ${MAX_TAG_BYTES} bytes, without control characters`;
  return (
    validateAddress(service) ??
    validatePorts(service.ports) ??
    validateTaggedAddresses(service.taggedAddresses) ??
    validateMeta(service.meta) ??
    validateWeights(service.weights)
  );
}

function validateAddress({ address, port }: ServiceAddress): string | undefined {
  if (!ADDRESS.test(address)) return 'address must be an IP address, a host name or empty';
  if (!isInteger(port, -1, MAX_PORT)) return `port must be an integer from -1 to ${MAX_PORT}`;
  return undefined;
}

function validatePorts(ports: readonly ServicePort[]): string | undefined {
  if (ports.length > MAX_PORTS) return `ports must be at most ${MAX_PORTS}`;
  return ports.every(({ name, port }) => PORT_NAME.test(name) && isInteger(port, 1, MAX_PORT))
    ? undefined
    : 'ports must each have a name of 1 to 63 letters, digits or "-", and a number from 1 on';
}

function validateTaggedAddresses(tagged: ReadonlyMap<string, ServiceAddress>): string | undefined {
  if (tagged.size > MAX_TAGGED_ADDRESSES) return `tagged addresses must be at most ${MAX_TAGGED_ADDRESSES}`;
  for (const [name, address] of tagged) {
    if (!NAME.test(name)) return 'tagged address names must be letters, digits, ".", "_" or "-"';
    const problem = validateAddress(address);
    if (problem !== undefined) return `tagged ${problem}`;
  }
  return undefined;
}

function validateMeta(meta: ReadonlyMap<string, string>): string | undefined {
  if (meta.size > MAX_META) return `meta must be at most ${MAX_META} pairs`;
  for (const [key, value] of meta) {
    if (!META_KEY.test(key)) return 'meta keys must be 1 to 128 letters, digits, "_" or "-"';
    if (!fitsBytes(value, MAX_META_BYTES) || SURROGATE.test(value))
      return `meta values must be at most ${MAX_META_BYTES} bytes of text`;
  }
  return undefined;
}

function validateWeights({ passing, warning }: Service['weights']): string | undefined {
  if (!isInteger(passing, 1, MAX_WEIGHT)) return `weight when passing must be 1 to ${MAX_WEIGHT}`;
  if (!isInteger(warning, 0, MAX_WEIGHT)) return `weight when warning must be 0 to ${MAX_WEIGHT}`;
  return undefined;
}

function validateCheck(check: Check): string | undefined {
  const id = validateId(check.id);
  if (id !== undefined) return `id ${id}`;
  if (!fitsBytes(check.name, MAX_ID_BYTES) || !isPrintable(check.name))
    return `name must be at most ${MAX_ID_BYTES} bytes, without control characters`;
  if (check.serviceId !== '') {
    const problem = validateId(check.serviceId);
    if (problem !== undefined) return `service id ${problem}`;
  }
  if (!STATUSES.includes(check.status)) return 'status must be passing, warning or critical';
  if (!fitsBytes(check.notes, MAX_TEXT_BYTES) || SURROGATE.test(check.notes))
    return `notes must be at most ${MAX_TEXT_BYTES} bytes of text`;
  if (!fitsBytes(check.output, MAX_TEXT_BYTES) || SURROGATE.test(check.output))
    return `output must be at most ${MAX_TEXT_BYTES} bytes of text`;
  if (!TYPE.test(check.type)) return 'type must be at most 32 letters, digits, "_" or "-"';
  if (!DURATION.test(check.interval) || !DURATION.test(check.timeout))
    return 'interval and timeout must be durations such as 10s';
  return undefined;
}

export function validateId(id: string): string | undefined {
  if (id === '') return 'must not be empty';
  if (!fitsBytes(id, MAX_ID_BYTES)) return `must be at most ${MAX_ID_BYTES} bytes`;
  return isPrintable(id) ? undefined : 'must not contain control characters';
}

const UUID = /^(?:[0-9A-Fa-f-]{36})?$/;
const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const PORT_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const META_KEY = /^[A-Za-z0-9_-]{1,128}$/;
const ADDRESS = /^[A-Za-z0-9._:%/-]{0,255}$/;
const TYPE = /^[A-Za-z0-9_-]{0,32}$/;
const DURATION = /^[0-9a-zµ.+-]{0,32}$/;
const ASCII = /^[\x20-\x7e]*$/;
/** Control characters, line separators, lone surrogates, and marks that change the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;
const SURROGATE = /\p{Cs}/u;

const isPrintable = (value: string): boolean => ASCII.test(value) || !UNPRINTABLE.test(value);

const isInteger = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max;

const encoder = new TextEncoder();
/** A UTF-16 unit takes at most 3 bytes of UTF-8, so most values need not be encoded. */
const fitsBytes = (value: string, limit: number): boolean =>
  3 * value.length <= limit || (value.length <= limit && encoder.encode(value).length <= limit);
