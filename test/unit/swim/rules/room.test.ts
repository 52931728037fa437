/** S1: a full table. Members that never answered make room for those that do. */
import { describe, expect, test } from 'vitest';
import type { MemberTable, MutableMember } from '../../../../src/swim/members.ts';
import { Actor, ack, addressOf, alive } from '../helpers.ts';

const others = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);

/** ann knows 15 others and has room for 16 rows. Those in `answered` have answered a probe. */
function fullTable(answered: readonly string[]): Actor {
  const ann = new Actor('ann', { dialBack: true, maxMembers: 16 }).knowingAll(...others(15));
  const members = ann.swim.members as MemberTable;
  for (const name of answered) members.setAnswered(members.get(name) as MutableMember, true);
  return ann;
}
const size = (ann: Actor): number => ann.swim.members.size;

describe('S1 a full table', () => {
  test('takes nobody on the word of a member: the newcomer must answer, and then displaces one that never did', () => {
    const ann = fullTable(['m1', 'm2']);
    ann.receive(alive('new'), addressOf('m1'));
    expect(ann.state('new')).toBeUndefined();
    const { message } = ann.until('send');
    expect(message).toMatchObject({ kind: 'ping', node: 'new' });

    ann.receive(ack(message.kind === 'ping' ? message.seqNo : 0), addressOf('new'));

    expect([ann.state('new'), size(ann)]).toEqual(['alive', 16]);
    const dropped = ann.take().flatMap((effect) => {
      if (effect.kind !== 'event' || effect.event.kind !== 'memberDropped') return [];
      return [effect.event];
    });
    expect(dropped).toMatchObject([{ displaced: true }]);
    expect(['m1', 'm2']).not.toContain(dropped[0]?.member.identity.name);
    expect([ann.state('m1'), ann.state('m2')]).toEqual(['alive', 'alive']);
  });

  test('of members that have all answered stays as it is, and says why', () => {
    const ann = fullTable(others(15));
    ann.receive(alive('new'), addressOf('m1'));
    const { message } = ann.until('send');
    ann.take();
    ann.receive(ack(message.kind === 'ping' ? message.seqNo : 0), addressOf('new'));
    expect([ann.state('new'), size(ann)]).toEqual([undefined, 16]);
    expect(ann.take()).toContainEqual({
      kind: 'fact',
      fact: {
        kind: 'gossipMessageRefused',
        node: 'new',
        reason: '16 members are known already, and all have answered: raise --swim-max-members',
      },
    });
  });

  test('of whom a thousand are told in a minute never grows', () => {
    const ann = fullTable(['m1']);
    for (let i = 0; i < 1000; i++) {
      ann.receive(alive(`ghost${i}`), addressOf('m1'));
      ann.pass(60);
    }
    expect([size(ann), ann.state('m1')]).toEqual([16, 'alive']);
  });
});
