/** Three agents, and one is killed: `hearsay why` at another names who probed it in vain. Serf agents notice nothing of it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

interface Entry {
  readonly kind: string;
  readonly observer: string;
  readonly by?: string;
  readonly reason?: { readonly kind: string; readonly stream?: boolean };
}
interface Report {
  readonly diagnosis: string;
  readonly finding: string;
  readonly witnesses: { readonly answered: readonly string[]; readonly unreadable: readonly string[] };
  readonly evidence: readonly Entry[];
}

const ip = (host: number): string => `127.0.71.${host}`;
const agents = new Map<string, HearsayProcess>();

beforeAll(async () => {
  for (const [i, name] of ['db-1', 'db-2', 'db-3'].entries())
    agents.set(
      name,
      await startHearsay({
        ...{ name, ip: ip(i + 1), ...(i === 0 ? {} : { join: `${ip(1)}:7946` }) },
        args: ['--swim-watched-members', '0'], // a closed connection would say it before any probe
      }),
    );
  for (const agent of agents.values())
    await waitUntil(`${agent.name} sees all`, 20_000, async () => (await agent.members()).length === 3);
}, 60_000);
afterAll(killProcesses);

const at = (name: string): string => agents.get(name)?.http ?? '';
async function why(observer: string, node: string, ...words: string[]): Promise<Report> {
  const ran = await runHearsay(['why', node, '--json', ...words, '--http-addr', at(observer)]);
  expect(ran.code, ran.stderr).toBe(0);
  return JSON.parse(ran.stdout) as Report;
}

test('kill -9 of one: the diagnosis at another names the probe, its paths and who made it', async () => {
  await agents.get('db-3')?.kill();
  await waitUntil('db-1 holds db-3 failed', 60_000, async () =>
    (await agents.get('db-1')?.members())?.some(({ name, status }) => name === 'db-3' && status === 'failed'),
  );

  for (const observer of ['db-1', 'db-2']) {
    const report = await why(observer, 'db-3');
    expect([report.finding, report.witnesses.unreadable]).toEqual(['failed', []]);
    expect(report.witnesses.answered).toEqual([observer === 'db-1' ? 'db-2' : 'db-1']);
    const probe = report.evidence.find(({ reason }) => reason?.kind === 'probe');
    expect(probe).toMatchObject({ by: probe?.observer, reason: { stream: true } });
    expect(report.diagnosis).toMatch(/^declared failed by \S+ at \d\d:\d\d:\d\dZ.*probes failed/);
  }
  const shown = await runHearsay(['why', 'db-3', '--http-addr', at('db-2')]);
  expect(shown.stdout).toMatch(/^db-3: failed\n\nAT +AGO +OBSERVER +EVENT\n/);
  expect(shown.stdout).toMatch(/1 witness answered\)\n$/);
});

test('of one that nobody ever saw is exit 4', async () => {
  const nobody = await runHearsay(['why', 'db-9', '--http-addr', at('db-1')]);
  expect([nobody.code, nobody.stderr]).toEqual([4, expect.stringContaining('no node and no service "db-9"')]);
});

test.skipIf(!isInstalled('serf'))('a real Serf agent is not asked, and notices nothing', async () => {
  const serf = await startSerf({ name: 'old-1', ip: ip(9), join: `${ip(1)}:7946` });
  for (const agent of [serf, agents.get('db-1') as HearsayProcess])
    await waitUntil(`${agent.name} knows the other kind`, 20_000, async () => {
      const members = await agent.members();
      return members.filter(({ name, status }) => status === 'alive' && name !== 'db-3').length === 3;
    });
  for (const observer of ['db-1', 'db-2', 'db-1']) {
    const { witnesses } = await why(observer, 'old-1');
    expect(witnesses.answered).toEqual([observer === 'db-1' ? 'db-2' : 'db-1']);
  }
  // It passes the question on, as it should.
  await waitUntil('the question reached it', 20_000, () => /hearsay-why/.test(serf.log()));
  expect(serf.log()).not.toMatch(/\[WARN\]|\[ERR\].*(?:query|hearsay)/i);
});
