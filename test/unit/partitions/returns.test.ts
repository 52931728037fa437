/** What was passed to an agent while others had it: after a network partition there are rows of two histories. */
import { beforeEach, describe, expect, test } from 'vitest';
import { BoardPool } from '../../../src/partitions/board.ts';
import { LocalPool } from '../../../src/partitions/local-pool.ts';
import type { PartitionRow, PartitionWorld } from '../../../src/partitions/types.ts';

const SPREAD = 500;
const WORLD: PartitionWorld = {
  wall: 1_800_000_000_000,
  spread: SPREAD,
  isUsable: () => true,
  reasonAgainst: () => undefined,
  isGone: (node) => node === 'gone',
};
const ofWorker = (state: PartitionRow['state'], token: number): PartitionRow => ({
  ...{ partition: 0, state, token, worker: 'w' },
});
const passed = (token: number, node: string, id = 'w'): PartitionRow => ({
  ...{ partition: 0, state: 'passed', token, worker: '', to: { node, id } },
});

let board: BoardPool;
let pool: LocalPool;
const publish = (node: string, row: PartitionRow | undefined): void => board.setRow(node, 0, row);
/** What n0 has of the partition after a look at it. */
function look(now: number): string {
  pool.advance(now, WORLD, true, []);
  const own = board.rows(0).get('n0');
  return own === undefined ? 'nothing' : `${own.state} ${own.token}`;
}

beforeEach(() => {
  board = new BoardPool({ service: 'work', count: 1 });
  pool = new LocalPool('n0', board, () => undefined);
});

describe('a worker to which a partition is passed', () => {
  beforeEach(() => pool.attach('w', 's1'));

  test('waits until who has it with a lower token, or claims it, has heard of the higher one', () => {
    publish('n1', ofWorker('held', 10));
    publish('gone', ofWorker('held', 11));
    publish('n2', passed(20, 'n0'));
    expect(look(0)).toBe('nothing');
    publish('n1', ofWorker('releasing', 10));
    expect(look(1000)).toBe('nothing');
    publish('n1', undefined);
    publish('n3', ofWorker('claimed', 15));
    expect(look(2000)).toBe('nothing');
    publish('n3', undefined);
    expect(look(3000)).toBe('held 21');
  });

  test('waits so, too, if it was passed to another one of its agent', () => {
    publish('n1', ofWorker('held', 10));
    publish('n2', passed(20, 'n0', 'another'));
    expect(look(0)).toBe('kept 21');
    expect(look(100)).toBe('kept 21');
    publish('n1', undefined);
    expect(look(200)).toBe('held 22');
  });

  test('waits until who keeps it with a lower token, and may pass it to another one, has heard of the higher one', () => {
    publish('n1', { ...ofWorker('kept', 10), worker: '' });
    publish('n2', passed(20, 'n0'));
    expect(look(0)).toBe('nothing');
    expect(look(5000)).toBe('nothing');
    publish('n1', passed(10, 'n3'));
    expect(look(6000)).toBe('nothing');
    publish('n3', ofWorker('held', 11));
    expect(look(6000 + SPREAD)).toBe('nothing');
    publish('n3', undefined);
    expect(look(7000)).toBe('held 21');
  });

  test('takes it at once from one to which it was passed before', () => {
    publish('n1', passed(10, 'n2'));
    publish('n2', passed(11, 'n0'));
    expect(look(0)).toBe('held 12');
  });

  test('waits one spread time if another one may just have taken it with a lower token', () => {
    publish('n1', passed(10, 'n3'));
    publish('n2', passed(20, 'n0'));
    expect(look(0)).toBe('nothing');
    publish('n3', ofWorker('held', 11));
    expect(look(100)).toBe('nothing');
    publish('n3', undefined);
    expect(look(SPREAD - 1)).toBe('nothing');
    expect(look(SPREAD)).toBe('held 21');
  });

  test('waits one spread time if others have had it since, each time', () => {
    publish('n3', ofWorker('held', 30));
    publish('gone', passed(20, 'n0'));
    publish('n3', undefined);
    expect(look(0)).toBe('nothing');
    publish('n4', ofWorker('held', 31)); // n3 had passed it on
    expect(look(SPREAD)).toBe('nothing');
    publish('n4', undefined);
    expect(look(5000)).toBe('nothing');
    expect(look(5000 + SPREAD)).toBe('held 32');
  });
});

describe('an agent without workers', () => {
  beforeEach(() => board.setWorker('n1', 'w', 1));

  test('is not done with a pool while it waits', () => {
    publish('n2', passed(10, 'n3'));
    publish('n4', passed(20, 'n0'));
    expect(look(0)).toBe('nothing');
    expect(pool.isIdle).toBe(false);
    expect(look(SPREAD)).toBe('passed 21');
  });

  test('takes back what it has passed on when the next one is known to have had it', () => {
    publish('n4', passed(10, 'n0'));
    expect(look(0)).toBe('passed 11');
    publish('n1', ofWorker('releasing', 12));
    publish('n2', passed(20, 'n0'));
    expect(look(100)).toBe('passed 21');
  });

  test('takes it back two spread times later if the next one may just have taken it', () => {
    publish('n4', passed(10, 'n0'));
    expect(look(0)).toBe('passed 11');
    publish('n2', passed(20, 'n0'));
    expect(look(100)).toBe('passed 11');
    expect(look(99 + 2 * SPREAD)).toBe('passed 11');
    expect(look(100 + 2 * SPREAD)).toBe('passed 21');
  });
});
