/**
 * What `dist/` consists of. A part writes its files below `folder`, and returns the metafiles of its bundles, from which the
 * notices and the bill of materials are made. Parts are built in their order; a later one may read what an earlier one wrote.
 */
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { NODE_BUNDLE, provideRequire } from './bundle.ts';
import { writeTypes } from './types.ts';
import { UI_BUNDLE } from './ui.ts';

export interface Part {
  readonly name: string;
  build(folder: string): Promise<readonly Metafile[]>;
}

/** The command line and the agent, with a chunk for each command, and what programs and their tests run of it. */
const program: Part = {
  name: 'program',
  build: async (folder) => {
    const { metafile } = await build({
      ...NODE_BUNDLE,
      entryPoints: [
        { in: 'src/cli/index.ts', out: 'cli/index' },
        { in: 'src/embed/agent.ts', out: 'embed/agent' },
        { in: 'src/embed/testing.ts', out: 'embed/testing' },
      ],
      outdir: join(folder),
      splitting: true,
      format: 'esm',
      chunkNames: 'chunks/[name]-[hash]',
    });
    provideRequire(metafile);
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

/** What users import: `exports` in package.json names it. Of the library each adapter is a file of its own. */
const library: Part = {
  name: 'library',
  build: async (folder) => {
    const { metafile } = await build({
      ...NODE_BUNDLE,
      entryPoints: ['index', 'dispatcher', 'http-agent', 'grpc-resolver'].map(
        (name) => `src/client/${name}.ts`,
      ),
      outdir: join(folder, 'client'),
      splitting: true,
      format: 'esm',
      chunkNames: 'chunks/[name]-[hash]',
    });
    writeTypes(folder, [
      ...['client/index', 'client/dispatcher', 'client/http-agent', 'client/grpc-resolver'],
      ...['embed/agent', 'embed/testing'],
    ]);
    return [metafile];
  },
};

export const PARTS: readonly Part[] = [program, dashboard, library];
