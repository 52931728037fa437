/**
 * `npm run upgrade:check [COMMIT]`: builds an older commit, starts six agents of it, and upgrades one after the other to this
 * checkout under load: test/e2e/upgrade.test.ts with two programs. Without a commit it is the last tag, or the parent.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const lastTag = spawnSync('git', ['describe', '--tags', '--abbrev=0', 'HEAD^'], { encoding: 'utf8' });
const wanted = process.argv[2] ?? (lastTag.status === 0 ? lastTag.stdout.trim() : 'HEAD^');
const commit = execFileSync('git', ['rev-parse', '--short', wanted], { encoding: 'utf8' }).trim();
const folder = mkdtempSync(join(tmpdir(), 'hearsay-upgrade-from-'));
try {
  const archive = execFileSync('git', ['archive', commit], { maxBuffer: 2 ** 30 });
  execFileSync('tar', ['--extract', '--directory', folder], { input: archive });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: folder, stdio: 'inherit' });
  console.log(`six agents of ${commit}, upgraded to this checkout one after the other, under load`);
  const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'real', 'test/e2e/upgrade.test.ts'], {
    stdio: 'inherit',
    env: { ...process.env, UPGRADE_FROM: join(folder, 'bin/hearsay.js') },
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
