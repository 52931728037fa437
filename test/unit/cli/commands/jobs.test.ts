import { describe, expect, test } from 'vitest';
import { hearsay, startFakeAgent } from '../helper.ts';

const JOB = {
  name: 'sweep',
  definition: { every: '5m', timeout: '1m', post: 'http://127.0.0.1/sweep' },
  ...{ owners: ['ann'], paused: false, nextTick: '2999-01-01T00:00:00.000Z', nextOwner: 'bob' },
  eligible: ['bob'],
  runs: [
    {
      ...{ tick: '2020-01-01T00:00:00.000Z', node: 'bob', attempt: 2, state: 'failed' },
      ...{ started: '2020-01-01T00:00:00.500Z', durationMs: 1500, exit: 3 },
    },
  ],
  output: 'no \u001b[31m disk\n',
  summary: 'Of 1 agent that are well, bob runs it.',
};

async function run(words: readonly string[], answers: object = {}) {
  const { url, requests } = await startFakeAgent(answers as Record<string, object>);
  const ran = await hearsay([...words, '--http-addr', url]);
  return { ...ran, requests: requests.map(({ method, url: path, body }) => ({ method, path, body })) };
}

describe('hearsay run', () => {
  const answers = { 'PUT /v1/hearsay/job/sweep': { status: 200, body: '' } };

  test('registers a job with the keys that were given', async () => {
    const words = ['run', 'sweep', '--every', '5m', '--post', 'http://127.0.0.1/sweep', '--retries', '2'];
    const { code, out, requests } = await run([...words, '--catch-up', 'all'], answers);
    expect([code, out]).toEqual([0, expect.stringContaining('sweep is registered with this agent')]);
    expect(requests).toEqual([
      {
        ...{ method: 'PUT', path: '/v1/hearsay/job/sweep' },
        body: { every: '5m', post: 'http://127.0.0.1/sweep', retries: 2, catchUp: 'all' },
      },
    ]);
  });

  test('a command is refused with what to write instead, before anything is sent', async () => {
    const { url, requests } = await startFakeAgent(answers);
    const words = ['run', 'sweep', '--every', '5m', '--http-addr', url, '--', '/bin/sweep', 'a  b'];
    const { code, out, err } = await hearsay(words);
    expect(code).toBe(2);
    expect(err).toContain('--allow-exec-jobs');
    expect(out).toBe('jobs:\n  sweep:\n    every: "5m"\n    run: ["/bin/sweep","a  b"]\n');
    expect(requests).toEqual([]);
  });

  test.each([
    [['--post', 'http://127.0.0.1/'], '--every DURATION, --cron EXPRESSION or --at TIME'],
    [['--', '/bin/sweep'], '--every DURATION, --cron EXPRESSION or --at TIME'],
    [['--every', '5m'], '--post URL'],
  ])('what is missing is named as a flag: %j', async (words, flags) => {
    const { code, out, err, requests } = await run(['run', 'sweep', ...words]);
    expect([code, out, requests]).toEqual([2, '', []]);
    expect(err).toContain(flags);
  });

  test('what the agent says is said', async () => {
    const refused = { 'PUT /v1/hearsay/job/sweep': { status: 400, body: 'every must be 1s to 366 days' } };
    const { code, err } = await run(
      ['run', 'sweep', '--every', '1ms', '--post', 'http://127.0.0.1/'],
      refused,
    );
    expect(code).not.toBe(0);
    expect(err).toContain('every must be 1s to 366 days');
  });
});

describe('hearsay jobs', () => {
  test('lists jobs with their next and last ticks', async () => {
    const { code, out } = await run(['jobs'], {
      'GET /v1/hearsay/jobs': [JOB, { ...JOB, name: 'b', paused: true, runs: [] }],
    });
    expect(code).toBe(0);
    const [header, first, second] = out.split('\n');
    expect(header).toMatch(/^JOB +SCHEDULE +NEXT +LAST +STATE +NODE$/);
    expect(first).toMatch(/^sweep +every 5m +in \d+d +\d+d ago +failed +bob$/);
    expect(second).toMatch(/^b +every 5m +paused +- +- +-$/);
  });

  test('with a name shows its runs and the end of the output, without escapes', async () => {
    const { code, out } = await run(['jobs', 'sweep'], { 'GET /v1/hearsay/job/sweep': JOB });
    expect(code).toBe(0);
    expect(out).toContain('sweep: every 5m, next in');
    expect(out).toContain(JOB.summary);
    expect(out).toMatch(/2020-01-01T00:00:00\.000Z +bob +2 +failed +1500ms +3\n/);
    expect(out).toContain('disk\n');
    expect(out).not.toContain('\u001b');
  });

  test.each(['run', 'pause', 'resume'])('%s sends the order', async (order) => {
    const path = `/v1/hearsay/job/sweep/${order}`;
    const { code, requests } = await run(['jobs', order, 'sweep'], {
      [`PUT ${path}`]: { status: 200, body: '' },
    });
    expect([code, requests]).toEqual([0, [{ method: 'PUT', path, body: undefined }]]);
  });

  test('run does not say that it runs, which is not known: no agent may fit it just then', async () => {
    const { out } = await run(['jobs', 'run', 'sweep'], {
      'PUT /v1/hearsay/job/sweep/run': { status: 200, body: '' },
    });
    expect(out).toBe('sweep is to run now, on an agent that may run it\n');
  });

  test('remove deletes it', async () => {
    const answers = { 'DELETE /v1/hearsay/job/sweep': { status: 200, body: '' } };
    const { code, requests } = await run(['jobs', 'remove', 'sweep'], answers);
    expect([code, requests[0]?.method]).toEqual([0, 'DELETE']);
  });

  test('--promise says what is promised, without an agent', async () => {
    const { code, out } = await hearsay(['jobs', '--promise']);
    expect([code, out]).toEqual([
      0,
      expect.stringContaining('a tick is run once, and never by two agents at once'),
    ]);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('an unknown job is exit 4 with the next step', async () => {
    const { code, err } = await run(['jobs', 'nope']);
    expect([code, err]).toEqual([4, expect.stringContaining('run `hearsay jobs` to list them')]);
  });
});

test('why explains a job', async () => {
  const { code, out } = await run(['why', 'sweep'], {
    'GET /v1/hearsay/why': { service: 'sweep', summary: '', instances: [], membersWithoutServices: [] },
    'GET /v1/hearsay/job/sweep': JOB,
  });
  expect([code, out]).toEqual([0, expect.stringContaining(JOB.summary)]);
});

describe('simulate --jobs', () => {
  test('counts the runs of each tick for each fault', async () => {
    const { code, out } = await hearsay([
      'simulate',
      '--jobs',
      '--members',
      '3',
      '--duration',
      '12s',
      '--json',
    ]);
    expect(code).toBe(0);
    const { results } = JSON.parse(out) as {
      results: { fault: string; ticks: number; once: number; never: number }[];
    };
    expect(results.map(({ fault }) => fault)).toContain('partition');
    for (const { fault, ticks, once, never } of results) {
      expect([fault, never]).toEqual([fault, 0]);
      if (fault !== 'partition' && fault !== 'all') expect([fault, once]).toEqual([fault, ticks]);
    }
  });

  test('measures so many jobs at once, with some of the faults', async () => {
    const { code, out } = await hearsay(
      'simulate --jobs 5 --faults clocks,drain --members 3 --duration 12s'.split(' '),
    );
    expect(code).toBe(0);
    expect(out).toContain('3 agents run 5 jobs each second, 12 s and 1 run(s) for each fault');
    expect(out).toMatch(/clocks +60 +100\.00%[\s\S]*drain +6\d +100\.00%/);
    expect(out).not.toContain('crash');
  });

  test.each([
    ['--jobs 0', '--jobs: must be a whole number from 1 to 200'],
    ['--jobs --faults fire', '--faults: "fire" is none of none, clocks, '],
    ['--faults crash', '--faults: is for --jobs'],
  ])('%s is refused', async (line, sentence) => {
    const { code, err } = await hearsay(['simulate', ...line.split(' ')]);
    expect([code, err]).toEqual([2, expect.stringContaining(sentence)]);
  });

  test('other faults are not for it', async () => {
    const { code, err } = await hearsay(['simulate', '--jobs', '--kill', '1']);
    expect([code, err]).toEqual([2, expect.stringContaining('--kill: with --jobs all faults')]);
  });
});
