/**
 * A disk in memory that can fail at any operation, be slow, or lose what was not synced when the power goes. Metadata is
 * ordered, as journaling file systems have it: a crash keeps some beginning of what was done to names since the last sync.
 */
import type { Disk } from '../../../src/shell/storage/disk.ts';

export type Operation = Exclude<keyof Disk, 'lock'>;
type Names = Map<string, Uint8Array>;

export class FakeDisk implements Disk {
  names: Names = new Map();
  /** Names after each change since the last sync, oldest first; the first is what is certain. */
  #history: Names[] = [new Map()];
  /** Called before each operation: throws to fail it, waits to slow it down. */
  before: (operation: Operation, path: string) => Promise<void> | void = () => {};
  readonly done: string[] = [];

  static with(files: Readonly<Record<string, Uint8Array>>): FakeDisk {
    const disk = new FakeDisk();
    disk.names = new Map(Object.entries(files));
    disk.#history = [disk.names];
    return disk;
  }

  /** Every disk that could be found after a crash now. */
  *afterCrash(): Generator<FakeDisk> {
    for (const names of this.#history) yield FakeDisk.with(Object.fromEntries(names));
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#begin('makeDirectory', path);
  }

  async stat(path: string) {
    await this.#begin('stat', path);
    const held = this.names.get(path);
    const isDirectory = [...this.names.keys()].some((name) => name.startsWith(`${path}/`));
    if (held === undefined && !isDirectory && path !== '/data') throw failure('ENOENT');
    const uid = process.geteuid?.() ?? 0;
    return { uid, mode: 0o700, size: held?.length ?? 0, isFile: () => held !== undefined };
  }

  async read(path: string): Promise<Uint8Array> {
    await this.#begin('read', path);
    const held = this.names.get(path);
    if (held === undefined) throw failure('ENOENT');
    return held;
  }

  async create(path: string, contents: Uint8Array): Promise<void> {
    if (this.names.has(path)) throw failure('EEXIST');
    // Not synced yet: what a crash would find is any beginning of it.
    for (let cut = 0; cut < contents.length; cut++)
      this.#history.push(new Map(this.names).set(path, contents.subarray(0, cut)));
    await this.#begin('create', path);
    this.#change((names) => names.set(path, contents.slice()));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#begin('rename', from);
    const held = this.names.get(from);
    if (held === undefined) throw failure('ENOENT');
    this.#change((names) => {
      names.delete(from);
      names.set(to, held);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove', path);
    if (this.names.has(path)) this.#change((names) => names.delete(path));
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#begin('syncDirectory', directory);
    this.#history = [this.names];
  }

  async lock() {
    return { kind: 'held', release: () => {} } as const;
  }

  async #begin(operation: Operation, path: string): Promise<void> {
    await this.before(operation, path);
    this.done.push(operation);
  }

  #change(change: (names: Names) => void): void {
    this.names = new Map(this.names);
    change(this.names);
    this.#history.push(this.names);
  }
}

export const failure = (code: string): Error => Object.assign(new Error(code), { code });
