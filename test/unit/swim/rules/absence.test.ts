import { describe, expect, test } from 'vitest';
import type { Address } from '../../../../src/base/address.ts';
import { MAX_PAUSE } from '../../../../src/swim/rules/absence.ts';
import { Actor, addressOf, alive, dead, left, row, suspect } from '../helpers.ts';

const SUSPECT_STATE = 1;
const DEAD_STATE = 2;

const knowing = (): Actor => new Actor('ann', { dialBack: true }).knowingAll('bob', 'cat', 'dan', 'eve');

interface Word {
  readonly from?: Address;
  readonly incarnation?: number;
  readonly millis?: number;
}

/** Whether ann takes bob's word that it pauses. */
function says(ann: Actor, { from = addressOf('bob'), incarnation = 1, millis = 30_000 }: Word = {}): boolean {
  let known = false;
  ann.do((swim, now, out) => {
    known = swim.onPause({ node: 'bob', incarnation, millis }, from, now, out);
  });
  return known;
}

const absence = (ann: Actor) => ann.swim.members.get('bob')?.absence;

describe('the word of a member that it pauses', () => {
  test('counts from its own address, for the time that it says', () => {
    const ann = knowing();
    expect(says(ann)).toBe(true);
    expect(ann.facts()).toEqual([{ kind: 'memberPaused', node: 'bob', incarnation: 1, durationMs: 30_000 }]);
    expect(absence(ann)).toEqual({ incarnation: 1, until: 30_000 });
    expect(ann.state('bob')).toBe('alive');
  });

  test.each<[string, Word]>([
    ['from the address of another member', { from: addressOf('cat') }],
    ['from the address of nobody', { from: addressOf('stranger') }],
    ['at an incarnation that it has left behind', { incarnation: 0 }],
    ['at an implausible incarnation', { incarnation: 2 ** 30 }],
  ])('does not count %s', (_, word) => {
    const ann = knowing();
    expect(says(ann, word)).toBe(false);
    expect(absence(ann)).toBeUndefined();
  });

  test('does not count of a member that is suspected, or dead: it must announce itself with it', () => {
    const ann = knowing().receive(suspect('bob', 'cat'), addressOf('cat'));
    expect(says(ann)).toBe(false);
    ann.receive(alive('bob', 2), addressOf('bob'));
    expect(says(ann, { incarnation: 2 })).toBe(true);
    expect(ann.state('bob')).toBe('alive');
  });

  test(`hides a death for ${MAX_PAUSE / 60_000} minutes at most, however often it is repeated`, () => {
    const ann = knowing();
    expect(says(ann, { millis: 86_400_000 })).toBe(true);
    ann.pass(MAX_PAUSE - 1);
    expect(says(ann, { millis: 86_400_000 })).toBe(true);
    expect(says(ann, { incarnation: 2, millis: 86_400_000 })).toBe(false);
    ann.pass(1);
    expect(absence(ann)).toBeUndefined();
    expect(says(ann, { millis: 86_400_000 })).toBe(true); // known, so it is not repeated; and over
    expect(absence(ann)).toBeUndefined();
  });

  test('does not count about us', () => {
    const ann = knowing();
    let known = true;
    ann.do((swim, now, out) => {
      known = swim.onPause({ node: 'ann', incarnation: 1, millis: 1000 }, addressOf('ann'), now, out);
    });
    expect(known).toBe(false);
  });
});

describe('while a member is absent', () => {
  const absent = (): Actor => {
    const ann = knowing();
    says(ann);
    ann.drainBroadcasts();
    ann.take();
    return ann;
  };

  test.each([
    ['a suspicion', suspect('bob', 'cat')],
    ['a suspicion at a higher incarnation', suspect('bob', 'cat', 5)],
    ['a death', dead('bob', 'cat')],
    ['a leave that others tell of', left('bob')],
  ])('%s does not count, and is not passed on', (_, message) => {
    const ann = absent().receive(message, addressOf('cat'));
    expect([ann.state('bob'), ann.drainBroadcasts(), ann.take()]).toEqual(['alive', [], []]);
    ann.pass(25_000);
    expect(ann.state('bob')).toBe('alive');
  });

  test.each([SUSPECT_STATE, DEAD_STATE])('nor does a row of state %d in a push/pull', (state) => {
    const ann = absent().mergeFrom({ kind: 'outbound', from: addressOf('cat') }, row('bob', state));
    expect([ann.state('bob'), ann.drainBroadcasts(), ann.take()]).toEqual(['alive', [], []]);
  });

  test('its own word that it leaves does', () => {
    const ann = absent().receive(left('bob'), addressOf('bob'));
    expect(ann.eventLog()).toEqual(['left bob']);
    expect(absence(ann)).toBeUndefined();
  });

  test('it is back as soon as it announces itself anew', () => {
    const ann = absent().receive(alive('bob', 1), addressOf('bob'));
    expect(absence(ann)).toBeDefined();
    ann.receive(alive('bob', 2), addressOf('cat'));
    expect(absence(ann)).toBeUndefined();
    expect(ann.facts()).toContainEqual({ kind: 'pauseEnded', node: 'bob', returned: true });
    ann.receive(suspect('bob', 'cat', 2), addressOf('cat'));
    expect(ann.state('bob')).toBe('suspect');
  });

  test('it is not probed, and its probe that runs accuses nobody', () => {
    const ann = knowing().start();
    ann.untilPing('bob');
    says(ann);
    ann.take();
    ann.pass(29_000);
    const asked = ann
      .sends()
      .filter(({ message }) => message.kind === 'ping' || message.kind === 'indirectPing')
      .filter(({ peer }) => peer?.identity.name === 'bob');
    expect(asked).toEqual([]);
    expect(ann.state('bob')).toBe('alive');
  });

  test('it is probed again when its time is over, and suspected', () => {
    const ann = knowing().start();
    says(ann, { millis: 5000 });
    ann.untilPing('bob');
    expect(ann.now).toBeGreaterThan(5000);
    expect(ann.now).toBeLessThan(15_000);
    expect(ann.facts()).toContainEqual({ kind: 'pauseEnded', node: 'bob', returned: false });
    const accused = ann.until('fact', ({ fact }) => fact.kind === 'memberSuspected' && fact.node === 'bob');
    expect(accused.fact).toMatchObject({ by: 'ann' });
  });
});

describe('an agent that pauses itself', () => {
  const pausing = (): Actor => {
    const ann = knowing().start();
    ann.drainBroadcasts();
    ann.do((swim, now, out) => expect(swim.pause(now, out)).toMatchObject({ node: 'ann', incarnation: 2 }));
    return ann;
  };

  test('announces itself once more, above all that is said against it', () => {
    expect(pausing().drainBroadcasts()).toEqual([alive('ann', 2)]);
  });

  test('neither probes, answers, refutes nor accuses any more', () => {
    const ann = pausing();
    ann.drainBroadcasts();
    ann.take();
    ann.receive(suspect('ann', 'bob', 2), addressOf('bob'));
    ann.receive(dead('cat', 'bob'), addressOf('bob'));
    ann.receive(
      {
        kind: 'ping',
        seqNo: 9,
        node: 'ann',
        sourceAddr: new Uint8Array(0),
        sourcePort: 0,
        sourceNode: 'bob',
        held: 0,
      },
      addressOf('bob'),
    );
    ann.mergeFrom({ kind: 'outbound', from: addressOf('bob') }, row('ann', DEAD_STATE, 2));
    ann.do((swim, now, out) => swim.setMeta(Uint8Array.of(1), now, out));
    ann.pass(60_000);
    expect([ann.take(), ann.drainBroadcasts(), ann.swim.incarnation]).toEqual([[], [], 2]);
  });
});
