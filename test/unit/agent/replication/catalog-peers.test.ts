/** Which catalog peers get what, where most members were invented by somebody (S1). */
import { expect, test } from 'vitest';
import { CatalogPeers } from '../../../../src/agent/replication/catalog-peers.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { metaFromTags } from '../../../../src/serf/tags.ts';
import { MemberTable, type MutableMember } from '../../../../src/swim/members.ts';
import type { Member, MemberEvent } from '../../../../src/swim/types.ts';
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
  expect([peers.successors(50).length, peers.allSuccessors(50).length]).toEqual([4, 50]);
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

test.each([
  ['some answer', true],
  ['nobody answers', false],
])('The list that follows each event is the one that is made anew, with its ring, where %s', (_, answers) => {
  const rng = createRng(3);
  const members = new MemberTable(identityOf('me'), 1, createRng(1), 0);
  const peers = new CatalogPeers(members, createRng(2));
  const known: MutableMember[] = [];
  const tell = (kind: 'memberJoined' | 'memberDown', member: Member, isNew = false): void =>
    peers.onMemberEvent({ kind, member, ...(isNew ? { isNew } : {}) } as MemberEvent);
  for (let i = 0; i < 150; i++) {
    const row = known[rng.int(known.length * 2 + 1)];
    if (row === undefined) {
      const added = members.add({ ...identityOf(`m${i}`), meta: i % 7 === 0 ? new Uint8Array(0) : META }, 0);
      known.push(added);
      members.setState(added, 'alive', 0);
      tell('memberJoined', added, true);
    } else if (row.state === 'dead') {
      members.setState(row, 'alive', i);
      tell('memberJoined', row);
    } else if (i % 3 === 0) members.setAnswered(row, answers);
    else {
      members.setState(row, 'dead', i);
      tell('memberDown', row);
    }
    const anew = new CatalogPeers(members, createRng(2));
    expect(peers.all()).toEqual(anew.all());
    expect(peers.ringNeighbors).toEqual(anew.ringNeighbors);
    const found = (of: CatalogPeers) => known.map(({ identity }) => of.findByAddress(identity.address.key));
    expect(found(peers)).toEqual(found(anew));
    expect(peers.successors(3)).toEqual(anew.successors(members.size).slice(0, 3));
  }
});

test('Where two members share an address, the other one is found once the first is gone', () => {
  const members = new MemberTable(identityOf('me'), 1, createRng(1), 0);
  const peers = new CatalogPeers(members, createRng(2));
  const [a, b] = ['a', 'b'].map((name) => {
    const row = members.add({ ...identityOf(name), address: identityOf('a').address, meta: META }, 0);
    members.setState(row, 'alive', 0);
    peers.onMemberEvent({ kind: 'memberJoined', member: row });
    expect(peers.count).toBe(members.size);
    return row;
  }) as [MutableMember, MutableMember];
  expect(peers.findByAddress(a.identity.address.key)).toBe(a);
  members.setState(a, 'dead', 1);
  peers.onMemberEvent({ kind: 'memberDown', member: a, left: false, by: 'me' });
  expect([peers.all(), peers.findByAddress(b.identity.address.key)]).toEqual([[b], b]);
});

test('S1 a neighbor in a crowd that goes down is none any more, though nobody has asked for the list', () => {
  const { members, peers } = crowd();
  const [neighbor] = peers.ringNeighbors as readonly MutableMember[];
  members.setState(neighbor as MutableMember, 'dead', 1);
  peers.onMemberEvent({ kind: 'memberDown', member: neighbor as Member, left: false, by: 'me' });
  expect(peers.ringNeighbors).not.toContain(neighbor);
});

test('A round looks at some peers only, as long as most want what it sends, and at all of them once few do', () => {
  const { peers } = crowd();
  const look = (isWanted: (peer: Member) => boolean) => {
    let looks = 0;
    const picked = peers.pickRandom(3, (peer) => ++looks > 0 && isWanted(peer));
    return { looks, picked: names(picked) };
  };
  const names = (members: readonly Member[]): string[] => members.map(({ identity }) => identity.name).sort();
  const counts = new Map<string, number>();
  for (let i = 0; i < 2000; i++) {
    const { looks, picked } = look((peer) => peer.identity.name !== 'm7');
    expect(looks).toBeLessThan(25);
    for (const name of picked) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  expect([counts.has('m7'), counts.size]).toEqual([false, 99]);
  const few = ['m50', 'm7'];
  expect(look((peer) => few.includes(peer.identity.name)).picked).toEqual(few);
  expect(look(() => false).picked).toHaveLength(3);
});
