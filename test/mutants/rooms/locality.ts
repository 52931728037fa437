/** Planted bugs of `locality/` and its readers: where traffic goes when instances of an availability zone die and return. */
import type { Mutant } from '../mutant.ts';

const PLANNER = 'unit/locality/zone-planner.test.ts';
const RATCHET = 'unit/locality/ratchet.test.ts';

export const localityMutants: readonly Mutant[] = [
  {
    id: 'locality-usual-forgotten',
    file: 'locality/zone-planner.ts',
    find: 'readonly usual = new Ratchet(1, USUAL_SPAN);',
    replace: 'readonly usual = new Ratchet(1, 0);',
    description:
      'What is registered now is the usual number: a zone whose leases have ended is whole with its last instance.',
    expectedTests: [PLANNER],
  },
  {
    id: 'locality-no-hold',
    file: 'locality/zone-planner.ts',
    find: 'this.capacity = new Ratchet(-1, hold);',
    replace: 'this.capacity = new Ratchet(-1, 0 * hold);',
    description: 'Traffic returns at once, and moves each time an instance comes and goes.',
    expectedTests: [PLANNER],
  },
  {
    id: 'locality-loss-held',
    file: 'locality/zone-planner.ts',
    find: 'this.capacity = new Ratchet(-1, hold);',
    replace: 'this.capacity = new Ratchet(1, hold);',
    description: 'A zone without an instance keeps its traffic for half a minute.',
    expectedTests: [PLANNER],
  },
  {
    id: 'locality-held-capacity-unused',
    file: 'locality/zone-planner.ts',
    find: 'for (const isHeld of [true, false])',
    replace: 'for (const isHeld of [true])',
    description: 'A zone that is not back for long gets nothing, even if no other has an instance.',
    expectedTests: [PLANNER],
  },
  {
    id: 'locality-rest-lost',
    file: 'locality/zone-planner.ts',
    find: '((share / given) * one.usable) / usable',
    replace: '(share * one.usable) / usable',
    description: 'What is beyond the capacity of all zones belongs to nobody.',
    expectedTests: [PLANNER],
  },
  {
    id: 'locality-all-or-nothing',
    file: 'locality/zone-planner.ts',
    find: 'Math.min(1, this.usable / (spill * this.usual.value))',
    replace: 'Math.floor(Math.min(1, this.usable / (spill * this.usual.value)))',
    description: 'A zone below its share loses all of its traffic, not the part that is too much.',
    expectedTests: [PLANNER],
  },
  {
    id: 'locality-order-flaps',
    file: 'locality/zone-planner.ts',
    find: 'Math.max(DISTANCE_STEP, DISTANCE_SHARE * this.distance)',
    replace: '0 * Math.max(DISTANCE_STEP, DISTANCE_SHARE * this.distance)',
    description: 'Jitter of coordinates reorders the other zones.',
    expectedTests: [PLANNER],
  },
  {
    id: 'locality-ratchet-first-number',
    file: 'locality/ratchet.ts',
    find: 'if (sign * number > sign * this.#candidate) this.#candidate = number;',
    replace: 'if (sign * number < sign * this.#candidate) this.#candidate = number;',
    description: 'After the span the wrong end of what came in between counts.',
    expectedTests: [RATCHET],
  },
  {
    id: 'locality-weights-by-zone',
    file: 'locality/preferences.ts',
    find: "(weight * share) / (sums.get(zone ?? '') ?? 1)",
    replace: 'weight * share',
    description: 'A zone with more instances gets more than its share.',
    expectedTests: [PLANNER],
  },
  {
    id: 'agent-zone-plan-untold',
    file: 'agent/readers/zone-plans.ts',
    find: 'else if (this.#update(name, zones)) topics',
    replace: 'else if (this.#update(name, zones) && now < 0) topics',
    description: 'Readers that are parked do not hear that traffic returns to a zone.',
    expectedTests: ['unit/agent/readers/zone-plans.test.ts'],
  },
  {
    id: 'agent-zone-plan-stale',
    file: 'agent/readers/zone-plans.ts',
    find: 'if (zones?.isStale === true) this.#update(service.toLowerCase(), zones);',
    replace: '',
    description: 'For a second after a change readers are sent to a zone that has lost its instances.',
    expectedTests: ['unit/agent/readers/zone-plans.test.ts'],
  },
  {
    id: 'dns-zone-plan-cached',
    file: 'dns/zone/service-index.ts',
    find: 'if (cached !== undefined && cached.preferences.plan === plan) return cached;',
    replace: 'if (cached !== undefined) return cached;',
    description: 'SRV goes on with the priorities of an earlier plan.',
    expectedTests: ['unit/dns/zone/availability-zones.test.ts'],
  },
  {
    id: 'locality-render-unordered',
    file: 'http/hearsay/render/proxy-service.ts',
    find: '.sort((a, b) => priorityOf(a) - priorityOf(b))',
    replace: '',
    description: 'A proxy that takes the first of its list goes to another zone than all other readers.',
    expectedTests: ['unit/http/routes/hearsay/render.test.ts'],
  },
];
