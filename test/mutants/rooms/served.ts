/** Planted bugs of `agent/served/`: a drain that is called done before it is. */
import type { Mutant } from '../mutant.ts';

const RESPONDER = 'unit/agent/served/responder.test.ts';

export const servedMutants: readonly Mutant[] = [
  {
    id: 'agent-served-one-version-less',
    file: 'agent/served/verdict.ts',
    find: 'copy.version >= version)',
    replace: 'copy.version >= version - 1)',
    description: 'An agent that holds the version before the drain counts as one that serves it.',
    expectedTests: ['unit/agent/served/verdict.test.ts', 'story/served.test.ts', 'swarm/drains.test.ts'],
  },
  {
    id: 'agent-served-readers-do-not-count',
    file: 'agent/served/responder.ts',
    find: 'if (waiting === 0) this.#answer',
    replace: 'question.waiting = 0; this.#answer',
    description: 'A version is acknowledged while readers that wait for a change have not been sent it.',
    expectedTests: [RESPONDER],
  },
  {
    id: 'serf-answered-for-others',
    file: 'serf/queries/queries.ts',
    find: 'this.#outgoing.isDirect(response) && member?.identity.address.key !== source',
    replace: 'false',
    description: 'A member answers a direct query in the name of another.',
    expectedTests: ['unit/serf/queries/outgoing.test.ts'],
  },
];
