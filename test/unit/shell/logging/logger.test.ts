import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

/** Logs two lines in a process of its own, which ends at once, and gives back what came out of it. */
const run = (format: string): Promise<{ stdout: string; stderr: string }> =>
  new Promise((resolve, reject) => {
    const logger = new URL('../../../../src/shell/logging/logger.ts', import.meta.url).href;
    const program = `
      const { openLog } = await import(${JSON.stringify(logger)});
      const { logger: log, follow, setLevel } = await openLog({ level: 'info', format: '${format}' });
      log.debug('unheard');
      log.info({ room: 'swim', node: 'bob' }, 'member suspected');
      const end = follow('debug', (line) => process.stdout.write('+' + line));
      log.trace('heard by none');
      log.debug({ room: 'serf' }, 'heard by one');
      end();
      log.debug('heard by none');
      setLevel('error');
      log.warn('heard by none');
      process.exit(0);`;
    execFile(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', program],
      { env: { ...process.env, NO_COLOR: '1' } },
      (error, stdout, stderr) => (error ? reject(error) : resolve({ stdout, stderr })),
    );
  });

const HEARD_BY_ONE = {
  level: 'debug',
  time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
  room: 'serf',
  msg: 'heard by one',
};
/** What came to whoever followed. */
const followed = (stdout: string): unknown[] =>
  stdout
    .split('+')
    .slice(1)
    .map((line) => JSON.parse(line) as unknown);

test('JSON lines go to stderr at once; each follower gets lines of its level, until it stops', async () => {
  const { stdout, stderr } = await run('json');
  expect(followed(stdout)).toEqual([HEARD_BY_ONE]);
  const lines = stderr.trim().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    room: 'swim',
    node: 'bob',
    msg: 'member suspected',
  });
});

test('the pretty format also has one line per message, on stderr', async () => {
  const { stdout, stderr } = await run('pretty');
  expect(followed(stdout)).toEqual([HEARD_BY_ONE]);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/INFO: member suspected .*"node":"bob"/);
});
