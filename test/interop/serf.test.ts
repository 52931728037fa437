/**
 * Three hearsay agents and two real Serf agents in one cluster: everyone sees everyone, nobody is suspected, a
 * killed one is detected, one that leaves is `left`, one that returns is alive. In three runs.
 */

import { afterAll, describe, expect, test } from 'vitest';
import {
  type AgentProcess,
  type AgentProcessOptions,
  isInstalled,
  killProcesses,
  type ListedMember,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { wireComplaints } from '../support/serf.ts';
import { sleep, waitUntil } from '../support/wait.ts';

const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

const RUNS = [
  { run: 'plain', net: 41, key: undefined, serfArgs: [] },
  { run: 'AES-256', net: 42, key: KEY, serfArgs: [] },
  { run: 'AES-256, compression off on the Serf side', net: 43, key: KEY, serfArgs: ['-disable-compression'] },
] as const;

/** G1 (docs/reliability.md): crash to dead on every live agent, p99. */
const DETECTED_WITHIN = 15_000;
/** The issue: leave and return within this. */
const SEEN_WITHIN = 3_000;
/** How long nothing may happen in a quiet cluster: a minute in `.ci/run`, ten in `npm run soak`. */
const QUIET = Number(process.env['HEARSAY_QUIET_MS'] ?? 10_000);

afterAll(killProcesses);

describe.skipIf(!isInstalled('serf'))('with real Serf agents (skipped where `serf` is not installed)', () => {
  describe.concurrent.each(RUNS)('$run', ({ net, key, serfArgs }) => {
    const ip = (host: number): string => `127.0.${net}.${host}`;
    const seed = ip(1);
    const launch = (name: string): Promise<AgentProcess> => {
      const host = Number(name.slice(1)) + (name.startsWith('s') ? 10 : 0);
      const options: AgentProcessOptions = {
        name,
        ip: ip(host),
        tags: { kind: name.startsWith('s') ? 'real' : 'ours', rack: `r${host}` },
        ...(name === 'h1' ? {} : { join: `${seed}:7946` }),
        ...(key === undefined ? {} : { key }),
      };
      return name.startsWith('s') ? startSerf({ ...options, args: serfArgs }) : startHearsay(options);
    };

    test('one cluster, from the first hello to the last goodbye', {
      timeout: 180_000 + QUIET,
    }, async ({ onTestFinished }) => {
      const agents = new Map<string, AgentProcess>();
      onTestFinished(async () => {
        await Promise.all([...agents.values()].map((agent) => agent.kill()));
      });
      for (const name of ['h1', 's1', 'h2', 's2', 'h3']) agents.set(name, await launch(name));
      const others = (...gone: string[]): AgentProcess[] =>
        [...agents.values()].filter((agent) => !gone.includes(agent.name));
      const allSay = (
        who: AgentProcess[],
        about: string[],
        status: string,
        within: number,
      ): Promise<unknown> =>
        Promise.all(
          who.map((agent) =>
            waitUntil(`${agent.name} sees ${about} ${status}`, within, async () => {
              const seen = await agent.members();
              return about.every((name) => statusOf(seen, name) === status);
            }),
          ),
        );

      await allSay(others(), ['h1', 'h2', 'h3', 's1', 's2'], 'alive', 10_000);
      const [reference, ...rest] = await Promise.all(
        others().map(async (agent) => table(await agent.members())),
      );
      for (const other of rest) expect(other).toEqual(reference);
      expect(reference?.['h2']).toEqual({
        addr: `${ip(2)}:7946`,
        status: 'alive',
        tags: { kind: 'ours', rack: 'r2', hearsay: '1' },
      });

      const before = others().map((agent) => agent.log().length);
      await sleep(QUIET);
      others().forEach((agent, i) => {
        const since = agent.log().slice(before[i]);
        expect(since.match(/suspect|failed ping|refut/gi) ?? [], `${agent.name} in ${QUIET} ms`).toEqual([]);
      });

      await Promise.all([agents.get('h3')?.kill(), agents.get('s2')?.kill()]);
      await allSay(others('h3', 's2'), ['h3', 's2'], 'failed', DETECTED_WITHIN);
      expect(statuses(await (agents.get('h1') as AgentProcess).members())).toMatchObject({
        h1: 'alive',
        h2: 'alive',
        s1: 'alive',
      });

      await back('h3', 's2');

      await Promise.all([agents.get('h3')?.leave(), agents.get('s2')?.leave()]);
      await allSay(others('h3', 's2'), ['h3', 's2'], 'left', SEEN_WITHIN);

      await back('h3', 's2');
      for (const agent of others()) expect(wireComplaints(agent.log()), agent.name).toEqual([]);

      async function back(...names: string[]): Promise<void> {
        // One after the other: who joins while another returns may hear of it from Serf only at the next push/pull.
        for (const name of names) {
          agents.set(name, await launch(name));
          await allSay(others(...names.slice(names.indexOf(name) + 1)), [name], 'alive', SEEN_WITHIN);
        }
      }
    });
  });
});

const statusOf = (seen: readonly ListedMember[], name: string): string | undefined =>
  seen.find((one) => one.name === name)?.status;

const statuses = (seen: readonly ListedMember[]): Record<string, string> =>
  Object.fromEntries(seen.map((one) => [one.name, one.status]));

const table = (seen: readonly ListedMember[]): Record<string, Omit<ListedMember, 'name'>> =>
  Object.fromEntries(seen.map(({ name, addr, status, tags }) => [name, { addr, status, tags }]));
