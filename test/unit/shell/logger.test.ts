import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

/** Logs two lines in a process of its own, which ends at once, and gives back what came out of it. */
const run = (format: string): Promise<{ stdout: string; stderr: string }> =>
  new Promise((resolve, reject) => {
    const logger = new URL('../../../src/shell/logger.ts', import.meta.url).href;
    const program = `
      const { createLogger } = await import(${JSON.stringify(logger)});
      const log = await createLogger({ level: 'info', format: '${format}' });
      log.debug('unheard');
      log.info({ room: 'swim', node: 'bob' }, 'member suspected');
      process.exit(0);`;
    execFile(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', program],
      { env: { ...process.env, NO_COLOR: '1' } },
      (error, stdout, stderr) => (error ? reject(error) : resolve({ stdout, stderr })),
    );
  });

test('JSON lines go to stderr, at once, and leave stdout to the answer', async () => {
  const { stdout, stderr } = await run('json');
  expect(stdout).toBe('');
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

test('for people a line is a line too, on stderr', async () => {
  const { stdout, stderr } = await run('pretty');
  expect(stdout).toBe('');
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/INFO: member suspected .*"node":"bob"/);
});
