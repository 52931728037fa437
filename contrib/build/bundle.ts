/** What all bundles of the program share, and the packages that a bundle contains. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { BuildOptions, Metafile } from 'esbuild';

/** The oldest Node that `engines` in package.json allows. */
export const NODE_TARGET = 'node20.19';

/**
 * For Node: no package stays outside, so that users install none. Without comments and blanks an agent keeps half of the text in
 * memory, and one letter beyond Latin-1 in a comment would double it; names and short lines stay, for stacks.
 */
export const NODE_BUNDLE = {
  bundle: true,
  minifyWhitespace: true,
  lineLimit: 120,
  platform: 'node',
  target: NODE_TARGET,
  metafile: true,
  logLevel: 'warning',
} satisfies BuildOptions;

/** An ES module has no `require`, which bundled CommonJS packages call for Node's own modules. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);\n";
/** Of esbuild's function that stands for `require` in ES modules. */
const CALLS_REQUIRE = 'typeof require';

/** Gives `require` to those ES modules of a build that call it: each one takes 20 kB of memory, and few do. */
export function provideRequire({ outputs }: Metafile): void {
  for (const path of Object.keys(outputs)) {
    const text = readFileSync(path, 'utf8');
    if (text.includes(CALLS_REQUIRE)) writeFileSync(path, `${REQUIRE}${text}`);
  }
}

/** The folders of the packages whose sources are among the inputs, sorted. */
export function bundledPackages(metafiles: readonly Metafile[]): readonly string[] {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}
