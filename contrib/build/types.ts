/**
 * The types of what users import: declarations of the entry points and of what they mention, below `types/` of the build. The
 * compiler writes those of the whole project; what users cannot reach is left out.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';

const SPECIFIER = /(\bfrom |\bimport\()(['"])(\.[^'"]+)\.ts\2/g;

/** `entries` are paths below `src`, without their ending. */
export function writeTypes(folder: string, entries: readonly string[]): void {
  const work = mkdtempSync(join(tmpdir(), 'hearsay-types-'));
  try {
    const options = ['--noEmit', 'false', '--emitDeclarationOnly', '--declaration', '--rootDir', '.'];
    execFileSync('node_modules/.bin/tsc', [...options, '--outDir', work], { stdio: 'inherit' });
    const seen = new Set<string>();
    const copy = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      const text = readFileSync(join(work, 'src', `${path}.d.ts`), 'utf8');
      const target = join(folder, 'types', `${path}.d.ts`);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text.replace(SPECIFIER, '$1$2$3.js$2'));
      for (const [, , , specifier = ''] of text.matchAll(SPECIFIER))
        copy(normalize(join(dirname(path), specifier)));
    };
    for (const entry of entries) copy(entry);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
