/** `hearsay simulate`: the same seed gives the same numbers; options change the results, and nothing else does. */
import { describe, expect, test } from 'vitest';
import { hearsay } from '../helper.ts';

interface Report {
  readonly options: Record<string, unknown>;
  readonly results: readonly {
    readonly settings: string;
    readonly firstDetection: { count: number; median: number; p99: number } | null;
    readonly fullDetection: { count: number; median: number; p99: number } | null;
    readonly undetected: number;
    readonly falsePositives: number;
    readonly falseSuspicions: number;
    readonly unreachableDeclaredDead: number;
    readonly packets: number;
    readonly convergedAfter: number | null;
    readonly traceHashes: readonly string[];
  }[];
}

const SMALL = ['simulate', '--members', '12', '--duration', '20s', '--kill', '1'];

async function simulate(...words: string[]): Promise<Report> {
  const { code, out, err } = await hearsay([...SMALL, '--json', ...words]);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Report;
}

describe('simulate', () => {
  test('the same seed gives the same numbers, another seed others, and the environment changes nothing', async () => {
    const [one, other] = [await simulate(), await simulate('--seed', '2')];
    expect(other.results[0]?.traceHashes).not.toEqual(one.results[0]?.traceHashes);
    const env = { HEARSAY_SWIM_PROBE_INTERVAL: '5s' };
    expect(JSON.parse((await hearsay([...SMALL, '--json'], { env })).out)).toEqual(one);
  });

  test('a crash is detected by all members, at the cost of Serf: a ping and an ack each second', async () => {
    const { options, results } = await simulate();
    expect(options).toMatchObject({ members: 12, seed: 1, duration: 20_000, loss: 0, kills: 1, rounds: 1 });
    const [result] = results;
    expect(result).toMatchObject({ undetected: 0, falsePositives: 0, fullDetection: { count: 1 } });
    expect(result?.firstDetection?.median).toBeGreaterThan(4000);
    expect(result?.fullDetection?.median).toBeLessThan(20_000);
    expect(result?.packets).toBeGreaterThan(2);
    expect(result?.packets).toBeLessThan(4);
  });

  test('--compare measures a change with the same seeds', async () => {
    const change = 'swim.probeInterval=200ms,swim.probeTimeout=100ms';
    const { results } = await simulate('--rounds', '2', '--compare', change);
    expect(results.map(({ settings }) => settings)).toEqual(['as given', 'changed']);
    const [given, changed] = results;
    expect(changed?.firstDetection?.count).toBe(2);
    expect(changed?.firstDetection?.median).toBeLessThan((given?.firstDetection?.median ?? 0) / 2);
    expect(changed?.packets).toBeGreaterThan(3 * (given?.packets ?? 0));
    expect(
      (await simulate('--swim-probe-interval', '200ms', '--swim-probe-timeout', '100ms')).results[0],
    ).toMatchObject({
      firstDetection: { count: 1 },
      traceHashes: [changed?.traceHashes[0]],
    });
  });

  test('partitioned members are declared dead, and all converge afterwards', async () => {
    const { results } = await simulate('--kill', '0', '--duration', '60s', '--partition', '30s');
    expect(results[0]).toMatchObject({ firstDetection: null, falsePositives: 0 });
    expect(results[0]?.unreachableDeclaredDead).toBeGreaterThan(0);
    expect(results[0]?.convergedAfter).toBeLessThan(90_000);
  });

  test('heavy loss with an aggressive detector causes false positives, and they are counted', async () => {
    const impatient =
      'swim.suspicionMult=1,swim.suspicionMaxTimeoutMult=1,swim.indirectChecks=1,swim.streamPing=false';
    const { results } = await simulate('--kill', '0', '--loss', '80%', '--compare', impatient);
    expect(results[1]?.falsePositives).toBeGreaterThan(results[0]?.falsePositives ?? 0);
  });

  test('without --json it prints a sentence, a table and a curve', async () => {
    const { code, out } = await hearsay([...SMALL, '--loss', '5%', '--pause', '2:1s:3s']);
    expect(code).toBe(0);
    expect(out).toContain(
      '12 members, 20 s, 0.5 ms one way, 5 % loss, 1 killed, 2 paused for 1 s every 3 s; seed 1\n',
    );
    expect(out).toMatch(/^crash: full dissemination +\d+\.\d s$/m);
    expect(out).toMatch(/^healthy members declared dead \(false positives\) +0$/m);
    expect(out).toMatch(/^ +\d+\.\d s 100 % █{40}$/m);
  });

  test.each([
    [['--members', '1'], '--members: must be a whole number from 2 to 2000'],
    [['--loss', '120%'], '--loss: must be a share below 1, such as 0.05 or 5%'],
    [['--duration', 'soon'], '--duration: "soon" is not a duration such as 500ms or 1m30s'],
    [['--pause', '4:2s'], '--pause: "4:2s" is not N:SPAN:EVERY: write it as 4:2s:5s'],
    [['--pause', '4:5s:2s'], '--pause: EVERY must be longer than SPAN, or the members never run'],
    [['--compare', 'node=x'], '--compare: "node=x" is not a setting of the failure detector'],
    [['--swim-probe-interval', '1ms'], '--swim-probe-interval: must be'],
  ])('%j is refused with exit 2', async (words, sentence) => {
    const { code, out, err } = await hearsay(['simulate', ...words]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(sentence);
  });
});
