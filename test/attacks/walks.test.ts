/** K1: real agents, and small steps that lead an incarnation or a clock to where nobody follows (findings 3 and 7 of issue 14). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { metaFromTags } from '../../src/serf/tags.ts';
import { Dead, Suspect } from '../../src/wire/memberlist.ts';
import { getJson } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
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
