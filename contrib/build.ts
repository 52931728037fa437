/**
 * `npm run build`: writes `dist/`, all that is shipped. Types are checked by `npm run check`. The parts are in
 * `build/parts.ts`. The new folder takes the place of the old one at the end, so a failed build leaves the old one.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundledPackages } from './build/bundle.ts';
import { noticesOf } from './build/notices.ts';
import { PARTS } from './build/parts.ts';
import { billOfMaterials } from './build/sbom.ts';

const TARGET = 'dist';
const folder = `${TARGET}.new`;

rmSync(folder, { recursive: true, force: true });
const metafiles = [];
for (const part of PARTS) metafiles.push(...(await part.build(folder)));
const packages = bundledPackages(metafiles);
writeFileSync(join(folder, 'THIRD_PARTY_NOTICES'), noticesOf(packages));
writeFileSync(join(folder, 'sbom.json'), `${JSON.stringify(billOfMaterials(packages), null, 2)}\n`);
rmSync(TARGET, { recursive: true, force: true });
renameSync(folder, TARGET);
