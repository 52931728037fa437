/** One handler script, run by a real Serf agent and by hearsay in one cluster: it is handed the same by both. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { isInstalled, killProcesses, startHearsay, startSerf } from '../support/processes.ts';
import { makeTempDir, runSerf, writePrivateFile } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

/** Each call leaves a file: variables, then input. Written elsewhere first, so that whoever reads finds it whole. */
const SCRIPT = `#!/bin/sh
dir=$1
{ env | grep ^SERF_ | sort; echo --; cat; } > "$dir.$$"
mv "$dir.$$" "$dir/$(date +%s%N).$$"
case "$SERF_QUERY_NAME" in
  load) echo "it is low"; echo "and calm" >&2;;
  broken) echo "not told"; exit 3;;
  big) head -c 2000 /dev/zero | tr '\\0' x;;
esac
`;

interface Record {
  readonly env: readonly string[];
  readonly input: string;
}

/** In the order in which they came. */
function recordsIn(dir: string): Record[] {
  return readdirSync(dir)
    .sort()
    .map((name) => {
      const [env = '', input = ''] = readFileSync(join(dir, name), 'utf8').split('--\n');
      const own = /^SERF_(SELF_NAME|TAG_HEARSAY)=/; // what must differ
      return { env: env.split('\n').filter((line) => line !== '' && !own.test(line)), input };
    });
}

const isOf = ({ env }: Record, event: string): boolean => env.includes(`SERF_EVENT=${event}`);

/** What was told of one member, a line each. Agents repeat updates, and their maps have no order. */
const toldOf = (records: readonly Record[], member: string): string[] => {
  const lines = records.flatMap(({ env, input }) =>
    input
      .split('\n')
      .filter((line) => line.startsWith(`${member}\t`))
      .map((line) => {
        const [name, address, role, tags = ''] = line.split('\t');
        const event = env.find((one) => one.startsWith('SERF_EVENT='));
        return [event, name, address, role, tags.split(',').sort().join()].join(' ');
      }),
  );
  return lines.filter((line, i) => line !== lines[i - 1]);
};

const talk = (records: readonly Record[]): Record[] =>
  records
    .filter((record) => isOf(record, 'user') || isOf(record, 'query'))
    .sort((a, b) => (a.env.join() < b.env.join() ? -1 : 1));

test.skipIf(!isInstalled('serf'))(
  'the script of a Serf agent is handed the same by hearsay, and its answers are heard',
  { timeout: 180_000 },
  async () => {
    const dir = makeTempDir();
    const script = writePrivateFile(dir, 'handler.sh', SCRIPT);
    const theirs = join(dir, 'theirs');
    const ours = join(dir, 'ours');
    mkdirSync(theirs);
    mkdirSync(ours);
    const ip = (host: number): string => `127.0.46.${host}`;
    const via = `${ip(1)}:7946`;
    const tags = { role: 'web', 'a-b': 'x=1' };
    const asker = await startSerf({ name: 'asker', ip: ip(1) });
    await startSerf({
      name: 'there',
      ip: ip(11),
      join: via,
      tags,
      args: [`-event-handler=/bin/sh ${script} ${theirs}`],
    });
    const config = writePrivateFile(
      dir,
      'config.yaml',
      `handlers:\n  - on: ["*"]\n    run: [/bin/sh, ${script}, ${ours}]\n    timeout: 20s\n`,
    );
    const here = await startHearsay({ name: 'here', ip: ip(2), join: via, tags, args: ['--config', config] });
    const both = async (what: string, is: (records: readonly Record[]) => boolean): Promise<void> => {
      for (const [who, where] of [['there', theirs] as const, ['here', ours] as const])
        await waitUntil(`${what} is handled ${who}`, 30_000, () => is(recordsIn(where)));
    };
    const bothTold = (event: string, member: string): Promise<void> =>
      both(`${event} of ${member}`, (records) =>
        toldOf(records, member).some((line) => line.startsWith(`SERF_EVENT=${event} `)),
      );
    await bothTold('member-join', 'here');
    await bothTold('member-join', 'there');

    // members: comes, changes, fails, is pruned; another leaves
    const mortal = await startSerf({ name: 'mortal', ip: ip(12), join: via, tags: { role: 'db' } });
    await bothTold('member-join', 'mortal');
    await runSerf(mortal, ['tags', '-set', 'v=2']);
    await bothTold('member-update', 'mortal');
    const leaver = await startSerf({ name: 'leaver', ip: ip(13), join: via });
    await bothTold('member-join', 'leaver');
    await leaver.leave();
    await bothTold('member-leave', 'leaver');
    await mortal.kill();
    await bothTold('member-failed', 'mortal');
    await runSerf(asker, ['force-leave', '-prune', 'mortal']);
    await bothTold('member-reap', 'mortal');

    // user events, gathered and not
    await runSerf(asker, ['event', '-coalesce=false', 'deploy', 'two\nlines']);
    await runSerf(asker, ['event', '-coalesce=false', 'empty', '']);
    await runSerf(asker, ['event', 'config', 'old']);
    await runSerf(asker, ['event', 'config', 'new']);
    await both('the newest of the gathered', (records) => records.some(({ input }) => input === 'new\n'));

    // queries
    const load = await runSerf(asker, ['query', '-timeout=5s', 'load', 'payload']);
    for (const name of ['here', 'there'])
      expect(load.stdout).toContain(`Response from '${name}': it is low\nand calm`);
    for (const name of ['broken', 'big']) {
      const { stdout } = await runSerf(asker, ['query', '-timeout=3s', name]);
      expect(stdout).toContain("Ack from 'here'");
      expect(stdout).toContain('Total Responses: 0');
    }
    await both('the last query', (records) => records.some(({ env }) => env.includes('SERF_QUERY_NAME=big')));

    const [a, b] = [recordsIn(theirs), recordsIn(ours)];
    for (const name of ['mortal', 'leaver', 'asker']) expect(toldOf(b, name)).toEqual(toldOf(a, name));
    expect(talk(b)).toEqual(talk(a));
    expect(talk(b).map(({ input }) => input)).toEqual(
      expect.arrayContaining(['two\nlines\n', '', 'new\n', 'payload\n']),
    );
    expect(talk(b).some(({ input }) => input === 'old\n')).toBe(false);
    expect(here.log()).toContain('exit code 3: not told');
    expect(here.log()).toContain('a response to this query may have');
  },
);
