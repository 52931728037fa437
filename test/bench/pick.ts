/**
 * `pick` of the Node library: `npx tsx test/bench/pick.ts`. Nanoseconds and heap bytes per pick, without a key and with one, at
 * several sizes.
 */
import { pathToFileURL } from 'node:url';
import { costOfPick } from '../unit/client/picks.ts';

export function run(): void {
  console.log('\npick of the Node library');
  for (const size of [3, 10, 100, 1000])
    for (const key of [undefined, 'user:42']) {
      const { nanos, bytes } = costOfPick(size, key);
      const label = `${size} instances${key === undefined ? '' : ', by key'}`;
      console.log(
        `  ${label.padEnd(24)} ${nanos.toFixed(0).padStart(7)} ns  ${bytes.toFixed(2)} bytes a pick`,
      );
    }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) run();
