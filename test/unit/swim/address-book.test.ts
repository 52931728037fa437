/** Where members live, as the table tells it, is what its rows say. */
import { expect, test } from 'vitest';
import { type Address, toAddress } from '../../../src/base/address.ts';
import { createRng } from '../../../src/base/rng.ts';
import { MemberTable, type MutableMember } from '../../../src/swim/members.ts';
import type { Standing } from '../../../src/swim/types.ts';
import { identityOf } from './helpers.ts';

/** Some hosts have one port, some several; two are the two forms of one IPv4 address. */
const ADDRESSES: readonly Address[] = [
  ...[1, 2, 3].flatMap((host) => [7946, 7947].map((port) => toAddress(Uint8Array.of(10, 0, 0, host), port))),
  toAddress(Uint8Array.of(...new Array(10).fill(0), 255, 255, 10, 0, 0, 1), 7946),
  toAddress(Uint8Array.of(10, 0, 0, 9), 7946),
];

test('rows that come, move, answer, change state and go are found where they live, alone or with others', () => {
  const rng = createRng(5);
  const draw = (): Address => ADDRESSES[rng.int(ADDRESSES.length)] as Address;
  const members = new MemberTable({ ...identityOf('me'), address: draw() }, 1, createRng(1), 0);
  const { self } = members;
  const rows: MutableMember[] = [self];
  const isUp = ({ state }: MutableMember): boolean => state === 'alive' || state === 'suspect';
  for (let i = 0; i < 600; i++) {
    const row = rows[rng.int(12)];
    const kind = i % 5;
    if (row === undefined) rows.push(members.add({ ...identityOf(`m${i}`), address: draw() }, 0));
    else if (kind === 0 && row !== self) members.setAnswered(row, row.hasAnswered !== true);
    else if (kind === 1) members.setIdentity(row, { ...row.identity, address: draw() });
    else if (kind < 4 || row === self || isUp(row))
      members.setState(row, (['alive', 'suspect', 'dead', 'left'] as const)[rng.int(4)] ?? 'alive', i);
    else {
      members.remove(row);
      rows.splice(rows.indexOf(row), 1);
    }
    for (const address of ADDRESSES) {
      const atHost = rows.filter(({ identity }) => identity.address.host === address.host);
      const there = atHost.filter(({ identity }) => identity.address.port === address.port);
      const hasAnswered = there.some((one) => one.hasAnswered === true);
      const standing: Standing = hasAnswered ? 'answered' : there.length > 0 ? 'unanswered' : 'outsider';
      expect(members.standingOf(address)).toBe(standing);
      expect(members.isAddressOfMember(address)).toBe(there.length > 0);
      expect(members.isAddressOfPeer(address)).toBe(there.some((one) => one !== self && isUp(one)));
      expect(members.countAtHost(address.host)).toBe(atHost.length);
      expect(members.isHostOfMember(address)).toBe(atHost.length > 0);
    }
  }
});
