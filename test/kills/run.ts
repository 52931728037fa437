/**
 * A campaign: an agent is killed 1,000 times at random moments of random writes, and every change that it had answered
 * 200 has to be there afterwards. `npm run kills -- --kills 100 --ip 127.0.69.1`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRng } from '../../src/base/rng.ts';
import { killDuringWrites } from '../support/kills.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    ip: { type: 'string', default: '127.0.69.1' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
  },
});
const dir = mkdtempSync(join(tmpdir(), 'hearsay-kills-'));
try {
  const kills = Number(values.kills);
  const rng = createRng(Number(values.seed));
  const { acknowledged, unanswered, lost } = await killDuringWrites({ kills, ip: values.ip, dir, rng });
  console.log(
    `${kills} kills, seed ${values.seed}: ${acknowledged} changes acknowledged, ${unanswered} unanswered, ${lost.length} lost; load ${loadavg()[0]?.toFixed(1)}`,
  );
  for (const line of lost) console.log(`  ${line}`);
  process.exitCode = lost.length === 0 ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true });
}
