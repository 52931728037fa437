/** Planted bugs of push/pulls: whether two tables are the same, and what of them is exchanged. */
import type { Mutant } from '../mutant.ts';

export const tableMutants: readonly Mutant[] = [
  {
    id: 'agent-tables-always-equal',
    file: 'agent/transport/table-sync.ts',
    find: 'if (!isEqual && summary.length === 0) return',
    replace: 'if (id === 0) return',
    description:
      'Any answer about a table passes for an equal one: what gossip did not tell is not told by push/pulls either.',
    expectedTests: ['story/table-sync.test.ts'],
  },
  {
    id: 'agent-summary-not-told',
    file: 'agent/transport/table-sync.ts',
    find: 'const summary = isRestEqual ?',
    replace: 'const summary = isRestEqual && from.port === 0 ?',
    description: 'Where only catalogs differ, whole tables of members are exchanged.',
    expectedTests: ['story/table-sync.test.ts'],
  },
  {
    id: 'agent-rest-of-table-unlike',
    file: 'agent/transport/table-sync.ts',
    find: '!isEqual && sameBytes(message.rest, rest)',
    replace: '!isEqual && rest.length > 0',
    description: 'Members that differ are passed over where catalogs do, too.',
    expectedTests: ['story/table-sync.test.ts'],
  },
  {
    id: 'agent-equal-tables-told-to-one',
    file: 'agent/transport/table-sync.ts',
    find: '    if (isEqual) this.#host.compareSummary(this.#host.summary(), from, false, now);\n',
    replace: '',
    description:
      'An agent that all others join is asked for its table, and waits in vain for a first catalog.',
    expectedTests: ['story/table-sync.test.ts'],
  },
  {
    id: 'agent-table-answer-awaited',
    file: 'agent/transport/table-sync.ts',
    find: 'if (sync !== undefined && this.#host.isHere()) this.#dial(sync, now, out);',
    replace: '',
    description:
      'A question about a table that is not answered, as by an older agent, is the end of the push/pull.',
    expectedTests: ['story/table-sync.test.ts'],
  },
  {
    id: 'agent-tables-never-whole',
    file: 'agent/transport/table-sync.ts',
    find: 'const MAX_SPARED = 15;',
    replace: 'const MAX_SPARED = 1_000_000;',
    description: 'What a digest does not say is never exchanged while it is equal.',
    expectedTests: ['story/table-sync.test.ts'],
  },
  {
    id: 'agent-whole-tables-for-one-row',
    file: 'agent/transport/push-pull.ts',
    find: 'buckets.length === 0 || includesBucket(buckets, bucketOf(node))',
    replace: 'buckets.length === 0 || node.length > 0',
    description: 'Where one row differs, the whole table is exchanged.',
    expectedTests: ['story/table-sync.test.ts'],
  },
  {
    id: 'agent-answer-ignores-buckets',
    file: 'agent/transport/push-pull.ts',
    find: "('to' in peer ? peer.buckets : theirs?.buckets) ?? NO_BYTES",
    replace: "('to' in peer ? peer.buckets : NO_BYTES) ?? NO_BYTES",
    description: 'Whoever is asked for a few rows answers with all of them.',
    expectedTests: ['story/table-sync.test.ts'],
  },
  {
    id: 'wire-buckets-that-differ-in-one-octet',
    file: 'wire/table.ts',
    find: 'if (sums[at] !== others[at]) set',
    replace: 'if (at % SUM_BYTES === 0 && sums[at] !== others[at]) set',
    description: 'Rows whose sums begin alike pass for equal.',
    expectedTests: ['unit/wire/table.test.ts'],
  },
  {
    id: 'agent-failed-in-no-bucket',
    file: 'agent/transport/table-digest.ts',
    find: 'sumOf(name).add(wordsOf',
    replace: '(buckets[0] as Sum).add(wordsOf',
    description:
      'Who has failed is exchanged with the rows of another bucket, so two agents go on disagreeing.',
    expectedTests: ['unit/agent/transport/table-digest.test.ts'],
  },
  {
    id: 'agent-parts-never-make-a-whole',
    file: 'agent/transport/table-sync.ts',
    find: 'this.#spared = isPart ? this.#spared + 1 : 0;',
    replace: 'this.#spared = 0;',
    description: 'Where rows come and go, what a digest does not say is never exchanged.',
    expectedTests: ['unit/agent/transport/table-sync.test.ts'],
  },
  {
    id: 'agent-digest-without-incarnation',
    file: 'agent/transport/table-digest.ts',
    find: 'const mixed = Math.imul(value, 0x9e3779b1) ^',
    replace: 'const mixed =',
    description: 'Two tables with other incarnations pass for equal.',
    expectedTests: ['unit/agent/transport/table-digest.test.ts'],
  },
];
