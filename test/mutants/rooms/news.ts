/** Planted bugs of how news spreads: copies, lanes, and who is told. */
import type { Mutant } from '../mutant.ts';

export const newsMutants: readonly Mutant[] = [
  {
    id: 'swim-few-copies',
    file: 'swim/broadcasts.ts',
    find: 'n > 3 ? 2 : 0',
    replace: 'n > 3 ? 0 : 0',
    description: 'In clusters of 4 to 9 a broadcast is sent four times, and passes somebody by now and then.',
    expectedTests: ['unit/swim/broadcasts.test.ts'],
  },
  {
    id: 'swim-holders-told-again',
    file: 'swim/broadcasts.ts',
    find: 'entry.told.add(peer); if (entry.holders.size >= audience)',
    replace: 'if (entry.holders.size >= audience)',
    description: 'A peer that sent us a message gets a copy of it.',
    expectedTests: ['unit/swim/broadcasts.test.ts'],
  },
  {
    id: 'swim-message-never-ends',
    file: 'swim/broadcasts.ts',
    find: 'stuck.push(entry);',
    replace: '',
    description: 'A message stays queued for ever if a receiver that was not told is never met.',
    expectedTests: ['unit/swim/broadcasts.test.ts'],
  },
  {
    id: 'agent-holders-unnoticed',
    file: 'agent/transport/packets.ts',
    find: 'this.#recordHolder(messages, from);',
    replace: '',
    description: 'Messages are sent back to the peer that they came from.',
    expectedTests: ['unit/agent/transport/packets.test.ts'],
  },
  {
    id: 'agent-rumors-unbounded',
    file: 'agent/replication/rumor-lanes.ts',
    find: 'if (superseded.includes(rumor.delta) || isPart) this.#cancel(rumor);',
    replace: 'if (superseded.includes(rumor.delta) && isPart && waiting.length < 0) this.#cancel(rumor);',
    description:
      'A newer rumor about an entry does not replace the older one: a check that flips fills the lanes.',
    expectedTests: ['unit/agent/replication/rumor-lanes.test.ts', 'story/lanes.test.ts'],
  },
  {
    id: 'agent-rumor-with-gap',
    file: 'agent/replication/rumor-lanes.ts',
    find: 'if (!Number.isFinite(from)) return undefined;',
    replace: 'if (from >= 0) return undefined;',
    description: 'A rumor that replaces another leaves a gap at all who did not receive that one.',
    expectedTests: ['unit/agent/replication/rumor-lanes.test.ts', 'story/lanes.test.ts'],
  },
  {
    id: 'agent-lonely-rumors',
    file: 'agent/replication/rumor-lanes.ts',
    find: 'const canTell = this.#options.hasPeer();',
    replace: 'const canTell = this.#options.hasPeer() || this.size >= 0;',
    description: 'An agent that is alone queues every change for a peer that may come.',
    expectedTests: ['unit/agent/replication/rumor-lanes.test.ts', 'story/lanes.test.ts'],
  },
];
