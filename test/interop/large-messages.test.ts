/** Events and queries above Serf's usual limits, in a pool where both kinds of agents allow them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import {
  type AgentProcess,
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { makeTempDir, runSerf, wireComplaints, writePrivateFile } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.24.4.${host}`;
const PAYLOAD = 'x'.repeat(3000);
const LIMIT = 4096;

describe.skipIf(!isInstalled('serf'))('beside real Serf agents', { timeout: 120_000 }, () => {
  let h1: HearsayProcess;
  let h2: HearsayProcess;
  let s1: AgentProcess;
  let s2: AgentProcess;

  beforeAll(async () => {
    const dir = makeTempDir();
    const config = JSON.stringify({ user_event_size_limit: LIMIT, query_size_limit: LIMIT });
    const file = `-config-file=${writePrivateFile(dir, 'serf.json', config)}`;
    const args = ['--serf-event-bytes', `${LIMIT}`, '--serf-query-bytes', `${LIMIT}`];
    const large = [...args, '--swim-packet-bytes', `${LIMIT + 200}`];
    const join = `${ip(1)}:7946`;
    h1 = await startHearsay({ name: 'h1', ip: ip(1), args: large });
    h2 = await startHearsay({ name: 'h2', ip: ip(2), join, args: large });
    // A handler sees a payload on stdin; its length is what it prints.
    const handlers = ['-event-handler=query:count=tr -d "\\n" | wc -c'];
    s1 = await startSerf({ name: 's1', ip: ip(11), join, args: [file, ...handlers] });
    s2 = await startSerf({ name: 's2', ip: ip(12), join, args: [file, ...handlers] });
    for (const agent of [h1, h2, s1, s2])
      await waitUntil(`${agent.name} sees all`, 20_000, async () => {
        const members = await agent.members();
        return members.length === 4 && members.every(({ status }) => status === 'alive');
      });
  }, 60_000);
  afterAll(killProcesses);

  const heardHere = (agent: HearsayProcess, name: string): Promise<boolean> =>
    waitUntil(`${agent.name} hears ${name}`, 20_000, async () => {
      const events = await getJson<{ Name: string; Payload: string }[]>(
        `${agent.http}/v1/event/list?name=${name}`,
      );
      return events.some(({ Payload }) => Buffer.from(Payload, 'base64').toString() === PAYLOAD);
    });
  const heardThere = (agent: AgentProcess, name: string): Promise<boolean> =>
    waitUntil(`${agent.name} hears ${name}`, 20_000, () =>
      agent.log().includes(`Received event: user-event: ${name}`),
    );

  test('an event of 3,000 octets from here reaches all of them', async () => {
    const fired = await runHearsay(['event', 'ours', PAYLOAD, '--http-addr', h1.http]);
    expect([fired.code, fired.stderr]).toEqual([0, '']);
    await Promise.all([heardHere(h2, 'ours'), heardThere(s1, 'ours'), heardThere(s2, 'ours')]);
  });

  test('one of Serf, whose own packets have no room for it, comes with a push/pull', async () => {
    const fired = await runSerf(s1, ['event', 'theirs', PAYLOAD]);
    expect([fired.code, fired.stderr]).toEqual([0, '']);
    const from = `${ip(11)}:7946`;
    // Without the flag a first join here, and any of a Serf agent, takes earlier events for old.
    for (const { http } of [h1, h2]) {
      const joined = await runHearsay(['join', '--replay', from, '--http-addr', http]);
      expect([joined.code, joined.stderr]).toEqual([0, '']);
    }
    expect(await runSerf(s2, ['join', '-replay', from])).toMatchObject({ code: 0 });
    await Promise.all([heardHere(h1, 'theirs'), heardHere(h2, 'theirs'), heardThere(s2, 'theirs')]);
  });

  test('a query of 3,000 octets is answered by the handlers there', async () => {
    const words = ['query', 'count', PAYLOAD, '--timeout', '5s', '--json', '--http-addr', h1.http];
    const ran = await runHearsay(words);
    expect(ran.code, ran.stderr).toBe(0);
    const { acks, responses } = JSON.parse(ran.stdout) as {
      acks: string[];
      responses: { from: string; payload: string }[];
    };
    expect([...acks].sort()).toEqual(['h1', 'h2', 's1', 's2']);
    expect(responses.map(({ from, payload }) => [from, payload.trim()]).sort()).toEqual([
      ['s1', `${PAYLOAD.length}`],
      ['s2', `${PAYLOAD.length}`],
    ]);
  });

  test('above the limit both refuse, and no agent complains of what it heard', async () => {
    const tooLong = 'x'.repeat(LIMIT + 1);
    const ours = await runHearsay(['event', 'ours', tooLong, '--http-addr', h1.http]);
    expect([ours.code, ours.stderr]).toEqual([2, expect.stringContaining(`at most ${LIMIT} are allowed`)]);
    const theirs = await runSerf(s1, ['event', 'theirs', tooLong]);
    expect([theirs.code, theirs.stdout + theirs.stderr]).toEqual([1, expect.stringContaining(`${LIMIT}`)]);
    expect(wireComplaints(s1.log() + s2.log())).toEqual([]);
  });
});
