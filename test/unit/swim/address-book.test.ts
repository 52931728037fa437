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

test('rows that come, move, answer and go are found where they live, alone or with others', () => {
  const rng = createRng(5);
  const members = new MemberTable(identityOf('me'), 1, createRng(1), 0);
  const rows: MutableMember[] = [];
  const draw = (): Address => ADDRESSES[rng.int(ADDRESSES.length)] as Address;
  for (let i = 0; i < 300; i++) {
    const row = rows[rng.int(12)];
    if (row === undefined) {
      const added = members.add({ ...identityOf(`m${i}`), address: draw() }, 0);
      rows.push(added);
    } else if (i % 3 === 0) members.setAnswered(row, row.hasAnswered !== true);
    else if (i % 3 === 1) members.setIdentity(row, { ...row.identity, address: draw() });
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
      expect(members.isHostOfMember(address)).toBe(atHost.length > 0);
    }
  }
});
