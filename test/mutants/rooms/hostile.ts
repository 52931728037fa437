/** Planted bugs of what contains hostile peers, in all layers: replies to outsiders, ledgers, counters and snapshots. */
import type { Mutant } from '../mutant.ts';

export const hostileMutants: readonly Mutant[] = [
  {
    id: 'agent-replies-unlimited',
    file: 'agent/transport/packets.ts',
    find: 'if (!this.#mayReply(to, peer, parts)) return;',
    replace: '',
    description: 'A datagram of a stranger draws as many packets as it has pings.',
    expectedTests: ['unit/agent/transport/outsiders.test.ts', 'property/outsiders.test.ts'],
  },
  {
    id: 'agent-replies-of-any-size',
    file: 'agent/transport/reply-budget.ts',
    find: '&& bytes <= this.#maxOutsiderBytes)',
    replace: '&& bytes > 0)',
    description: 'The one packet that an outsider draws may have any size.',
    expectedTests: ['unit/agent/transport/reply-budget.test.ts'],
  },
  {
    id: 'agent-outsiders-get-gossip',
    file: 'agent/transport/packets.ts',
    find: 'if (piggyback && this.#mayPiggyback(peer))',
    replace: 'if (piggyback)',
    description: 'Acks to strangers carry gossip, which then counts as sent though no member heard it.',
    expectedTests: ['unit/agent/transport/packets.test.ts'],
  },
  {
    id: 'swim-pings-for-anybody',
    file: 'swim/rules/indirect-probe.ts',
    find: 'if (!context.members.isAddressOfMember(to)) return;',
    replace: '',
    description: 'A stranger has any address pinged by an indirect ping.',
    expectedTests: ['unit/swim/rules/indirect-probe.test.ts'],
  },
  {
    id: 'swim-dial-back-unlimited',
    file: 'swim/rules/alive.ts',
    find: "source.kind === 'packet' && !context.dialBackLimiter",
    replace: "source.kind === 'local' && !context.dialBackLimiter",
    description: 'One host is pinged for as many names as a stranger invents.',
    expectedTests: ['unit/agent/transport/outsiders.test.ts'],
  },
  {
    id: 'wire-compound-in-compound',
    file: 'wire/packet.ts',
    find: "if (nested) throw new WireError('tooLarge', 'a compound within a compound');",
    replace: '',
    description: 'Compounds may be nested, so a datagram has any number of messages.',
    expectedTests: ['property/wire.hostile.test.ts'],
  },
];
