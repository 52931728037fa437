/** K1: real agents, and small steps that lead an incarnation or a clock to where nobody follows (findings 3, 7 and 22 of issue 14). */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { metaFromTags } from '../../src/serf/tags.ts';
import { decodeSnapshotFile } from '../../src/shell/storage/snapshot.ts';
import { Dead, Suspect } from '../../src/wire/memberlist.ts';
import { JoinIntent, Query, SerfState, UserEvent } from '../../src/wire/serf.ts';
import { getJson, httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { Attacker, KEY, octets, PORT } from './attacker.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hearsay-walks-'));
afterEach(killProcesses);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const START_TIMEOUT = 15_000;
interface Row {
  readonly name: string;
  readonly status: string;
  readonly incarnation: number;
}
const rowOf = async (agent: HearsayProcess, name: string): Promise<Row | undefined> =>
  (await getJson<Row[]>(`${agent.http}/v1/hearsay/members`)).find((member) => member.name === name);
/** Milliseconds until `there` holds. */
async function after(what: string, limit: number, there: () => Promise<boolean>): Promise<number> {
  const from = performance.now();
  await waitUntil(what, limit, there);
  return Math.round(performance.now() - from);
}

test('an incarnation is not walked to the top; its member is believed within 10 s, and starts again', async () => {
  const data = ['--data-dir', join(scratch, 'ann')];
  const at = (n: number) => `127.23.11.${n}`;
  let ann = await startHearsay({ name: 'ann', ip: at(1), key: KEY, args: data });
  const others = [
    await startHearsay({ name: 'bob', ip: at(2), key: KEY, join: ann.ip }),
    await startHearsay({ name: 'cat', ip: at(3), key: KEY, join: ann.ip }),
  ] as const;
  const [bob] = others;
  const mallory = await Attacker.at(at(9), KEY);
  await waitUntil('three members', START_TIMEOUT, async () => (await bob.members()).length === 3);
  const meta = metaFromTags(new Map([['x', '1']]));
  const walk = async (to: string): Promise<void> => {
    for (let k = 0; k < 2048; k += 200) {
      const steps = Array.from({ length: 200 }, (_, i) => Math.min(2 ** 31 - 2, (k + i + 1) * 2 ** 20));
      mallory.send(
        to,
        steps.map((incarnation) => mallory.alive({ node: 'ann', addr: octets(ann.ip), incarnation, meta })),
        true,
      );
      await sleep(5);
    }
    const steps = Array.from({ length: 200 }, (_, i) => 2 + i * 60);
    mallory.send(
      to,
      steps.map((incarnation) =>
        mallory.alive({ node: 'ann', addr: octets(ann.ip), port: PORT, incarnation, meta }),
      ),
      true,
    );
  };
  for (const { ip } of [ann, ...others]) await walk(ip);
  await sleep(1000);
  expect((await rowOf(ann, 'ann'))?.incarnation).toBeLessThan(2 ** 17);
  for (const { ip } of others) {
    for (const incarnation of [2 ** 31 - 1, 2 ** 31 - 2, 60, 1])
      mallory.send(ip, [
        Suspect.encode({ incarnation, node: 'ann', from: 'dave' }).slice(),
        Dead.encode({ incarnation, node: 'ann', from: 'dave' }).slice(),
      ]);
  }
  const own = async (agent: HearsayProcess): Promise<boolean> => {
    const [held, mine] = [await rowOf(agent, 'ann'), await rowOf(ann, 'ann')];
    return held?.status === 'alive' && held.incarnation === mine?.incarnation;
  };
  const took: number[] = [];
  for (const agent of others) took.push(await after('ann is believed', 10_000, () => own(agent)));
  console.log(`walked: ann is alive at her own incarnation everywhere after ${took.join(', ')} ms`);
  mallory.close();
  await ann.leave();
  ann = await startHearsay({ name: 'ann', ip: at(1), key: KEY, join: bob.ip, args: data });
  took.push(await after('ann is back', 10_000, async () => (await own(bob)) && (await own(others[1]))));
  console.log(`and back after a restart in ${took.at(-1)} ms`);
});

test('clocks are not walked away: what a walked agent says is heard within 10 s, also after its restart', async () => {
  const data = (name: string) => ['--data-dir', join(scratch, `clock-${name}`)];
  const at = (n: number) => `127.23.12.${n}`;
  let ann = await startHearsay({ name: 'ann', ip: at(1), key: KEY, args: data('ann') });
  const others = [
    await startHearsay({ name: 'bob', ip: at(2), key: KEY, join: ann.ip, args: data('bob') }),
    await startHearsay({ name: 'cat', ip: at(3), key: KEY, join: ann.ip, args: data('cat') }),
  ] as const;
  const [bob] = others;
  await waitUntil('three members', START_TIMEOUT, async () => (await bob.members()).length === 3);
  const mallory = await Attacker.at(at(9), KEY);
  let fired = 0;
  /** Milliseconds until all hear an event that ann fires now, or one of those that follow, and answer a query of hers. */
  const heard = (): Promise<number> =>
    after('ann is heard', 10_000, async () => {
      const name = `ev${fired++}`;
      await httpRequest('PUT', `${ann.http}/v1/event/fire/${name}`, { body: 'x' });
      await sleep(300);
      for (const { http } of others)
        if ((await getJson<unknown[]>(`${http}/v1/event/list?name=${name}`)).length === 0) return false;
      const keys = await runHearsay(['keys', 'list', '--http-addr', ann.http, '--json']);
      return keys.code === 0;
    });
  const took = [await heard()];
  const walk = async (step: number): Promise<void> => {
    for (let i = 1; i <= 12; i++) {
      const ltime = i * step;
      const { ip: addr } = mallory;
      const source = {
        addr: octets(addr),
        port: PORT,
        sourceNode: 'mallory',
        flags: 2,
        timeout: 1e9,
        name: 'zz',
      };
      mallory.sendUser(
        ann.ip,
        UserEvent.encode({ ltime, name: 'z', payload: new Uint8Array(0), cc: false }).slice(),
        JoinIntent.encode({ ltime, node: 'zzz' }).slice(),
        Query.encode(Query.create({ ltime, id: i, ...source })).slice(),
      );
      await mallory.pushPull(
        ann.ip,
        SerfState.encode(SerfState.create({ ltime, eventLTime: ltime, queryLTime: ltime })).slice(),
      );
    }
  };
  for (const step of [2 ** 32 - 8, 2 ** 20 - 100, 2 ** 16]) {
    await walk(step);
    took.push(await heard());
  }
  mallory.close();
  await ann.leave();
  ann = await startHearsay({ name: 'ann', ip: at(1), key: KEY, join: bob.ip, args: data('ann') });
  took.push(await heard());
  console.log(`heard before, after three walks, and after a restart within ${took.join(', ')} ms`);
});

test('an incarnation that only refutations have raised outlives kill -9', async () => {
  const dir = join(scratch, 'refuted');
  const more = { key: KEY, args: ['--data-dir', dir] };
  const at = (n: number) => `127.22.63.${n}`;
  let ann = await startHearsay({ name: 'ann', ip: at(1), ...more });
  const bob = await startHearsay({ name: 'bob', ip: at(2), key: KEY, join: ann.ip });
  await waitUntil('two members', START_TIMEOUT, async () => (await ann.members()).length === 2);
  const mallory = await Attacker.at(at(9), KEY);
  const own = async (): Promise<number> => (await rowOf(ann, 'ann'))?.incarnation ?? 0;
  for (let i = 0; i < 5; i++) {
    const accused = await own();
    mallory.send(ann.ip, [Suspect.encode({ incarnation: accused, node: 'ann', from: 'bob' }).slice()]);
    await waitUntil('ann has refuted', 5_000, async () => (await own()) > accused);
  }
  mallory.close();
  const raised = await own();
  const stored = await after('it is on disk', 10_000, async () => {
    const snapshot = decodeSnapshotFile(readFileSync(join(dir, 'snapshot')));
    return typeof snapshot !== 'string' && snapshot.incarnation === raised;
  });
  await ann.kill();
  ann = await startHearsay({ name: 'ann', ip: at(1), join: bob.ip, ...more });
  expect(await own()).toBeGreaterThan(raised);
  const back = await after('bob believes ann', 10_000, async () => {
    const row = await rowOf(bob, 'ann');
    return row?.status === 'alive' && row.incarnation === (await own());
  });
  console.log(
    `raised to ${raised}, on disk after ${stored} ms, believed ${back} ms after a start at ${await own()}`,
  );
});
