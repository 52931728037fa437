/**
 * Cost of a DNS query from bytes to bytes, without sockets: `npx tsx test/bench/dns-cost.ts`. In microseconds, for a
 * service of 3 instances and one of 2,000.
 */
import { pathToFileURL } from 'node:url';
import { createRng } from '../../src/base/rng.ts';
import { createResponder } from '../../src/dns/responder.ts';
import type { QueryOrigin } from '../../src/dns/truncate.ts';
import { bigService } from '../unit/dns/catalog.ts';
import { queryBytes, TABLE, viewOf } from '../unit/dns/fixture.ts';
import { heading, table } from './kit/figures.ts';
import { measure } from './kit/operation.ts';

const HOME: QueryOrigin = { transport: 'udp', loopback: true, spoofable: false, trusted: true };
const SIZES = [3, 2000] as const;
/** Query type and the UDP payload size of EDNS; absent: no EDNS, 512 bytes. */
const QUESTIONS: readonly (readonly [type: string, edns?: number])[] = [
  ['A'],
  ['SRV', 1232],
  ['SRV', 8192],
  ['SRV', 65_507],
];

export function run(): void {
  const rows = SIZES.flatMap((size) => {
    const { nodes, services } = bigService(size);
    const responder = createResponder({
      ...{ domain: 'consul', datacenter: 'dc1', nodeTtlSeconds: 0, serial: () => 1, rng: createRng(1) },
      ...{
        listen: { host: '127.0.0.1', port: 0 },
        view: viewOf([...TABLE, ...nodes], services),
      },
    });
    return QUESTIONS.map(([type, edns]) => {
      const query = queryBytes('big.service.consul', type, edns === undefined ? {} : { edns });
      const answer = responder.respond(query, HOME, 'answer') as Buffer;
      const { median, best } = measure(() => responder.respond(query, HOME, 'answer'));
      const allowed = edns === undefined ? '512' : `${edns}`;
      const micros = [median, best].map((nanos) => (nanos / 1000).toFixed(1));
      return [`${type}, ${allowed} allowed`, `${size}`, `${answer.length}`, ...micros];
    });
  });
  heading('A DNS question, from bytes to bytes');
  console.log(table([['question', 'instances', 'answer bytes', 'µs: median', 'best'], ...rows]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) run();
