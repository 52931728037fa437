/**
 * `npm run upgrade:check [COMMIT]`: builds an older commit, starts six agents of it, and upgrades one after the other to this
 * checkout under load: test/e2e/upgrade.test.ts with two programs. Without a commit it is the last tag, or the parent.
 */
import { spawnSync } from 'node:child_process';
import { lastRelease, withBuildOf } from './older-build.ts';

await withBuildOf(process.argv[2] ?? lastRelease() ?? 'HEAD^', async ({ commit, program }) => {
  console.log(`six agents of ${commit}, upgraded to this checkout one after the other, under load`);
  const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'real', 'test/e2e/upgrade.test.ts'], {
    stdio: 'inherit',
    env: { ...process.env, UPGRADE_FROM: program },
  });
  process.exitCode = status ?? 1;
});
