import { describe, expect, test } from 'vitest';
import { resolveExecUser } from '../../../../src/shell/host/exec-user.ts';
import { runProgram } from '../../../../src/shell/program.ts';

const users = async () => 'root:x:0:0:root:/root:/bin/sh\nweb:x:1234:1235::/:/bin/false\n';
const isRoot = process.geteuid?.() === 0;

describe('S14 the user of exec checks and handlers', () => {
  test.runIf(isRoot)('S14 is found by name, by number, or given in full', async () => {
    expect(await resolveExecUser('web', users)).toEqual({ uid: 1234, gid: 1235 });
    expect(await resolveExecUser('1234', users)).toEqual({ uid: 1234, gid: 1235 });
    expect(await resolveExecUser('7:8', users)).toEqual({ uid: 7, gid: 8 });
  });

  test.each(['nobody-of-that-name', '4321', '1:2:3', ''])('S14 %j is none', async (text) => {
    await expect(resolveExecUser(text, users)).rejects.toMatchObject({ code: 'config' });
  });

  test.runIf(isRoot)('S14 a program runs as it, without groups of the agent', async () => {
    const out: Buffer[] = [];
    const exit = await runProgram({
      argv: ['/bin/sh', '-c', 'id -u; id -G; cat /proc/$PPID/environ >/dev/null 2>&1; echo $?'],
      user: { uid: 65_534, gid: 65_534 },
      signal: new AbortController().signal,
      onOutput: (chunk) => out.push(chunk),
    });
    expect(exit.code).toBe(0);
    expect(Buffer.concat(out).toString()).toMatch(/^65534\n65534\n[1-9]\d*\n$/);
  });
});
