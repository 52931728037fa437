/**
 * Serf's RPC: Debian's unchanged `serf` and a client of Python's own get from our agent what they get from a real one. Both
 * agents are in one cluster, so that both have the same to tell.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import { callNodeSerf } from '../support/node-serf.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  type ProcessResult,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { runSerf, wireComplaints } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

const run = promisify(execFile);
const CLIENT = fileURLToPath(new URL('serf-client.py', import.meta.url));
const ip = (host: number): string => `127.24.8.${host}`;
const [OLD, NEW] = [1, 2].map((octet) => Buffer.alloc(32, octet).toString('base64')) as [string, string];
const hasBoth = isInstalled('serf') && isInstalled('python3');

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(killProcesses);

const ours = (name: string, host: number, more: object = {}): Promise<AgentProcess> =>
  startHearsay({
    ...{ name, ip: ip(host), key: OLD, args: ['--rpc', `${ip(host)}:7373`, '--open-operator'] },
    ...more,
  });

/** Without times, and without the order in which answers come. */
function comparable({ code, stdout, stderr }: ProcessResult): string {
  const text = `${stdout}${stderr}`
    .replace(/\d+\.\d+ (ms|sec)/g, 'N $1')
    .replace(/N sec, time to last response: N sec/, 'N sec')
    .replace(/\S+=\S+(?:,\S+=\S+)+/g, (tags) => tags.split(',').sort().join(',')); // in any order, as Go's maps
  const lines = text.split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
  return [`exit ${code}`, ...lines.sort()].join('\n');
}

describe.skipIf(!hasBoth)('beside a real agent (skipped where serf or python3 is not installed)', () => {
  let h1: AgentProcess;
  let s1: AgentProcess;

  beforeAll(async () => {
    s1 = await startSerf({ name: 'one-s', ip: ip(1), key: OLD, tags: { role: 'web' } });
    h1 = await ours('one-h', 2, { join: `${ip(1)}:7946`, tags: { role: 'web' } });
    const third = await startSerf({ name: 'third', ip: ip(3), key: OLD, join: `${ip(1)}:7946` });
    for (const agent of [s1, h1, third])
      await waitUntil(`${agent.name} sees all`, 20_000, async () => (await agent.members()).length === 3);
  });

  const both = async (...words: string[]): Promise<readonly [ours: string, theirs: string]> => {
    const replies = [];
    for (const agent of [h1, s1]) {
      const reply = comparable(
        await runSerf(
          agent,
          words.map((word) => word.replace('SELF', agent.name)),
        ),
      );
      replies.push(words.includes('SELF') ? reply.replaceAll(agent.name, 'SELF') : reply);
    }
    return replies as [string, string];
  };

  test.each([
    ['members'],
    ['members', '-detailed'],
    ['members', '-format=json'],
    ['members', '-status=ali.*'],
    ['members', '-status=failed'],
    ['members', '-name=third'],
    ['members', '-name=thi'],
    ['members', '-tag=role=w.b'],
    ['members', '-tag=role=x'],
    ['members', '-role=web'],
    ['event', 'deploy', 'v1'],
    ['event', '-coalesce=false', 'deploy'],
    ['query', '-timeout=2s', 'nobody-answers', 'payload'],
    ['query', '-timeout=2s', '-no-ack', 'nobody-answers'],
    ['query', '-timeout=2s', '-node=third', '-format=json', 'nobody-answers'],
    ['query', '-timeout=2s', '-tag=role=web', 'nobody-answers'],
    ['reachability'],
    ['reachability', '-verbose'],
    ['rtt', 'SELF'],
    ['rtt', 'SELF', 'nobody'],
    ['tags', '-set=a=1', '-set=b=2'],
    ['tags', '-delete=a', '-delete=b'],
    ['force-leave', 'nobody'],
    ['join', ip(3)],
    ['join', ip(3), ip(200)],
    ['keys', '-list'],
    ['keys', `-install=${NEW}`],
    ['keys', '-list'],
    ['keys', `-use=${NEW}`],
    ['keys', `-remove=${OLD}`],
    ['keys', `-remove=${NEW}`],
    ['keys', '-list'],
    ['keys', `-install=${OLD}`],
    ['keys', `-use=${OLD}`],
    ['keys', `-remove=${NEW}`],
  ])('serf %s %s %s %s %s', async (...words) => {
    if (words[0] === 'rtt')
      await waitUntil('both know their coordinates', 30_000, async () =>
        (await both(...words.slice(0, 2))).every((reply) => reply.startsWith('exit 0')),
      );
    const [mine, theirs] = await both(...words);
    // Why a key is refused, and that it is in memory only, are our own words.
    const own = (text: string): string =>
      text.replace(/Key [0-9a-f]{16} is the primary and .*/g, 'Removing the primary key is not allowed');
    expect(own(mine)).toBe(own(theirs));
  });

  test('serf info: the same rows, and the same values but for the build and its clocks', async () => {
    const rows = async (agent: AgentProcess): Promise<Record<string, Record<string, string>>> =>
      JSON.parse((await runSerf(agent, ['info', '-format=json'])).stdout) as never;
    const [mine, theirs] = [await rows(h1), await rows(s1)];
    const keys = (all: typeof mine) =>
      Object.entries(all).map(([name, of]) => [name, Object.keys(of).sort()]);
    const tags = { ...mine['tags'], hearsay: undefined };
    expect(keys({ ...mine, tags: { role: mine['tags']?.['role'] ?? '' } })).toEqual(keys(theirs));
    expect(tags).toEqual({ ...theirs['tags'], hearsay: undefined });
    for (const row of ['members', 'failed', 'left', 'encrypted', 'health_score', 'coordinate_resets'])
      expect([row, mine['serf']?.[row]]).toEqual([row, theirs['serf']?.[row]]);
    expect(mine['runtime']).toMatchObject({
      os: theirs['runtime']?.['os'],
      arch: theirs['runtime']?.['arch'],
    });
    expect((await runSerf(h1, ['info'])).stdout).toContain('\tname = one-h');
  });

  test('serf join where nobody is, and expressions that are none', async () => {
    for (const words of [
      ['join', ip(200)],
      ['members', '-status=('],
      ['keys', '-install=xx'],
    ]) {
      const [mine, theirs] = await both(...words);
      const kind = (text: string): string => text.replace(/: .*/gs, '').split('\n')[0] ?? '';
      expect([words, kind(mine)]).toEqual([words, kind(theirs)]);
      expect(mine).toMatch(/exit 1[\s\S]*Error (joining|retrieving|installing)/);
    }
  });

  test('serf join -replay: what was fired before is heard, and without it is not', async () => {
    await runSerf(s1, ['event', '-coalesce=false', 'before-the-join']);
    for (const [name, host, words] of [
      ['new-1', 22, ['-replay']],
      ['new-2', 23, []],
    ] as const) {
      const agent = await ours(name, host);
      expect((await runSerf(agent, ['join', ...words, ip(1)])).stdout).toContain('by contacting 1 nodes');
      await runSerf(s1, ['event', '-coalesce=false', `after-${name}`]);
      const heard = async (): Promise<string[]> =>
        (await getJson<{ Name: string }[]>(`http://${ip(host)}:8500/v1/event/list`)).map(({ Name }) => Name);
      await waitUntil('it hears what comes after', 10_000, async () =>
        (await heard()).includes(`after-${name}`),
      );
      expect([name, (await heard()).includes('before-the-join')]).toEqual([name, words.length > 0]);
      await runSerf(agent, ['leave']);
      const gone = async (by: AgentProcess): Promise<boolean> =>
        (await by.members()).some((one) => one.name === name && one.status === 'left');
      for (const by of [h1, s1]) await waitUntil('it has left', 10_000, () => gone(by));
    }
  });

  test('serf monitor: lines from before, then what happens', async () => {
    const child = spawn('serf', ['monitor', `-rpc-addr=${ip(2)}:7373`, '-log-level=debug']);
    children.push(child);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await waitUntil('it has the first line', 10_000, () =>
      /\d\d:\d\d:\d\d \[INFO\] agent: agent started/.test(said),
    );
    await runSerf(s1, ['event', 'monitored']);
    await waitUntil('it has the event', 10_000, () =>
      /\[DEBUG\] agent: user event received name=monitored/.test(said),
    );
  });

  test('a Python client: every command, reply for reply', async () => {
    const transcript = async (agent: AgentProcess): Promise<unknown[]> => {
      const { stdout } = await run('python3', [CLIENT, 'transcript', agent.ip, agent.name, `${ip(3)}:7946`]);
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
        .map(withoutOwn);
    };
    const [mine, theirs] = [await transcript(h1), await transcript(s1)];
    expect(theirs.length).toBe(28);
    mine.forEach((reply, i) => {
      expect(reply).toEqual(theirs[i]);
    });
    expect(mine).toHaveLength(theirs.length);
  });

  /** One line of the transcript without numbers of its agent and in an order of its own. */
  function withoutOwn(line: unknown): unknown {
    if (!Array.isArray(line)) return line;
    const [command, error, body] = line as [string, string, Record<string, unknown> | null];
    const members = body?.['Members'] as { Name: string }[] | undefined;
    if (members !== undefined)
      return [command, error, [...members].sort((a, b) => (a.Name < b.Name ? -1 : 1))];
    if (command === 'stats') return [command, error, Object.keys(body ?? {}).sort()];
    if (command === 'monitor') return [command, Object.keys(error as unknown as object)];
    if (command === 'get-coordinate')
      return [command, error, (body?.['Coord'] as object) && Object.keys(body ?? {})];
    return line;
  }

  test('node-serf, from npm: members, filters, statistics, events and queries', async () => {
    const [mine, theirs] = [await callNodeSerf(h1), await callNodeSerf(s1)];
    expect(mine).toEqual(theirs);
    expect(mine.event).toEqual({
      Event: 'user',
      Name: 'from-node',
      Payload: Buffer.from('v1'),
      Coalesce: false,
    });
  });

  test('both streams tell the same of who comes, changes, fails and goes, of events and of queries', async () => {
    const streams = [h1, s1].map(follow);
    for (const { lines } of streams) await waitUntil('it streams', 10_000, () => lines.length > 0);
    const told = async (what: string, holds: (line: string) => boolean): Promise<void> => {
      for (const [i, { lines }] of streams.entries())
        await waitUntil(`${['ours', 'theirs'][i]} tells ${what}`, 60_000, () => lines.some(holds));
    };
    const tells = (event: string, name: string) => (line: string) =>
      line.includes(`"Event": "${event}"`) && line.includes(`"Name": "${name}"`);
    const join = `${ip(1)}:7946`;

    const h2 = await ours('h2', 12, { join });
    await told('h2', tells('member-join', 'h2'));
    const s2 = await startSerf({ name: 's2', ip: ip(11), join, key: OLD });
    await told('s2', tells('member-join', 's2'));
    await runHearsay(['tags', 'set', 'x=1', '--http-addr', `http://${ip(12)}:8500`]);
    await told('the tag', tells('member-update', 'h2'));
    await runSerf(h2, ['event', '-coalesce=false', 'single', 'a']);
    for (let i = 0; i < 3; i++) await runSerf(s2, ['event', 'many', String(i)]);
    await told('the last event', (line) => tells('user', 'many')(line) && line.includes('[50]'));
    const asked = await runSerf(h1, ['query', '-timeout=3s', 'ask', 'who']);
    expect(asked.stdout).toContain("Response from 'one-s': pong from one-s");
    expect(asked.stdout).toContain("Response from 'one-h': pong from one-h");
    await told('the query', tells('query', 'ask'));
    await h2.leave();
    await told('that h2 left', tells('member-leave', 'h2'));
    await s2.kill();
    await told('that s2 failed', tells('member-failed', 's2'));
    await runSerf(h1, ['force-leave', 's2']);
    await told('that s2 was forgotten', tells('member-leave', 's2'));

    const [mine, theirs] = streams.map(({ lines }) => lines.flatMap(flatten).sort());
    expect(mine).toEqual(theirs);
    const refused = /Removing the primary key is not allowed/; // which is what the tests above ask for
    expect(wireComplaints(s1.log()).filter((line) => !refused.test(line))).toEqual([]);
  });

  function follow(agent: AgentProcess): { readonly lines: string[] } {
    const child = spawn('python3', [CLIENT, 'stream', agent.ip, agent.name]);
    children.push(child);
    const lines: string[] = [];
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
    });
    return { lines };
  }

  /**
   * A record as texts, one for each member: in which records changes are gathered depends on when they come. Serf repeats the
   * last update of each member, in the tests above that of the two agents, whenever it tells of another.
   */
  function flatten(line: string): string[] {
    const record = JSON.parse(line) as { Event?: string; ID?: number; Members?: { Name: string }[] };
    if (record.Event === undefined) return [];
    const members = record.Members?.filter(({ Name }) => !['one-h', 'one-s'].includes(Name));
    if (members !== undefined) return members.map((member) => JSON.stringify([record.Event, member]));
    return [JSON.stringify({ ...record, ID: undefined })];
  }

  test('serf leave ends the agent', async () => {
    const leaving = await ours('leaving', 21, { join: `${ip(1)}:7946` });
    const { code, stdout } = await runSerf(leaving, ['leave']);
    expect([code, stdout]).toEqual([0, 'Graceful leave complete\n']);
    await waitUntil('it has ended', 10_000, () => leaving.child.exitCode !== null);
    const status = async () => (await s1.members()).find(({ name }) => name === 'leaving')?.status;
    await waitUntil('the real agent has seen it leave', 10_000, async () => (await status()) === 'left');
  });
});
