/** A campaign of the properties with seeds of its own: `npm run properties -- --from 100 --seeds 20`. It stops at the first that fails. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: `${Date.now() % 1_000_000}` },
    seeds: { type: 'string', default: '20' },
  },
});
const from = Number(values.from);
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  const env = { ...process.env, HEARSAY_PROPERTY_SEED: `${seed}` };
  const { status } = spawnSync(
    'npx',
    ['vitest', 'run', '--project', 'fast', 'test/property', '--reporter=dot'],
    {
      stdio: 'inherit',
      env,
    },
  );
  if (status !== 0) {
    console.log(`seed ${seed} failed: HEARSAY_PROPERTY_SEED=${seed} repeats it`);
    process.exit(1);
  }
}
