import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AgentHandle } from '../../../src/agent/contract/agent-handle.ts';
import type { CommandRequest } from '../../../src/agent/contract/commands.ts';
import { RejoinedSeeds, type SeedsOptions } from '../../../src/shell/seeds.ts';

type Join = Extract<CommandRequest, { kind: 'join' }>;

let joins: Join[] = [];
let lines: string[] = [];
/** How many seeds answer the attempt of this number. */
let answer: (attempt: number) => number = () => 0;
let givenUp = 0;
let seeds: RejoinedSeeds | undefined;

const agent = {
  view: { members: () => [] },
  execute: (command: Join) => {
    joins.push(command);
    const failed = [{ addr: 'n2', error: 'connection refused' }];
    return Promise.resolve({ joined: answer(joins.length), failed });
  },
} as unknown as AgentHandle;

const CONFIG: SeedsOptions['config'] = {
  ...{
    join: [],
    retryJoin: ['n2'],
    retryJoinMax: 0,
    retryJoinInterval: 0,
    rejoinAfterLeave: true,
    replayOnJoin: false,
  },
};

function start(
  config: Partial<SeedsOptions['config']>,
  snapshot: SeedsOptions['snapshot'] = undefined,
): Promise<void> {
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  seeds = new RejoinedSeeds(agent, logger, {
    ...{ config: { ...CONFIG, ...config }, snapshot },
    onGivenUp: () => {
      givenUp += 1;
    },
  });
  return seeds.join();
}

beforeEach(() => {
  vi.useFakeTimers();
  joins = [];
  lines = [];
  givenUp = 0;
  answer = () => 0;
});
afterEach(() => {
  seeds?.stop();
  vi.useRealTimers();
});

test('without a limit joining is tried for ever', async () => {
  await start({});
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(joins.length).toBeGreaterThan(100);
  expect(givenUp).toBe(0);
});

test('the attempts that are allowed, and then the end, once', async () => {
  await start({ retryJoinMax: 3 });
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect([joins.length, givenUp]).toEqual([3, 1]);
  expect(lines.at(-1)).toMatch(
    /"reason":"n2: connection refused".*no seed answered in retryJoinMax attempts/,
  );
});

test('with an interval the pauses do not grow, until a seed has answered', async () => {
  await start({ retryJoinMax: 5, retryJoinInterval: 60_000 });
  await vi.advanceTimersByTimeAsync(44_000);
  expect(joins.length).toBe(1);
  await vi.advanceTimersByTimeAsync(4 * 75_000 - 44_000);
  expect([joins.length, givenUp]).toEqual([5, 1]);
});

test('after the first answer the interval counts no more', async () => {
  answer = (attempt) => (attempt === 1 ? 1 : 0);
  await start({ retryJoinInterval: 3_600_000 });
  await vi.advanceTimersByTimeAsync(200_000);
  expect(joins.length).toBeGreaterThan(4);
});

test('once a seed has answered the limit counts no more', async () => {
  answer = (attempt) => (attempt === 2 ? 1 : 0);
  await start({ retryJoinMax: 3 });
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(joins.length).toBeGreaterThan(50);
  expect(givenUp).toBe(0);
});

test.each([true, false])('replay %s goes with every join', async (replayOnJoin) => {
  answer = () => 1;
  await start({ join: ['n1'], replayOnJoin });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(joins.length).toBeGreaterThan(2);
  expect(new Set(joins.map(({ replay }) => replay))).toEqual(new Set([replayOnJoin]));
});

test.each([
  [true, true, ['n2', '10.0.0.3:7946']],
  [true, undefined, ['n2', '10.0.0.3:7946']],
  [false, undefined, ['n2', '10.0.0.3:7946']],
  [false, true, ['n2']],
])('rejoinAfterLeave %s, left %s: joins %j', async (rejoinAfterLeave, left, expected) => {
  const peers = [{ name: 'bob', addr: '10.0.0.3:7946' }];
  await start({ rejoinAfterLeave }, { peers, ...(left === undefined ? {} : { left }) });
  await vi.advanceTimersByTimeAsync(10);
  expect(joins[0]?.seeds).toEqual(expected);
});

test('what is found on the LAN is joined at once, and again while nobody answers', async () => {
  await start({ retryJoin: [] });
  expect(joins).toEqual([]);
  seeds?.setDiscovered(['10.0.0.2:7946']);
  await vi.advanceTimersByTimeAsync(0);
  expect(joins.map((join) => join.seeds)).toEqual([['10.0.0.2:7946']]);
  seeds?.setRetryJoin(['n2']);
  await vi.advanceTimersByTimeAsync(0);
  expect(joins.at(-1)?.seeds).toEqual(['n2']);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(joins.at(-1)?.seeds).toEqual(['n2', '10.0.0.2:7946']);
});
