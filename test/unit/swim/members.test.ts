import { expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { MemberTable, type MutableMember } from '../../../src/swim/members.ts';
import { identityOf } from './helpers.ts';

function tableOf(others: number, seed = 1): MemberTable {
  const members = new MemberTable(identityOf('me'), 1, createRng(seed), 0);
  for (let i = 0; i < others; i++) members.setState(members.add(identityOf(`m${i}`), 0), 'alive', 0);
  return members;
}
const names = (rows: readonly MutableMember[]): string[] => rows.map((row) => row.identity.name).sort();
const anyone = (): boolean => true;

test('a new row is dead at incarnation 0', () => {
  const members = tableOf(0);
  const bob = members.add(identityOf('bob'), 5);
  expect(bob).toMatchObject({ state: 'dead', incarnation: 0, since: 5 });
  expect([members.size, members.upCount]).toEqual([2, 1]);
});

test('the count of members that are up follows every change', () => {
  const members = tableOf(3);
  const row = members.get('m1') as MutableMember;
  members.setState(row, 'suspect', 1);
  expect(members.upCount).toBe(4);
  members.setState(row, 'dead', 2);
  expect(members.upCount).toBe(3);
  members.setState(row, 'left', 3);
  members.setState(row, 'alive', 4);
  expect(members.upCount).toBe(4);
});

test('the time of a row is that of its last change of state', () => {
  const members = tableOf(1);
  const row = members.get('m0') as MutableMember;
  members.setState(row, 'suspect', 10);
  members.setState(row, 'suspect', 20);
  expect(row.since).toBe(10);
});

test('the ring visits every other member once per pass, in an order that differs from pass to pass', () => {
  const members = tableOf(20);
  for (const row of members.all()) if (row !== members.self) members.setAnswered(row, true);
  const pass = (): string[] => {
    let wraps = 0;
    const seen: string[] = [];
    while (seen.length < 20) seen.push((members.nextToProbe(() => wraps++) as MutableMember).identity.name);
    expect(wraps).toBeLessThanOrEqual(1);
    members.removeExpired(-1);
    return seen;
  };
  while (members.nextToProbe(() => members.removeExpired(-1))?.identity.name !== 'm0');
  members.removeExpired(-1);
  const [first, second] = [pass(), pass()];
  expect(second).not.toEqual(first);
});

test('with one other member, every round probes it', () => {
  const members = tableOf(1);
  for (let round = 0; round < 50; round++)
    expect(members.nextToProbe(() => members.removeExpired(-1))?.identity.name).toBe('m0');
});

test('when no other member is up the ring ends without one', () => {
  const members = tableOf(5);
  for (const row of members.all()) if (row !== members.self) members.setState(row, 'dead', 1);
  expect(members.nextToProbe(() => members.removeExpired(-1))).toBeUndefined();
  expect(tableOf(0).nextToProbe(() => {})).toBeUndefined();
});

test('a new member takes a random place, so that new members are not all probed last', () => {
  const places = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const members = tableOf(4, seed);
    members.setState(members.add(identityOf('new'), 0), 'alive', 0);
    let place = 0;
    while (members.nextToProbe(() => {})?.identity.name !== 'new') place++;
    places.add(place);
  }
  expect([...places].sort()).toEqual([0, 1, 2, 3, 4]);
});

test('removeExpired removes the members that went down before, and no others', () => {
  const members = tableOf(4);
  members.setState(members.get('m0') as MutableMember, 'dead', 10);
  members.setState(members.get('m1') as MutableMember, 'left', 10);
  members.setState(members.get('m2') as MutableMember, 'dead', 30);
  expect(names(members.removeExpired(20))).toEqual(['m0', 'm1']);
  expect(members.size).toBe(3);
  expect(members.get('m0')).toBeUndefined();
  expect(members.get('m2')).toBeDefined();
});

test('removing a row in the middle of a pass skips no member', () => {
  for (let seed = 0; seed < 30; seed++) {
    const members = tableOf(6, seed);
    const seen = [1, 2, 3].map(() => (members.nextToProbe(() => {}) as MutableMember).identity.name);
    const gone = members.get(seen[0] as string) as MutableMember;
    members.setState(gone, 'dead', 0);
    members.remove(gone);
    for (let i = 0; i < 3; i++) seen.push((members.nextToProbe(() => {}) as MutableMember).identity.name);
    expect(new Set(seen).size).toBe(6);
  }
});

test.each([2, 5, 8, 9, 50])(
  'of %i others, random choice finds as many different ones as there are, up to k',
  (n) => {
    const members = tableOf(n);
    for (let round = 0; round < 100; round++) {
      const chosen = members.pickRandom(3, (row) => row !== members.self);
      expect(new Set(chosen).size).toBe(Math.min(3, n));
      expect(chosen).not.toContain(members.self);
    }
  },
);

test('random choice is uniform', () => {
  const members = tableOf(9);
  const counts = new Map<string, number>();
  for (let round = 0; round < 9000; round++)
    for (const { identity } of members.pickRandom(2, (row) => row !== members.self))
      counts.set(identity.name, (counts.get(identity.name) ?? 0) + 1);
  expect(counts.size).toBe(9);
  for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(300);
});

test('without eligible members none is chosen', () => {
  expect(tableOf(100).pickRandom(3, () => false)).toEqual([]);
  expect(tableOf(100).pickRandom(0, anyone)).toEqual([]);
});

test('same seed, same choices', () => {
  const choices = (): string[] => {
    const members = tableOf(30, 5);
    return Array.from({ length: 20 }, () => names(members.pickRandom(3, anyone)).join());
  };
  expect(choices()).toEqual(choices());
});

/** A table of rows of which only some have answered. */
function crowdedTable(others: number, answered: number): MemberTable {
  const members = tableOf(others);
  for (let i = 0; i < answered; i++) members.setAnswered(members.get(`m${i}`) as MutableMember, true);
  return members;
}
const isReal = ({ hasAnswered }: MutableMember): boolean => hasAnswered === true;

test('S1 a pass of probes visits who has answered, and only some of a thousand that never did', () => {
  const members = crowdedTable(1000, 3);
  let passes = 0;
  while (passes === 0) members.nextToProbe(() => passes++); // the first one began with the table
  const seen: MutableMember[] = [];
  while (passes === 1) seen.push(members.nextToProbe(() => passes++) as MutableMember);
  expect(seen.filter(isReal).length).toBeGreaterThanOrEqual(2);
  expect(seen.length).toBeLessThanOrEqual(2 * (3 + 16 + 1)); // every second probe is out of turn
  const later = new Set<string>();
  while (passes < 60)
    later.add(members.nextToProbe(() => void members.removeExpired(-++passes))?.identity.name ?? '');
  expect(later.size).toBeGreaterThan(400);
});

test('S1 in a crowd every second probe is of one that has answered, each in turn, also while rows come and go', () => {
  const members = crowdedTable(1000, 5);
  const next = (): MutableMember =>
    members.nextToProbe(() => void members.removeExpired(-1)) as MutableMember;
  const gaps = new Map<MutableMember, number>();
  let longest = 0;
  let newcomers = 0;
  for (let round = 0; round < 600; round++) {
    const row = next();
    if (!isReal(row)) newcomers += 1;
    else gaps.set(row, round);
    if (round > 20) for (const at of gaps.values()) longest = Math.max(longest, round - at);
    if (round % 7 === 0) {
      const ghost = members.get(`m${100 + round}`) as MutableMember;
      members.setState(ghost, 'dead', 1);
      members.remove(ghost);
      members.setState(members.add(identityOf(`late${round}`), 0), 'alive', 0);
    }
  }
  expect(gaps.size).toBe(5);
  expect(longest).toBeLessThanOrEqual(20);
  expect(newcomers).toBeGreaterThan(200);
});

test('in a crowd every second probe is of the pass, however many others have said something', () => {
  const members = crowdedTable(200, 3);
  const silent = new Set(names([...members.all()]).slice(-30));
  const seen: string[] = [];
  for (let round = 0; round < 100; round++) {
    for (const row of members.all()) if (!silent.has(row.identity.name)) members.onHeardFrom(row);
    seen.push(members.nextToProbe(() => {})?.identity.name ?? '');
  }
  const answered = seen.filter((name) => ['m0', 'm1', 'm2'].includes(name)).length;
  expect(answered).toBeGreaterThanOrEqual(25);
  expect(seen.filter((name) => silent.has(name)).length).toBeGreaterThan(3); // 15 % of fifty
});

test('S1 gossip in a crowd goes to one that has answered first, and to all alike otherwise', () => {
  const crowded = crowdedTable(1000, 2);
  for (let i = 0; i < 20; i++) {
    const picked = crowded.pickAnswered(3, (row) => row !== crowded.self);
    expect([picked.length, new Set(picked).size, isReal(picked[0] as MutableMember)]).toEqual([3, 3, true]);
  }
  expect(crowded.pickAnswered(3, (row) => row === crowded.get('m9'))).toHaveLength(1);
  expect(names(crowded.pickReliable(3, (row) => row !== crowded.self))).toEqual(['m0', 'm1']);
  expect(crowded.pickReliable(3, (row) => row === crowded.get('m9'))).toHaveLength(1);
  expect([crowded.isCrowded, crowded.timingSize]).toEqual([true, 256]);
  const fresh = tableOf(16);
  expect([fresh.isCrowded, fresh.timingSize]).toEqual([false, 17]);
  expect(crowdedTable(40, 20).isCrowded).toBe(false);
});

test('S1 addresses are known as long as one row has them, also when a row moves', () => {
  const members = tableOf(2);
  const [first, second] = ['m0', 'm1'].map((name) => members.get(name) as MutableMember) as [
    MutableMember,
    MutableMember,
  ];
  const { address } = first.identity;
  members.setIdentity(second, { ...second.identity, address });
  members.setState(first, 'dead', 1);
  members.remove(first);
  expect([members.isAddressOfMember(address), members.isHostOfMember(address)]).toEqual([true, true]);
  members.setIdentity(second, { ...second.identity, address: identityOf('m7').address });
  expect([members.isAddressOfMember(address), members.isHostOfMember(address)]).toEqual([false, false]);
  members.setState(second, 'dead', 1);
  members.removeExpired(5);
  expect(members.isHostOfMember(identityOf('m7').address)).toBe(false);
});

test('S1 in search of room those that are down go first, and none that has answered', () => {
  const members = crowdedTable(5, 3);
  members.setState(members.get('m4') as MutableMember, 'suspect', 1);
  members.setState(members.get('m3') as MutableMember, 'dead', 1);
  expect(members.findUnanswered()?.identity.name).toBe('m3');
  members.remove(members.get('m3') as MutableMember);
  expect(members.findUnanswered()?.identity.name).toBe('m4');
  members.setAnswered(members.get('m4') as MutableMember, true);
  expect(members.findUnanswered()).toBeUndefined();
});

test('S1 in a crowd members from which something was heard have a quarter of the probes, 64 of them at most', () => {
  const members = crowdedTable(1000, 3);
  for (let i = 500; i < 600; i++) members.onHeardFrom(members.get(`m${i}`) as MutableMember);
  const gone = members.get('m501') as MutableMember;
  members.setState(gone, 'dead', 1);
  members.remove(gone);
  const next = (): string => members.nextToProbe(() => {})?.identity.name ?? '';
  const probed = Array.from({ length: 8 }, next);
  expect([probed[2], probed[6]]).toEqual(['m500', 'm502']); // by turns with those that have answered, and with the pass
  const later = Array.from({ length: 4 * 70 }, next).filter((_, i) => i % 4 === 2);
  expect(later.slice(0, 61)).toEqual(Array.from({ length: 61 }, (_, i) => `m${503 + i}`));
  for (const name of later.slice(61)) expect(['m0', 'm1', 'm2']).toContain(name);
  const quiet = crowdedTable(20, 15);
  quiet.onHeardFrom(quiet.get('m19') as MutableMember);
  quiet.setAnswered(quiet.get('m18') as MutableMember, true);
  expect(quiet.isCrowded).toBe(false);
});
