import { describe, expect, test } from 'vitest';
import type { AttributedEntry } from '../../../../src/agent/contract/evidence.ts';
import { diagnose } from '../../../../src/agent/evidence/diagnosis.ts';
import { lastIncident } from '../../../../src/agent/evidence/incident.ts';
import {
  ALIVE,
  accusation,
  cleared,
  dead,
  entry,
  inputOf,
  probe,
  stalled,
  started,
  suspected,
} from './entries.ts';

describe('the last incident, whatever happened to the row', () => {
  const dropped = entry('db-1', 34_000, { kind: 'memberDropped', node: 'db-3', address: '10.0.0.3:7946' });
  const discovered = (at: number, address = '10.0.0.3:7946') =>
    entry('db-1', at, { kind: 'memberDiscovered', node: 'db-3', address });

  test('a member that is known anew after its row was dropped is back', () => {
    const entries = [...accusation, dropped, discovered(50_000), started('db-3', 49_000)];
    expect(diagnose(inputOf(entries, ALIVE))).toMatchObject({
      ...{ finding: 'returned', accusation: 'true', cause: 'restarted' },
      sentence: expect.stringContaining('it was restarted at 12:00:049'),
    });
    expect(diagnose(inputOf(entries.slice(0, -1), ALIVE)).finding).toBe('returned'); // it did not answer
  });

  test('its next failure is an incident of its own, also if nothing tells of its return', () => {
    const again = [suspected('db-1', 60_000), dead('db-1', 64_000)];
    for (const between of [[dropped, discovered(50_000)], [dropped], []])
      expect(diagnose(inputOf([...accusation, ...between, ...again])).sentence).toContain(
        'declared failed by db-1 at 12:00:064',
      );
  });

  test('what happened between two failures of a member does not explain the second one', () => {
    const entries = [...accusation, suspected('db-1', 60_000), dead('db-1', 64_000)];
    expect(lastIncident(entries, 'db-3', 'db-1')?.accusedAt).toBe(60_000);
    const stalledBefore = [started('db-3', -9000), stalled('db-3', 900, 1200), ...entries];
    expect(diagnose(inputOf(stalledBefore)).cause).not.toBe('stalled');
  });

  test('a restart after the last incident has nothing to do with it', () => {
    const entries = [suspected('db-1', 0), cleared('db-1', 1500), started('db-3', 500_000)];
    expect(diagnose(inputOf(entries, ALIVE))).toMatchObject({ finding: 'refuted', accusation: 'false' });
  });

  test('a probe that began before the restart was of the former life, though it ended after it', () => {
    const entries = [suspected('db-1', 1000), cleared('db-1', 1500), started('db-3', 700)];
    expect(diagnose(inputOf(entries, ALIVE))).toMatchObject({ accusation: 'true', cause: 'restarted' });
  });

  test('a later incident that others tell of is the last one', () => {
    const entries = [
      suspected('db-1', 0),
      cleared('db-1', 1500),
      suspected('db-2', 90_000),
      dead('db-2', 94_000, ['db-2']),
    ];
    expect(diagnose(inputOf(entries)).sentence).toContain('declared failed by db-2 at 12:00:094');
  });

  test('a refusal proves that a member which is back had been gone, though it does not say since when it runs', () => {
    const refused = suspected('db-1', 0, probe({ stream: true, streamFailure: 'refused' }));
    const back = entry('db-1', 9000, { kind: 'memberReturned', node: 'db-3', incarnation: 2, source: '' });
    expect(diagnose(inputOf([refused, dead('db-1', 4000), back], ALIVE))).toMatchObject({
      ...{ finding: 'returned', accusation: 'true', cause: 'restarted' },
    });
  });

  test('a stall of the member explains its silence if it covers the probe, a small one does not', () => {
    const late = (lateness: number, at = 1400) =>
      diagnose(
        inputOf(
          [
            started('db-3', -9000),
            suspected('db-1', 1000),
            stalled('db-3', at, lateness),
            cleared('db-1', 1500),
          ],
          ALIVE,
        ),
      );
    expect(late(1400)).toMatchObject({
      ...{ accusation: 'false', cause: 'stalled' },
      sentence: expect.stringContaining('had been 1.4 s late itself'),
    });
    for (const at of [1400, 900]) // after the probe, and while it went on
      expect(late(140, at)).toMatchObject({ accusation: 'false', cause: 'network' });
  });

  test('a stall that explains the silence was of the process that runs, though its start seems to be a little later', () => {
    const entries = [
      started('db-3', 300),
      suspected('db-1', 1000),
      stalled('db-3', 1400, 1400),
      cleared('db-1', 1500),
    ];
    expect(diagnose(inputOf(entries, ALIVE))).toMatchObject({ accusation: 'false', cause: 'stalled' });
  });

  test('a host that accepted a connection for a process that did not answer tells of its stall as well', () => {
    const hung = suspected('db-1', 1000, probe({ stream: true, streamFailure: 'unanswered' }));
    const entries = [started('db-3', -9000), hung, cleared('db-1', 6000)];
    expect(diagnose(inputOf(entries, ALIVE))).toMatchObject({ accusation: 'false', cause: 'stalled' });
  });
});

describe('F4: a member that moved', () => {
  const [OLD, NEW] = ['10.0.0.3:7946', '10.0.0.4:7946'];
  const reclaimed = (by: string, at: number): AttributedEntry =>
    entry(by, at, { kind: 'nameReclaimed', node: 'db-3', previous: OLD, claimed: NEW });
  const conflict = (at: number, claimed = OLD): AttributedEntry =>
    entry('db-3', at, { kind: 'nameConflict', node: 'db-3', current: NEW, claimed });

  test.each([
    ['before it was accused', 100],
    ['while it was accused', 2500],
  ])('%s: its old life was dead, and old messages about that are no conflict', (_, startedAt) => {
    const entries = [started('db-3', startedAt, NEW), suspected('db-1', 2000), cleared('db-1', 4000)];
    expect(diagnose(inputOf([...entries, reclaimed('db-1', 4000), conflict(4500)], ALIVE))).toMatchObject({
      ...{ finding: 'returned', accusation: 'true', cause: 'moved' },
      sentence: expect.stringMatching(
        /; its old life at 10.0.0.3:7946 was dead, and it lives at 10.0.0.4:7946 since 12:00:04$/,
      ),
    });
  });

  test('while it ran: it was not gone', () => {
    const entries = [
      started('db-3', -90_000, OLD),
      suspected('db-1', 2000),
      cleared('db-1', 4000),
      reclaimed('db-1', 4000),
    ];
    expect(diagnose(inputOf(entries, ALIVE))).toMatchObject({ accusation: 'false', cause: 'moved' });
  });

  test('after its row was dropped', () => {
    const dropped = entry('db-1', 34_000, { kind: 'memberDropped', node: 'db-3', address: OLD });
    const discovered = entry('db-1', 50_000, { kind: 'memberDiscovered', node: 'db-3', address: NEW });
    expect(
      diagnose(inputOf([...accusation, dropped, discovered, started('db-3', 49_000, NEW)], ALIVE)),
    ).toMatchObject({
      ...{ finding: 'returned', accusation: 'true', cause: 'moved' },
    });
  });

  test('a claim that goes on, or of a third address, is another node’s', () => {
    for (const other of [conflict(60_000), conflict(4500, '10.0.0.9:7946')])
      expect(diagnose(inputOf([reclaimed('db-1', 4000), other], ALIVE)).sentence).toContain(
        'two nodes claim the name',
      );
  });
});
