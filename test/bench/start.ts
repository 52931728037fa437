/**
 * Time from the start of the process to its first answer, and its memory when idle, beside a bare Node, which is the
 * lower bound. `npx tsx test/bench/start.ts [--short]`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { sleep } from '../support/wait.ts';
import { commandOf, memoryOf, processorMillis } from './kit/agents.ts';
import { fixed, heading, median, percentile, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { type Kind, kinds, SHORT } from './kit/options.ts';
import { SerfRpc } from './kit/serf-rpc.ts';

const RUNS = SHORT ? 5 : 21;
const IDLE_SECONDS = SHORT ? 10 : 60;

type Subject = Kind | 'node';

interface Job {
  readonly subjects: readonly Subject[];
}

interface Start {
  /** Milliseconds from the start of the process to its first answer; for a bare Node, to its end. */
  readonly wall: number;
  /** Milliseconds of processor time until then, over all threads; it depends less on other load on the machine. */
  readonly processor: number;
}

interface Figures {
  readonly subject: Subject;
  readonly starts: readonly Start[];
  readonly rss: number;
  readonly own: number;
}

const LABELS: Readonly<Record<Subject, string>> = {
  node: 'bare Node',
  hearsay: 'hearsay agent',
  serf: 'serf agent',
};

async function run(): Promise<void> {
  const figures = await isolated<Job, Figures[]>(import.meta.url, { subjects: ['node', ...kinds()] });
  heading(`start to first answer, ${RUNS} runs each; memory after ${IDLE_SECONDS} s idle`);
  const rows = figures.map(({ subject, starts, rss, own }) => {
    const wall = starts.map((start) => start.wall);
    const processor = starts.map((start) => start.processor);
    return [
      LABELS[subject],
      ...[median(wall), Math.min(...wall), percentile(wall, 0.9)].map((value) => fixed(value)),
      ...[median(processor), Math.min(...processor)].map((value) => fixed(value)),
      ...[rss, own].map((value) => fixed(value, 1)),
    ];
  });
  console.log(
    table([['', 'median ms', 'best', 'p90', 'processor ms', 'best', 'RSS MB', 'anonymous'], ...rows]),
  );
}

/** The subjects take turns, so that each run of one has a run of the other beside it. */
async function measure({ subjects }: Job): Promise<Figures[]> {
  const starts = new Map<Subject, Start[]>(subjects.map((subject) => [subject, []]));
  for (let i = 0; i < RUNS; i++)
    for (const subject of subjects) starts.get(subject)?.push(await startOnce(subject));

  const idle = subjects.map((subject, i) => ({ subject, child: begin(subject, `127.0.2.${i + 1}`) }));
  await sleep(IDLE_SECONDS * 1000);
  const figures = idle.map(({ subject, child }) => ({
    subject,
    starts: starts.get(subject) ?? [],
    ...memoryOf(child.pid as number),
  }));
  for (const { child } of idle) child.kill('SIGKILL');
  return figures;
}

async function startOnce(subject: Subject): Promise<Start> {
  const ip = '127.0.1.1';
  const startedAt = performance.now();
  const child =
    subject === 'node'
      ? spawn(process.execPath, ['-e', PRINT], { stdio: ['ignore', 'pipe', 'ignore'] })
      : begin(subject, ip);
  if (subject === 'node') await once(child.stdout as NodeJS.ReadableStream, 'data');
  else await firstAnswer(subject, ip);
  const wall = performance.now() - startedAt;
  const processor = processorMillis(child.pid as number);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return { wall, processor };
}

/** Prints something and stays. */
const PRINT = 'process.stdout.write("."); setInterval(() => {}, 1e9)';

function begin(subject: Subject, ip: string): ChildProcess {
  const [program, ...words] =
    subject === 'node'
      ? [process.execPath, '-e', 'setInterval(() => {}, 1e9)']
      : commandOf(subject, 'one', ip);
  return spawn(program as string, words, { stdio: 'ignore' });
}

async function firstAnswer(kind: Kind, ip: string): Promise<void> {
  const ask = kind === 'hearsay' ? () => getSelf(ip) : async () => (await SerfRpc.open(ip)).close();
  const endAt = performance.now() + 30_000;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > endAt) throw error;
      await sleep(2); // Refused, which costs next to nothing.
    }
  }
}

const getSelf = (host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    request({ host, port: 8500, path: '/v1/agent/self', agent: false }, (answer) => {
      answer.on('end', resolve).on('error', reject).resume();
    })
      .on('error', reject)
      .end();
  });

export const start = { run, measure };
export { run };

await main(import.meta.url, start);
