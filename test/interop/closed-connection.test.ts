/**
 * Death by closed connection beside real Serf agents: they learn of the end of one of ours within seconds, from an ordinary dead
 * message, and complain of nothing. One that is restarted in place, or suspended, has failed nowhere.
 */
import { afterEach, expect, test } from 'vitest';
import { httpRequest } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { wireComplaints } from '../support/serf.ts';
import { sleep, waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

const ip = (host: number): string => `127.26.61.${host}`;
const JOIN = `${ip(1)}:7946`;
/** Real time on a busy machine: from the end of the process to the last agent. */
const LIMIT_MS = 4000;

async function serves({ http }: HearsayProcess, node: string): Promise<boolean> {
  const answer = await httpRequest('GET', `${http}/v1/health/service/web?passing`);
  return (JSON.parse(answer.body) as { Node: { Node: string } }[]).some(({ Node }) => Node.Node === node);
}

const failedIn = (log: string, name: string): boolean =>
  new RegExp(`"node":"${name}"[^\\n]*"msg":"member failed"|EventMemberFailed: ${name}`).test(log);

test.skipIf(!isInstalled('serf'))(
  'agents of both kinds learn of the end of a process, and of no restart within the grace',
  { timeout: 180_000 },
  async () => {
    const serfs = [await startSerf({ name: 's1', ip: ip(1) })];
    for (const i of [2, 3]) serfs.push(await startSerf({ name: `s${i}`, ip: ip(i), join: JOIN }));
    // A longer grace than the default, since the machine may be too busy to start an agent within a second.
    const args = ['--swim-close-grace', '2s'];
    const start = (i: number, more: readonly string[] = []) =>
      startHearsay({ name: `h${i}`, ip: ip(10 + i), join: JOIN, args: [...args, ...more] });
    const ours = [await start(1), await start(2), await start(3), await start(4)];
    const [observer, , , victim] = ours as [HearsayProcess, HearsayProcess, HearsayProcess, HearsayProcess];
    const all = [...serfs, ...ours];
    for (const agent of all)
      await waitUntil(`${agent.name} sees all`, 30_000, async () => {
        const rows = await agent.members();
        return rows.filter(({ status }) => status === 'alive').length === all.length;
      });
    await httpRequest('PUT', `${victim.http}/v1/agent/service/register`, {
      body: '{"Name":"web","Port":80}',
    });
    await waitUntil('the service is known', 20_000, () => serves(observer, 'h4'));
    // Streams to those that are to be watched are open a second after the last join.
    await sleep(5000);

    victim.child.kill('SIGSTOP');
    await sleep(3000);
    victim.child.kill('SIGCONT');
    await sleep(2000);
    for (const { log, name } of all) expect(failedIn(log(), 'h4'), `${name} after a suspension`).toBe(false);

    await victim.kill();
    const killedAt = performance.now();
    await waitUntil(
      'the service is out of the answers',
      LIMIT_MS,
      async () => !(await serves(observer, 'h4')),
    );
    for (const { log, name } of [...serfs, ...ours.slice(0, 3)])
      await waitUntil(`${name} knows`, killedAt + LIMIT_MS + 2000 - performance.now(), () =>
        failedIn(log(), 'h4'),
      );
    expect(observer.log()).toContain('connection to a member closed');
    // That a suspended process does not answer a ping over TCP is true, and no complaint about us.
    for (const { log, name } of serfs)
      expect(
        wireComplaints(log()).filter((line) => !line.includes('fallback ping')),
        name,
      ).toEqual([]);
  },
);
