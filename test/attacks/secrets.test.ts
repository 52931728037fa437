/** S14: programs that the agent starts, and the secrets with which it was started (finding 19 of issue 14). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { getJson } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';
import { KEY } from './attacker.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hearsay-secrets-'));
afterEach(killProcesses);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Row {
  readonly Status: string;
  readonly Output: string;
}

/** What a check of this shell script prints. */
async function outputOf(ip: string, script: string, args: readonly string[] = []): Promise<Row> {
  const file = join(scratch, `${ip}.json`);
  const check = { Name: 'spy', Args: ['/bin/sh', '-c', script], Interval: '1s', Timeout: '5s' };
  writeFileSync(file, JSON.stringify({ services: [{ Name: 'web', Check: check }] }), { mode: 0o600 });
  const env = { HEARSAY_HTTP_OPERATOR_TOKEN: 'operator-'.padEnd(40, 'x') };
  const agent = await startHearsay({
    ...{ name: 'ann', ip, key: KEY, env },
    args: ['--service', file, '--allow-exec-checks', ...args],
  });
  let found: Row | undefined;
  await waitUntil('the check has run', 15_000, async () => {
    const rows = Object.values(await getJson<Record<string, Row>>(`${agent.http}/v1/agent/checks`));
    found = rows.find(({ Output }) => Output !== '');
    return found !== undefined;
  });
  return found as Row;
}

test('a check does not read the gossip key and the tokens from the environment of the agent', async () => {
  const { Status, Output } = await outputOf('127.78.41.1', "tr '\\0' '\\n' < /proc/$PPID/environ");
  expect(Status).toBe('passing');
  expect(Output).toContain('PATH=');
  expect(Output).toContain('HEARSAY_GOSSIP_KEY=\n');
  expect(Output).not.toContain(KEY);
  expect(Output).not.toContain('operator-');
});

test.runIf(process.geteuid?.() === 0)('with --exec-user a check is another user', async () => {
  const script = 'id -u; cat /proc/$PPID/environ 2>&1 | tail -c 100';
  const { Output } = await outputOf('127.78.42.1', script, ['--exec-user', '65534:65534']);
  expect(Output).toMatch(/^65534\n[\s\S]*Permission denied/);
});
