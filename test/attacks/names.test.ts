/** S16, P87: names that DNS and readers could take for one another (finding 13 of issue 14), and those that Serf allows. */
import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { createRng } from '../../src/base/rng.ts';
import { getJson } from '../support/http.ts';
import { isInstalled, killProcesses, runHearsay, startHearsay, startSerf } from '../support/processes.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { Attacker, KEY, octets } from './attacker.ts';

afterEach(killProcesses);

const dig = (server: string, name: string): string =>
  execFileSync('dig', ['+short', '+time=2', '+tries=2', `@${server}`, '-p', '8600', name, 'A'], {
    encoding: 'utf8',
  }).trim();

test.skipIf(!isInstalled('dig'))(
  'a node ANN does not take the DNS name of ann, in any spelling',
  async () => {
    const ann = await startHearsay({ name: 'ann', ip: '127.78.21.1', key: KEY });
    const bob = await startHearsay({ name: 'bob', ip: '127.78.21.2', key: KEY, join: ann.ip });
    const mallory = await Attacker.at('127.78.21.9', KEY);
    await mallory.join(ann.ip);
    const names = async (): Promise<string[]> => (await bob.members()).map(({ name }) => name).sort();
    await waitUntil('mallory is a member', 15_000, async () => (await names()).length === 3);
    const at = { addr: octets(mallory.ip), port: 7946 };
    for (const ip of [ann.ip, bob.ip])
      mallory.send(
        ip,
        ['ANN', 'Ann', '\uff41nn', 'ann ', 'a\u200bnn', 'e\u0301va'].map((node) =>
          mallory.alive({ node, ...at }),
        ),
      );
    await sleep(2000);
    expect(await names()).toEqual(['ann', 'bob', 'mallory']);
    const rng = createRng(7);
    for (let i = 0; i < 64; i++) {
      const spelling = [...'ann.node.dc1.consul']
        .map((one) => (rng.int(2) === 0 ? one : one.toUpperCase()))
        .join('');
      expect([spelling, dig(bob.ip, spelling)]).toEqual([spelling, ann.ip]);
    }
    expect(dig(bob.ip, 'mallory.node.consul')).toBe(mallory.ip);
    const why = await runHearsay(['why', 'ann', '--http-addr', bob.http]);
    expect(why.stdout).toContain('the node "ANN" at 127.78.21.9:7946 cannot be a member beside "ann"');
    mallory.close();
  },
);

test.skipIf(!isInstalled('serf'))('names that agents of Serf may have are members, ours too', async () => {
  const long = 'n'.repeat(200);
  const s1 = await startSerf({ name: 'my node', ip: '127.78.22.11' });
  const s2 = await startSerf({ name: long, ip: '127.78.22.12', join: `${s1.ip}:7946` });
  const ours = await startHearsay({ name: 'web_1', ip: '127.78.22.1', join: s1.ip });
  expect(ours.log()).toMatch(/node: \\"web_1\\" is no host name/);
  for (const agent of [ours, s1, s2])
    await waitUntil(`${agent.name} sees all`, 20_000, async () => {
      const rows = await agent.members();
      return rows.filter(({ status }) => status === 'alive').length === 3;
    });
  expect((await ours.members()).map(({ name }) => name).sort()).toEqual(['my node', long, 'web_1'].sort());
  const nodes = await getJson<{ Node: string }[]>(`${ours.http}/v1/catalog/nodes`);
  expect(nodes.map(({ Node }) => Node).sort()).toEqual(['my node', long, 'web_1'].sort());
});
