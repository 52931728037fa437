/** The numbers of pings: who was not pinged cannot answer for another. */
import { expect, test } from 'vitest';
import { Actor, ack, addressOf } from '../helpers.ts';

test('who was pinged does not know the next number from it', () => {
  const ann = new Actor('ann').knowing('bob', 'cat').start();
  const { seqNo } = ann.untilPing('bob').message;
  ann.receive(ack(seqNo), addressOf('bob'));
  const next = ann.untilPing('cat').message.seqNo;
  expect(Math.abs(next - seqNo)).toBeGreaterThan(1000);
});
