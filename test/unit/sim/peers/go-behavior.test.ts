import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../../src/base/address.ts';
import {
  answerVerification,
  filterAccusation,
  filterAccusationRow,
  sentByGo,
} from '../../../../src/sim/peers/go-behavior.ts';
import type { Member, MemberState, MembersView } from '../../../../src/swim/types.ts';
import { Alive, Dead, Ping, PushNodeState, Suspect } from '../../../../src/wire/memberlist.ts';

const at = toAddress(Uint8Array.of(10, 0, 0, 1), 7946);
const vsn = Uint8Array.of(1, 5, 2, 2, 5, 5);
const member = (name: string, state: MemberState, incarnation: number): Member => ({
  identity: { name, address: at, meta: new Uint8Array(0), vsn },
  state,
  incarnation,
  since: 0,
});

/** A table with one other row. */
const table = (state: MemberState): MembersView => {
  const self = member('ann', 'alive', 3);
  const bob = member('bob', state, 5);
  const rows = new Map([self, bob].map((row) => [row.identity.name, row]));
  const isAddressOfMember = (): boolean => true;
  return {
    self,
    get: (name) => rows.get(name),
    all: () => rows.values(),
    size: 2,
    isCrowded: false,
    answered: new Set(),
    upCount: 2,
    absentCount: 0,
    revision: 0,
    isAddressOfMember,
    isHostOfMember: isAddressOfMember,
    countAtHost: () => 2,
    standingOf: () => 'answered',
    pickRandom: () => [bob],
  };
};
const suspect = Suspect.create({ incarnation: 9, node: 'bob', from: 'cat' });
const dead = Dead.create({ incarnation: 9, node: 'bob', from: 'cat' });
const row = (state: number): PushNodeState =>
  PushNodeState.create({
    name: 'bob',
    addr: at.ip,
    port: 7946,
    meta: new Uint8Array(0),
    incarnation: 9,
    state,
    vsn,
  });

describe('the incarnation that memberlist stores', () => {
  test.each(['dead', 'left'] as const)('of a member that is %s is raised by no accusation', (state) => {
    expect(filterAccusation(suspect, table(state))).toBeUndefined();
    expect(filterAccusation(dead, table(state))).toBeUndefined();
    expect(filterAccusationRow(row(1), table(state))).toBeUndefined();
    expect(filterAccusationRow(row(3), table(state))).toBeUndefined();
  });

  test('of a suspect is raised by no second suspicion, but by a death', () => {
    expect(filterAccusation(suspect, table('suspect'))).toEqual({ ...suspect, incarnation: 5 });
    expect(filterAccusation(dead, table('suspect'))).toBe(dead);
    expect(filterAccusationRow(row(2), table('suspect'))?.incarnation).toBe(5);
    expect(filterAccusationRow(row(3), table('suspect'))?.incarnation).toBe(9);
  });

  test('all other messages pass unchanged', () => {
    const alive = Alive.create({ incarnation: 9, node: 'bob', addr: at.ip, port: 1, meta: vsn, vsn });
    const ofAnn = Suspect.create({ incarnation: 9, node: 'ann', from: 'cat' });
    expect(filterAccusation(alive, table('dead'))).toBe(alive);
    expect(filterAccusation(suspect, table('alive'))).toBe(suspect);
    expect(filterAccusation(ofAnn, table('dead'))).toBe(ofAnn);
    expect(filterAccusationRow(row(0), table('dead'))?.incarnation).toBe(9);
  });
});

describe('what memberlist sends', () => {
  const ping = Ping.create({ seqNo: 7, node: 'bob' });

  test('it does not verify a dropped member: the ack is given at once', () => {
    expect(
      answerVerification({ kind: 'send', to: at, peer: undefined, message: ping, piggyback: false })?.seqNo,
    ).toBe(7);
    const peer = member('bob', 'alive', 5);
    expect(
      answerVerification({ kind: 'send', to: at, peer, message: ping, piggyback: true }),
    ).toBeUndefined();
    expect(
      answerVerification({ kind: 'send', to: at, peer: undefined, message: ping, piggyback: true }),
    ).toBeUndefined();
  });

  test('it does not notify dead members, and does not answer accusers', () => {
    const effect = { kind: 'send', to: at, peer: undefined, message: ping, piggyback: true } as const;
    expect(sentByGo({ ...effect, message: dead })).toBeUndefined();
    expect(sentByGo({ ...effect, message: suspect })).toBeUndefined();
    expect(sentByGo(effect)).toEqual(effect);
    expect(sentByGo({ ...effect, compoundWith: dead })).toEqual(effect);
  });
});
