import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { FACT_TABLE } from '../../../../src/shell/logging/fact-table.ts';
import { createJournal, escapeUnprintable, type Journal } from '../../../../src/shell/logging/journal.ts';
import { LOCAL } from '../support.ts';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

function journal(level = 'trace'): { journal: Journal; lines: Line[]; clock: { now: number } } {
  const lines: Line[] = [];
  const clock = { now: 0 };
  const logger = pino(
    { level, base: null, timestamp: false },
    { write: (line: string) => lines.push(JSON.parse(line)) },
  );
  return { journal: createJournal(logger, () => clock.now), lines, clock };
}

const reason = {
  kind: 'probe',
  seqNo: 7,
  durationMs: 1000,
  helpers: ['cat'],
  nacks: 1,
  stream: true,
  awareness: 0,
  latenessMs: 2,
} as const;
const INFO = 30;
const DEBUG = 20;
const WARN = 40;

describe('a fact', () => {
  test('becomes one line and one count', () => {
    const { journal: it, lines } = journal();
    it.record({ kind: 'memberSuspected', node: 'bob', by: 'ann', incarnation: 3, deadline: 12.5, reason });
    expect(lines).toEqual([
      { level: INFO, component: 'swim', node: 'bob', by: 'ann', incarnation: 3, msg: 'member suspected' },
    ]);
    expect(it.counters.get('members_suspected')).toBe(1);
  });

  test('below the log level is still counted', () => {
    const { journal: it, lines } = journal('info');
    it.record({ kind: 'probeFailed', node: 'bob', awareness: 1, reason });
    expect(lines).toEqual([]);
    expect(it.counters.get('probes_failed')).toBe(1);
  });

  test('that a peer can cause at will is one warning per interval, with the number of suppressed lines', () => {
    const { journal: it, lines, clock } = journal();
    const reject = (): void =>
      it.record({ kind: 'packetRejected', from: '10.0.0.9:1', code: 'plaintext', detail: 'a key is set' });
    for (let i = 0; i < 4; i++) reject();
    it.record({ kind: 'streamRefused', from: '10.0.0.9:1', reason: 'too many' });
    clock.now = 10_000;
    reject();

    expect(lines.map(({ level, msg, suppressed }) => [level, msg, suppressed])).toEqual([
      [WARN, 'packet rejected', undefined],
      [DEBUG, 'packet rejected', undefined],
      [DEBUG, 'packet rejected', undefined],
      [DEBUG, 'packet rejected', undefined],
      [WARN, 'stream refused', undefined],
      [WARN, 'packet rejected', 3],
    ]);
    expect(it.counters.get('packets_rejected')).toBe(5);
  });

  test('of every kind has a message, fields of its own, and a counter of its own that starts at zero', () => {
    const { journal: it } = journal();
    const counters = new Set<string>();
    for (const [kind, [component, , message, counter, fields]] of Object.entries(FACT_TABLE)) {
      expect(message, kind).toMatch(/^[a-z][^A-Z.]*(?:TCP)?[^.]*$/);
      expect(counter, kind).toMatch(/^[a-z_]+$/);
      expect(it.counters.get(counter), kind).toBe(0);
      expect(fields, kind).not.toContain(component === 'swim' ? 'deadline' : 'payload');
      counters.add(counter);
    }
    expect(counters.size).toBe(Object.keys(FACT_TABLE).length);
  });
});

test('packets are counted, and logged at trace only', () => {
  const loud = journal('trace');
  const quiet = journal('debug');
  for (const { journal: it } of [loud, quiet]) {
    it.recordPacket('received', LOCAL, 100);
    it.recordPacket('sent', LOCAL, 30);
    it.recordPacket('sent', LOCAL, 12);
    expect(
      Object.fromEntries([...it.counters].filter(([name]) => /^(packets|bytes)_(sent|received)$/.test(name))),
    ).toEqual({
      packets_received: 1,
      bytes_received: 100,
      packets_sent: 2,
      bytes_sent: 42,
    });
  }
  expect(loud.lines.map(({ msg, bytes }) => [msg, bytes])).toEqual([
    ['packet received', 100],
    ['packet sent', 30],
    ['packet sent', 12],
  ]);
  expect(quiet.lines).toEqual([]);
});

describe('names from the network', () => {
  test.each([
    ['bob\u001b[2Jnew line\n', 'bob\\u{1b}[2Jnew line\\u{a}'],
    ['\u202Eevil', '\\u{202e}evil'],
    ['\u009bC1\u007f', '\\u{9b}C1\\u{7f}'],
    ['a\u200bb\u2028c\ufeff', 'a\\u{200b}b\\u{2028}c\\u{feff}'],
    ['half \ud800 a pair', 'half \\u{d800} a pair'],
    ['müller-日本-😀', 'müller-日本-😀'],
  ])('%j is written %j', (name, written) => {
    const { journal: it, lines } = journal();
    it.record({ kind: 'memberLeft', node: name });
    expect(lines[0]?.['node']).toBe(written);
  });

  test('are cut when they are too long', () => {
    expect(escapeUnprintable('x'.repeat(100_000)).length).toBeLessThan(1100);
  });
});

test('numbers are whole, and a stall that fails no probe is no warning; one that may is, once in ten seconds', () => {
  const { journal: it, lines, clock } = journal();
  it.record({ kind: 'stalled', latenessMs: 104.93525305396179 });
  it.record({ kind: 'stalled', latenessMs: 812.4 });
  it.record({ kind: 'stalled', latenessMs: 900.6 });
  clock.now = 10_000;
  it.record({ kind: 'stalled', latenessMs: 500 });
  expect(lines.map(({ level, latenessMs, suppressed }) => [level, latenessMs, suppressed])).toEqual([
    [DEBUG, 105, undefined],
    [WARN, 812, undefined],
    [DEBUG, 901, undefined],
    [WARN, 500, 1],
  ]);
  expect(it.counters.get('stalls')).toBe(4);
});

test('N20 the first warning of a name conflict says what to do, and what happens otherwise', () => {
  const { journal: it, lines } = journal();
  it.record({ kind: 'nameConflict', node: 'host', current: '10.0.0.1:7946', claimed: '10.0.0.2:7946' });
  expect(lines).toMatchObject([{ level: WARN, current: '10.0.0.1:7946', claimed: '10.0.0.2:7946' }]);
  expect(lines[0]?.msg).toMatch(/--node NAME.*will have to stop/);
});
