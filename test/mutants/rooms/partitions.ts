/** Planted bugs of `partitions/`: who is to have what, who may take it, and which token it gets. */
import type { Mutant } from '../mutant.ts';

const UNIT = 'unit/partitions/partitions.test.ts';
const ASSIGN = 'unit/partitions/assign.test.ts';
const PROPERTY = 'property/partitions.test.ts';

export const partitionMutants: readonly Mutant[] = [
  {
    id: 'partitions-holders-do-not-count',
    file: 'partitions/assign.ts',
    find: 'const held = holder(partition);',
    replace: 'const held = holder(partition) && undefined;',
    description: 'Partitions move to whom the hash prefers, although their holders are well.',
    expectedTests: [ASSIGN, UNIT],
  },
  {
    id: 'partitions-load-is-not-bounded',
    file: 'partitions/assign.ts',
    find: 'if (share.held.length >= share.quota) continue;',
    replace: '',
    description: 'The hash alone chooses, so that some workers have twice as much as others.',
    expectedTests: [ASSIGN, UNIT],
  },
  {
    id: 'partitions-the-next-does-not-wait',
    file: 'partitions/local-pool.ts',
    find: "own.at = NEVER; this.#rows.update(own, { state: 'releasing' });",
    replace: "own.at = 0; this.#rows.update(own, { state: 'releasing' });",
    description: 'A partition is passed on before its worker has let it go.',
    expectedTests: [UNIT, PROPERTY],
  },
  {
    id: 'partitions-taken-from-the-living',
    file: 'partitions/board.ts',
    find: "if (row.state === 'claimed' || isGone(custodian)) continue;",
    replace: "if (row.state !== 'held' || isGone(custodian)) continue;",
    description: 'A partition that its worker is letting go, or that is on its way, passes for free.',
    expectedTests: [UNIT, PROPERTY],
  },
  {
    id: 'partitions-claim-does-not-wait',
    file: 'partitions/local-pool.ts',
    find: 'if (now < own.at) return this.#wakeAt(own.at); this.#hold(own, Math.max',
    replace: 'this.#hold(own, Math.max',
    description: 'Two agents that claim one partition both have it before they hear of each other.',
    expectedTests: [UNIT, PROPERTY],
  },
  {
    id: 'partitions-claim-never-yields',
    file: 'partitions/local-pool.ts',
    find: 'if (!isWanted || yields || baton !== undefined)',
    replace: 'if (!isWanted || baton !== undefined)',
    description: 'Of two agents that claim one partition neither yields.',
    expectedTests: ['unit/partitions/claims.test.ts', PROPERTY],
  },
  {
    id: 'partitions-contested-claim-does-not-wait',
    file: 'partitions/local-pool.ts',
    find: 'own.at += world.spread;',
    replace: '',
    description: 'A claim that came late begins before it is known that the earlier one has begun.',
    expectedTests: ['unit/partitions/claims.test.ts', PROPERTY],
  },
  {
    id: 'partitions-token-is-passed-on',
    file: 'partitions/local-pool.ts',
    find: 'return Math.max(token, this.#pool.highest(partition)) + 1;',
    replace: 'return Math.max(token, this.#pool.highest(partition));',
    description: 'The next holder has the token of the one before.',
    expectedTests: [UNIT, PROPERTY],
  },
  {
    id: 'partitions-lost-ones-are-held-on',
    file: 'partitions/own-rows.ts',
    find: 'if (this.#pool.highest(partition) > token) return true;',
    replace: 'if (this.#pool.highest(partition) > token) return false;',
    description: 'After a network partition both holders go on.',
    expectedTests: [UNIT, PROPERTY],
  },
  {
    id: 'partitions-settling-agent-claims',
    file: 'partitions/partitions.ts',
    find: 'pool.advance(now, world, now >= this.#settledAt, out);',
    replace: 'pool.advance(now, world, true, out);',
    description: 'An agent that has just started claims what others hold, of whom it has not heard.',
    expectedTests: [UNIT, PROPERTY],
  },
  {
    id: 'partitions-suspended-agent-never-claims',
    file: 'partitions/partitions.ts',
    find: 'this.#settledAt = Math.max(this.#settledAt, now + SETTLE);',
    replace: 'this.#settledAt = NEVER;',
    description: 'An agent that was suspended listens for ever: what it is to have stays free.',
    expectedTests: [UNIT],
  },
  {
    id: 'partitions-suspended-agent-keeps-its-claims',
    file: 'partitions/partitions.ts',
    find: 'for (const pool of this.#pools.values()) pool.withdrawClaims();',
    replace: '',
    description:
      'A claim of before a suspension is good after it, although others may have had the partition meanwhile.',
    expectedTests: [UNIT],
  },
  {
    id: 'partitions-replaced-worker-is-removed',
    file: 'partitions/local-pool.ts',
    find: '(id): EntryWrite => this.#sessions.has(id) ? { put: encodeWorker(pool, id) } : { remove: workerKey(pool, id) },',
    replace: '(id): EntryWrite => ({ remove: workerKey(pool, id) }),',
    description: 'Others never hear of workers.',
    expectedTests: [UNIT, PROPERTY],
  },
  {
    id: 'partitions-closed-connection-is-dead',
    file: 'partitions/local-pool.ts',
    find: 'own.at = inOrder ? now : now + CLOSED_GRACE;',
    replace: 'own.at = now;',
    description: 'A process whose connection has closed has no time to stop before the next one begins.',
    expectedTests: [UNIT],
  },
];
