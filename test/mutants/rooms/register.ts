/** Planted bugs in how containers are followed: ghosts, missing ones, and tenants that get more than they may. */
import type { Mutant } from '../mutant.ts';

const TRACKER = 'register/containers/tracker.ts';
const HISTORY = 'unit/register/containers/history.test.ts';
const ENGINE_TEST = 'unit/register/containers/tracker.engine.test.ts';
const SERVICES_TEST = 'unit/register/containers/services.test.ts';
const FOLLOWER_TEST = 'unit/register/containers/follower.test.ts';

export const registerMutants: readonly Mutant[] = [
  {
    id: 'register-leftovers-not-loaded',
    file: 'register/containers/start.ts',
    find: 'config.containers.length === 0 && !hasLeftovers()',
    replace: 'config.containers.length === 0',
    description:
      'What an earlier run has registered for an engine that is not named any more is answered for ever.',
    expectedTests: [FOLLOWER_TEST],
  },
  {
    id: 'register-unlisted-kept',
    file: TRACKER,
    find: 'tracked.isListed = false; this.#due.add(tracked.id);',
    replace: 'tracked.isListed = false;',
    description: 'A container whose end was not told, and that is in no list, is answered for ever.',
    expectedTests: [HISTORY],
  },
  {
    id: 'register-stamp-outlives-event',
    file: TRACKER,
    find: 'tracked.stamp = undefined; // the list that it is of is outdated',
    replace: '',
    description: 'A change back to what the last list said is never seen if its event is lost.',
    expectedTests: [ENGINE_TEST],
  },
  {
    id: 'register-stale-inspection-believed',
    file: TRACKER,
    find: 'if (this.#asked.get(id) !== request) return; this.#asked.delete(id); const key',
    replace: 'this.#asked.delete(id); const key',
    description: 'An inspection from before the end of a container brings it back.',
    expectedTests: [ENGINE_TEST],
  },
  {
    id: 'register-away-never-critical',
    file: TRACKER,
    find: "if (away >= CRITICAL_AFTER) this.#setAwayStep('critical');",
    replace: "if (away < 0) this.#setAwayStep('critical');",
    description: 'The containers of an engine that is gone for good are answered for ever.',
    expectedTests: [ENGINE_TEST],
  },
  {
    id: 'register-leftovers-kept',
    file: 'register/containers/containers.ts',
    find: 'removeLeftovers(agent, new Set(engines));',
    replace: '',
    description: 'Containers of an engine that is not followed any more stay registered after a restart.',
    expectedTests: [FOLLOWER_TEST],
  },
  {
    id: 'register-part-of-container',
    file: 'register/containers/services.ts',
    find: 'registrations: problems.length > 0 ? [] : [...registrations.values()]',
    replace: 'registrations: [...registrations.values()]',
    description: 'A container with labels that are refused is registered without what they ask for.',
    expectedTests: [SERVICES_TEST],
  },
  {
    id: 'register-secret-variables-published',
    file: 'register/containers/foreign-labels.ts',
    find: '...[...env].filter(([key]) => VARIABLE.test(key)),',
    replace: "...[...env].filter(([key]) => key.startsWith('SERVICE_')),",
    description: 'Variables of a container that may be secrets are gossiped as meta of its service.',
    expectedTests: [SERVICES_TEST],
  },
  {
    id: 'register-traefik-container-port',
    file: 'register/containers/foreign-labels.ts',
    find: 'if (!TRAEFIK_PORT.test(key)) return',
    replace: 'if (key.length > 0) return',
    description: 'Traefik on another host dials a port of the container that this host does not publish.',
    expectedTests: [SERVICES_TEST],
  },
];
