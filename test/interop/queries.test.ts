/** Queries between hearsay and real Serf agents: plain, filtered, relayed, and those that agents ask one another. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { runSerf, wireComplaints } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

interface Waiting {
  readonly id: number;
  readonly name: string;
  readonly payload: string;
  readonly from: string;
}
interface Answers {
  readonly acks: string[];
  readonly responses: { readonly from: string; readonly payload: string }[];
}

describe.skipIf(!isInstalled('serf'))('with real Serf agents', { timeout: 120_000 }, () => {
  const agents: AgentProcess[] = [];
  let h1: AgentProcess & { readonly http: string };
  let h2: AgentProcess & { readonly http: string };
  let s1: AgentProcess;
  const ip = (host: number): string => `127.0.45.${host}`;

  beforeAll(async () => {
    h1 = await startHearsay({ name: 'h1', ip: ip(1), tags: { role: 'ours' } });
    const join = `${ip(1)}:7946`;
    const args = ['-event-handler=query:load=echo load-of-$SERF_SELF_NAME; cat'];
    s1 = await startSerf({ name: 's1', ip: ip(11), join, tags: { role: 'web-1' }, args });
    const s2 = await startSerf({ name: 's2', ip: ip(12), join, tags: { role: 'db' }, args });
    h2 = await startHearsay({ name: 'h2', ip: ip(2), join, tags: { role: 'ours' } });
    agents.push(h1, h2, s1, s2);
    for (const agent of agents)
      await waitUntil(`${agent.name} sees all`, 20_000, async () => {
        const members = await agent.members();
        return members.length === 4 && members.every(({ status }) => status === 'alive');
      });
  }, 60_000);
  afterAll(killProcesses);

  const ask = async (...words: string[]): Promise<Answers> => {
    const ran = await runHearsay(['query', ...words, '--json', '--http-addr', h1.http]);
    expect(ran.code, ran.stderr).toBe(0);
    const answers = JSON.parse(ran.stdout) as Answers;
    const by = (a: { from: string }, b: { from: string }): number => (a.from < b.from ? -1 : 1);
    return { acks: [...answers.acks].sort(), responses: [...answers.responses].sort(by) };
  };
  /** Answers each query of this name that reaches hearsay's `agent`, as a program there would. */
  const serve = async (agent: { readonly http: string }, name: string, answer: string): Promise<Waiting> => {
    const query = await waitUntil(`${name} waits for an answer`, 10_000, async () =>
      (await getJson<Waiting[]>(`${agent.http}/v1/hearsay/queries`)).find((one) => one.name === name),
    );
    const answered = await fetch(`${agent.http}/v1/hearsay/queries/${query.id}`, {
      method: 'PUT',
      body: answer,
    });
    expect(answered.status).toBe(200);
    return query;
  };

  test('a query asked here is acked by all and answered by the handlers there', async () => {
    const answers = await ask('load', 'now', '--timeout', '3s');

    expect(answers.acks).toEqual(['h1', 'h2', 's1', 's2']);
    expect(answers.responses.map(({ from, payload }) => [from, payload])).toEqual([
      ['s1', 'load-of-s1\nnow\n'],
      ['s2', 'load-of-s2\nnow\n'],
    ]);
  });

  test('filters by node and by tag mean the same there', async () => {
    expect((await ask('load', '--node', 's1', '--node', 'h2', '--timeout', '2s')).acks).toEqual(['h2', 's1']);
    expect((await ask('load', '--tag', 'role=^(web|ours)', '--timeout', '2s')).acks).toEqual([
      'h1',
      'h2',
      's1',
    ]);
  });

  test('answers come also when they are relayed, once each', async () => {
    const answers = await ask('load', '--relay-factor', '3', '--timeout', '3s');

    expect(answers.acks).toEqual(['h1', 'h2', 's1', 's2']);
    expect(answers.responses.map(({ from }) => from)).toEqual(['s1', 's2']);
  });

  test('a query asked there is acked and answered here: direct, filtered, relayed', async () => {
    const asked = runSerf(s1, [
      'query',
      '-format=json',
      '-timeout=6s',
      '-relay-factor=2',
      '-tag=role=^our',
      'question',
      'what?',
    ]);
    const [query] = await Promise.all([serve(h1, 'question', 'from h1'), serve(h2, 'question', 'from h2')]);
    const { stdout, code } = await asked;

    expect(code).toBe(0);
    expect(query).toMatchObject({ from: 's1', payload: 'what?' });
    const { Acks, Responses } = JSON.parse(stdout) as { Acks: string[]; Responses: Record<string, string> };
    expect([...Acks].sort()).toEqual(['h1', 'h2']);
    expect(Object.keys(Responses).sort()).toEqual(['h1', 'h2']);
  });

  test('an expression that would stall a backtracking engine stalls nobody', async () => {
    const { code } = await runSerf(s1, [
      'query',
      '-timeout=2s',
      '-tag=role=(o+u*)*(o+u*)*(o+u*)*x$',
      'stall',
    ]);
    expect(code).toBe(0);
    expect((await h1.members()).length).toBe(4);
  });

  test('reachability: `serf reachability` is content with us, and ours with them', async () => {
    const theirs = await runSerf(s1, ['reachability']);
    expect(theirs.stdout + theirs.stderr).toMatch(/Successfully contacted all live nodes/);

    const ours = await runHearsay(['reachability', '--json', '--http-addr', h1.http]);
    expect(ours.code, ours.stderr).toBe(0);
    expect(JSON.parse(ours.stdout)).toMatchObject({ unresponsive: [], expected: 4 });
  });

  test('rtt: each side estimates a round trip to the other from its coordinate', async () => {
    await waitUntil('serf rtt knows h1', 30_000, async () => (await runSerf(s1, ['rtt', 'h1'])).code === 0);
    const ours = await waitUntil('hearsay rtt knows s1', 30_000, async () => {
      const ran = await runHearsay(['rtt', 's1', 's2', '--json', '--http-addr', h1.http]);
      return ran.code === 0 ? (JSON.parse(ran.stdout) as { a: string; b: string; ms: number }) : undefined;
    });
    expect(ours).toMatchObject({ a: 's1', b: 's2' });
    expect(ours.ms).toBeGreaterThan(0);
    expect(ours.ms).toBeLessThan(1000);
  });

  test('no real agent had anything to complain of', () => {
    for (const agent of agents.filter(({ kind }) => kind === 'serf'))
      expect(
        [...wireComplaints(agent.log()), ...(agent.log().match(/\[WARN\].*/g) ?? [])],
        agent.name,
      ).toEqual([]);
  });
});
