/** Two agents that claim one partition, step by step, with the delays chosen by hand. */
import { describe, expect, test } from 'vitest';
import { compareClaimants } from '../../../src/partitions/assign.ts';
import { BoardPool, PartitionBoard } from '../../../src/partitions/board.ts';
import { LocalPool } from '../../../src/partitions/local-pool.ts';
import type { PartitionEffect, PartitionRow, PartitionWorld } from '../../../src/partitions/types.ts';

const POOL = { service: 'work', count: 1 };
const SPREAD = 500;
const SELF = { node: 'n0', id: 'w' };
const WORLD: PartitionWorld = {
  wall: 1_800_000_000_000,
  spread: SPREAD,
  isUsable: () => true,
  reasonAgainst: () => undefined,
  isGone: () => false,
};
/** Nodes whose claims make that of n0 yield, and one whose claim does not. */
const names = Array.from({ length: 20 }, (_, i) => `x${i}`);
const isSmaller = (node: string): boolean => compareClaimants('work:1', 0, { node, id: 'w' }, SELF) < 0;
const smaller = names.find(isSmaller) ?? '';
const larger = names.find((node) => !isSmaller(node)) ?? '';

const claimOf = (token: number): PartitionRow => ({ partition: 0, state: 'claimed', token, worker: 'w' });

class Scene {
  readonly board = new BoardPool(POOL);
  readonly pool = new LocalPool('n0', this.board, () => undefined);
  readonly out: PartitionEffect[] = [];

  constructor() {
    this.pool.attach('w', 's1');
    this.advance(0);
  }

  advance(now: number): void {
    this.pool.advance(now, WORLD, true, this.out);
  }

  get own(): PartitionRow['state'] | undefined {
    return this.board.rows(0).get('n0')?.state;
  }
}

describe('a claim', () => {
  test('waits one spread time, and then holds the partition', () => {
    const scene = new Scene();
    expect(scene.own).toBe('claimed');
    scene.advance(SPREAD - 1);
    expect(scene.own).toBe('claimed');
    scene.advance(SPREAD);
    expect(scene.own).toBe('held');
    expect(scene.pool.partitionsOf('s1')).toMatchObject([{ partition: 0, releasing: false }]);
  });

  test('yields to that of the smaller hash', () => {
    const scene = new Scene();
    scene.board.setRow(smaller, 0, claimOf(1));
    scene.advance(100);
    expect(scene.own).toBeUndefined();
  });

  test('waits for one spread time more if another one may have begun before it could hear of this one', () => {
    const scene = new Scene();
    scene.board.setRow(larger, 0, claimOf(1));
    scene.advance(400);
    scene.board.setRow(larger, 0, { ...claimOf(9), state: 'held' });
    scene.advance(900);
    expect(scene.own).toBeUndefined();
    const alone = new Scene();
    alone.board.setRow(larger, 0, claimOf(1));
    alone.advance(400);
    alone.board.setRow(larger, 0, undefined);
    alone.advance(999);
    expect(alone.own).toBe('claimed');
    alone.advance(1000);
    expect(alone.own).toBe('held');
  });

  test('is withdrawn when its worker goes, or is not to have the partition any more', () => {
    const scene = new Scene();
    scene.pool.detach('w', false, 100);
    scene.advance(100);
    expect(scene.own).toBeUndefined();
    expect(scene.pool.isIdle).toBe(true);
  });
});

test('a pool that is not known yet is made by the first entry of it, and the number of pools is bounded', () => {
  const board = new PartitionBoard();
  for (let i = 0; i < 300; i++) {
    const pool = board.create({ service: `s${i}`, count: 1 });
    pool?.setWorker('n', 'w', 1);
  }
  expect(board.pools.size).toBe(256);
  expect(board.create({ service: 'more', count: 1 })).toBeUndefined();
  board.pools.get('s1:1')?.setWorker('n', 'w', undefined);
  expect(board.create({ service: 'more', count: 1 })).toBeDefined();
});
