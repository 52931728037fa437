/**
 * The program and Node in one executable, for the platform that builds it: Node's own recipe of a single executable
 * application. The bundle becomes a blob, which is put into a copy of Node's binary; that must be an official build of Node.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { ASSET_PREFIX, UI_FILES } from '../../src/http/endpoint/reply/ui-files.ts';
import { bundledPackages, NODE_BUNDLE } from '../build/bundle.ts';
import { nodeNotice, noticesOf } from '../build/notices.ts';
import { UI_BUNDLE } from '../build/ui.ts';

/** Where Node looks for the mark that a blob was put in. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
/** Node asks macOS for a segment of this name. */
const MACOS_SEGMENT = 'NODE_SEA';

/** Writes the executable `target`, and beside it the notices of all that is in it. Returns `target`. */
export async function buildSingleFile(target: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'hearsay-build-'));
  try {
    const script = join(work, 'hearsay.cjs');
    const { metafile } = await build({
      ...NODE_BUNDLE,
      entryPoints: ['contrib/release/entry.ts'],
      outfile: script,
      format: 'cjs',
      supported: { 'dynamic-import': false }, // the executable has `require` only, for Node's own modules, too
      logOverride: { 'empty-import-meta': 'silent' }, // the files of the dashboard are assets here
    });
    mkdirSync(dirname(target), { recursive: true });
    const ui = await build({ ...UI_BUNDLE, outdir: join(work, 'ui') });
    injectBlob(target, createBlob(work, script));
    const notices = noticesOf(bundledPackages([metafile, ui.metafile]), [nodeNotice(process.execPath)]);
    writeFileSync(join(dirname(target), 'THIRD_PARTY_NOTICES'), notices);
    return target;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function createBlob(work: string, script: string): string {
  const config = join(work, 'sea.json');
  const output = join(work, 'hearsay.blob');
  // With the code cache a command starts in half of the time.
  const assets = Object.fromEntries(UI_FILES.map((name) => [ASSET_PREFIX + name, join(work, 'ui', name)]));
  const settings = { main: script, output, assets, disableExperimentalSEAWarning: true, useCodeCache: true };
  writeFileSync(config, JSON.stringify(settings));
  execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: 'pipe' });
  return output;
}

function injectBlob(target: string, blob: string): void {
  rmSync(target, { force: true });
  copyFileSync(process.execPath, target);
  chmodSync(target, 0o755);
  const postject = 'node_modules/.bin/postject';
  if (!existsSync(postject)) throw new Error('postject is missing: run `npm ci` first');
  const macOs = process.platform === 'darwin';
  if (macOs) execFileSync('codesign', ['--remove-signature', target]);
  const args = [target, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE];
  // It warns of section names that it cannot read; what it says is shown only if it fails.
  execFileSync(postject, macOs ? [...args, '--macho-segment-name', MACOS_SEGMENT] : args, { stdio: 'pipe' });
  if (macOs) execFileSync('codesign', ['--sign', '-', target]);
}
