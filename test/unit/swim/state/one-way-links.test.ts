import { expect, test } from 'vitest';
import { Actor, ack, addressOf } from '../helpers.ts';

/** One round in which bob is reached in such a way. */
function round(ann: Actor, by: 'direct' | 'late' | 'relay' | 'stream'): void {
  const { message } = ann.untilPing('bob');
  if (by === 'direct') return void ann.receive(ack(message.seqNo), addressOf('bob'));
  const { seqNo, deadline } = ann.until('streamPing');
  if (by === 'late') return void ann.receive(ack(seqNo), addressOf('bob'));
  if (by === 'relay') return void ann.receive(ack(seqNo), addressOf('cat'));
  ann.do((swim, now, out) => swim.onStreamPing(seqNo, 'acked', now, out)).pass(deadline - ann.now);
}
const links = (ann: Actor) => ann.facts().filter(({ kind }) => kind.startsWith('link'));

test.each(['relay', 'stream'] as const)(
  'a member that only a %s reaches, round after round, is one-sided: told once, and not suspected',
  (by) => {
    const ann = new Actor('ann').knowing('bob', 'cat').start();
    for (let i = 0; i < 4; i++) round(ann, by);
    expect(ann.state('bob')).toBe('alive');
    for (let i = 0; i < 5; i++) round(ann, by);
    round(ann, 'direct');
    expect(links(ann)).toEqual([
      { kind: 'linkOneWay', node: 'bob', rounds: 4, by },
      { kind: 'linkRestored', node: 'bob' },
    ]);
  },
);

test('one direct ack in between, even a late one, restarts the count', () => {
  const ann = new Actor('ann').knowing('bob', 'cat').start();
  for (const by of ['relay', 'relay', 'relay', 'late', 'stream', 'stream', 'stream', 'direct'] as const)
    round(ann, by);
  expect(links(ann)).toEqual([]);
});
