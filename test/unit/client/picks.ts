/** What picks cost: for the benchmark, and for a test that nothing is left behind. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DiscoveredService } from '../../../src/client/discovered-service.ts';
import type { StreamedInstance } from '../../../src/client/instance.ts';

const PICKS = 1_000_000;
const WARM = 200_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const row = (i: number): StreamedInstance => ({
  ...{ id: `web-${i}`, node: `node-${i}`, address: '10.0.0.1', port: 80, ports: {}, tags: [], meta: {} },
  ...{
    weights: { passing: 1 + (i % 3), warning: 1 },
    zone: null,
    rtt: null,
    status: 'passing',
    draining: false,
  },
});

export interface PickCost {
  readonly nanos: number;
  /** Of the heap, garbage included, for each pick. */
  readonly bytes: number;
  /** Left after a garbage collection, in total. */
  readonly leftBytes: number;
}

/** What one pick costs with `size` instances; each is started and finished, as a request would. */
export function costOfPick(size: number, key: string | undefined, picks = PICKS): PickCost {
  const service = new DiscoveredService(
    'web',
    {},
    {
      ...{ current: true, lastCurrentAt: 0, now: () => 0, probe: async () => true, release: () => undefined },
    },
  );
  service.update(
    Array.from({ length: size }, (_, i) => row(i)),
    null,
  );
  const options = key === undefined ? undefined : { key };
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      const one = service.pick(options);
      one.start();
      one.finish();
    }
  };
  run(Math.min(WARM, picks));
  collectGarbage();
  const heap = process.memoryUsage().heapUsed;
  const begin = performance.now();
  run(picks);
  const nanos = ((performance.now() - begin) * 1e6) / picks;
  const bytes = (process.memoryUsage().heapUsed - heap) / picks;
  collectGarbage();
  return { nanos, bytes, leftBytes: process.memoryUsage().heapUsed - heap };
}
