/** What a sync status is about, as versions of ledgers: an agent that serves these serves the record. */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { CatalogView, Instance } from '../../catalog/types.ts';
import type { EntryKey } from '../../model/service.ts';
import type { SyncSubject } from '../contract/sync-status.ts';
import type { WantedVersion } from './verdict.ts';

export type Ledgers = Pick<Catalog, 'replicaProgress' | 'entries' | 'version'>;

/** Ledgers that one status may be about. */
const MAX_LEDGERS = 256;
/** Changes of the own ledger whose times are remembered. */
const MAX_CHANGES = 64;

/** When the own ledger reached its latest versions. */
export class VersionTimes {
  readonly #changes: { readonly version: number; readonly at: Millis }[] = [];

  record(version: number, at: Millis): void {
    if (this.#changes.at(-1)?.version === version) return;
    this.#changes.push({ version, at });
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift();
  }

  /** `undefined`: it is too long ago, or was never. */
  timeOf(version: number): Millis | undefined {
    const at = this.#changes.findIndex((change) => change.version >= version);
    return at < 0 || (at === 0 && this.#changes.length === MAX_CHANGES) ? undefined : this.#changes[at]?.at;
  }
}

export interface SubjectSources {
  /** This agent's own name. */
  readonly self: string;
  readonly ledgers: Ledgers;
  readonly view: CatalogView;
  readonly times: VersionTimes;
}

/** Throws `AgentError` if there is nothing of that name. */
export function wantedVersions(
  subject: SyncSubject,
  sources: SubjectSources,
  now: Millis,
): readonly WantedVersion[] {
  const { self, ledgers, times } = sources;
  const versions = new Map<string, number>();
  const want = (owner: string, version: number): unknown =>
    versions.set(owner, Math.max(version, versions.get(owner) ?? 0));
  if (subject.kind === 'node') want(...wholeLedger(subject.node, sources));
  else if (subject.kind === 'instance') want(self, requireEntry(subject.id, sources));
  else for (const one of requireInstances(subject.service, sources)) want(...newestEntry(one, sources));
  if (versions.size > MAX_LEDGERS)
    throw new AgentError(
      'tooLarge',
      `its instances are on more than ${MAX_LEDGERS} nodes: ask for single nodes in its place`,
    );
  return [...versions].map(([owner, version]) => {
    const epoch = ledgers.replicaProgress(owner)?.epoch ?? 0;
    return { owner, epoch, version, since: (owner === self ? times.timeOf(version) : undefined) ?? now };
  });
}

function wholeLedger(node: string, { ledgers, view }: SubjectSources): [owner: string, version: number] {
  const owner = view.externalNode(node)?.owner ?? node;
  const progress = ledgers.replicaProgress(owner);
  if (progress === undefined)
    throw new AgentError(
      'notFound',
      `no node and no service is called "${node}": \`hearsay members\` and \`hearsay services\` list them`,
    );
  return [owner, progress.version];
}

/** A removed instance has an entry, too, for a while. */
function requireEntry(id: string, { self, ledgers }: SubjectSources): number {
  const entry = ledgers.entries(self)?.get(`s:${id}`);
  if (entry === undefined)
    throw new AgentError('notFound', `Unknown service ID "${id}": \`hearsay services NAME\` shows the IDs`);
  return entry.version;
}

function requireInstances(service: string, { view }: SubjectSources): readonly Instance[] {
  const instances = view.instances(service);
  if (instances.length === 0)
    throw new AgentError('notFound', `no service is called "${service}": \`hearsay services\` lists them`);
  return instances;
}

/** The newest of the entries of an instance and its checks; of an external node all that its owner has published. */
function newestEntry(
  { node, service, checks }: Instance,
  { ledgers, view }: SubjectSources,
): [owner: string, version: number] {
  const external = view.externalNode(node)?.owner;
  if (external !== undefined) return [external, ledgers.replicaProgress(external)?.version ?? 0];
  const entries = ledgers.entries(node);
  const keys: EntryKey[] = [`s:${service.id}`, ...checks.map(({ id }) => `c:${id}` as const)];
  return [node, Math.max(0, ...keys.map((key) => entries?.get(key)?.version ?? 0))];
}
