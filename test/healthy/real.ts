/**
 * A healthy cluster of real agents on loopback addresses, and what each of them and `hearsay doctor` find in it: nothing. A busy one has
 * users, and beside it a process that takes whatever processor time it gets.
 */
import { DoctorRuns, type Found, foundBy } from '../support/doctor.ts';
import { getJson, httpRequest } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startProgram,
  startSerf,
} from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { type HealthyReport, planOf } from './plan.ts';

/** Two campaigns may run at once. */
const net = 3 + (process.pid % 250);
const ip = (host: number): string => `127.62.${net}.${host}`;
/** Examinations of the cluster, and the pause between two of them. */
const ROUNDS = 5;
const PAUSE = 3000;
/** Until a cluster has formed, on a machine of any speed. */
const FORMED = 120_000;
/** What is rightly said of an agent whose machine did not run it: that is no false alarm. It is counted apart. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['stalled', 'unhealthy']);

export interface RealHealthyReport extends HealthyReport {
  /** Examinations that said so of the machine. */
  readonly starved: number;
}

/** Leaves no process behind. Without `serf` on this machine, all are of ours. */
export async function examineRealCluster(seed: number): Promise<RealHealthyReport> {
  const plan = planOf(seed);
  const serfPeers = isInstalled('serf') ? plan.serfPeers : 0;
  const key = plan.isEncrypted ? Buffer.alloc(32, seed).toString('base64') : undefined;
  const users = new AbortController();
  try {
    const agents = await startCluster(plan.size, serfPeers, key);
    if (plan.isBusy) startProgram('nice', ['-n', '10', process.execPath, '-e', 'for (;;);']);
    const work = plan.isBusy ? useServices(agents, users.signal) : Promise.resolve();
    const report = await examineAll(agents);
    users.abort();
    await work;
    return { seed, cluster: plan.describe(serfPeers), ...report };
  } finally {
    users.abort();
    await killProcesses();
  }
}

async function startCluster(
  size: number,
  serfPeers: number,
  key: string | undefined,
): Promise<readonly HearsayProcess[]> {
  const shared = key === undefined ? {} : { key };
  const name = (host: number): string => `n${host}`;
  const agents = [await startHearsay({ name: 'n1', ip: ip(1), ...shared })];
  for (let host = 2; host <= size; host++)
    if (host <= 1 + serfPeers) await startSerf({ name: name(host), ip: ip(host), join: ip(1), ...shared });
    else agents.push(await startHearsay({ name: name(host), ip: ip(host), join: ip(1), ...shared }));
  await waitUntil('each agent has all members, and their catalogs', FORMED, async () => {
    for (const { http } of agents) {
      const members = await getJson<readonly { status: string }[]>(`${http}/v1/hearsay/members`);
      if (members.filter(({ status }) => status === 'alive').length < size) return false;
      await getJson(`${http}/v1/catalog/services`); // until it is ready, this throws
    }
    return true;
  });
  return agents;
}

async function examineAll(
  agents: readonly HearsayProcess[],
): Promise<Pick<RealHealthyReport, 'examinations' | 'found' | 'starved'>> {
  const found: string[] = [];
  let [examinations, starved] = [0, 0];
  const note = (who: string, findings: readonly Found[]): void => {
    examinations += 1;
    if (findings.some(({ code }) => OF_THE_MACHINE.has(code))) starved += 1;
    for (const { code, sentence } of findings)
      if (!OF_THE_MACHINE.has(code)) found.push(`${who}: ${code}: ${sentence}`);
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, http } of agents) note(name, await foundBy(http));
    const { name, http } = agents[round % agents.length] as HearsayProcess;
    note(`doctor at ${name}`, (await new DoctorRuns(http).next()).findings);
    await sleep(PAUSE);
  }
  return { examinations, found, starved };
}

/** Users register services, change and remove them, and fire events; nothing of that is trouble. */
async function useServices(agents: readonly HearsayProcess[], signal: AbortSignal): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    const { http } = agents[i % agents.length] as HearsayProcess;
    const id = `web-${i % 7}`;
    const put = async (path: string, body: string): Promise<void> => {
      const { status } = await httpRequest('PUT', `${http}${path}`, { body });
      if (status !== 200) throw new Error(`PUT ${path}: ${status}`);
    };
    await put('/v1/agent/service/register', JSON.stringify({ ID: id, Name: id, Port: 8000 + (i % 100) }));
    if (i % 3 === 0) await put(`/v1/agent/service/deregister/${id}`, '');
    if (i % 5 === 0) await put('/v1/event/fire/deploy', `${i}`);
    await sleep(100);
  }
}
