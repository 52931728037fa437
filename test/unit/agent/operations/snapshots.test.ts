/** Group commit: when a command is acknowledged, and which snapshot it waits for. */
import { describe, expect, test } from 'vitest';
import type { CommandResult } from '../../../../src/agent/contract/commands.ts';
import type { Effect, Snapshot } from '../../../../src/agent/contract/machine.ts';
import { SnapshotScheduler } from '../../../../src/agent/operations/snapshots.ts';

const SNAPSHOT: Snapshot = { incarnation: 1, clocks: { member: 1, event: 1, query: 1 }, peers: [] };

/** A scheduler with a source whose revisions the test raises. */
function create(persists = true) {
  const source = {
    revision: 0,
    commandRevision: 0,
    catalogSummary: new Uint8Array(1),
    compose: () => SNAPSHOT,
    composeCatalog: () => new Uint8Array(2),
  };
  const scheduler = new SnapshotScheduler(persists, source);
  const out: Effect[] = [];
  let now = 1000;
  let request = 0;
  const take = (): string[] => out.splice(0).map(describeEffect);
  return {
    source,
    scheduler,
    take,
    /** A command that changes something, or nothing. */
    command(changes = true): string[] {
      if (changes) {
        source.revision += 1;
        source.commandRevision += 1;
      }
      scheduler.acknowledge(++request, undefined, out);
      scheduler.advance(now, out);
      return take();
    },
    stored(revision: number, error?: string): string[] {
      scheduler.onStored(revision, error, out);
      scheduler.advance(now, out);
      return take();
    },
    pass(millis: number): string[] {
      now += millis;
      scheduler.advance(now, out);
      return take();
    },
    stop(): string[] {
      out.push({ kind: 'stopped' });
      scheduler.flush(now, out, 0);
      return take();
    },
  };
}

function describeEffect(effect: Effect): string {
  if (effect.kind === 'reply') return `reply ${effect.request} ${describeResult(effect.result)}`;
  return effect.kind === 'saveSnapshot' ? `save ${effect.revision}` : effect.kind;
}

const describeResult = (result: CommandResult): string =>
  result.ok && result.value !== undefined && 'unsaved' in result.value ? result.value.unsaved : 'ok';

describe('a command that changes what is saved', () => {
  test('is saved in the same input, and acknowledged when that is stored', () => {
    const one = create();
    expect(one.command()).toEqual(['save 1']);
    expect(one.stored(1)).toEqual(['reply 1 ok']);
  });

  test('waits for the write under way and shares the next one with all others that came meanwhile', () => {
    const one = create();
    expect(one.command()).toEqual(['save 1']);
    expect([...one.command(), ...one.command(), ...one.command()]).toEqual([]);
    expect(one.stored(1)).toEqual(['reply 1 ok', 'save 2']);
    expect(one.stored(2)).toEqual(['reply 2 ok', 'reply 3 ok', 'reply 4 ok']);
  });

  test('is acknowledged at once without a data directory', () => {
    expect(create(false).command()).toEqual(['reply 1 ok']);
  });

  test('that repeats one which is not stored yet waits with it; later it does not wait', () => {
    const one = create();
    one.command();
    expect(one.command(false)).toEqual([]);
    expect(one.stored(1)).toEqual(['reply 1 ok', 'reply 2 ok']);
    expect(one.command(false)).toEqual(['reply 3 ok']);
  });

  test('does not wait for snapshots that no command needs', () => {
    const one = create();
    one.command();
    one.stored(1);
    one.source.revision += 1; // a check has failed
    one.pass(0);
    expect(one.pass(1000)).toEqual(['save 2']);
    expect(one.command(false)).toEqual(['reply 2 ok']);
  });
});

test('a command that changes nothing waits for the first snapshot: until then the disk may have something else', () => {
  const one = create();
  expect(one.command(false)).toEqual(['save 1']);
  expect(one.stored(1)).toEqual(['reply 1 ok']);
  const failing = create();
  expect([...failing.pass(0), ...failing.stored(1, 'EROFS')]).toEqual(['save 1']);
  expect(failing.command(false)).toEqual(['reply 1 EROFS']);
  expect(failing.stored(1)).toEqual([]); // the writer has tried again
  expect(failing.command(false)).toEqual(['reply 2 ok']);
});

describe('while the disk fails', () => {
  test('all that wait are acknowledged as unsaved, and later ones at once', () => {
    const one = create();
    one.command();
    one.command();
    expect(one.stored(1, 'ENOSPC')).toEqual(['reply 1 ENOSPC', 'reply 2 ENOSPC', 'save 2']);
    expect(one.command()).toEqual(['reply 3 ENOSPC']);
    expect(one.command(false)).toEqual(['reply 4 ENOSPC']);
  });

  test('the newest state is still handed out, once a second, and commands wait again after a success', () => {
    const one = create();
    one.command();
    one.command();
    one.stored(1, 'ENOSPC'); // and snapshot 2 is handed out
    expect(one.stored(2, 'ENOSPC')).toEqual([]);
    expect(one.command()).toEqual(['reply 3 ENOSPC']);
    expect(one.pass(999)).toEqual([]);
    expect(one.pass(1)).toEqual(['save 3']);
    expect(one.stored(3)).toEqual([]);
    expect(one.command()).toEqual(['save 4']);
    expect(one.stored(4)).toEqual(['reply 4 ok']);
  });
});

describe('an orderly stop', () => {
  test('saves everything before it ends, and then acknowledges what waits', () => {
    const one = create();
    one.command();
    one.command();
    one.source.catalogSummary = new Uint8Array(1);
    expect(one.stop()).toEqual(['save 2', 'saveCatalog', 'stopped']);
    one.scheduler.onStored(1, undefined, []);
    const out: Effect[] = [];
    one.scheduler.onStored(2, undefined, out);
    expect(out.map(describeEffect)).toEqual(['reply 2 ok']);
  });

  test('saves although nothing has changed since: times have', () => {
    expect(create().stop()).toEqual(['save 1', 'stopped']);
  });
});
