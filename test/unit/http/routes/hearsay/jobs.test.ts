import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../../src/base/errors.ts';
import type { JobView } from '../../../../../src/jobs/types.ts';
import { FakeAgent, member, put, SEED, send, serve, until } from '../../fixture.ts';

const JOB: JobView = {
  definition: {
    ...{
      name: 'sweep',
      schedule: { kind: 'every', every: 300_000 },
      place: { service: 'web' },
      timeout: 60_000,
    },
    ...{ retries: 1, overlap: 'skip', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 5 },
    action: { kind: 'post', url: 'http://127.0.0.1/sweep' },
  },
  ...{ owners: ['ann'], paused: false, nextTick: 1_800_000_300_000, eligible: ['ann', 'bob'] },
  ...{ nextOwner: 'bob', output: 'done\n', clockDiffers: [] },
  runs: [
    {
      node: 'bob',
      run: {
        ...{ tick: 1_800_000_000_000, attempt: 1, state: 'failed', claimedAt: 1_800_000_000_000 },
        ...{ startedAt: 1_800_000_000_500, endedAt: 1_800_000_002_000, exit: 3, token: 17 },
      },
    },
  ],
};

function agentWith(...jobs: JobView[]): FakeAgent {
  const agent = new FakeAgent(member('ann'));
  for (const job of jobs) agent.jobs.set(job.definition.name, job);
  return agent;
}

describe('GET /v1/hearsay/jobs and /v1/hearsay/job', () => {
  test('show a job as it was written, its runs, and why it runs where it does', async () => {
    const server = await serve(agentWith(JOB));
    const all = (await send(server, '/v1/hearsay/jobs')).json() as unknown[];
    expect(all).toEqual([
      {
        name: 'sweep',
        clockDiffers: [],
        definition: {
          ...{ every: '5m', service: 'web', timeout: '1m', retries: 1, overlap: 'skip', jitter: '0s' },
          ...{ catchUp: 'one', quorum: 1, post: 'http://127.0.0.1/sweep' },
        },
        ...{ owners: ['ann'], paused: false, nextTick: '2027-01-15T08:05:00.000Z', nextOwner: 'bob' },
        eligible: ['ann', 'bob'],
        runs: [
          {
            ...{ tick: '2027-01-15T08:00:00.000Z', node: 'bob', attempt: 1, state: 'failed' },
            ...{ started: '2027-01-15T08:00:00.500Z', ended: '2027-01-15T08:00:02.000Z' },
            ...{ durationMs: 1500, exit: 3, token: 17 },
          },
        ],
        output: 'done\n',
        summary:
          'Of 2 agents with a usable instance of web, bob has the smallest hash for the next tick, and runs it. The tick of 2027-01-15T08:00:00.000Z failed on bob.',
      },
    ]);
    expect((await send(server, '/v1/hearsay/job/sweep')).json()).toEqual(all[0]);
    expect(await send(server, '/v1/hearsay/job/nope')).toMatchObject({ status: 404 });
  });

  test('say why the last run was not where the hash alone would have had it', async () => {
    const detour = { to: 'bob', node: 'ann', reason: 'was draining' };
    const server = await serve(agentWith({ ...JOB, detour }));
    expect((await send(server, '/v1/hearsay/job/sweep')).json()).toMatchObject({
      summary: expect.stringContaining('08:00:00.000Z failed on bob, since ann was draining.') as string,
    });
    const elsewhere = await serve(agentWith({ ...JOB, detour: { ...detour, to: 'cat' } }));
    expect((await send(elsewhere, '/v1/hearsay/job/sweep')).json()).toMatchObject({
      summary: expect.stringMatching(/failed on bob\.$/) as string,
    });
  });

  test.each([0, -1])(
    'show no exit code of a run that failed without one: it timed out, or nobody answered: %i',
    async (exit) => {
      const [seen] = JOB.runs;
      if (seen === undefined) throw new Error('the job has a run');
      const runs = [{ ...seen, run: { ...seen.run, exit } }];
      const server = await serve(agentWith({ ...JOB, runs }));
      expect((await send(server, '/v1/hearsay/job/sweep')).json()).toMatchObject({
        runs: [{ state: 'failed', exit: null }],
      });
    },
  );

  test('name the agents whose clocks differ', async () => {
    const clockDiffers = [
      { node: 'cat', offset: 12_400 },
      { node: 'dan', offset: -700 },
    ];
    const server = await serve(agentWith({ ...JOB, clockDiffers }));
    const body = (await send(server, '/v1/hearsay/job/sweep')).json() as Record<string, unknown>;
    expect(body['clockDiffers']).toEqual(clockDiffers);
    expect(body['summary']).toContain(
      'Not cat, whose clock is 12.4 s ahead of the others; dan, whose clock is 0.7 s behind the others.',
    );
  });

  test('say why it does not run', async () => {
    const summary = async (changes: Partial<JobView>): Promise<string> => {
      const server = await serve(agentWith({ ...JOB, runs: [], ...changes }));
      return ((await send(server, '/v1/hearsay/job/sweep')).json() as { summary: string }).summary;
    };
    expect(await summary({ paused: true })).toMatch(/^It is paused: `hearsay jobs resume sweep`/);
    expect(await summary({ eligible: [] })).toMatch(/^It does not run: there are 0 agents with a usable/);
    expect(await summary({ nextTick: undefined, nextOwner: undefined })).toBe('It has no further tick.');
  });

  test('block until a job changes', async () => {
    const agent = agentWith(JOB);
    const server = await serve(agent);
    const parked = send(server, `/v1/hearsay/jobs?index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.touch(['jobs']);
    expect((await parked).headers['x-consul-index']).toBe(String(SEED + 1));
  });
});

describe('PUT and DELETE /v1/hearsay/job', () => {
  test('register and remove a job', async () => {
    const agent = agentWith();
    const server = await serve(agent);
    const body = JSON.stringify({ every: '5m', service: 'web', retries: 1, post: 'http://127.0.0.1/sweep' });
    expect((await put(server, '/v1/hearsay/job/sweep', body)).status).toBe(200);
    expect((await send(server, '/v1/hearsay/job/sweep', { method: 'DELETE' })).status).toBe(200);
    expect(agent.commands).toEqual([
      { kind: 'registerJob', definition: { ...JOB.definition, registeredAt: 0 } },
      { kind: 'deregisterJob', name: 'sweep' },
    ]);
  });

  test.each(['run', 'pause', 'resume'])('%s is an order', async (order) => {
    const agent = agentWith(JOB);
    expect((await put(await serve(agent), `/v1/hearsay/job/sweep/${order}`)).status).toBe(200);
    expect(agent.commands).toEqual([{ kind: 'orderJob', name: 'sweep', order }]);
  });

  test.each([
    ['[]', /must be a JSON object/],
    ['{', /decode failed/],
    ['{"every":"5m"}', /^The job must have run or post/],
    ['{"every":"1ms","post":"http://x/"}', /^every must be 1s to/],
    ['{"every":"5m","run":["/bin/sh"]}', /^run is only read from the configuration/],
    ['{"every":"5m","post":"http://x/","nope":1}', /^nope is no key of a job/],
  ])('%s is 400 with a sentence', async (body, sentence) => {
    const agent = agentWith();
    const answer = await put(await serve(agent), '/v1/hearsay/job/sweep', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(sentence);
    expect(agent.commands).toEqual([]);
  });

  test('what the agent refuses has its sentence', async () => {
    const agent = agentWith();
    agent.reply = async () => {
      throw new AgentError('conflict', 'it is registered with bob');
    };
    const answer = await send(await serve(agent), '/v1/hearsay/job/sweep', { method: 'DELETE' });
    expect(answer).toMatchObject({ status: 409, body: 'it is registered with bob' });
  });
});
