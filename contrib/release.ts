/** `npm run build:sea`, `build:deb` and others: writes what their argument names into `release/`. */
import { statSync } from 'node:fs';
import { buildDebianPackage } from './release/debian.ts';
import { buildSingleFile } from './release/single-file.ts';

const FOLDER = 'release';

/** What can be built, each with a builder that returns the path of its file. */
const KINDS: Readonly<Record<string, () => Promise<string>>> = {
  deb: () => buildDebianPackage(FOLDER),
  sea: () => buildSingleFile(`${FOLDER}/hearsay`),
};

const build = KINDS[process.argv[2] ?? ''];
if (build === undefined) {
  console.error(`usage: tsx contrib/release.ts ${Object.keys(KINDS).join('|')}`);
  process.exitCode = 2;
} else {
  const file = await build();
  console.log(`${file}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
}
