/** The bill of materials of what is shipped, in CycloneDX: the program and the packages in its bundles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

/** Hashes are those of the lock file, so that what was bundled can be compared with what the registry has. */
export function billOfMaterials(folders: readonly string[]): object {
  const root = readPackage('.');
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Readonly<Record<string, { readonly integrity?: string }>>;
  };
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', ...component(root) } },
    components: folders.map((folder) => {
      // In a worktree the packages may be beside the project; the lock file names them from the project on.
      const integrity = packages[folder.slice(folder.indexOf('node_modules/'))]?.integrity;
      return {
        type: 'library',
        ...component(readPackage(folder)),
        ...(integrity === undefined ? {} : { hashes: [hashOf(integrity)] }),
      };
    }),
  };
}

const readPackage = (folder: string): Package =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

function component({ name, version, license }: Package): object {
  return {
    name,
    version,
    purl: `pkg:npm/${name.replace(/^@/, '%40')}@${version}`,
    licenses: license === undefined ? [] : [{ license: { id: license } }],
  };
}

/** `sha512-BASE64` of npm, as CycloneDX writes it. */
function hashOf(integrity: string): object {
  const [algorithm = '', digest = ''] = integrity.split('-');
  return {
    alg: algorithm.toUpperCase().replace('SHA', 'SHA-'),
    content: Buffer.from(digest, 'base64').toString('hex'),
  };
}
