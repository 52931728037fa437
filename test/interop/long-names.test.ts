/** Members with names of more than 128 octets, which Serf takes: each is itself in HTTP, DNS and the command line. */
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.24.2.${host}`;
/** The same for the first 200 octets. */
const [FIRST, SECOND] = [`${'a'.repeat(200)}1`, `${'a'.repeat(200)}2`];
/** 182 octets that DNS can say. */
const DOTTED = ['b', 'c', 'd'].map((letter) => letter.repeat(60)).join('.');
/** More than an agent here takes. */
const TOO_LONG = 'z'.repeat(300);

describe.skipIf(!isInstalled('serf'))('real Serf agents with long names', { timeout: 60_000 }, () => {
  let own: HearsayProcess;
  beforeAll(async () => {
    own = await startHearsay({ name: 'h1', ip: ip(1) });
    const join = `${ip(1)}:7946`;
    for (const [at, name] of [FIRST, SECOND, DOTTED].entries())
      await startSerf({ name, ip: ip(11 + at), join });
    await waitUntil('all are alive', 20_000, async () => {
      const members = await own.members();
      return members.length === 4 && members.every(({ status }) => status === 'alive');
    });
  }, 60_000);
  afterAll(killProcesses);

  test('HTTP answers for each by its name', async () => {
    for (const [at, name] of [FIRST, SECOND, DOTTED].entries()) {
      const node = await getJson<{ Node: { Node: string; Address: string } }>(
        `${own.http}/v1/catalog/node/${name}`,
      );
      expect(node.Node).toMatchObject({ Node: name, Address: ip(11 + at) });
      const checks = await getJson<object[]>(`${own.http}/v1/health/node/${name}`);
      expect(checks).toMatchObject([{ Node: name, CheckID: 'serfHealth', Status: 'passing' }]);
    }
  });

  test('DNS says the names that it can, and the address in place of the others', async () => {
    const resolver = new Resolver({ timeout: 2000, tries: 2 });
    resolver.setServers([`${ip(1)}:8600`]);
    expect(await resolver.resolve4(`${DOTTED}.node.consul`)).toEqual([ip(13)]);
    const hex = (host: number): string => `7f1802${host.toString(16).padStart(2, '0')}`;
    expect(await resolver.reverse(ip(11))).toEqual([`${hex(11)}.addr.dc1.consul`]);
    expect(await resolver.reverse(ip(12))).toEqual([`${hex(12)}.addr.dc1.consul`]);
    expect(await resolver.resolve4(`${hex(12)}.addr.consul`)).toEqual([ip(12)]);
    // What was cut at a label's most octets is nobody's name.
    await expect(resolver.resolve4(`${FIRST.slice(0, 63)}.node.consul`)).rejects.toMatchObject({
      code: 'ENOTFOUND',
    });
  });

  test('the command line shows them in full, in columns, and takes them', async () => {
    const table = await runHearsay(['members', '--http-addr', own.http]);
    const lines = table.stdout.trimEnd().split('\n');
    for (const [at, name] of [FIRST, SECOND, DOTTED].entries())
      expect(lines.find((line) => line.startsWith(`${name} `))).toContain(ip(11 + at));
    const columns = lines.map((line) => line.search(/ADDRESS|127\.24/));
    expect([lines.length, new Set(columns).size]).toEqual([5, 1]);
    const why = await runHearsay(['why', SECOND, '--http-addr', own.http]);
    expect([why.code, why.stdout.includes(FIRST), why.stdout.includes(SECOND)]).toEqual([0, false, true]);
  });

  test('a name of more than 255 octets is no member here, and the log says so', async () => {
    await startSerf({ name: TOO_LONG, ip: ip(21), join: `${ip(1)}:7946` });
    const sentence = '"detail":"a name that is empty or longer than 255 bytes"';
    // Whichever agent gossips it first.
    await waitUntil('it is told', 20_000, () => own.log().includes(sentence));
    expect((await own.members()).map(({ name }) => name).sort()).toEqual([FIRST, SECOND, DOTTED, 'h1']);
    // Only its row is left out of what others tell.
    const join = await runHearsay(['join', `${ip(11)}:7946`, '--http-addr', own.http]);
    expect([join.code, (await own.members()).every(({ status }) => status === 'alive')]).toEqual([0, true]);
  });
});
