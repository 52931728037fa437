/** S7: who tells of a death or a leave that is refuted may say less for a while; who passes it on is not to blame. */
import { expect, test } from 'vitest';
import { ACCUSATION_BURST, REFUTED_COST } from '../../../../src/swim/state/accusation-limit.ts';
import { Actor, addressOf, alive, dead, left } from '../helpers.ts';

const NAMES = Array.from({ length: 40 }, (_, i) => `m${i}`);
const careful = (): Actor => new Actor('ann', { dialBack: true }).knowingAll('bob', 'cat', ...NAMES);
/** How many members `source` can still accuse at once. */
function accusable(ann: Actor, source: string): number {
  for (const name of NAMES)
    ann.receive({ kind: 'suspect', incarnation: 1, node: name, from: source }, addressOf(source));
  return NAMES.filter((name) => ann.state(name) === 'suspect').length;
}

test.each([
  ['a death by a stranger', 'eve', dead('bob', 'cat'), true],
  ['a death by the member that declares it', 'cat', dead('bob', 'cat'), true],
  ['a death that a member passes on', 'm1', dead('bob', 'cat'), false],
  ['a leave by a stranger', 'eve', left('bob'), true],
  ['a leave that a member passes on', 'm1', left('bob'), false],
])('%s', (_, source, message, isCharged) => {
  const ann = careful().receive(message, addressOf(source)).receive(alive('bob', 2), addressOf('bob'));
  expect(ann.state('bob')).toBe('alive');
  expect(accusable(ann, source)).toBe(ACCUSATION_BURST - 1 - (isCharged ? REFUTED_COST : 0));
});
