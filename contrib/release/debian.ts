/**
 * The Debian package, by `dpkg-deb` alone: the single executable, its settings, unit, manual pages and completions. Debian's own
 * Node is too old for it, so it brings its own. The scripts and the files that are written by hand are in contrib/debian.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { VERSION } from '../../src/base/version.ts';
import { COMMANDS } from '../../src/cli/command-list.ts';
import { buildSingleFile } from './single-file.ts';

const SCRIPTS = ['postinst', 'prerm', 'postrm'];
/** `apt` asks before it replaces one that was changed. */
const CONFFILES = ['/etc/hearsay/agent.yaml'];
const COMPRESSION = { xz: ['-Zxz'], fast: ['-Zgzip', '-z1'] };
/** Where each shell looks for completions. */
const COMPLETIONS = {
  bash: 'usr/share/bash-completion/completions/hearsay',
  zsh: 'usr/share/zsh/vendor-completions/_hearsay',
  fish: 'usr/share/fish/vendor_completions.d/hearsay.fish',
};
/** What an official build of Node 20 is linked with. */
const DEPENDS = ['libc6 (>= 2.28)', 'libstdc++6 (>= 6)', 'libgcc-s1 | libgcc1', 'passwd'];

export interface DebianOptions {
  /** xz makes the smallest file, and takes half a minute of processor time. */
  readonly compression?: 'xz' | 'fast';
}

/** Writes `hearsay_VERSION_ARCHITECTURE.deb` into `folder`, and returns its path. */
export async function buildDebianPackage(
  folder: string,
  { compression = 'xz' }: DebianOptions = {},
): Promise<string> {
  const architecture = run('dpkg', '--print-architecture').trim();
  const target = join(folder, `hearsay_${VERSION}_${architecture}.deb`);
  process.umask(0o022);
  const root = mkdtempSync(join(tmpdir(), 'hearsay-debian-'));
  try {
    chmodSync(root, 0o755);
    await layOut(root);
    writeControl(root, architecture);
    mkdirSync(folder, { recursive: true });
    run('dpkg-deb', '--root-owner-group', ...COMPRESSION[compression], '--build', root, target);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return target;
}

async function layOut(root: string): Promise<void> {
  const program = await buildSingleFile(join(root, 'usr/bin/hearsay'));
  const documents = join(root, 'usr/share/doc/hearsay');
  mkdirSync(documents, { recursive: true });
  renameSync(join(root, 'usr/bin/THIRD_PARTY_NOTICES'), join(documents, 'THIRD_PARTY_NOTICES'));
  write(root, 'usr/share/doc/hearsay/copyright', readFileSync('LICENSE'));
  copy(root, 'agent.yaml', 'etc/hearsay/agent.yaml');
  mkdirSync(join(root, 'etc/hearsay/services.d'));
  copy(root, 'hearsay.service', 'lib/systemd/system/hearsay.service');
  for (const [shell, path] of Object.entries(COMPLETIONS))
    write(root, path, run(program, 'completion', shell));
  for (const name of ['', ...Object.keys(COMMANDS)]) {
    const page = run(program, 'man', ...(name === '' ? [] : [name]));
    const file = name === '' ? 'hearsay.1.gz' : `hearsay-${name}.1.gz`;
    write(root, `usr/share/man/man1/${file}`, gzipSync(page, { level: 9 }));
  }
}

function writeControl(root: string, architecture: string): void {
  const { DEBFULLNAME: name = 'hearsay', DEBEMAIL: email = 'root@localhost' } = process.env;
  const { description } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly description: string;
  };
  const kilobytes = run('du', '-sk', root).split('\t')[0] ?? '';
  const fields = {
    Package: 'hearsay',
    Version: VERSION,
    Architecture: architecture,
    Maintainer: `${name} <${email}>`,
    'Installed-Size': kilobytes,
    Depends: DEPENDS.join(', '),
    Recommends: 'systemd',
    Section: 'net',
    Priority: 'optional',
    Description: description.replace(/\.$/, ''),
  };
  const lines = Object.entries(fields).map(([field, value]) => `${field}: ${value}\n`);
  write(root, 'DEBIAN/control', lines.join(''));
  write(root, 'DEBIAN/conffiles', CONFFILES.map((path) => `${path}\n`).join(''));
  for (const script of SCRIPTS) {
    copy(root, script, `DEBIAN/${script}`);
    chmodSync(join(root, 'DEBIAN', script), 0o755);
  }
}

function write(root: string, path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode: 0o644 });
}

function copy(root: string, name: string, path: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  copyFileSync(join('contrib/debian', name), join(root, path));
}

const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
