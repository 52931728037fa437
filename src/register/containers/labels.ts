/**
 * What the labels of a container ask for: `hearsay.NAME` for its service, `hearsay.SERVICE.NAME` for several services of one
 * container. A label that means nothing is an error, as in a service file.
 */
import { hasControlCharacters } from '../../checks/definition/service.ts';
import { suggestSimilar } from '../../config/names.ts';

/** One service, as labels or variables ask for it. Names and numbers are not judged yet. */
export interface RequestedService {
  /** Tells the services of a container apart; `''`: the service of the container itself. */
  readonly key: string;
  readonly name: string | undefined;
  /** A port of the container; 0: the service has none; `undefined`: those that it publishes. */
  readonly port: number | undefined;
  /** Ports of the container by name; they stand for `port`. */
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly tags: readonly string[];
  readonly meta: ReadonlyMap<string, string>;
  readonly weight: number | undefined;
  readonly check: ReadonlyMap<CheckLabel, string>;
}

export interface RequestedServices {
  readonly services: readonly RequestedService[];
  /** Clauses that begin with the name of a label. */
  readonly problems: readonly string[];
}

const CHECK_LABELS = ['http', 'tcp', 'grpc', 'interval', 'timeout'] as const;
export type CheckLabel = (typeof CHECK_LABELS)[number];

const FIELDS = ['name', 'port', 'ports', 'tags', 'weight', 'check', 'meta'] as const;
type Field = (typeof FIELDS)[number];
const PREFIX = 'hearsay.';
const ENABLE = 'hearsay.enable';

/** Labels of one container that are read; a program wrote those beyond. */
const MAX_LABELS = 256;
const MAX_KEY_CHARS = 256;
const MAX_VALUE_CHARS = 4096;
const MAX_SERVICES_OF_CONTAINER = 64;

type Labels = ReadonlyMap<string, string>;

/** Is a container with these labels registered? */
export function isSelected(labels: Labels, select: 'label' | 'all'): boolean {
  const enable = labels.get(ENABLE)?.toLowerCase();
  if (enable === 'false' || enable === '0') return false;
  if (enable !== undefined) return true;
  if (select === 'all') return !labels.has('SERVICE_IGNORE');
  return asksForService(labels);
}

/** It names a service, or the port of one. */
export const asksForService = (labels: Labels): boolean =>
  [...labels.keys()].some((key) => /^hearsay\.(?:name|port|ports|[^.]+\.(?:name|port|ports))$/.test(key));

/** Clauses on labels that are too many, too large, or that cannot be printed. `isOurs` tells which are read at all. */
export function findHostileLabels(labels: Labels, isOurs: (key: string) => boolean): string[] {
  const ours = [...labels].filter(([key]) => isOurs(key));
  if (ours.length > MAX_LABELS)
    return [`it has ${ours.length} labels that are read here, and the limit is ${MAX_LABELS}`];
  return ours.flatMap(([key, value]) => {
    const shown = shownKey(key);
    if (key.length > MAX_KEY_CHARS)
      return [`${shown}: the name of a label has at most ${MAX_KEY_CHARS} characters`];
    if (value.length > MAX_VALUE_CHARS) return [`${shown}: must be at most ${MAX_VALUE_CHARS} characters`];
    return hasControlCharacters(key + value) ? [`${shown}: must not contain control characters`] : [];
  });
}

const shownKey = (key: string): string => (key.length > 64 ? `${key.slice(0, 64)}…` : key);

export const isOwnLabel = (key: string): boolean => key.startsWith(PREFIX);

/** Reads the labels `hearsay.…`. The service of the container itself comes first. */
export function readOwnLabels(labels: Labels): RequestedServices {
  const problems: string[] = [];
  const drafts = new Map<string, Draft>();
  for (const [label, value] of labels) {
    if (!isOwnLabel(label)) continue;
    const refuse = (clause: string): void => void problems.push(`${label}: ${clause}`);
    if (label === ENABLE) {
      if (!/^(?:true|false|0|1)$/i.test(value)) refuse('must be true or false');
      continue;
    }
    const target = splitLabel(label.slice(PREFIX.length));
    if (target === undefined) {
      refuse(unknownLabelClause(label));
      continue;
    }
    const draft = drafts.get(target.key) ?? new Draft(target.key);
    drafts.set(target.key, draft);
    draft.read(target.field, target.rest, value, refuse);
  }
  const base = drafts.get('');
  if (base !== undefined && drafts.size > 1 && !base.isNamed)
    problems.push(
      'its labels name services, and some are of none of them: begin each with hearsay.SERVICE, or add hearsay.name',
    );
  if (drafts.size > MAX_SERVICES_OF_CONTAINER)
    problems.push(`it asks for ${drafts.size} services, and the limit is ${MAX_SERVICES_OF_CONTAINER}`);
  return { services: [...drafts.values()].sort((a, b) => (a.key < b.key ? -1 : 1)), problems };
}

/** `port` and `web.port`, each with what follows the field. */
function splitLabel(
  label: string,
): { readonly key: string; readonly field: Field; readonly rest: string } | undefined {
  const [first = '', second = ''] = label.split('.');
  if (isField(first)) return { key: '', field: first, rest: label.slice(first.length + 1) };
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(first) || !isField(second)) return undefined;
  return { key: first, field: second, rest: label.slice(first.length + second.length + 2) };
}

const isField = (word: string): word is Field => (FIELDS as readonly string[]).includes(word);

function unknownLabelClause(label: string): string {
  const known = ['enable', ...FIELDS, ...CHECK_LABELS.map((one) => `check.${one}`)].map(
    (one) => PREFIX + one,
  );
  const meant = suggestSimilar(label, known);
  return `is no label that is known here${meant === undefined ? ': see `hearsay help containers`' : `; did you mean ${meant}?`}`;
}

type Refuse = (clause: string) => void;

class Draft implements RequestedService {
  readonly key: string;
  name: string | undefined;
  port: number | undefined;
  ports: RequestedService['ports'] = [];
  tags: readonly string[] = [];
  weight: number | undefined;
  readonly meta = new Map<string, string>();
  readonly check = new Map<CheckLabel, string>();

  constructor(key: string) {
    this.key = key;
    this.name = key === '' ? undefined : key;
  }

  /** It says what it is called, or where it is. */
  get isNamed(): boolean {
    return this.name !== undefined || this.port !== undefined || this.ports.length > 0;
  }

  /** `rest` is what follows the field: `http` of `check.http`. */
  read(field: Field, rest: string, value: string, refuse: Refuse): void {
    if (field === 'meta')
      return rest === '' ? refuse('must name a key: meta.KEY') : void this.meta.set(rest, value);
    if (field === 'check') return this.#readCheck(rest, value, refuse);
    if (rest !== '') return refuse('is no label that is known here: see `hearsay help containers`');
    if (field === 'name') this.name = value;
    else if (field === 'tags') this.tags = splitList(value);
    else if (field === 'ports') this.ports = readPorts(value, refuse);
    else this[field] = readNumber(value, refuse);
  }

  #readCheck(kind: string, value: string, refuse: Refuse): void {
    const known = CHECK_LABELS.find((one) => one === kind);
    if (known === undefined)
      return refuse(`must be one of ${CHECK_LABELS.map((one) => `check.${one}`).join(', ')}`);
    this.check.set(known, value);
  }
}

export const splitList = (value: string): string[] =>
  value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

function readNumber(value: string, refuse: Refuse): number | undefined {
  if (/^\d{1,5}$/.test(value.trim())) return Number(value);
  refuse('must be a number');
  return undefined;
}

/** `http:8080,metrics:9090`. */
function readPorts(value: string, refuse: Refuse): RequestedService['ports'] {
  return splitList(value).flatMap((one) => {
    const [, name, digits] = /^([^:]+):(\d{1,5})$/.exec(one) ?? [];
    if (name !== undefined && digits !== undefined) return [{ name, port: Number(digits) }];
    refuse('must be NAME:PORT, several with commas');
    return [];
  });
}
