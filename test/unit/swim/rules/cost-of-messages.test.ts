/** S1: a message costs the same whether somebody has told of ten members or of a thousand. */
import { expect, test } from 'vitest';
import type { SwimMessage } from '../../../../src/wire/memberlist.ts';
import { Actor, addressOf, alive, dead, suspect } from '../helpers.ts';
import { countRowReads } from '../row-reads.ts';

const FEW = 50;
const MANY = 1000;
const atMember = addressOf('m7');
const atNobody = addressOf('nobody');

test.each<[string, SwimMessage, typeof atMember]>([
  ['of an unknown member, from where nobody lives', alive('newcomer'), atNobody],
  ['of an unknown member, from where a member lives', alive('newcomer'), atMember],
  ['of an unknown member, from where this agent lives', alive('newcomer'), addressOf('ann')],
  ['of a member, with nothing new', alive('m3'), atMember],
  ['of a member, with a new incarnation', alive('m3', 2), atMember],
  ['that suspects a member', suspect('m3', 'm7'), atMember],
  ['that declares a member dead', dead('m3', 'm7'), atMember],
  ['about nobody', dead('nobody', 'm7'), atMember],
])('a message %s reads as many rows of a large table as of a small one', (_, message, from) => {
  const rows = countRowReads();
  const cost = (members: number): number => {
    const names = Array.from({ length: members }, (_, i) => `m${i}`);
    const ann = new Actor('ann', { dialBack: true }).knowingAll(...names);
    expect(ann.swim.members.size).toBe(members + 1);
    return rows.during(() => ann.receive(message, from));
  };

  expect(cost(MANY)).toBe(cost(FEW));
});
