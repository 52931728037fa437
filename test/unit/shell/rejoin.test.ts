import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AgentHandle } from '../../../src/agent/contract/agent-handle.ts';
import type { CommandRequest, Seed } from '../../../src/agent/contract/commands.ts';
import type { MemberView } from '../../../src/agent/contract/view.ts';
import { toAddress } from '../../../src/base/address.ts';
import { joinAtStart, type Rejoin, startRejoin } from '../../../src/shell/rejoin.ts';

const at = (last: number) => toAddress(Uint8Array.of(10, 0, 0, last), 7946);
const member = (last: number, status: MemberView['status'] = 'alive'): MemberView =>
  ({ name: `n${last}`, address: at(last), status }) as MemberView;
const ROUND_MS = 40_000;

let members: MemberView[] = [];
/** Seeds of each attempt. */
let attempts: (readonly string[])[] = [];
let outcomes: number[] = [];
/** How many seeds answer a join. */
let onJoin: (seeds: readonly string[]) => number = () => 0;
let rejoin: Rejoin | undefined;

const agent = {
  view: { members: () => members },
  execute: (command: CommandRequest) => {
    if (command.kind !== 'join') throw new Error(`unexpected command ${command.kind}`);
    attempts.push(command.seeds);
    return Promise.resolve({ joined: onJoin(command.seeds), failed: [] });
  },
} as unknown as AgentHandle;

/** `10.0.0.N`, or a name for it: `nN`. */
const resolve = (seeds: readonly string[]): Promise<Seed[]> =>
  Promise.resolve(
    seeds.map((text) => {
      const last = Number(text.replace(/\D/g, ''));
      return { text, addresses: last === 0 ? [] : [at(last)] };
    }),
  );

const start = (...seeds: string[]): void => {
  rejoin = startRejoin(agent, seeds, (joined) => outcomes.push(joined), {
    resolve,
    random: () => 0.5,
  });
};

beforeEach(() => {
  vi.useFakeTimers();
  attempts = [];
  outcomes = [];
  onJoin = () => 0;
});
afterEach(() => {
  rejoin?.stop();
  vi.useRealTimers();
});

test('an isolated agent joins all seeds, with exponential backoff', async () => {
  members = [member(1)];
  start('n2', 'n3');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(attempts.length).toBe(3); // after 0, 2 and 6 s
  expect(attempts.every((seeds) => seeds.length === 2)).toBe(true);
});

test('it goes on joining while a member is failed', async () => {
  members = [member(1), member(2), member(3, 'failed')];
  start('n2');
  await vi.advanceTimersByTimeAsync(120_000);
  expect(attempts.length).toBeGreaterThanOrEqual(4);
});

test('G7 there is no traffic while all seeds are live members', async () => {
  members = [member(1), member(2), member(3, 'suspect')];
  start('n2', 'n3', 'n1');
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(attempts).toEqual([]);
});

test('G7 it joins seeds without a member one at a time: both sides may have reaped each other', async () => {
  members = [member(1), member(2)];
  start('n2', 'n3');
  await vi.advanceTimersByTimeAsync(ROUND_MS);
  expect(attempts).toEqual([['n3'], ['n3']]);
  expect(outcomes).toEqual([]); // a seed that does not answer is no outcome

  onJoin = () => {
    members = [...members, member(3)];
    return 1;
  };
  await vi.advanceTimersByTimeAsync(ROUND_MS);
  expect(outcomes).toEqual([1]);
  await vi.advanceTimersByTimeAsync(10 * ROUND_MS);
  expect(attempts.length).toBe(3);
});

test('a seed whose member has left counts as one without a member; one that does not resolve is skipped', async () => {
  members = [member(1), member(2), member(3, 'left')];
  start('n2', 'n3', 'nowhere');
  await vi.advanceTimersByTimeAsync(ROUND_MS);
  expect(attempts).toEqual([['n3'], ['n3']]);
});

test('a seed that is a member under another address is skipped for longer each time', async () => {
  members = [member(1), member(2)];
  onJoin = () => 1;
  start('n9');
  await vi.advanceTimersByTimeAsync(60 * 60_000); // 120 rounds
  expect(attempts.length).toBeLessThan(10);
});

test('in a large cluster only some agents rejoin', async () => {
  members = Array.from({ length: 100 }, (_, i) => member(i + 1));
  start('n200');
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(attempts).toEqual([]); // a chance of 0.5 is not below 32 in 100
});

test('it makes no attempt after stop', async () => {
  members = [member(1)];
  start('n2');
  rejoin?.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(attempts.length).toBe(1);
});

test('the join at start waits for a seed that is still starting', async () => {
  onJoin = () => (attempts.length < 4 ? 0 : 1);
  const joined = joinAtStart(agent, ['n2'], false);
  await vi.advanceTimersByTimeAsync(5000);
  expect((await joined)?.joined).toBe(1);
  expect(attempts.length).toBe(4);
});

test('the join at start gives up after three seconds', async () => {
  const joined = joinAtStart(agent, ['n2'], false);
  await vi.advanceTimersByTimeAsync(2900);
  const before = attempts.length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await joined)?.joined).toBe(0);
  expect([before, attempts.length]).toEqual([15, 16]);
});

test('the join at start does not repeat an attempt that took longer than that', async () => {
  const slow = {
    execute: async (command: CommandRequest) => {
      if (command.kind === 'join') attempts.push(command.seeds);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      return { joined: 0, failed: [] };
    },
  } as unknown as AgentHandle;
  const joined = joinAtStart(slow, ['n2'], false);
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await joined)?.joined).toBe(0);
  expect(attempts).toHaveLength(1);
});

test('the join at start ends at once when the agent is to stop, also between two attempts', async () => {
  const stopping = new AbortController();
  const hanging = { execute: () => new Promise(() => undefined) } as unknown as AgentHandle;
  const joins = [
    joinAtStart(hanging, ['n2'], false, stopping.signal),
    joinAtStart(agent, ['n2'], false, stopping.signal),
    joinAtStart(agent, ['n2'], false, AbortSignal.abort()),
  ];
  await vi.advanceTimersByTimeAsync(100);
  stopping.abort();
  expect(await Promise.all(joins)).toEqual([undefined, undefined, undefined]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(attempts).toHaveLength(1);
});

test('new seeds are joined at once, and rejoined with the others; without any there is no attempt', async () => {
  members = [member(1), member(2)];
  onJoin = () => 1;
  start();
  await vi.advanceTimersByTimeAsync(3 * ROUND_MS);
  expect(attempts).toEqual([]);
  rejoin?.setSeeds(['n2', 'n3']);
  await vi.advanceTimersByTimeAsync(0);
  expect(attempts).toEqual([['n2', 'n3']]);
  rejoin?.setSeeds(['n3', 'n4']);
  await vi.advanceTimersByTimeAsync(0);
  expect(attempts.at(-1)).toEqual(['n4']);
  members = [member(1)];
  await vi.advanceTimersByTimeAsync(ROUND_MS);
  expect(attempts.at(-1)).toEqual(['n3', 'n4']);
  rejoin?.setSeeds([]);
  await vi.advanceTimersByTimeAsync(ROUND_MS);
  const { length } = attempts;
  await vi.advanceTimersByTimeAsync(3 * ROUND_MS);
  expect(attempts).toHaveLength(length);
});

test('the join at start leaves no listener on a signal that serves many agents', async () => {
  onJoin = () => 1;
  const { signal } = new AbortController();
  for (let n = 0; n < 3; n++) expect((await joinAtStart(agent, ['n2'], false, signal))?.joined).toBe(1);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
