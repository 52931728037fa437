/** Which catalog peers get what, where most members were invented by somebody (S1). */
import { expect, test } from 'vitest';
import { CatalogPeers } from '../../../../src/agent/replication/catalog-peers.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { metaFromTags } from '../../../../src/serf/tags.ts';
import { MemberTable, type MutableMember } from '../../../../src/swim/members.ts';
import type { Member } from '../../../../src/swim/types.ts';
import { identityOf } from '../../swim/helpers.ts';

const META = metaFromTags(new Map([['hearsay', '1']]));

/** A hundred members with a catalog, of which m0 to m4 have answered. */
function crowd() {
  const members = new MemberTable(identityOf('me'), 1, createRng(1), 0);
  for (let i = 0; i < 100; i++) {
    const row = members.add({ ...identityOf(`m${i}`), meta: META }, 0);
    members.setState(row, 'alive', 0);
    if (i < 5) members.setAnswered(row, true);
  }
  return { members, peers: new CatalogPeers(members, createRng(2)) };
}
const isReal = (member: Member): boolean => member.hasAnswered === true;

test('S1 the ring of a crowd is of those that have answered, and follows who does', () => {
  const { members, peers } = crowd();
  expect([peers.ringNeighbors.every(isReal), peers.successors(50).length, peers.count]).toEqual([
    true,
    5,
    101,
  ]);
  members.setState(members.get('m4') as MutableMember, 'dead', 1);
  expect(peers.successors(50).length).toBe(4);
  const before = new Set(peers.ringNeighbors);
  for (let i = 5; i < 40; i++) members.setAnswered(members.get(`m${i}`) as MutableMember, true);
  expect(peers.successors(50).length).toBe(39);
  expect(peers.ringNeighbors.filter((one) => before.has(one)).length).toBeLessThan(2);
});

test('S1 of three that get a rumor two have answered, while they want it, and one is any', () => {
  const { peers } = crowd();
  let others = 0;
  for (let i = 0; i < 50; i++) {
    const picked = peers.pickRandom(3, () => true);
    expect([picked.length, new Set(picked).size]).toEqual([3, 3]);
    expect(picked.filter(isReal).length).toBeGreaterThanOrEqual(2);
    others += picked.filter((one) => !isReal(one)).length;
  }
  expect(others).toBeGreaterThan(25);
  expect(peers.pickRandom(3, (one) => !isReal(one)).some(isReal)).toBe(false);
});
