/** Planted bugs of `jobs/`: who has a tick, when a claim begins, what a crash, a restart or a pause leaves behind. */
import type { Mutant } from '../mutant.ts';

const UNIT = 'unit/jobs/jobs.test.ts';
const PROPERTY = 'property/jobs.test.ts';
const CLOCKS = 'story/jobs.clocks.test.ts';

export const jobMutants: readonly Mutant[] = [
  {
    id: 'jobs-claim-never-yields',
    file: 'jobs/executor.ts',
    find: "if (own.state === 'claimed' && compareClaims(name, own.tick, node, this.#context.self) < 0) return node;",
    replace: '',
    description: 'Of two agents that both claim a tick neither yields.',
    expectedTests: ['unit/jobs/claims.test.ts', PROPERTY],
  },
  {
    id: 'jobs-late-claim-does-not-wait',
    file: 'jobs/executor.ts',
    find: 'lateness > PUNCTUAL ? 2 : 1',
    replace: 'lateness > PUNCTUAL ? 1 : 1',
    description: 'A late claim with a smaller hash begins before it knows that another agent has begun.',
    expectedTests: ['unit/jobs/claims.test.ts', PROPERTY],
  },
  {
    id: 'jobs-taken-over-from-the-living',
    file: 'jobs/verdict.ts',
    find: "const isDead = forgotten || run.state === 'lost' || isGone(node);",
    replace: "const isDead = forgotten || run.state !== 'running' || isGone(node);",
    description: 'A claimed tick passes for free although its agent lives.',
    expectedTests: ['unit/jobs/board.test.ts', UNIT],
  },
  {
    id: 'jobs-lost-run-repeated-without-retries',
    file: 'jobs/verdict.ts',
    find: 'attempts <= retries',
    replace: 'attempts <= retries + 1',
    description: 'A run that was lost is repeated, though no retry is allowed.',
    expectedTests: ['unit/jobs/board.test.ts', UNIT],
  },
  {
    id: 'jobs-withdrawn-claim-kept',
    file: 'jobs/board.ts',
    find: 'record.runs.length >= MAX_PUBLISHED_RUNS &&',
    replace: '',
    description: 'A claim that was withdrawn counts as pushed out, so nobody runs its tick.',
    expectedTests: ['unit/jobs/board.test.ts', PROPERTY],
  },
  {
    id: 'jobs-moved-on-ignored',
    file: 'jobs/jobs.ts',
    find: 'if (owner !== undefined && !isOurs && hasMovedOn(job, owner, tick)) return pending.drop(tick);',
    replace: '',
    description: 'What an agent ran while it was out of reach is run again when it dies.',
    expectedTests: [UNIT],
  },
  {
    id: 'jobs-restart-forgets-the-past',
    file: 'jobs/jobs.ts',
    find: 'this.#since = Math.min(boot, remembered);',
    replace: 'this.#since = 0;',
    description: 'An agent that has just started owns ticks from before it, which others have run.',
    expectedTests: [UNIT, PROPERTY],
  },
  {
    id: 'jobs-paused-ticks-run-later',
    file: 'jobs/jobs.ts',
    find: 'pending.pass(job.paused ? wall : Math.min(wall, job.resumedAt));',
    replace: '',
    description: 'The ticks of a pause are all run when it ends.',
    expectedTests: [UNIT],
  },
  {
    id: 'jobs-news-at-a-stale-time',
    file: 'agent/scheduling/job-owner.ts',
    find: 'now: Millis = this.#now): void {',
    replace: '_now?: Millis): void {\n    const now = this.#now;',
    description:
      'News of jobs counts as of the last time that jobs were looked at, as if the agent had been suspended since.',
    expectedTests: [CLOCKS],
  },
  {
    id: 'jobs-wrong-clock-owns-ticks',
    file: 'jobs/jobs.ts',
    find: 'this.board.names.length === 0 || this.#clock.differs) return;',
    replace: 'this.board.names.length === 0) return;',
    description: 'An agent whose clock differs from the others says so, and goes on to own ticks.',
    expectedTests: [CLOCKS],
  },
  {
    id: 'jobs-clock-against-the-mean',
    file: 'jobs/clocks.ts',
    find: '0 - (offsets[Math.floor((offsets.length - 1) / 2)] as Millis)',
    replace: '0 - offsets.reduce((sum, offset) => sum + offset, 0) / offsets.length',
    description:
      'Clocks are compared with their mean, so that one that is an hour off makes all others wrong.',
    expectedTests: ['unit/jobs/clocks.test.ts', CLOCKS],
  },
  {
    id: 'jobs-clock-set-and-not-compared',
    file: 'agent/scheduling/job-owner.ts',
    find: 'if (this.#jobs.board.names.length > 0) this.#exchange.restart(now);',
    replace: '',
    description: 'After its clock was set an agent goes by what it knew of the others before.',
    expectedTests: [CLOCKS],
  },
  {
    id: 'jobs-clock-step-ignored',
    file: 'agent/scheduling/job-owner.ts',
    find: 'this.#wallBase += by;',
    replace: 'this.#wallBase += 0 * by;',
    description: 'An agent goes on by the wall clock of its start after that was set.',
    expectedTests: [CLOCKS],
  },
  {
    id: 'jobs-spread-of-the-median',
    file: 'jobs/spread.ts',
    find: 'const QUANTILE = 0.99;',
    replace: 'const QUANTILE = 0.5;',
    description: 'A claim waits for as long as half of the changes take.',
    expectedTests: ['unit/jobs/clocks.test.ts'],
  },
  {
    id: 'jobs-restart-trusts-its-disk',
    file: 'jobs/jobs.ts',
    find: "const present = eligible.filter(from('boot'));",
    replace: "const present = eligible.filter(from('since'));",
    description: 'An agent that was killed runs what it had begun again, if its disk did not have it yet.',
    expectedTests: [UNIT],
  },
  {
    id: 'jobs-port-of-another-agent',
    file: 'agent/scheduling/job-owner.ts',
    find: 'this.#context.catalog.usable(service).find(({ node }) => node === this.#options.name)',
    replace: "this.#context.catalog.usable(service).find(({ node }) => node !== '')",
    description: 'A tick calls the port that an instance on another host has.',
    expectedTests: ['unit/agent/job-port.test.ts'],
  },
  {
    id: 'jobs-ahead-of-a-clock-that-was-set-back',
    file: 'jobs/jobs.ts',
    find: 'this.#pending.clear();',
    replace: '',
    description:
      'An agent whose clock was an hour ahead for a while has looked at the ticks of that hour, and runs none of them.',
    expectedTests: [CLOCKS],
  },
];
