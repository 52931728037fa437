/** Planted bugs of death by closed connection. */
import type { Mutant } from '../mutant.ts';

const RULES = ['unit/swim/connections/closed-connection.test.ts'];

export const connectionMutants: readonly Mutant[] = [
  {
    id: 'swim-closed-one-watcher',
    file: 'swim/connections/closed-connection.ts',
    find: '&& isSeconded(context, closed)',
    replace: '',
    description: 'One watcher that a firewall refuses declares a living member dead.',
    expectedTests: [...RULES, 'story/closed-connection.test.ts'],
  },
  {
    id: 'swim-closed-old-refusal',
    file: 'swim/connections/closed-connection.ts',
    find: 'else if (due.refusals < REFUSALS || isGraceOver(context, due.silentSince)) askHost(context, due);',
    replace:
      "else if (isSeconded(context, due)) handleDead(context, { kind: 'dead', incarnation: due.incarnation, node: due.row.identity.name, from: context.name }, LOCAL_SOURCE, reasonOf(context, due)); else if (due.refusals < REFUSALS || isGraceOver(context, due.silentSince)) askHost(context, due);",
    description: 'At the end of the grace nobody looks whether the process has been restarted.',
    expectedTests: RULES,
  },
  {
    id: 'swim-closed-no-grace',
    file: 'swim/refusal.ts',
    find: 'now >= silentSince + config.closeGrace',
    replace: 'now >= silentSince + 0 * config.closeGrace',
    description: 'A process that is restarted in place is shown as failed meanwhile.',
    expectedTests: [...RULES, 'story/closed-connection.test.ts'],
  },
  {
    id: 'swim-closed-any-failure',
    file: 'swim/connections/closed-connection.ts',
    find: "else if (outcome === 'refused') onRefusal",
    replace: "else if (outcome === 'refused' || outcome === 'closed') onRefusal",
    description: 'A process that accepts and closes, as one without files does, counts as dead.',
    expectedTests: [...RULES, 'story/closed-connection.test.ts'],
  },
  {
    id: 'swim-closed-answer-ignored',
    file: 'swim/connections/closed-connection.ts',
    find: 'clearRefusal(context, closed.row); extendSuspicion(context, closed.row);',
    replace: 'extendSuspicion(context, closed.row);',
    description: 'A member that answers again is not taken back before it refutes.',
    expectedTests: RULES,
  },
  {
    id: 'swim-refusal-kept',
    file: 'swim/rules/suspect-dead.ts',
    find: 'clearRefusal(context, row); context.suspicions.stop(row);',
    replace: 'context.suspicions.stop(row);',
    description: 'A member that has refuted is left out of answers for ever.',
    expectedTests: [...RULES, 'story/closed-connection.test.ts'],
  },
  {
    id: 'swim-refusal-not-passed-on',
    file: 'swim/rules/suspect-dead.ts',
    find: 'if (suspicion === undefined && !isRefused) return;',
    replace: 'if (suspicion === undefined) return;',
    description: 'That a suspect is refused reaches only those who have not heard of the suspicion.',
    expectedTests: RULES,
  },
  {
    id: 'agent-refused-owner-hides-external-nodes',
    file: 'agent/replication/services.ts',
    find: 'this.#index.setOwnerReachable(name, refused !== true, this.#topics);',
    replace: 'this.#index.setOwnerUp(name, refused !== true, this.#topics);',
    description: 'Nodes that are no members are down while the agent that registered them restarts.',
    expectedTests: ['story/external-nodes.test.ts'],
  },
  {
    id: 'agent-refused-served',
    file: 'agent/replication/services.ts',
    find: 'this.#index.setOwnerReachable(name, refused !== true, this.#topics);',
    replace: 'this.#index.setOwnerUp(name, refused !== true || true, this.#topics);',
    description: 'Services of a refused suspect are still answered.',
    expectedTests: ['story/services.owners.test.ts'],
  },
  {
    id: 'agent-watch-no-alarm',
    file: 'agent/transport/watches.ts',
    find: 'const isAlarm = watched.since !== undefined;',
    replace: 'const isAlarm = watched.since === undefined && false;',
    description: 'The end of a watch stream is not noticed.',
    expectedTests: ['story/closed-connection.test.ts'],
  },
  {
    id: 'swim-refused-bystander-waits',
    file: 'swim/rules/verify.ts',
    find: 'if (!suspicion.refusedBy.some((by) => by !== context.name)) return;',
    replace: 'if (suspicion.refusedBy.length < 2) return;',
    description:
      'An agent that heard of refusals by way of Serf agents shows a killed member for a second longer.',
    expectedTests: RULES,
  },
  {
    id: 'agent-watch-answered-only',
    file: 'agent/transport/watches.ts',
    find: 'const next = this.#host.allSuccessors(this.#count);',
    replace: 'const next = this.#host.successors(this.#count);',
    description:
      'Agents that start together watch those few that have answered by then, and some are watched by nobody.',
    expectedTests: ['story/closed-connection.test.ts'],
  },
  {
    id: 'agent-watch-no-substitute',
    file: 'agent/transport/watches.ts',
    find: 'this.#host.successors(next.filter(isFailing).length).forEach(want);',
    replace: 'next.filter(isFailing);',
    description: 'Members that do not exist take the places of those that are to be watched.',
    expectedTests: ['unit/agent/transport/watches.test.ts'],
  },
  {
    id: 'agent-watch-old-failures',
    file: 'agent/transport/watches.ts',
    find: 'if (watched.stream !== undefined || member.since < watched.triedAt) continue;',
    replace: 'if (watched.triedAt !== Number.NEGATIVE_INFINITY) continue;',
    description:
      'A member that was killed and is back is watched again after a wait that grows with each of its deaths.',
    expectedTests: ['unit/agent/transport/watches.test.ts'],
  },
  {
    id: 'agent-watch-no-farewell',
    file: 'agent/transport/watches.ts',
    find: 'for (const stream of [...this.#held.keys()]) this.#drop(stream, out);',
    replace: '',
    description: 'An agent that leaves says no farewell, so its watchers take it for crashed.',
    expectedTests: ['unit/agent/transport/watches.test.ts'],
  },
  {
    id: 'shell-held-stream-times-out',
    file: 'shell/net/tcp.ts',
    find: 'socket.setTimeout(0);',
    replace: '',
    description: 'Watch streams end after ten idle seconds, and all members are asked again and again.',
    expectedTests: ['unit/shell/net/tcp.test.ts'],
  },
];
