import { expect, test } from 'vitest';
import type { Agent, Effect, Fact, Input, MemberView, View } from '../../../src/agent/types.ts';
import { NEVER } from '../../../src/base/time.ts';
import { Checkers, disagreements } from '../../../src/sim/checkers.ts';
import { World } from '../../../src/sim/world.ts';
import { nowhere } from './echo.ts';

type Row = Pick<MemberView, 'name' | 'incarnation' | 'state' | 'status'>;

/** Shows whatever a test puts into `rows`, and reports whatever it is told to. */
class Liar implements Agent {
  readonly deadline = NEVER;
  readonly rows = new Map<string, Row>();
  readonly #name: string;
  #facts: Fact[] = [];

  constructor(name: string) {
    this.#name = name;
    this.rows.set(name, { name, incarnation: 1, state: 'alive', status: 'alive' });
  }

  get view(): View {
    const member = (name: string) => this.rows.get(name) as MemberView | undefined;
    return {
      node: this.#name,
      self: () => member(this.#name),
      member,
      members: () => [...this.rows.values()] as unknown as MemberView[],
      health: () => ({ leaving: false }),
    } as unknown as View;
  }

  report(...facts: Fact[]): void {
    this.#facts.push(...facts);
  }

  handle(_input: Input, _now: number, out: Effect[]): void {
    for (const fact of this.#facts.splice(0)) out.push({ kind: 'fact', fact });
  }
}

/** ann looks on bob; `step` makes ann report facts and the checkers look. */
function pair() {
  const world = new World({ seed: 1, birth: ({ name }) => new Liar(name) });
  const checkers = new Checkers(world);
  for (const label of ['ann', 'bob']) {
    world.add(label);
    world.start(label);
  }
  const ann = world.host('ann').live as Liar;
  const bob = world.host('bob').live as Liar;
  const show = (row: Partial<Row>): void => {
    ann.rows.set('bob', { name: 'bob', incarnation: 1, state: 'alive', status: 'alive', ...row });
  };
  const step = (...facts: Fact[]): readonly string[] => {
    ann.report(...facts);
    world.inject('ann', nowhere, new Uint8Array(1));
    return checkers.violations.map((line) => line.split(' ')[1] as string);
  };
  return { world, checkers, ann, bob, show, step };
}

const reason = { kind: 'word', by: 'ann', source: '' } as const;
const appeared: Fact = { kind: 'memberAppeared', node: 'bob', address: '' };
const suspected: Fact = {
  kind: 'memberSuspected',
  node: 'bob',
  by: 'ann',
  incarnation: 1,
  deadline: 0,
  reason,
};
const lifted: Fact = { kind: 'suspicionLifted', node: 'bob', incarnation: 2 };
const died: Fact = {
  kind: 'memberDeclaredDead',
  node: 'bob',
  by: 'ann',
  incarnation: 1,
  left: false,
  reason,
};
const leftFor: Fact = { ...died, by: 'bob', left: true };
const returned: Fact = { kind: 'memberReturned', node: 'bob', incarnation: 2 };
const forgotten: Fact = { kind: 'memberForgotten', node: 'bob' };

test('an honest life breaks no law', () => {
  const { bob, show, step, checkers, world } = pair();
  show({});
  step(appeared);
  show({ state: 'suspect', status: 'suspect' });
  step(suspected);
  bob.rows.set('bob', { name: 'bob', incarnation: 2, state: 'alive', status: 'alive' });
  world.run(1000);
  show({ incarnation: 2 });
  step(lifted);
  show({ incarnation: 2, state: 'dead', status: 'failed' });
  step(suspected, died);
  show({ incarnation: 2 });
  step(returned);

  expect(checkers.violations).toEqual([]);
  expect(() => checkers.enforce()).not.toThrow();
});

test('I1: an incarnation that falls while the row is there', () => {
  const { bob, show, step } = pair();
  bob.rows.set('bob', { name: 'bob', incarnation: 5, state: 'alive', status: 'alive' });
  show({ incarnation: 1 });
  step(appeared);
  show({ incarnation: 5 });
  expect(step(suspected)).toEqual([]);
  show({ incarnation: 4 });
  expect(step(lifted)).toEqual(['I1']);
});

test('a row that was dropped may begin anew', () => {
  const { show, step } = pair();
  show({});
  step(appeared, suspected, died, forgotten);
  expect(step(appeared)).toEqual([]);
});

test('I3: an incarnation its member never had, found by a sweep too', () => {
  const { show, step, world, checkers } = pair();
  show({});
  expect(step(appeared)).toEqual([]);
  show({ incarnation: 2 });

  world.run(1500);

  expect(checkers.violations.join()).toContain('I3 ann holds bob@2');
});

test.each(['dead', 'left'] as const)('I5: a running agent that sees itself %s', (state) => {
  const { ann, step } = pair();
  ann.rows.set('ann', { name: 'ann', incarnation: 1, state, status: state === 'dead' ? 'failed' : 'left' });
  expect(step(appeared)).toContain('I5');
});

test.each<[string, Fact[]]>([
  ['suspected when unknown', [suspected]],
  ['suspected when dead', [appeared, died, suspected]],
  ['lifted when alive', [appeared, lifted]],
  ['dead twice', [appeared, died, died]],
  ['returned when alive', [appeared, returned]],
  ['dropped when alive', [appeared, forgotten]],
  ['left without leaving', [appeared, leftFor]],
])('I6: %s', (_what, facts) => {
  const { show, step } = pair();
  show({});
  expect(step(...facts)).toEqual(['I6']);
});

test('left is lawful once it was asked for', () => {
  const { show, step, world } = pair();
  show({});
  world.command('bob', { kind: 'leave' });
  expect(step(appeared, leftFor)).toEqual([]);
});

test('what is broken is thrown with the seed', () => {
  const { show, step, checkers } = pair();
  show({});
  step(suspected);
  expect(() => checkers.enforce()).toThrow(/seed 1: 1 law\(s\) broken/);
});

test('disagreements name who holds whom as what', () => {
  const { world, ann, bob, show } = pair();
  show({});
  bob.rows.set('ann', { name: 'ann', incarnation: 3, state: 'alive', status: 'alive' });
  expect(disagreements(world)).toEqual(['bob holds ann@3 instead of @1']);

  ann.rows.set('eve', { name: 'eve', incarnation: 1, state: 'alive', status: 'alive' });
  show({ status: 'failed' });
  expect(disagreements(world)).toEqual([
    'ann holds bob as failed',
    'ann holds eve as alive, which does not run',
    'bob holds ann@3 instead of @1',
  ]);
});
