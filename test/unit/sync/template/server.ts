/** A server as templates get it. */
import type { DesiredServer, SyncRow } from '../../../../src/sync/desired.ts';

export function server(number: number, more: Partial<SyncRow> = {}): DesiredServer {
  const row: SyncRow = {
    ...{ id: `web-${number}`, node: 'n1', address: `10.0.0.${number}`, port: 80, zone: null },
    ...{
      weights: { passing: 10, warning: 1 },
      status: 'passing',
      draining: false,
      tags: [],
      meta: {},
      ports: {},
    },
    ...more,
  };
  const { id, node, address, port } = row;
  return { key: JSON.stringify([node, id]), id, node, address, port, weight: 10, state: 'ready', row };
}
