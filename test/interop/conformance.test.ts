/** What only real Serf agents can show of docs/protocol.md: how long they hold us for alive, and when they take us back. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

const statusAt = async (witness: AgentProcess, name: string): Promise<string | undefined> =>
  (await witness.members()).find((one) => one.name === name)?.status;

const seesAs = (witness: AgentProcess, name: string, status: string, within: number): Promise<unknown> =>
  waitUntil(
    `${witness.name} sees ${name} ${status}`,
    within,
    async () => (await statusAt(witness, name)) === status,
  );

describe.skipIf(!isInstalled('serf'))('with real Serf agents (skipped where `serf` is not installed)', () => {
  test('conformance: a pause of 3 s is suspected and refuted, never failed', {
    timeout: 120_000,
  }, async () => {
    const ip = (host: number): string => `127.0.44.${host}`;
    const witnesses = [
      await startSerf({ name: 's1', ip: ip(11) }),
      await startSerf({ name: 's2', ip: ip(12), join: `${ip(11)}:7946` }),
      await startHearsay({ name: 'h2', ip: ip(2), join: `${ip(11)}:7946` }),
    ];
    const paused = await startHearsay({ name: 'h1', ip: ip(1), join: `${ip(11)}:7946` });
    for (const witness of witnesses) await seesAs(witness, 'h1', 'alive', 10_000);

    const from = witnesses.map((witness) => witness.log().length);
    paused.child.kill('SIGSTOP');
    await sleep(3_000);
    paused.child.kill('SIGCONT');

    // Twice the longest suspicion a cluster of four can hold, so that a verdict would have fallen.
    await sleep(15_000);
    witnesses.forEach((witness, i) => {
      const since = witness.log().slice(from[i]);
      expect(since, witness.name).not.toMatch(/EventMemberFailed: h1|"msg":"member failed"/);
    });
    for (const witness of witnesses) expect(await statusAt(witness, 'h1')).toBe('alive');
    await Promise.all([...witnesses, paused].map((agent) => agent.kill()));
  });

  test('conformance: after a graceful leave the name returns, at the same and at another address', {
    timeout: 120_000,
  }, async () => {
    const ip = (host: number): string => `127.0.45.${host}`;
    const serf = await startSerf({ name: 's1', ip: ip(11) });
    const other = await startHearsay({ name: 'h2', ip: ip(2), join: `${ip(11)}:7946` });
    const addressAt = async (witness: AgentProcess): Promise<string | undefined> =>
      (await witness.members()).find((one) => one.name === 'h1')?.addr;

    for (const host of [1, 1, 3]) {
      const h1 = await startHearsay({ name: 'h1', ip: ip(host), join: `${ip(11)}:7946` });
      for (const witness of [serf, other]) {
        await seesAs(witness, 'h1', 'alive', 5_000);
        expect(await addressAt(witness)).toBe(`${ip(host)}:7946`);
      }
      await h1.leave();
      for (const witness of [serf, other]) await seesAs(witness, 'h1', 'left', 5_000);
    }
    await Promise.all([serf, other].map((agent) => agent.kill()));
  });

  test('conformance: after kill -9 the same name and address is alive again at once', {
    timeout: 120_000,
  }, async () => {
    const ip = (host: number): string => `127.0.46.${host}`;
    const serf = await startSerf({ name: 's1', ip: ip(11) });
    const first = await startHearsay({ name: 'h1', ip: ip(1), join: `${ip(11)}:7946` });
    await seesAs(serf, 'h1', 'alive', 5_000);
    await first.kill();
    await seesAs(serf, 'h1', 'failed', 30_000);
    const second = await startHearsay({ name: 'h1', ip: ip(1), join: `${ip(11)}:7946` });
    await seesAs(serf, 'h1', 'alive', 3_000);
    await Promise.all([serf, second].map((agent) => agent.kill()));
  });
});
