/** Bundles what the children of a campaign run: loaded file by file, by tsx, a seed takes a tenth more of a processor. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface Bundle {
  readonly file: string;
  /** For `node`: the lines of stacks are those of the sources. */
  readonly execArgv: readonly string[];
  remove(): Promise<void>;
}

/** Packages of CommonJS ask for Node's modules by `require`. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

export async function bundleFile(entry: string): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-bundle-'));
  const file = join(folder, 'bundle.mjs');
  await build({
    ...{ entryPoints: [entry], outfile: file, bundle: true, platform: 'node', format: 'esm' },
    ...{ sourcemap: true, banner: { js: REQUIRE }, logLevel: 'error' },
  });
  return {
    file,
    execArgv: ['--enable-source-maps'],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
