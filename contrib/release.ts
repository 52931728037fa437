/** `npm run build:sea`, `build:deb` and `build:image`: writes what their argument names into `release/`, or into podman's store. */
import { statSync } from 'node:fs';
import { buildDebianPackage } from './release/debian.ts';
import { buildImage } from './release/image.ts';
import { buildSingleFile } from './release/single-file.ts';

const FOLDER = 'release';

/** What can be built, each with a builder that returns what to print. */
const KINDS: Readonly<Record<string, () => Promise<string>>> = {
  deb: async () => withSize(await buildDebianPackage(FOLDER)),
  image: async () => (await buildImage('localhost/hearsay')).join(' '),
  sea: async () => withSize(await buildSingleFile(`${FOLDER}/hearsay`)),
};

const withSize = (file: string): string => `${file}  ${(statSync(file).size / 1e6).toFixed(1)} MB`;

const build = KINDS[process.argv[2] ?? ''];
if (build === undefined) {
  console.error(`usage: tsx contrib/release.ts ${Object.keys(KINDS).join('|')}`);
  process.exitCode = 2;
} else {
  console.log(await build());
}
