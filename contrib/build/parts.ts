/**
 * What `dist/` consists of. A part writes its files below `folder`, and returns the metafiles of its bundles, from which the
 * notices and the bill of materials are made. Parts are built in their order; a later one may read what an earlier one wrote.
 */
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { NODE_BUNDLE, REQUIRE_IN_MODULES } from './bundle.ts';
import { UI_BUNDLE } from './ui.ts';

export interface Part {
  readonly name: string;
  build(folder: string): Promise<readonly Metafile[]>;
}

/** The command line and the agent, with a chunk for each command. */
const program: Part = {
  name: 'program',
  build: async (folder) => {
    const { metafile } = await build({
      ...NODE_BUNDLE,
      entryPoints: [{ in: 'src/cli/index.ts', out: 'cli/index' }],
      outdir: join(folder),
      splitting: true,
      format: 'esm',
      chunkNames: 'chunks/[name]-[hash]',
      banner: { js: REQUIRE_IN_MODULES },
    });
    return [metafile];
  },
};

/** The dashboard, which the HTTP server reads from `ui/` beside the program's own folder. */
const dashboard: Part = {
  name: 'dashboard',
  build: async (folder) => {
    const { metafile } = await build({ ...UI_BUNDLE, outdir: join(folder, 'ui') });
    return [metafile];
  },
};

export const PARTS: readonly Part[] = [program, dashboard];
