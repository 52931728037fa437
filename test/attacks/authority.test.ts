/** K5: real agents, and a member that is accused, left, pruned and robbed of its name by others while it answers (findings 5 and 11 of issue 14). */
import { afterEach, expect, test } from 'vitest';
import { metaFromTags } from '../../src/serf/tags.ts';
import { Dead, MESSAGE_TYPE, Suspect } from '../../src/wire/memberlist.ts';
import { ConflictResponse, decodeSerf, LeaveIntent, QueryResponse } from '../../src/wire/serf.ts';
import { getJson } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { Attacker, counter, instances, KEY, octets, PORT, register } from './attacker.ts';

afterEach(killProcesses);

const SECONDS = Number(process.env['HEARSAY_ATTACK_SECONDS'] ?? 4);
const SHARE = 0.99;

interface Row {
  readonly name: string;
  readonly status: string;
  readonly incarnation: number;
}
const rowOf = async (http: string, name: string): Promise<Row | undefined> =>
  (await getJson<Row[]>(`${http}/v1/hearsay/members`)).find((member) => member.name === name);

interface Scene {
  readonly ann: HearsayProcess;
  readonly others: readonly HearsayProcess[];
  readonly mallory: Attacker;
  /** A step of the attack at the incarnation that the others hold; `i` counts. */
  readonly incarnation: () => Promise<number>;
}

async function scene(net: number): Promise<Scene> {
  const at = (n: number) => `127.23.${net}.${n}`;
  const ann = await startHearsay({ name: 'ann', ip: at(1), key: KEY });
  const others = [
    await startHearsay({ name: 'bob', ip: at(2), key: KEY, join: ann.ip }),
    await startHearsay({ name: 'cat', ip: at(3), key: KEY, join: ann.ip }),
  ];
  await register(ann.http, { ID: 'pay-1', Name: 'payments', Address: '10.0.0.1', Port: 443 });
  const mallory = await Attacker.at(at(9), KEY);
  await mallory.join(ann.ip);
  for (const { http } of others)
    await waitUntil('ann is served', 15_000, async () => (await instances(http, 'payments')) !== '');
  const [bob] = others;
  const incarnation = async (): Promise<number> =>
    (await rowOf((bob as HearsayProcess).http, 'ann'))?.incarnation ?? 1;
  return { ann, others, mallory, incarnation };
}

/** The share of reads at bob that have ann's service, while `attack` is repeated. */
async function served(
  { others }: Scene,
  every: number,
  attack: () => Promise<void> | void,
): Promise<{ share: number; statuses: string }> {
  const [bob] = others as [HearsayProcess];
  const end = performance.now() + SECONDS * 1000;
  let reads = 0;
  let good = 0;
  const statuses = new Map<string, number>();
  const attacking = (async () => {
    for (let next = performance.now(); performance.now() < end; next += every) {
      await attack();
      await sleep(Math.max(0, next + every - performance.now()));
    }
  })();
  while (performance.now() < end) {
    reads += 1;
    if ((await instances(bob.http, 'payments')) !== '') good += 1;
    const status = (await rowOf(bob.http, 'ann'))?.status ?? 'gone';
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    await sleep(10);
  }
  await attacking;
  return {
    share: good / reads,
    statuses: [...statuses].map(([name, n]) => `${name} ${Math.round((100 * n) / reads)} %`).join(', '),
  };
}

type Attack = (scene: Scene, incarnation: number, i: number) => void;
const toOthers = ({ others, mallory }: Scene, ...messages: Uint8Array[]): void => {
  for (const { ip } of others) mallory.send(ip, messages);
};
const suspect = (incarnation: number) => Suspect.encode({ incarnation, node: 'ann', from: 'cat' }).slice();
const dead = (incarnation: number, from = 'cat') => Dead.encode({ incarnation, node: 'ann', from }).slice();

const ATTACKS: readonly (readonly [string, number, Attack])[] = [
  ['suspect 50/s', 20, (s, incarnation) => toOthers(s, suspect(incarnation))],
  ['dead 50/s', 20, (s, incarnation) => toOthers(s, dead(incarnation))],
  ['dead 50/s, ahead', 20, (s, incarnation, i) => toOthers(s, dead(incarnation + (i % 60)))],
  ['left 50/s', 20, (s, incarnation) => toOthers(s, dead(incarnation, 'ann'))],
  [
    'left and prune 10/s',
    100,
    (s, incarnation, i) => {
      toOthers(s, dead(incarnation, 'ann'));
      for (const { ip } of s.others)
        s.mallory.sendUser(ip, LeaveIntent.encode({ ltime: 1000 + 2 * i, node: 'ann', prune: true }).slice());
    },
  ],
  [
    'alive without its tags 50/s',
    20,
    (s, incarnation) =>
      toOthers(
        s,
        s.mallory.alive({
          ...{ node: 'ann', addr: octets(s.ann.ip), port: PORT, incarnation: incarnation + 1 },
          meta: metaFromTags(new Map([['role', 'x']])),
        }),
      ),
  ],
  [
    'left, and its name elsewhere 10/s',
    100,
    (s, incarnation) =>
      toOthers(s, dead(incarnation, 'ann'), s.mallory.alive({ node: 'ann', incarnation: incarnation + 1 })),
  ],
];

test('a member that answers is served in 99 % of reads, whatever others say of it and how often', async () => {
  const all = await scene(21);
  const lines: string[] = [];
  for (const [name, every, attack] of ATTACKS) {
    let i = 0;
    const { share, statuses } = await served(all, every, async () => {
      attack(all, await all.incarnation(), i++);
    });
    lines.push(`${name}: served ${(100 * share).toFixed(1)} % (${statuses})`);
    const from = performance.now();
    const [bob] = all.others as [HearsayProcess];
    await waitUntil('ann is alive', 10_000, async () => (await rowOf(bob.http, 'ann'))?.status === 'alive');
    lines.push(`  alive after ${Math.round(performance.now() - from)} ms`);
    if (share < SHARE) lines.push('  TOO LITTLE');
  }
  console.log(lines.join('\n'));
  expect(lines.filter((line) => line.includes('TOO LITTLE'))).toEqual([]);
  all.mallory.close();
});

test('forged votes about its name end nobody: the members themselves say whose it is', async () => {
  const { ann, mallory } = await scene(22);
  mallory.onMessage = (message) => {
    if (message[0] !== MESSAGE_TYPE.user) return;
    const query = decodeSerf(message.subarray(1));
    if (query.kind !== 'query' || query.name !== '_serf_conflict') return;
    const payload = ConflictResponse.encode(
      ConflictResponse.create({ name: 'ann', addr: octets(mallory.ip), port: PORT, status: 1 }),
    ).slice();
    for (const from of ['bob', 'cat', 'mallory', 'dave']) {
      const response = QueryResponse.create({ ltime: query.ltime, id: query.id, from, payload });
      mallory.sendUser(ann.ip, QueryResponse.encode(response).slice());
    }
  };
  const claiming = setInterval(
    () => mallory.send(ann.ip, [mallory.alive({ node: 'ann', incarnation: 50 })]),
    500,
  );
  try {
    await waitUntil('two votes', 60_000, async () => {
      expect(ann.child.exitCode).toBe(null);
      return (await counter(ann.http, 'name_conflict_votes')) >= 2;
    });
    await sleep(2000);
    expect(ann.child.exitCode).toBe(null);
    expect((await rowOf(ann.http, 'ann'))?.status).toBe('alive');
    expect(ann.log()).toMatch(/"votesAgainst":[234]/); // by query it was lost
    expect(ann.log()).toMatch(/"votesForUs":2/); // and asked directly it was won
  } finally {
    clearInterval(claiming);
    mallory.close();
  }
});
