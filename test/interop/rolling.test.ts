/**
 * G17: a cluster of real Serf agents becomes one of hearsay, host by host, and goes back again, under a steady stream
 * of events: none is lost at any member that is up, and nobody is taken for dead.
 */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { makeTempDir, runSerf, writePrivateFile } from '../support/serf.ts';
import { sleep, waitUntil } from '../support/wait.ts';

const HOSTS = 6;
/** Between two events. */
const BEAT = 250;

/** In a small cluster gossip passes over a member now and then: it hears by a push/pull, one each half minute. */
const SEEN_WITHIN = 120_000;

interface Host {
  readonly name: string;
  readonly ip: string;
  readonly agent: AgentProcess;
  /** Where a real agent's handler writes what it hears. */
  readonly log: string;
  /** The first event it must hear: what was fired when it was known to be up. */
  readonly from: number;
}

afterEach(killProcesses);

test.skipIf(!isInstalled('serf'))(
  'six hosts move one after the other, there and back',
  { timeout: 900_000 },
  async () => {
    const dir = makeTempDir();
    let fired = 0;
    const lives: Host[] = [];
    const up = new Map<string, Host>();
    const ipOf = (host: number): string => `127.0.49.${host}`;

    const seesAll = async (agent: AgentProcess, count: number): Promise<boolean> => {
      const alive = (await agent.members()).filter(({ status }) => status === 'alive');
      return alive.length === count;
    };
    const start = async (host: number, kind: AgentProcess['kind']): Promise<void> => {
      const [name, ip] = [`n${host}`, ipOf(host)];
      const other = [...up.values()][0];
      const log = writePrivateFile(dir, `${kind}-${name}-${lives.length}`, '');
      const options = { name, ip, ...(other === undefined ? {} : { join: `${other.ip}:7946` }) };
      const agent =
        kind === 'hearsay'
          ? await startHearsay(options)
          : await startSerf({ ...options, args: [`-event-handler=user=echo $SERF_USER_EVENT >> ${log}`] });
      for (const one of [...up.values()].map((life) => life.agent).concat(agent))
        await waitUntil(`${one.kind} ${one.name} sees ${name}`, SEEN_WITHIN, () => seesAll(one, up.size + 1));
      const life: Host = { name, ip, agent, log, from: fired };
      lives.push(life);
      up.set(name, life);
    };
    const heard = async (life: Host): Promise<Set<string>> => {
      if (life.agent.kind === 'serf') return new Set(readFileSync(life.log, 'utf8').trim().split('\n'));
      const list = await getJson<{ Name: string }[]>(`http://${life.ip}:8500/v1/event/list`);
      return new Set(list.map(({ Name }) => Name));
    };
    /** What it must have heard and has not. */
    const missed = async (life: Host, latest: number): Promise<string[]> => {
      const names = await heard(life);
      // 256 are kept for readers; older ones are out of sight, not lost.
      const first = life.agent.kind === 'hearsay' ? Math.max(life.from, latest - 200) : life.from;
      const wanted = Array.from({ length: Math.max(0, latest - first) }, (_, i) => `e${first + i}`);
      return wanted.filter((name) => !names.has(name));
    };
    const nothingMissed = async (life: Host, latest: number): Promise<void> => {
      await waitUntil(
        `${life.agent.kind} on ${life.name} has heard all`,
        SEEN_WITHIN,
        async () => (await missed(life, latest)).length === 0,
      );
    };

    for (let host = 1; host <= HOSTS; host++) await start(host, 'serf');

    let going = true;
    const stream = (async () => {
      while (going) {
        const live = [...up.values()];
        const { agent, ip } = live[fired % live.length] as Host;
        const name = `e${fired}`;
        const ok =
          agent.kind === 'serf'
            ? (await runSerf(agent, ['event', '-coalesce=false', name])).code === 0
            : (await fetch(`http://${ip}:8500/v1/event/fire/${name}`, { method: 'PUT' })).ok;
        expect(ok, `${agent.name} fires ${name}`).toBe(true);
        fired += 1;
        await sleep(BEAT);
      }
    })();

    const marks = new Map<AgentProcess, number>();
    /** Whom anybody took for dead since the last look: `who: whom`. */
    const failures = (): string[] =>
      lives.flatMap(({ agent }) => {
        const log = agent.log();
        const since = log.slice(marks.get(agent) ?? 0);
        marks.set(agent, log.length);
        const named = /EventMemberFailed: (\S+)|"node":"([^"]+)"[^\n]*"member failed"/g;
        return [...since.matchAll(named)].map(([, theirs, ours]) => `${agent.name}: ${theirs ?? ours}`);
      });

    const replace = async (host: number, kind: AgentProcess['kind']): Promise<void> => {
      const life = up.get(`n${host}`) as Host;
      await nothingMissed(life, fired);
      up.delete(life.name); // fires no more
      await sleep(2 * BEAT);
      await life.agent.leave();
      for (const { agent } of up.values())
        await waitUntil(`${agent.kind} ${agent.name} sees ${life.name} gone`, SEEN_WITHIN, () =>
          seesAll(agent, up.size),
        );
      // Whoever leaves is now and then seen as failed: its `dead` overtook its leave (serf issue 638).
      const dead = failures().filter((line) => !line.endsWith(`: ${life.name}`));
      expect(dead, `while ${life.agent.kind} left ${life.name}`).toEqual([]);
      await start(host, kind);
    };
    for (let host = 1; host <= HOSTS; host++) await replace(host, 'hearsay');
    expect([...up.values()].map(({ agent }) => agent.kind)).toEqual(Array(HOSTS).fill('hearsay'));
    for (let host = 1; host <= HOSTS; host++) await replace(host, 'serf');
    going = false;
    await stream;

    for (const life of up.values()) await nothingMissed(life, fired);
    expect(fired).toBeGreaterThan(100);
    expect(failures()).toEqual([]);
  },
);
