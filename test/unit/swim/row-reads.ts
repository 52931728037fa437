/** Counts how often rows of a member table are read: what a message costs must not grow with the table, however slow the machine is. */
import { onTestFinished, vi } from 'vitest';
import { MemberTable, type MutableMember } from '../../../src/swim/members.ts';

export interface RowReads {
  /** Reads of addresses and states while `act` runs. */
  during(act: () => unknown): number;
}

/** Counts for all rows that are added to any table until the test ends. */
export function countRowReads(): RowReads {
  let reads = 0;
  const { add } = MemberTable.prototype;
  const spy = vi.spyOn(MemberTable.prototype, 'add').mockImplementation(function (
    this: MemberTable,
    ...args
  ) {
    const row = add.apply(this, args);
    for (const field of ['identity', 'state'] as const) watch(row, field, () => reads++);
    return row;
  });
  onTestFinished(() => spy.mockRestore());
  return {
    during(act) {
      const before = reads;
      act();
      return reads - before;
    },
  };
}

function watch(row: MutableMember, field: 'identity' | 'state', onRead: () => void): void {
  let value: unknown = row[field];
  Object.defineProperty(row, field, {
    get() {
      onRead();
      return value;
    },
    set(next: unknown) {
      value = next;
    },
  });
}
