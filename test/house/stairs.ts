/**
 * The stairs: imports only go down. One table says which layer of `src/` may import which, a second one in which order the
 * rooms inside a layer stand. A new layer or room has no place until a line here gives it one.
 */
import { type Import, importsOf, type Source } from './sources.ts';

/** What each layer may import, besides itself and packages. `(types)`: nothing that is left at run time. */
export const LAYERS: Readonly<Record<string, string>> = {
  base: '',
  model: 'base',
  wire: 'base model',
  locality: 'base',
  config: 'base model locality',
  access: 'base config',
  swim: 'base config wire',
  catalog: 'base model wire',
  checks: 'base model config',
  files: 'base config checks',
  jobs: 'base model catalog',
  partitions: 'base model catalog',
  serf: 'base config wire swim(types)',
  agent: 'base model wire config swim catalog locality checks jobs partitions serf',
  shell: 'base model wire config checks jobs partitions files serf agent',
  doctor: 'base',
  http: 'base model wire config access catalog locality checks jobs partitions serf agent doctor',
  dns: 'base model config catalog locality agent',
  rpc: 'base wire config access serf agent',
  register: 'base model config checks agent',
  client: 'catalog locality',
  sync: 'base',
  replay: 'base model wire checks jobs serf agent',
  sim: 'base model wire config swim catalog checks jobs partitions serf agent',
  'servers.ts': 'base config access agent shell http dns rpc',
  'main.ts': 'base wire config files agent shell http register replay servers.ts',
  cli: 'base config files register sync doctor replay sim main.ts',
  embed: 'config files agent http client sim main.ts',
  ui: 'base doctor',
};

/** Rooms inside a layer, from the ground up: each may import those to its left. Files beside them are free. */
export const ROOMS: Readonly<Record<string, string>> = {
  agent: 'contract scheduling replication evidence served transport links readers operations',
  checks: 'definition state saved',
  cli: 'output input api top sync commands',
  config: 'servers file',
  dns: 'message zone recursor answers server',
  http: 'endpoint pool consul hearsay routes server',
  register: 'exec containers',
  rpc: 'protocol commands server',
  serf: 'membership queries',
  shell: 'host net logging storage runners handlers',
  sim: 'world faults workload laws peers scenarios',
  sync: 'haproxy template file',
  swim: 'state rules connections',
  ui: 'style data parts views',
  'agent/contract': '',
  'http/endpoint': 'reply filter streams',
  'http/hearsay': 'render',
  'http/routes': 'consul hearsay',
  'shell/net': 'discovery',
  'sim/laws': 'wire membership messages catalog',
};

/** Layers that see Node only through what they are given; the exception is AES-GCM, which takes its nonce as an argument. */
const NODE_FREE = [
  'base',
  'model',
  'wire',
  'config',
  'swim',
  'catalog',
  'locality',
  'checks',
  'jobs',
  'partitions',
  'serf',
  'agent',
  'sim',
];
const NODE_EXCEPTIONS = ['src/wire/crypt.ts'];

/** Every import of `src/` that goes up, and every file without a place, as `path what is wrong`. */
export function findUpwardImports(sources: readonly Source[]): string[] {
  return [
    ...sources
      .filter(({ path }) => !(layerOf(path) in LAYERS))
      .map(({ path }) => `${path} stands in no layer`),
    ...sources.flatMap(findMisplaced),
    ...sources.flatMap(importsOf).flatMap(judge),
  ];
}

function judge(one: Import): string[] {
  const { path, specifier, target } = one;
  if (target === undefined)
    return specifier.startsWith('node:') &&
      NODE_FREE.includes(layerOf(path)) &&
      !NODE_EXCEPTIONS.includes(path)
      ? [`${path} imports ${specifier}`]
      : [];
  if (!target.startsWith('src/')) return [`${path} imports ${target}`];
  const [from, to] = [layerOf(path), layerOf(target)];
  if (from === to) return climbs(path, target) ? [`${path} imports ${target}`] : [];
  const allowed = (LAYERS[from] ?? '').split(' ');
  const ok = allowed.includes(to) || (one.typeOnly && allowed.includes(`${to}(types)`));
  return ok ? [] : [`${path} imports ${target}`];
}

/** Does an import inside a layer go to a room further up? */
function climbs(path: string, target: string): boolean {
  for (const [folder, order] of Object.entries(ROOMS)) {
    const [from, to] = [roomOf(path, folder), roomOf(target, folder)];
    if (from === undefined || to === undefined || from === to) continue;
    const rooms = order.split(' ');
    if (rooms.indexOf(from) < rooms.indexOf(to)) return true;
  }
  return false;
}

/** A file in a room that the table does not name. */
function findMisplaced({ path }: Source): string[] {
  const folders = path.split('/').slice(1, -1);
  const unnamed = folders.find((room, i) => {
    const order = ROOMS[folders.slice(0, i).join('/')];
    return order !== undefined && !order.split(' ').includes(room);
  });
  return unnamed === undefined ? [] : [`${path} stands in a room without a place: ${unnamed}`];
}

/** `swim` of `src/swim/rules/probe.ts`, `main.ts` of `src/main.ts`. */
const layerOf = (path: string): string => path.split('/')[1] as string;

/** The room of `folder` that a file is in; `undefined` if it is elsewhere, or beside the rooms. */
function roomOf(path: string, folder: string): string | undefined {
  const start = `src/${folder}/`;
  if (!path.startsWith(start)) return undefined;
  const parts = path.slice(start.length).split('/');
  return parts.length > 1 ? parts[0] : undefined;
}

/**
 * Circles among the boxes (files and folders) of each folder, as `folder: a > b > a`. Two folders that import each other are
 * one room with two names, even if no two of their files do.
 */
export function findBoxCircles(sources: readonly Source[]): string[] {
  const imports = sources.flatMap(importsOf).filter(({ target }) => target !== undefined);
  const folders = new Set(
    sources.flatMap(({ path }) =>
      path
        .split('/')
        .slice(0, -1)
        .map((_, i, all) => all.slice(0, i + 1).join('/')),
    ),
  );
  return [...folders].flatMap((folder) => {
    const edges = new Map<string, Set<string>>();
    for (const { path, target = '' } of imports) {
      const [from, to] = [boxOf(path, folder), boxOf(target, folder)];
      if (from === undefined || to === undefined || from === to) continue;
      const outgoing = edges.get(from) ?? new Set();
      edges.set(from, outgoing.add(to));
    }
    const circle = findCircle(edges);
    return circle === undefined ? [] : [`${folder}: ${circle.join(' > ')}`];
  });
}

const boxOf = (path: string, folder: string): string | undefined =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1).split('/')[0] : undefined;

function findCircle(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const finished = new Set<string>();
  const visit = (box: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(box)) return [...trail.slice(trail.indexOf(box)), box];
    if (finished.has(box)) return undefined;
    for (const next of edges.get(box) ?? []) {
      const circle = visit(next, [...trail, box]);
      if (circle !== undefined) return circle;
    }
    finished.add(box);
    return undefined;
  };
  for (const box of edges.keys()) {
    const circle = visit(box, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}
