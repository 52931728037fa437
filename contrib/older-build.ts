/** Builds of older commits, for what compares this checkout with one: an upgrade, the benchmarks. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface OlderBuild {
  /** Short. */
  readonly commit: string;
  /** Its `bin/hearsay.js`. */
  readonly program: string;
}

/** The newest tag before this commit, if there is one. */
export function lastRelease(): string | undefined {
  const found = spawnSync('git', ['describe', '--tags', '--abbrev=0', 'HEAD^'], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}

/** The short name of a commit; throws a sentence if there is none. */
export function commitOf(name: string): string {
  const found = spawnSync('git', ['rev-parse', '--short', '--verify', '--quiet', `${name}^{commit}`], {
    encoding: 'utf8',
  });
  if (found.status !== 0) throw new Error(`there is no commit ${name} here: fetch it, or name another`);
  return found.stdout.trim();
}

/** Builds a commit in a folder that is removed when `use` is done. It is built with the packages of this checkout. */
export async function withBuildOf<T>(name: string, use: (build: OlderBuild) => Promise<T>): Promise<T> {
  const commit = commitOf(name);
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-older-'));
  try {
    const archive = execFileSync('git', ['archive', commit], { maxBuffer: 2 ** 30 });
    execFileSync('tar', ['--extract', '--directory', folder], { input: archive });
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: folder, stdio: 'inherit' });
    return await use({ commit, program: join(folder, 'bin/hearsay.js') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
