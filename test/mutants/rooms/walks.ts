/** Planted bugs against forged walks, lost votes and sustained accusations. */
import type { Mutant } from '../mutant.ts';

export const walkMutants: readonly Mutant[] = [
  {
    id: 'swim-walk-is-free',
    file: 'swim/state/incarnation-budget.ts',
    find: 'this.#tokens -= count;',
    replace: '',
    description: 'An agent follows any number of raises, and ends where nobody believes it any more.',
    expectedTests: ['unit/swim/rules/own-word.test.ts'],
  },
  {
    id: 'swim-lead-of-what-is-held',
    file: 'swim/rules/own-word.ts',
    find: 'isPlausibleIncarnation(incarnation, row?.word, context.now);',
    replace:
      'isPlausibleIncarnation(incarnation, row && { incarnation: row.incarnation, at: context.now }, context.now);',
    description: 'The limit is for each step: many steps lead a row anywhere.',
    expectedTests: ['unit/swim/rules/own-word.test.ts'],
  },
  {
    id: 'swim-own-word-never-lowers',
    file: 'swim/rules/own-word.ts',
    find: 'if (!isFarBelow(incarnation, row) ||',
    replace: 'if (incarnation < row.incarnation ||',
    description: 'A row that liars have raised stays there, and its member is not heard any more.',
    expectedTests: ['unit/swim/rules/own-word.test.ts'],
  },
  {
    id: 'swim-own-word-of-the-dialer',
    file: 'swim/rules/own-word.ts',
    find: "source.kind === 'outbound' && isSame(",
    replace: "source.kind !== 'local' && isSame(",
    description:
      'A datagram from the address of a member counts as its own word, and any host can write one.',
    expectedTests: ['unit/swim/rules/own-word.test.ts'],
  },
  {
    id: 'swim-own-word-not-asked-for',
    file: 'swim/rules/alive.ts',
    find: 'if (row === undefined) askUnknown(context, alive); else askForWord(context, row);',
    replace: 'if (row === undefined) askUnknown(context, alive);',
    description: 'A member that was led too far is refused, and never asked.',
    expectedTests: ['unit/swim/rules/own-word.test.ts'],
  },
  {
    id: 'serf-clock-walk-is-free',
    file: 'serf/lamport.ts',
    find: 'this.#ahead = Math.max(0, this.#ahead - (ltime + 1 - this.#time));',
    replace: '',
    description: 'Many small steps take a Lamport clock anywhere.',
    expectedTests: ['unit/serf/lamport.test.ts'],
  },
  {
    id: 'serf-clock-never-set-back',
    file: 'serf/clocks.ts',
    find: 'this.#parts[name].forgetFrom(highest); this.#set(name, highest, out);',
    replace: '',
    description: 'An agent whose clock was led astray stays alone with its time.',
    expectedTests: ['unit/serf/clocks.test.ts'],
  },
  {
    id: 'serf-leap-of-one-member',
    file: 'serf/clocks.ts',
    find: 'Math.max(1, Math.min(2, this.#others().length))',
    replace: 'Math.max(1, Math.min(1, this.#others().length))',
    description: 'One member that lies moves the clocks of all who dial it.',
    expectedTests: ['unit/serf/clocks.test.ts'],
  },
  {
    id: 'serf-clock-not-asked-for',
    file: 'serf/clocks.ts',
    find: 'if (clock.isDoubtful(ltime)) this.#ask(now, out);',
    replace: '',
    description: 'A leap is noticed with the next push/pull only.',
    expectedTests: ['unit/serf/clocks.test.ts'],
  },
  {
    id: 'serf-status-times-stay-astray',
    file: 'serf/membership/status.ts',
    find: 'this.#members.set(member.name, { ...member, statusLTime: last });',
    replace: '',
    description: 'After the clock has gone back, a forged status time outbids what the member says.',
    expectedTests: ['unit/serf/clocks.test.ts'],
  },
];
