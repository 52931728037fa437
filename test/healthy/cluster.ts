/**
 * A healthy cluster in the simulated world, quiet or busy, and what doctor's rules say of it meanwhile: at every agent, and of a survey.
 * False alarms are worse than silence, so nothing may be found.
 */
import { pino } from 'pino';
import type { LinkSurvey } from '../../src/agent/contract/links.ts';
import { examine } from '../../src/doctor/examine.ts';
import type { DoctorFinding } from '../../src/doctor/finding.ts';
import type { Site } from '../../src/http/endpoint/site.ts';
import { factsOf } from '../../src/http/hearsay/findings.ts';
import { toLinkJson } from '../../src/http/hearsay/links.ts';
import { createJournal, type Journal } from '../../src/shell/logging/journal.ts';
import { createAgentFor } from '../../src/sim/peers/create-agent.ts';
import { makeService } from '../../src/sim/workload/definitions.ts';
import { bootstrapCluster } from '../../src/sim/world/bootstrap.ts';
import type { SimHost } from '../../src/sim/world/host.ts';
import { World } from '../../src/sim/world/world.ts';
import { type HealthyReport, planOf } from './plan.ts';

const SECOND = 1000;
/** Between two examinations, and how many there are unless it is said. */
const PAUSE = 5 * SECOND;
const ROUNDS = 12;
/** Until a survey has measured, and reported. */
const MEASURING = 2 * SECOND;

export interface HealthyOptions {
  /** Examinations at each agent. */
  readonly rounds?: number;
  /** The part of all datagrams that gets lost, to see that it would be told. */
  readonly loss?: number;
}

export function examineHealthyCluster(
  seed: number,
  { rounds = ROUNDS, loss = 0 }: HealthyOptions = {},
): HealthyReport {
  const { size, serfPeers, isBusy, isEncrypted, describe } = planOf(seed);
  const v6 = seed % 7 === 0;
  const world = new World({ seed, makeAgent: createAgentFor, linkQuality: { loss } });
  const journals = watchFacts(world);
  const keys = isEncrypted ? [new Uint8Array(32).fill(seed)] : [];
  const labels = Array.from({ length: size }, (_, i) => `n${i + 1}`);
  for (const [i, label] of labels.entries())
    world.add(label, { keys, v6, ...(i > 0 && i <= serfPeers ? { serfPeer: true } : {}) });
  bootstrapCluster(world, labels, 120_000);
  world.run(15 * SECOND);
  const ours = labels.filter((_, i) => i === 0 || i > serfPeers);
  if (isBusy) makeBusy(world, ours, rounds * PAUSE);
  const found: string[] = [];
  let examinations = 0;
  const note = (label: string, findings: readonly DoctorFinding[]): void => {
    examinations += 1;
    for (const { code, sentence } of findings) found.push(`${label}: ${code}: ${sentence}`);
  };
  for (let round = 0; round < rounds; round++) {
    for (const label of ours) world.command(label, { kind: 'testLinks', nodes: ours });
    world.run(PAUSE);
    for (const label of ours) {
      const site = siteOf(world, world.host(label), journals);
      note(label, examine(factsOf(site, world.now)));
    }
  }
  const first = world.host('n1');
  const links = survey(world).links.map((link) => toLinkJson(link, world.now));
  note('survey', examine({ ...factsOf(siteOf(world, first, journals), world.now), links }));
  return { seed, cluster: describe(serfPeers), examinations, found };
}

function survey(world: World): LinkSurvey {
  world.command('n1', { kind: 'surveyLinks', count: 4 });
  world.run(MEASURING);
  const { result } = world.command('n1', { kind: 'surveyLinks', count: 0 });
  if (result?.ok !== true || result.value === undefined || !('id' in result.value))
    throw new Error('refused');
  const { id } = result.value;
  world.run(MEASURING);
  const survey = world.host('n1').runningAgent.view.linkSurvey(id as number);
  if (survey === undefined || survey.links.length === 0) throw new Error('a survey without a report');
  return survey;
}

/** The log of each host, which is what its warnings are made of. */
function watchFacts(world: World): ReadonlyMap<SimHost, Journal> {
  const silent = pino({ level: 'silent' });
  const journals = new Map<SimHost, Journal>();
  world.subscribe({
    onEffects: (host, facts) => {
      const journal = journals.get(host) ?? createJournal(silent, () => world.now);
      journals.set(host, journal);
      for (const fact of facts) journal.record(fact);
    },
  });
  return journals;
}

const siteOf = (world: World, host: SimHost, journals: ReadonlyMap<SimHost, Journal>) =>
  ({
    agent: { view: host.runningAgent.view },
    info: { degraded: () => [], warnings: () => journals.get(host)?.recentWarnings() ?? [] },
    monotonicClock: () => world.now,
  }) as unknown as Site;

/** Users register services and remove them, fire events, query and change tags; nothing of that is trouble. */
function makeBusy(world: World, labels: readonly string[], span: number): void {
  const rng = world.rng.derive('busy');
  for (let at = 0; at < span; at += 200 + rng.int(600)) {
    const label = labels[rng.int(labels.length)] as string;
    const serial = rng.int(1000);
    world.schedule(world.now + at, () => {
      switch (serial % 5) {
        case 0:
        case 1:
          return void world.command(label, {
            ...{ kind: 'registerService', checks: [], replaceChecks: true },
            service: makeService(`web-${serial % 7}`, { name: `web-${serial % 7}` }),
          });
        case 2:
          return void world.command(label, { kind: 'deregisterService', id: `web-${serial % 7}` });
        case 3:
          return void world.command(label, {
            ...{ kind: 'fireEvent', name: 'deploy', payload: new Uint8Array(serial % 200), coalesce: true },
          });
        default:
          return void world.command(label, {
            kind: 'setTags',
            set: new Map([['rev', `${serial}`]]),
            remove: [],
          });
      }
    });
  }
}
