/** The keys of `hearsay demo` on a real terminal, which `script` makes: what they do, and that it is as before afterwards. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../support/wait.ts';

const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const hasScript = spawnSync('script', ['--version']).status === 0;
/** Crashes the program at SIGUSR2. */
const CRASH = 'data:text/javascript,process.on("SIGUSR2",()=>{throw new Error("crash")})';
/** Notes the modes of the terminal before and after, and the process that runs meanwhile. Ctrl-C is not for the shell. */
const AROUND = [
  'trap : INT',
  'stty -g > "$DIR/before"',
  'sh -c \'echo $$ > "$DIR/pid"; exec "$NODE" --import "$CRASH" "$BIN" demo $WORDS\'',
  'echo "exit $?"',
  'stty -g > "$DIR/after"',
].join('\n');

let dir = '';
const children: ChildProcess[] = [];
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-demo-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(dir, { recursive: true }));

async function demoOnTerminal(name: string, words = '') {
  const own = mkdtempSync(join(dir, `${name}-`));
  const child = spawn('script', ['-qec', `sh -c '${AROUND.replaceAll("'", `'\\''`)}'`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, DIR: own, NODE: process.execPath, BIN, CRASH, WORDS: words },
  });
  children.push(child);
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('utf8').replaceAll('\r', '');
  });
  await waitUntil('it shows the keys', 30_000, () => printed.includes('choose a node'));
  const read = (file: string): string => readFileSync(join(own, file), 'utf8').trim();
  return {
    press: (keys: string) => void child.stdin.write(keys),
    kill: (signal: NodeJS.Signals) => void process.kill(Number(read('pid')), signal),
    read,
    printed: () => printed,
    ended: async () => {
      await waitUntil(
        'its terminal is noted',
        20_000,
        () => existsSync(join(own, 'after')) && read('after') !== '',
      );
      if (child.exitCode === null) await once(child, 'exit', { signal: AbortSignal.timeout(10_000) });
    },
  };
}

const hearsay = (command: string): string =>
  spawnSync(process.execPath, [BIN, ...command.trim().split(/ +/).slice(1)], { encoding: 'utf8' }).stdout;

test.runIf(hasScript)(
  'a killed node is failed, and alive when it is healed, in the words that the keys print',
  async () => {
    const { press, printed, ended, read } = await demoOnTerminal('kill');
    press('k');
    await waitUntil('it says what it did', 20_000, () => printed().includes('without a farewell'));
    const [why = '', resolve = ''] =
      printed()
        .split('without a farewell')[1]
        ?.match(/ {2}hearsay .*/g) ?? [];
    await waitUntil('the others notice', 30_000, () => /^demo-3: failed/m.test(hearsay(why)));
    expect(hearsay(resolve).trim().split('\n')).toHaveLength(1); // api-1
    press('h');
    await waitUntil('it says that it runs', 20_000, () => printed().includes('is started again'));
    await waitUntil('it is back', 30_000, () => hearsay(resolve).trim().split('\n').length === 2);
    press('s');
    await waitUntil('its check fails', 30_000, () => hearsay(resolve).trim().split('\n').length === 1);
    press('\u0003');
    await ended();
    expect(printed()).toContain('exit 0');
    expect(read('after')).toBe(read('before'));
  },
);

test.runIf(hasScript)(
  'a node that is cut off is failed and runs on, is back when it is healed, and a killed worker is gone with its lease',
  async () => {
    const { press, printed, ended } = await demoOnTerminal('cut', '--busy');
    const at = /hearsay resolve worker( --http-addr \S+)?/.exec(printed())?.[1] ?? '';
    const status = (): string =>
      /^demo-3 .*?(alive|suspect|failed)/m.exec(hearsay(`hearsay members${at}`))?.[1] ?? '';
    const worker = (): string => hearsay(`hearsay resolve worker${at}`);
    expect(worker()).toMatch(/^127\.0\.0\.1:\d+\n$/);
    press('c');
    await waitUntil('the others notice', 30_000, () => status() === 'failed');
    expect(hearsay(`hearsay why demo-3${at}`)).toContain('nothing answered');
    press('h');
    await waitUntil('it is back', 60_000, () => status() === 'alive');
    await waitUntil('its worker, too', 30_000, () => worker() !== '');
    press('w');
    await waitUntil('the worker is gone', 20_000, () => worker() === '');
    press('h');
    await waitUntil('and back', 20_000, () => worker() !== '');
    await waitUntil('services come', 30_000, () => /^batch +.*v\d/m.test(hearsay(`hearsay services${at}`)));
    press('\u0003');
    await ended();
    expect(printed()).toContain('exit 0');
  },
);

test.runIf(hasScript).each([
  ['SIGTERM', 'exit 0'],
  ['SIGUSR2', 'exit 1'],
] as const)('the terminal is as before after %s', async (signal, exit) => {
  const { kill, ended, read, printed } = await demoOnTerminal(signal);
  kill(signal);
  await ended();
  expect(printed()).toContain(exit);
  expect(read('after')).toBe(read('before'));
});
