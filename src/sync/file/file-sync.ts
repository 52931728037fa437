/** Makes one file equal to what a template says of the catalog. A burst of changes is one swap, so that its reader is reloaded once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredServer, SyncRow } from '../desired.ts';
import { GuardedList } from '../guarded-list.ts';
import type { SyncTarget } from '../sync-target.ts';
import type { ServiceLists } from '../template/names.ts';
import type { Template } from '../template/template.ts';
import type { FileSwap } from './file-swap.ts';

export interface FileChange {
  /** `written` is about the file; `kept` about a service; the others about an instance. */
  readonly event: 'added' | 'changed' | 'removed' | 'kept' | 'written';
  readonly file: string;
  readonly service: string;
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** Why servers are kept; else empty. */
  readonly reason: string;
}

export interface FileSyncOptions {
  readonly template: Template;
  readonly file: Pick<FileSwap, 'path' | 'read' | 'swap'>;
  /** Milliseconds from one swap to the next, at least. */
  readonly every: number;
  /** Why a list that is empty now may not be believed; empty: it may. */
  readonly doubt: () => Promise<string>;
  onChange(change: FileChange): void;
  /** What does not work, in a sentence with the next step; said once until it changes. */
  onProblem(message: string): void;
}

/** Milliseconds without a change after which a burst is over, and how long a burst may last. */
const QUIET = 200;
const LONGEST_BURST = 1000;
/** Milliseconds until a text that was refused is tried again: what was wrong may have been another file. Doubled each time. */
const FIRST_RETRY = 1000;
const LAST_RETRY = 60_000;

interface Choice {
  readonly lists: ServiceLists;
  /** `undefined`: nothing better is known than what is in the file. */
  readonly text: string | undefined;
  /** A line for each instance that is left out. */
  readonly undialable: string;
}

export class FileSync implements SyncTarget {
  readonly #options: FileSyncOptions;
  readonly #rows = new Map<string, readonly SyncRow[]>();
  readonly #lists = new Map<string, GuardedList>();
  /** In the file, as far as this program has written it. */
  #written: ServiceLists = new Map();
  #updatedAt = 0;
  #swappedAt = Number.NEGATIVE_INFINITY;
  #refused: { readonly text: string; readonly retryAt: number; readonly pause: number } | undefined;
  #problem = '';

  constructor(options: FileSyncOptions) {
    this.#options = options;
  }

  update(service: string, rows: readonly SyncRow[]): void {
    this.#updatedAt = performance.now();
    this.#rows.set(service, rows);
  }

  async apply(): Promise<boolean> {
    const { file } = this.#options;
    const before = await file.read();
    const isDone = ({ lists, text, undialable }: Choice): boolean => {
      if (text !== undefined && text !== before) return false;
      if (text !== undefined) this.#written = lists;
      this.#tell(undialable);
      return true;
    };
    if (isDone(await this.#choose(before !== undefined))) return this.#problem === '';
    await this.#waitForEndOfBurst();
    const choice = await this.#choose(before !== undefined);
    if (isDone(choice)) return this.#problem === '';
    const { lists, text = '', undialable } = choice;
    const refused = this.#refused;
    if (refused !== undefined && refused.text === text && performance.now() < refused.retryAt) return false;
    const problem = await file.swap(text);
    this.#swappedAt = performance.now();
    if (problem !== '') {
      const pause = refused?.text === text ? Math.min(LAST_RETRY, refused.pause * 2) : FIRST_RETRY;
      this.#refused = { text, pause, retryAt: this.#swappedAt + pause };
      return this.#tell(`${file.path} stays as it was: ${problem}`);
    }
    this.#refused = undefined;
    this.#report(lists);
    return this.#tell(undialable);
  }

  async #choose(hasFile: boolean): Promise<Choice> {
    const { template, doubt, onChange, file } = this.#options;
    const lists = new Map<string, readonly DesiredServer[]>();
    const undialable: string[] = [];
    let isKnown = true;
    for (const [service, rows] of [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const list = this.#lists.get(service) ?? new GuardedList();
      this.#lists.set(service, list);
      const { servers, keptSince, undialable: left } = await list.choose(rows, doubt);
      if (keptSince !== '')
        onChange({ ...NOBODY, event: 'kept', file: file.path, service, reason: keptSince });
      if (servers === undefined && hasFile) isKnown = false;
      lists.set(service, (servers ?? []).filter(isServed).sort(byKey));
      undialable.push(...left.map((row) => describeUndialable(service, row)));
      if (rows.length === 0 && template.services === 'all') this.#forget(service, lists);
    }
    return { lists, undialable: undialable.join('\n'), text: isKnown ? template.render(lists) : undefined };
  }

  /** Where all services are listed, one without instances is no service. */
  #forget(service: string, lists: Map<string, unknown>): void {
    this.#rows.delete(service);
    this.#lists.delete(service);
    lists.delete(service);
  }

  async #waitForEndOfBurst(): Promise<void> {
    const begin = performance.now();
    const mayBegin = this.#swappedAt + this.#options.every;
    for (;;) {
      const now = performance.now();
      const quietAt = Math.min(this.#updatedAt + QUIET, begin + LONGEST_BURST);
      const wait = Math.max(mayBegin, quietAt) - now;
      if (wait <= 0) return;
      await sleep(wait);
    }
  }

  /** Returns whether all is well. */
  #tell(problem: string): boolean {
    if (problem !== '' && problem !== this.#problem) this.#options.onProblem(problem);
    this.#problem = problem;
    return problem === '';
  }

  #report(lists: ServiceLists): void {
    const { onChange, file } = this.#options;
    const { path } = file;
    for (const service of new Set([...this.#written.keys(), ...lists.keys()])) {
      const before = new Map(this.#written.get(service)?.map((server) => [server.key, server]));
      for (const server of lists.get(service) ?? []) {
        const old = before.get(server.key);
        before.delete(server.key);
        if (old === undefined || JSON.stringify(old) !== JSON.stringify(server))
          onChange(toChange(old === undefined ? 'added' : 'changed', path, service, server));
      }
      for (const server of before.values()) onChange(toChange('removed', path, service, server));
    }
    this.#written = lists;
    onChange({ ...NOBODY, event: 'written', file: path, service: '' });
  }
}

const NOBODY = { id: '', node: '', address: '', port: 0, weight: 0, reason: '' };

function toChange(
  event: FileChange['event'],
  file: string,
  service: string,
  { id, node, address, port, weight }: DesiredServer,
): FileChange {
  return { event, file, service, id, node, address, port, weight, reason: '' };
}

/** Whoever drains gets nothing new, and neither does a server without a weight. */
const isServed = ({ state, weight }: DesiredServer): boolean => state === 'ready' && weight > 0;

const byKey = (a: DesiredServer, b: DesiredServer): number => (a.key < b.key ? -1 : 1);

const describeUndialable = (service: string, { id, node, address, port }: SyncRow): string =>
  `${service}: ${id} on ${node} is left out: it needs an IP address and a port, and it has "${address}" and ${port}; register it with both`;
