/**
 * Preloading the catalog of a large world for a fraction of the work: what owners gossip is captured once and sent to
 * each host over one stream. As in bootstrap.ts, agents learn everything from messages of the protocol.
 */

import { WireError } from '../../base/errors.ts';
import { batchDeltas } from '../../catalog/anti-entropy.ts';
import type { Delta } from '../../catalog/types.ts';
import type { Entry } from '../../model/service.ts';
import { decodeCatalog, encodeDeltas } from '../../wire/catalog.ts';
import { MESSAGE_TYPE } from '../../wire/memberlist.ts';
import { openPacket } from '../../wire/packet.ts';
import { encodeStream, sealStream } from '../../wire/stream-writer.ts';
import { hostEnvelope } from './message-kinds.ts';
import type { World } from './world.ts';

/** Lets hosts register what `register` registers, and all learn it. Throws if some host does not. */
export function preloadCatalog(world: World, register: () => void): void {
  const owners = new Map<string, { epoch: number; to: number; entries: Map<string, Entry> }>();
  let listening = true;
  world.subscribe({
    onDatagram: (host, _to, bytes) => {
      if (!listening) return;
      for (const delta of readDeltas(bytes, host.currentOptions)) {
        if (delta.owner !== host.name) continue;
        let published = owners.get(delta.owner);
        if (published === undefined || published.epoch !== delta.epoch) {
          published = { epoch: delta.epoch, to: 0, entries: new Map() };
          owners.set(delta.owner, published);
        }
        published.to = Math.max(published.to, delta.to);
        for (const entry of delta.entries) {
          const known = published.entries.get(entry.key);
          if (known === undefined || known.version < entry.version) published.entries.set(entry.key, entry);
        }
      }
    },
  });
  const lift = world.network.addRule({ kinds: ['serf:200'] });
  const hosts = [...world.hosts].filter((host) => host.running);
  const retransmitMults = hosts.map((host) => host.swim.retransmitMult);
  register();
  const isSent = (): boolean =>
    hosts.every(({ runningAgent }) => (runningAgent.view.health().lanes['catalog'] ?? 0) === 0);
  for (const host of hosts) host.swim.retransmitMult = 0;
  if (!world.runUntil(isSent, LIMIT, 100))
    throw new Error(`the registrations are still being gossiped after ${LIMIT} ms`);
  hosts.forEach((host, i) => {
    host.swim.retransmitMult = retransmitMults[i] as number;
  });
  listening = false;
  lift();
  const deltas: Delta[] = [...owners].map(([owner, { epoch, to, entries }]) => {
    const sorted = [...entries.values()].sort((a, b) => a.version - b.version);
    return { owner, epoch, from: 0, to, swept: 0, entries: sorted };
  });
  const outsider = world.newAddress();
  const nonce = world.nonceSource();
  for (const batch of batchDeltas(deltas)) {
    const body = encodeDeltas(batch).slice();
    for (const host of hosts) {
      const bytes = sealStream(encodeStream({ kind: 'user', body }), hostEnvelope(host.currentOptions), {
        role: 'dialer',
        nonce,
      });
      world.injectStream(host.label, outsider, bytes);
    }
  }
  const registered = [...owners.values()].reduce(
    (sum, { entries }) => sum + [...entries.keys()].filter((key) => key.startsWith('s:')).length,
    0,
  );
  for (const { label, runningAgent } of hosts) {
    const { size } = runningAgent.view.catalog;
    if (size !== registered) throw new Error(`${label} knows ${size} of ${registered} services`);
  }
}

const LIMIT = 60_000;

function readDeltas(bytes: Uint8Array, options: Parameters<typeof hostEnvelope>[0]): Delta[] {
  try {
    return openPacket(bytes, hostEnvelope(options)).messages.flatMap((message) => {
      if (message[0] !== MESSAGE_TYPE.user) return [];
      const decoded = message[1] === 200 ? decodeCatalog(message.slice(1)) : undefined;
      return decoded?.kind === 'delta' ? [decoded] : [];
    });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return [];
  }
}
