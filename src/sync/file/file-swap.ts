/**
 * Puts a new file in the place of an old one: written aside, tested, swapped, and the program told to read it. Whatever fails, the
 * last good file is back, also when this program was ended on the way.
 */
import { copyFile, link, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type FileCommand, runFileCommand } from './command.ts';

export interface FileCommands {
  /**
   * Judges the new file: before it is in its place if the command names the variable `HEARSAY_NEW`, the path aside; else there, as
   * for a program that tests its whole configuration.
   */
  readonly test: FileCommand | undefined;
  /** Makes a program read it. */
  readonly reload: FileCommand | undefined;
}

/** For all to read: it has what anybody can ask the agent for. A file that is there keeps its mode. */
const NEW_MODE = 0o644;
const ASIDE_VARIABLE = 'HEARSAY_NEW';

export class FileSwap {
  readonly path: string;
  readonly #commands: FileCommands;
  readonly #aside: string;
  readonly #last: string;

  private constructor(path: string, commands: FileCommands) {
    this.path = path;
    this.#commands = commands;
    // Hidden, and with another ending: programs read whole folders, as conf.d/*.conf.
    const name = (what: string): string => join(dirname(path), `.${basename(path)}.hearsay-${what}`);
    this.#aside = name('new');
    this.#last = name('last');
  }

  /** A symbolic link stays one: what it leads to is swapped. Rejects if the folder is not there. */
  static async open(path: string, commands: FileCommands): Promise<FileSwap> {
    const real = await realpath(path).catch(async () => join(await realpath(dirname(path)), basename(path)));
    return new FileSwap(real, commands);
  }

  /** Puts the last good file back if a former run was ended before it knew that the new one is good. Resolves to whether it did. */
  async recover(): Promise<boolean> {
    await rm(this.#aside, { force: true });
    return rename(this.#last, this.path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
  }

  /** `undefined`: there is none. */
  read(): Promise<string | undefined> {
    return readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  }

  /** Resolves to why the last good file stays; empty: the new one is in use. Rejects if it cannot be written. */
  async swap(text: string): Promise<string> {
    const { test, reload } = this.#commands;
    await this.#writeAside(text);
    const isTestedAside = test !== undefined && JSON.stringify(test).includes(ASIDE_VARIABLE);
    if (isTestedAside) {
      const problem = await this.#run(test);
      if (problem !== '') {
        await rm(this.#aside, { force: true });
        return problem;
      }
    }
    const hadFile = await this.#keepLast();
    await rename(this.#aside, this.path);
    await syncFolder(dirname(this.path));
    const problem =
      (test === undefined || isTestedAside ? '' : await this.#run(test)) ||
      (reload === undefined ? '' : await this.#run(reload));
    if (problem !== '' && hadFile) await rename(this.#last, this.path);
    else await rm(problem === '' ? this.#last : this.path, { force: true });
    await syncFolder(dirname(this.path));
    return problem;
  }

  #run(command: FileCommand): Promise<string> {
    return runFileCommand(command, { HEARSAY_FILE: this.path, [ASIDE_VARIABLE]: this.#aside });
  }

  async #writeAside(text: string): Promise<void> {
    const old = await stat(this.path).catch(() => undefined);
    await rm(this.#aside, { force: true }); // so that nobody else's file or link is written to
    const file = await open(this.#aside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      if (old !== undefined) await file.chown(old.uid, old.gid).catch(() => undefined); // only root may
      await file.chmod(old === undefined ? NEW_MODE : old.mode & 0o7777);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Resolves to whether there is a last one. */
  async #keepLast(): Promise<boolean> {
    await rm(this.#last, { force: true });
    try {
      await link(this.path, this.#last).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') throw error;
        return copyFile(this.path, this.#last); // a file system without links
      });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
