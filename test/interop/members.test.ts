/** What operators do to members, from either side: tags changed live, force-leave, prune. Each agent tells the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AgentProcess,
  type AgentProcessOptions,
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { runSerf } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

describe.skipIf(!isInstalled('serf'))('with real Serf agents', { timeout: 180_000 }, () => {
  let h1: HearsayProcess;
  let s1: AgentProcess;
  const witnesses: AgentProcess[] = [];
  const ip = (host: number): string => `127.0.52.${host}`;
  const joining = (name: string, host: number): AgentProcessOptions => ({
    ...{ name, ip: ip(host), join: `${ip(1)}:7946` },
  });
  const ours = (...words: string[]) => runHearsay([...words, '--http-addr', h1.http]);

  beforeAll(async () => {
    h1 = await startHearsay({ name: 'h1', ip: ip(1), tags: { role: 'web' } });
    s1 = await startSerf({ ...joining('s1', 11), tags: { role: 'db' } });
    const s2 = await startSerf(joining('s2', 12));
    const h2 = await startHearsay(joining('h2', 2));
    witnesses.push(h1, h2, s1, s2);
    for (const name of ['h1', 'h2', 's1', 's2']) await allSay(name, 'alive');
  }, 90_000);
  afterAll(killProcesses);

  const rowAt = async (witness: AgentProcess, name: string) =>
    (await witness.members()).find((one) => one.name === name);
  /** `undefined`: nobody lists it. */
  const allSay = (name: string, status: string | undefined, within = 30_000): Promise<unknown> =>
    Promise.all(
      witnesses.map((witness) =>
        waitUntil(
          `${witness.name} says that ${name} is ${status ?? 'unknown'}`,
          within,
          async () => (await rowAt(witness, name))?.status === status,
        ),
      ),
    );
  const allShow = (name: string, tags: Readonly<Record<string, string>>): Promise<unknown> =>
    Promise.all(
      witnesses.map((witness) =>
        waitUntil(`${witness.name} shows the tags of ${name}`, 20_000, async () => {
          const { hearsay: _, ...shown } = (await rowAt(witness, name))?.tags ?? {};
          return JSON.stringify(Object.entries(shown).sort()) === JSON.stringify(Object.entries(tags).sort());
        }),
      ),
    );

  test('tags changed on either side are shown by all, and nobody restarts for it', async () => {
    expect((await ours('tags', 'set', 'rack=r7', 'role=api')).code).toBe(0);
    expect((await runSerf(s1, ['tags', '-set', 'zone=b', '-delete', 'role'])).code).toBe(0);

    await allShow('h1', { rack: 'r7', role: 'api' });
    await allShow('s1', { zone: 'b' });
    expect((await ours('tags', 'delete', 'rack')).code).toBe(0);
    await allShow('h1', { role: 'api' });
  });

  test.each([
    ['here', 'a real one', () => startSerf(joining('gone', 21)), () => ours('forget', 'gone')],
    [
      'there',
      'one of ours',
      () => startHearsay(joining('gone2', 22)),
      () => runSerf(s1, ['force-leave', 'gone2']),
    ],
  ])('forgotten %s, %s that failed has left everywhere', async (_where, _whom, start, forget) => {
    const gone = await start();
    await allSay(gone.name, 'alive');
    await gone.kill();
    await allSay(gone.name, 'failed');

    const done = await forget();
    expect(done.code, done.stdout + done.stderr).toBe(0);

    await allSay(gone.name, 'left', 10_000);
  });

  test.each([
    [
      'here',
      'one of ours',
      () => startHearsay(joining('pruned', 23)),
      () => ours('forget', 'pruned', '--prune'),
    ],
    [
      'there',
      'a real one',
      () => startSerf(joining('pruned2', 24)),
      () => runSerf(s1, ['force-leave', '-prune', 'pruned2']),
    ],
  ])('pruned %s, %s that failed is in no list any more', async (_where, _whom, start, forget) => {
    const gone = await start();
    await allSay(gone.name, 'alive');
    await gone.kill();
    await allSay(gone.name, 'failed');

    const done = await forget();
    expect(done.code, done.stdout + done.stderr).toBe(0);

    await allSay(gone.name, undefined, 20_000);
  });

  test('a force-leave of one that lives is objected to: it is alive again everywhere', async () => {
    expect((await ours('forget', 's1')).code).toBe(4); // ours does not even try
    expect((await runSerf(s1, ['force-leave', 'h2'])).code).toBe(0);

    const h2 = witnesses[1] as AgentProcess;
    await waitUntil('h2 has objected', 20_000, () =>
      h2.log().includes('leave intent about this node refuted'),
    );
    await allSay('h2', 'alive', 60_000);
  });
});
