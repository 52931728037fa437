/**
 * The container image, from scratch: the single executable, the shared libraries that it is linked with, and nothing else. The
 * libraries are those of the machine that builds it, with their licenses, so it holds no distribution to keep up to date.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { VERSION } from '../../src/base/version.ts';
import { buildSingleFile } from './single-file.ts';

/** glibc loads these by name when a host name is looked up. */
const NAME_SERVICE = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];
/** Debian's packages of the libraries, whose licenses go along. */
const LIBRARY_PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6'];
const USERS = 'root:x:0:0:root:/:/nonexistent\nhearsay:x:10001:10001:hearsay:/var/lib/hearsay:/nonexistent\n';
const GROUPS = 'root:x:0:\nhearsay:x:10001:\n';

/** Builds the image `tag` with podman, and returns its tags. `env` may name another store of images. */
export async function buildImage(tag: string, env = process.env): Promise<readonly string[]> {
  const context = mkdtempSync(join(tmpdir(), 'hearsay-image-'));
  const tags = [tag, `${tag}:${VERSION}`];
  try {
    await layOutContext(context);
    const file = 'contrib/container/Containerfile';
    // The format of OCI has no health check.
    const args = ['build', '--quiet', '--format', 'docker', ...tags.flatMap((one) => ['--tag', one])];
    execFileSync('podman', [...args, '--file', file, context], {
      ...{ env, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    return tags;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

async function layOutContext(context: string): Promise<void> {
  process.umask(0o022);
  const root = join(context, 'root');
  const program = await buildSingleFile(join(root, 'usr/bin/hearsay'));
  const documents = join(root, 'usr/share/doc/hearsay');
  mkdirSync(documents, { recursive: true });
  copyFileSync(join(root, 'usr/bin/THIRD_PARTY_NOTICES'), join(documents, 'THIRD_PARTY_NOTICES'));
  rmSync(join(root, 'usr/bin/THIRD_PARTY_NOTICES'));
  for (const [path, file] of librariesOf(program)) copyTo(root, path, file);
  for (const name of LIBRARY_PACKAGES) {
    const license = `/usr/share/doc/${name}/copyright`;
    if (existsSync(license)) copyFileSync(license, join(documents, `${name}.copyright`));
  }
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), USERS);
  writeFileSync(join(root, 'etc/group'), GROUPS);
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  mkdirSync(join(context, 'data'));
  mkdirSync(join(context, 'data/hearsay'), { mode: 0o700 });
}

/** Where each library is to be found, and where it is here, from `ldd`. */
function librariesOf(program: string): readonly (readonly [path: string, file: string])[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  const linked = lines.flatMap((line) => /(?:=> |^\s+)(\/\S+) \(0x/.exec(line)?.[1] ?? []);
  const libc = linked.find((path) => basename(path) === 'libc.so.6');
  if (libc === undefined)
    throw new Error('the executable is not linked with glibc: the image cannot be built here');
  const named = NAME_SERVICE.map((name) => join(dirname(libc), name)).filter((path) => existsSync(path));
  return [...linked, ...named].map((path) => [path, realpathSync(path)] as const);
}

function copyTo(root: string, path: string, file: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  copyFileSync(file, join(root, path));
}
