/** Planted bugs by which a message costs the more, the more members somebody has told of. */
import type { Mutant } from '../mutant.ts';

export const costMutants: readonly Mutant[] = [
  {
    id: 'swim-introducer-looked-for-in-all-rows',
    file: 'swim/rules/alive.ts',
    find: 'return context.members.isAddressOfPeer(source.from);',
    replace: `for (const row of context.members.all())
    if (row !== context.self && (row.state === 'alive' || row.state === 'suspect'))
      if (isAtAddress(row.identity, source.from.ip, source.from.port)) return true;
  return false;`,
    description:
      'Each unknown member costs a look at all members: a storm of joins costs the square of its size.',
    expectedTests: ['unit/swim/rules/cost-of-messages.test.ts'],
  },
  {
    id: 'swim-introduced-from-own-address',
    file: 'swim/members.ts',
    find: 'this.#addresses.countUpAt(at) > Number(isOwn)',
    replace: 'this.#addresses.countUpAt(at) > 0',
    description: 'A datagram that claims to come from this agent itself introduces any member.',
    expectedTests: ['unit/swim/address-book.test.ts'],
  },
  {
    id: 'swim-down-at-a-shared-host-counted-as-up',
    file: 'swim/members.ts',
    find: 'if (by !== 0) this.#addresses.onUp(row, by);',
    replace: '',
    description: 'Where several members share a host, one that is down introduces others.',
    expectedTests: ['unit/swim/address-book.test.ts'],
  },
  {
    id: 'agent-push-pull-limit-counts-all-rows',
    file: 'agent/transport/push-pull.ts',
    find: '(host) => this.#swim.members.countAtHost(host)',
    replace:
      '(host) => [...this.#swim.members.all()].filter(({ identity }) => identity.address.host === host).length',
    description: 'Each push/pull that is refused costs a look at all members.',
    expectedTests: ['unit/agent/transport/cost-of-messages.test.ts'],
  },
  {
    id: 'serf-asker-looked-for-in-all-rows',
    file: 'serf/queries/incoming.ts',
    find: 'return this.#host.isAddressOfMember(at);',
    replace: `for (const { member } of this.#host.statuses.all()) if (sameHost(member.identity.address, at)) return true;
    return false;`,
    description: 'Each query of a stranger costs a look at all members.',
    expectedTests: ['unit/agent/transport/cost-of-messages.test.ts'],
  },
  {
    id: 'agent-ring-of-a-crowd-sought-anew',
    file: 'agent/replication/catalog-peers.ts',
    find: 'if (isCrowded !== this.#wasCrowded) this.#ringNeighbors = undefined;',
    replace: 'if (isCrowded || isCrowded !== this.#wasCrowded) this.#ringNeighbors = undefined;',
    description: 'Each member that joins a crowd costs a look at all of its names.',
    expectedTests: ['unit/agent/transport/cost-of-messages.test.ts'],
  },
  {
    id: 'agent-rumors-offered-to-all',
    file: 'agent/replication/catalog-peers.ts',
    find: 'let draws = peers.length < 4 * n ? 0 : 4 * n;',
    replace: 'let draws = 0;',
    description: 'Each round of rumors asks of all peers what they lack, to choose three.',
    expectedTests: ['unit/agent/replication/catalog-peers.test.ts'],
  },
  {
    id: 'catalog-replicas-of-many-classes',
    file: 'catalog/replica.ts',
    find: 'return { owner, epoch, version,',
    replace: 'return { ...emptyLedger(owner, epoch), version,',
    description: 'Each ledger that an agent holds takes five times the memory.',
    expectedTests: ['unit/catalog/replica-class.test.ts'],
  },
];
