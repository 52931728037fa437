/**
 * I11, as far as it shows outside: nobody knows more members than there ever were, no queue grows beyond what there is
 * to say, no datagram is larger than agreed, the local health stays in its range, and no snapshot holds strangers.
 */
import type { Host } from '../../world/host.ts';
import type { Ground, Law } from '../law.ts';
import { overhear } from './wiretap.ts';

/** Messages that may wait for each member ever met: its state and its intent, and what it publishes. */
const PER_MEMBER: Readonly<Record<string, number>> = { membership: 1, intents: 1, urgent: 64, catalog: 64 };
/** Names that appear in no world's list of hosts: a story's stranger, a forger's inventions. */
const STRANGERS = 8;

export class Bounds implements Law {
  readonly #ground: Ground;
  readonly #introduced = new Set<string>();

  constructor(ground: Ground) {
    this.#ground = ground;
    overhear(ground.world, (from, _to, _messages, { length }) => {
      const { packetBytes } = from.swim;
      if (length > packetBytes)
        ground.broken(`I11 ${from.label} sent a datagram of ${length} octets, and ${packetBytes} are agreed`);
    });
  }

  started(host: Host): void {
    this.#introduced.add(host.name);
  }

  swept(host: Host): void {
    const { broken } = this.#ground;
    const { view } = host.live;
    const most = this.#introduced.size + STRANGERS;
    const known = view.members().length;
    if (known > most) broken(`I11 ${host.label} knows ${known} members of ${this.#introduced.size}`);
    const { lanes, awareness } = view.health();
    for (const [lane, size] of Object.entries(lanes)) {
      const bound = most * (PER_MEMBER[lane] ?? 0);
      if (bound > 0 && size > bound)
        broken(`I11 at ${host.label} ${size} messages wait in ${lane}, and ${bound} can be of use`);
    }
    if (awareness < 0 || awareness >= host.swim.awarenessMax)
      broken(`I11 ${host.label} has a local health of ${awareness}`);
    const peers = host.disk?.peers.length ?? 0;
    if (peers > most) broken(`I11 ${host.label} remembers ${peers} members of ${this.#introduced.size}`);
  }
}
