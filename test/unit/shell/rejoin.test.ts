import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CommandRequest, Seed } from '../../../src/agent/contract/commands.ts';
import type { AgentHandle } from '../../../src/agent/contract/door.ts';
import type { MemberView } from '../../../src/agent/contract/view.ts';
import { toAddress } from '../../../src/base/address.ts';
import { joinAtStart, type Rejoin, startRejoin } from '../../../src/shell/rejoin.ts';

const at = (last: number) => toAddress(Uint8Array.of(10, 0, 0, last), 7946);
const member = (last: number, status: MemberView['status'] = 'alive'): MemberView =>
  ({ name: `n${last}`, address: at(last), status }) as MemberView;
const LOOKS = 40_000;

let members: MemberView[] = [];
/** Seeds of each attempt. */
let asked: (readonly string[])[] = [];
let outcomes: number[] = [];
/** What an answered join brings. */
let onJoin: (seeds: readonly string[]) => number = () => 0;
let rejoin: Rejoin | undefined;

const door = {
  view: { members: () => members },
  ask: (command: CommandRequest) => {
    if (command.kind !== 'join') throw new Error(`asked for ${command.kind}`);
    asked.push(command.seeds);
    return Promise.resolve({ joined: onJoin(command.seeds), failed: [] });
  },
} as unknown as AgentHandle;

/** `10.0.0.N`, or a name for it: `nN`. */
const locate = (seeds: readonly string[]): Promise<Seed[]> =>
  Promise.resolve(
    seeds.map((text) => {
      const last = Number(text.replace(/\D/g, ''));
      return { text, addresses: last === 0 ? [] : [at(last)] };
    }),
  );

const begin = (...seeds: string[]): void => {
  rejoin = startRejoin(door, seeds, (answered) => outcomes.push(answered), {
    resolve: locate,
    random: () => 0.5,
  });
};

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  outcomes = [];
  onJoin = () => 0;
});
afterEach(() => {
  rejoin?.stop();
  vi.useRealTimers();
});

test('alone, it tries all seeds at once and again, more and more rarely', async () => {
  members = [member(1)];
  begin('n2', 'n3');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked.length).toBe(3); // after 0, 2 and 6 s
  expect(asked.every((seeds) => seeds.length === 2)).toBe(true);
});

test('while somebody is failed it goes on trying', async () => {
  members = [member(1), member(2), member(3, 'failed')];
  begin('n2');
  await vi.advanceTimersByTimeAsync(120_000);
  expect(asked.length).toBeGreaterThanOrEqual(4);
});

test('G7 when all is well and all seeds are members, there is no traffic at all', async () => {
  members = [member(1), member(2), member(3, 'suspect')];
  begin('n2', 'n3', 'n1');
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(asked).toEqual([]);
});

test('G7 where a seed is and no member is known, it knocks, one at a time: perhaps both forgot each other', async () => {
  members = [member(1), member(2)];
  begin('n2', 'n3');
  await vi.advanceTimersByTimeAsync(LOOKS);
  expect(asked).toEqual([['n3'], ['n3']]);
  expect(outcomes).toEqual([]); // nobody there is nothing to tell

  onJoin = () => {
    members = [...members, member(3)];
    return 1;
  };
  await vi.advanceTimersByTimeAsync(LOOKS);
  expect(outcomes).toEqual([1]);
  await vi.advanceTimersByTimeAsync(10 * LOOKS);
  expect(asked.length).toBe(3);
});

test('a seed whose member left or failed is nobody’s door; one that does not resolve is none', async () => {
  members = [member(1), member(2), member(3, 'left')];
  begin('n2', 'n3', 'nowhere');
  await vi.advanceTimersByTimeAsync(LOOKS);
  expect(asked).toEqual([['n3'], ['n3']]);
});

test('one of us under another address is left in peace, longer and longer', async () => {
  members = [member(1), member(2)];
  onJoin = () => 1;
  begin('n9');
  await vi.advanceTimersByTimeAsync(60 * 60_000); // 120 looks
  expect(asked.length).toBeLessThan(10);
});

test('in a large cluster only some knock', async () => {
  members = Array.from({ length: 100 }, (_, i) => member(i + 1));
  begin('n200');
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(asked).toEqual([]); // a chance of 0.5 is not below 32 in 100
});

test('stopped, it is silent', async () => {
  members = [member(1)];
  begin('n2');
  rejoin?.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(1);
});

test('at start a seed that is only starting is waited for', async () => {
  onJoin = () => (asked.length < 4 ? 0 : 1);
  const joined = joinAtStart(door, ['n2']);
  await vi.advanceTimersByTimeAsync(5000);
  expect((await joined).joined).toBe(1);
  expect(asked.length).toBe(4);
});

test('at start a seed that does not come is given up after three seconds', async () => {
  const joined = joinAtStart(door, ['n2']);
  await vi.advanceTimersByTimeAsync(2900);
  const before = asked.length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await joined).joined).toBe(0);
  expect([before, asked.length]).toEqual([15, 16]);
});
