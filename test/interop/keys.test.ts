/** G16: gossip keys rotated in a mixed, encrypted cluster, from hearsay and from real Serf. */
import { readFileSync, statSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { makeTempDir, runSerf, writePrivateFile } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

const [OLD, NEW, NEXT] = [1, 2, 3].map((octet) => Buffer.alloc(32, octet).toString('base64')) as [
  string,
  string,
  string,
];

afterEach(killProcesses);

test.skipIf(!isInstalled('serf'))(
  'G16 keys are rotated from either side, each file holds what is in use, nobody is lost',
  { timeout: 180_000 },
  async () => {
    const dir = makeTempDir();
    const ring = (name: string): string => writePrivateFile(dir, `${name}.keys`, JSON.stringify([OLD]));
    const ip = (host: number): string => `127.0.46.${host}`;
    const join = `${ip(1)}:7946`;
    const ours = (name: string, host: number, more: { join?: string }) =>
      startHearsay({ name, ip: ip(host), args: ['--keyring-file', ring(name)], ...more });
    const h1 = await ours('h1', 1, {});
    const s1 = await startSerf({ name: 's1', ip: ip(11), join, args: [`-keyring-file=${ring('s1')}`] });
    const s2 = await startSerf({ name: 's2', ip: ip(12), join, args: [`-keyring-file=${ring('s2')}`] });
    const h2 = await ours('h2', 2, { join });
    const all: AgentProcess[] = [h1, h2, s1, s2];
    const kept = (name: string): string[] =>
      JSON.parse(readFileSync(`${dir}/${name}.keys`, 'utf8')) as string[];
    const everybodyAlive = (): Promise<unknown> =>
      Promise.all(
        all.map((agent) =>
          waitUntil(`${agent.name} sees all alive`, 20_000, async () => {
            const members = await agent.members();
            return members.length === all.length && members.every(({ status }) => status === 'alive');
          }),
        ),
      );
    const keys = async (...words: string[]) => {
      const ran = await runHearsay(['keys', ...words, '--json', '--http-addr', h1.http]);
      return { ...ran, report: ran.stdout === '' ? undefined : JSON.parse(ran.stdout) };
    };
    await everybodyAlive();

    // A key that not all have is not used, and the sentence names who lacks it.
    await runSerf(s1, ['keys', '-list']);
    const early = await keys('use', NEW);
    expect(early.code).toBe(4);
    expect(early.stderr).toMatch(/install the key there first/);

    // From hearsay: install, use, remove.
    expect((await keys('install', NEW)).report).toMatchObject({ nodes: 4, errors: {}, unresponsive: [] });
    const list = await keys('list');
    expect(Object.values(list.report.keys)).toEqual([4, 4]);
    expect(JSON.stringify(list.report)).not.toContain(NEW);
    const soon = await keys('remove', OLD);
    expect(soon.code).toBe(4);
    expect(soon.stderr).toMatch(/still use this key/);

    // One that joins in the middle, with the old key alone, would be cut off: nothing happens until it has the new one.
    const h3 = await ours('h3', 3, { join });
    all.push(h3);
    await everybodyAlive();
    const cut = await keys('use', NEW);
    // The query that installed the key may still have been on its way when h3 came: then h3 has heard it, too.
    if (!kept('h3').includes(NEW)) {
      expect(cut.code).toBe(4);
      expect(cut.stderr).toMatch(/h3 would no longer understand any message/);
    }
    expect((await keys('install', NEW)).report).toMatchObject({ nodes: 5, errors: {}, unresponsive: [] });
    const used = await keys('use', NEW);
    expect(used.report, used.stderr).toMatchObject({ nodes: 5, errors: {}, unresponsive: [], refusal: null });
    expect(kept('h1')).toEqual([NEW, OLD]);
    expect(kept('h2')).toEqual([NEW, OLD]);
    expect(kept('s1')[0]).toBe(NEW);
    await everybodyAlive();

    // One that is down may know the old key alone: it is kept for its return, unless the operator insists.
    await h3.kill();
    all.pop();
    await waitUntil('h3 is seen failed', 30_000, async () =>
      (await h1.members()).some(({ name, status }) => name === 'h3' && status === 'failed'),
    );
    const down = await keys('remove', OLD);
    expect(down.code).toBe(4);
    expect(down.stderr).toMatch(/h3 failed, and may know no other key/);
    expect((await runHearsay(['forget', 'h3', '--prune', '--http-addr', h1.http])).code).toBe(0);
    await everybodyAlive();
    const removed = await keys('remove', OLD);
    expect(removed.report, removed.stderr).toMatchObject({ errors: {}, unresponsive: [] });
    for (const name of ['h1', 'h2', 's1', 's2']) expect(kept(name), name).toEqual([NEW]);
    expect(statSync(`${dir}/h1.keys`).mode & 0o777).toBe(0o600);
    await everybodyAlive();

    // From real Serf.
    const install = await runSerf(s1, ['keys', `-install=${NEXT}`]);
    expect(install.code, install.stdout + install.stderr).toBe(0);
    expect((await runSerf(s1, ['keys', `-use=${NEXT}`])).code).toBe(0);
    const remove = await runSerf(s1, ['keys', `-remove=${NEW}`]);
    expect(remove.code, remove.stdout + remove.stderr).toBe(0);
    for (const name of ['h1', 'h2', 's1', 's2']) expect(kept(name), name).toEqual([NEXT]);
    const theirs = await runSerf(s1, ['keys', '-list']);
    expect(theirs.stdout + theirs.stderr).toMatch(/\[4\/4\]/);

    // The primary is refused by all, and the ring is never empty.
    const primary = await runSerf(s1, ['keys', `-remove=${NEXT}`]);
    expect(primary.code).not.toBe(0);
    expect(kept('h1')).toEqual([NEXT]);
    await everybodyAlive();

    // One that starts from its file knows the key in use.
    await h2.kill();
    await waitUntil('h2 is seen failed', 30_000, async () =>
      (await h1.members()).some(({ name, status }) => name === 'h2' && status === 'failed'),
    );
    const again = await startHearsay({
      ...{ name: 'h2', ip: ip(2), join },
      args: ['--keyring-file', `${dir}/h2.keys`],
    });
    all[1] = again;
    await everybodyAlive();
    for (const agent of all) expect(agent.log(), agent.name).not.toMatch(/panic|impossible/);
  },
);

test.skipIf(!isInstalled('serf'))(
  'G16 `serf keys` while one joins and one is down: who was down comes back with the old key alone, and is told why nobody answers',
  { timeout: 180_000 },
  async () => {
    const dir = makeTempDir();
    const ring = (name: string, keys = [OLD]): string =>
      writePrivateFile(dir, `${name}.keys`, JSON.stringify(keys));
    const ip = (host: number): string => `127.0.58.${host}`;
    const join = `${ip(1)}:7946`;
    const ours = (name: string, host: number, keys = [OLD]) =>
      startHearsay({
        ...{ name, ip: ip(host), args: ['--keyring-file', ring(name, keys)] },
        ...(host === 1 ? {} : { join }),
      });
    const h1 = await ours('h1', 1);
    const s1 = await startSerf({ name: 's1', ip: ip(11), join, args: [`-keyring-file=${ring('s1')}`] });
    const h2 = await ours('h2', 2);
    const all: AgentProcess[] = [h1, s1, h2];
    const sees = (agent: AgentProcess, name: string, status: string): Promise<unknown> =>
      waitUntil(`${agent.name} sees ${name} ${status}`, 40_000, async () =>
        (await agent.members()).some((one) => one.name === name && one.status === status),
      );
    const everybodyAlive = (): Promise<unknown> =>
      Promise.all(all.flatMap((agent) => all.map(({ name }) => sees(agent, name, 'alive'))));
    const kept = (name: string): string[] =>
      JSON.parse(readFileSync(`${dir}/${name}.keys`, 'utf8')) as string[];
    // An answer may be late for the few seconds that Serf waits: an operator asks again, and it is the same then.
    const keys = (word: string): Promise<unknown> =>
      waitUntil(`keys ${word}`, 60_000, async () => {
        const { code, stdout, stderr } = await runSerf(s1, ['keys', word]);
        return code === 0 || Promise.reject(new Error(stdout + stderr));
      });
    await everybodyAlive();

    await h2.kill();
    all.pop();
    await sees(s1, 'h2', 'failed');
    await keys(`-install=${NEW}`);
    const h3 = await ours('h3', 3); // with the old key alone
    all.push(h3);
    await everybodyAlive();
    await keys(`-install=${NEW}`); // so all are asked once more
    await keys(`-use=${NEW}`);
    await everybodyAlive();
    await keys(`-remove=${OLD}`);
    for (const name of ['h1', 's1', 'h3']) expect(kept(name), name).toEqual([NEW]);
    await everybodyAlive();

    // Down all the while: it knows the old key alone, and what it says is not understood.
    const lost = await startHearsay({
      ...{ name: 'h2', ip: ip(2), args: ['--keyring-file', `${dir}/h2.keys`] },
    });
    const tried = await runHearsay(['join', join, '--http-addr', lost.http]);
    expect(tried.code).not.toBe(0);
    expect(tried.stderr).toMatch(/an unknown key|the same key and label/);
    expect(h1.log()).toMatch(/undecryptable/);
    expect(kept('h2')).toEqual([OLD]);
    await everybodyAlive();

    await lost.kill();
    all.push(await ours('h2', 2, [NEW]));
    await everybodyAlive();
    for (const agent of all) expect(agent.log(), agent.name).not.toMatch(/panic|impossible/);
  },
);
