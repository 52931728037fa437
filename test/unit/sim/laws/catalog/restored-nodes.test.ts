/** I25: what was restored is answered for a while, and then only if a member confirms it. */
import { expect, test } from 'vitest';
import { RestoredNodeLaw } from '../../../../../src/sim/laws/catalog/restored-nodes.ts';
import { pair } from '../../scripted-agent.ts';

test.each([
  ['is still answered for', true, 1],
  ['is not answered for any more', false, 0],
])('I25: after the grace period a node that nobody confirmed %s', (_what, stays, violations) => {
  const { world, checkers, agentOf } = pair();
  checkers.addLaws(new RestoredNodeLaw(checkers.context));
  world.stop('ann');
  world.start('ann');
  const { view } = agentOf('ann');
  let shown = [{ node: 'cat', up: true, unconfirmed: true, instances: [{}] }];
  const catalog = { node: () => undefined, nodes: () => shown };
  Object.defineProperty(agentOf('ann'), 'view', {
    get: () => ({
      ...view,
      catalog,
      member: (name: string) => (name === 'cat' ? { incarnation: 0 } : view.member(name)),
    }),
  });
  Object.defineProperty(agentOf('bob'), 'view', {
    value: {
      ...agentOf('bob').view,
      catalog: {
        node: () => undefined,
        nodes: () => [],
        externalNode: () => undefined,
        externalNodes: () => [],
      },
    },
  });
  world.run(59_000);
  expect(checkers.violations).toEqual([]);
  if (!stays) shown = [];
  world.run(3000);
  expect(checkers.judgments.I25).toBe(1);
  expect(checkers.violations.filter((line) => line.includes('I25 ann answers for cat')).length > 0).toBe(
    violations > 0,
  );
});
