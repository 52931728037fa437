/** The names that a template may use, by what they stand in: nothing else can be read, and no code can run. */
import { joinHostPort } from '../../base/address.ts';
import type { DesiredServer } from '../desired.ts';

/** Services by their names in lower case, each with the servers that get requests. */
export type ServiceLists = ReadonlyMap<string, readonly DesiredServer[]>;

/** What a template is about at one place: all services, one of them, an instance, or a tag of it. */
export type TemplateFrame =
  | { readonly scope: 'all'; readonly services: ServiceLists }
  | (Listed & {
      readonly scope: 'service';
      readonly name: string;
      readonly servers: readonly DesiredServer[];
    })
  | (Listed & { readonly scope: 'instance'; readonly service: string; readonly server: DesiredServer })
  | (Listed & { readonly scope: 'tag'; readonly tag: string });
export type TemplateScope = TemplateFrame['scope'];

interface Listed {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export type TemplateField =
  | { readonly kind: 'value'; read(frame: TemplateFrame): string | number }
  | { readonly kind: 'flag'; read(frame: TemplateFrame): boolean }
  | {
      readonly kind: 'list';
      readonly scope: TemplateScope;
      read(frame: TemplateFrame): readonly TemplateFrame[];
    };

const ofServer = (read: (server: DesiredServer, service: string) => string | number): TemplateField => ({
  kind: 'value',
  read: (frame) => (frame.scope === 'instance' ? read(frame.server, frame.service) : ''),
});
const instancesOf = (service: string, servers: readonly DesiredServer[]): readonly TemplateFrame[] =>
  listed(servers.map((server) => ({ scope: 'instance', service, server })));
const listed = <T extends object>(frames: readonly T[]): readonly (T & Listed)[] =>
  frames.map((frame, i) => ({ ...frame, isFirst: i === 0, isLast: i === frames.length - 1 }));

const LISTED_FIELDS: Readonly<Record<string, TemplateField>> = {
  first: { kind: 'flag', read: (frame) => 'isFirst' in frame && frame.isFirst },
  last: { kind: 'flag', read: (frame) => 'isLast' in frame && frame.isLast },
};

const FIELDS: Readonly<Record<TemplateScope, Readonly<Record<string, TemplateField>>>> = {
  all: {
    services: {
      kind: 'list',
      scope: 'service',
      read: (frame) =>
        frame.scope === 'all'
          ? listed([...frame.services].map(([name, servers]) => ({ scope: 'service', name, servers })))
          : [],
    },
  },
  service: {
    ...LISTED_FIELDS,
    name: { kind: 'value', read: (frame) => (frame.scope === 'service' ? frame.name : '') },
    instances: {
      kind: 'list',
      scope: 'instance',
      read: (frame) => (frame.scope === 'service' ? instancesOf(frame.name, frame.servers) : []),
    },
  },
  instance: {
    ...LISTED_FIELDS,
    service: ofServer((_server, service) => service),
    id: ofServer(({ id }) => id),
    node: ofServer(({ node }) => node),
    address: ofServer(({ address }) => address),
    port: ofServer(({ port }) => port),
    endpoint: ofServer(({ address, port }) => joinHostPort(address, port)),
    weight: ofServer(({ weight }) => weight),
    status: ofServer(({ row }) => row.status),
    zone: ofServer(({ row }) => row.zone ?? ''),
    tags: {
      kind: 'list',
      scope: 'tag',
      read: (frame) =>
        frame.scope === 'instance' ? listed(frame.server.row.tags.map((tag) => ({ scope: 'tag', tag }))) : [],
    },
  },
  tag: {
    ...LISTED_FIELDS,
    '.': { kind: 'value', read: (frame) => (frame.scope === 'tag' ? frame.tag : '') },
  },
};

const ownOf = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/** Names with an argument, as `service web`; undefined: no such name, or not there. */
function findWithArgument(scope: TemplateScope, name: string): TemplateField | undefined {
  const [, what = '', key = ''] = /^(service +|tag +|meta\.|ports\.)(.+)$/s.exec(name) ?? [];
  if (scope === 'all' && what.startsWith('service')) {
    const service = key.toLowerCase();
    const read = (frame: TemplateFrame): readonly TemplateFrame[] =>
      frame.scope === 'all' ? instancesOf(key, frame.services.get(service) ?? []) : [];
    return { kind: 'list', scope: 'instance', read };
  }
  if (scope !== 'instance') return undefined;
  if (what === 'meta.') return ofServer(({ row }) => ownOf(row.meta, key) ?? '');
  if (what === 'ports.') return ofServer(({ row }) => ownOf(row.ports, key) ?? '');
  if (!what.startsWith('tag')) return undefined;
  const read = (frame: TemplateFrame): boolean =>
    frame.scope === 'instance' && frame.server.row.tags.includes(key);
  return { kind: 'flag', read };
}

export interface FoundField {
  readonly field: TemplateField;
  /** In which of the scopes it was found. */
  readonly depth: number;
}

/** Looks from the innermost scope outwards. */
export function findField(scopes: readonly TemplateScope[], name: string): FoundField | undefined {
  for (let depth = scopes.length - 1; depth >= 0; depth--) {
    const scope = scopes[depth] as TemplateScope;
    const field = ownOf(FIELDS[scope], name) ?? findWithArgument(scope, name);
    if (field !== undefined) return { field, depth };
  }
  return undefined;
}

const ARGUMENTS: Readonly<Record<TemplateScope, readonly string[]>> = {
  all: ['service NAME'],
  service: [],
  instance: ['meta.KEY', 'ports.NAME', 'tag TAG'],
  tag: [],
};

/** All names that may stand there, the nearest first. */
export const knownNames = (scopes: readonly TemplateScope[]): readonly string[] => [
  ...new Set([...scopes].reverse().flatMap((scope) => [...Object.keys(FIELDS[scope]), ...ARGUMENTS[scope]])),
];
